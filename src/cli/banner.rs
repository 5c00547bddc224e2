//! What a server prints when it is ready: the lines to paste for each SDK.

/// `base_url` is without `/v1`.
pub(super) fn banner(base_url: &str, key: Option<&str>) -> String {
    let key = key.unwrap_or("any");
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\
mynah {version} listens on {base_url}

  # Python's SDKs send loopback traffic through HTTP_PROXY unless told not to
  export NO_PROXY=127.0.0.1,localhost

  # google-genai (Python), @google/genai (Node)
  export GOOGLE_GEMINI_BASE_URL={base_url} GEMINI_API_KEY={key}
    Python: genai.Client(api_key=\"{key}\", http_options={{\"base_url\": \"{base_url}\"}})
    Node:   new GoogleGenAI({{ apiKey: \"{key}\", httpOptions: {{ baseUrl: \"{base_url}\" }} }})

  # openai (Python, Node)
  export OPENAI_BASE_URL={base_url}/v1 OPENAI_API_KEY={key}
    Python: OpenAI(api_key=\"{key}\", base_url=\"{base_url}/v1\")
    Node:   new OpenAI({{ apiKey: \"{key}\", baseURL: \"{base_url}/v1\" }})

  # anything else
  curl {base_url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\": \"gpt-4o\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'

"
    )
}
