//! What a server prints when it is ready: the lines to paste for each SDK.

use crate::server::Listening;

/// `key` is what to paste for a key, where one is checked.
pub(super) fn banner(listening: &Listening, key: Option<&str>) -> String {
    let base_url = listening.base_url();
    let key = key.unwrap_or("any");
    let ip = listening.address().ip();
    let reach = if ip.is_loopback() { String::new() } else { format!(" (and to other machines, on {ip})") };
    let local = if ip.is_ipv6() { "127.0.0.1,localhost,::1" } else { "127.0.0.1,localhost" };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\
mynah {version} listens on {base_url}{reach}

  # Python's SDKs send even loopback traffic through HTTP_PROXY unless told not to
  export NO_PROXY={local} no_proxy={local}

  # google-genai (Python), @google/genai (Node)
  export GOOGLE_GEMINI_BASE_URL={base_url} GEMINI_API_KEY={key}
    Python: genai.Client(api_key=\"{key}\", http_options={{\"base_url\": \"{base_url}\"}})
    Node:   new GoogleGenAI({{ apiKey: \"{key}\", httpOptions: {{ baseUrl: \"{base_url}\" }} }})

  # openai (Python, Node)
  export OPENAI_BASE_URL={base_url}/v1 OPENAI_API_KEY={key}
    Python: OpenAI(api_key=\"{key}\", base_url=\"{base_url}/v1\")
    Node:   new OpenAI({{ apiKey: \"{key}\", baseURL: \"{base_url}/v1\" }})

  # anthropic (Python), @anthropic-ai/sdk (Node)
  export ANTHROPIC_BASE_URL={base_url} ANTHROPIC_API_KEY={key}
    Python: Anthropic(api_key=\"{key}\", base_url=\"{base_url}\")
    Node:   new Anthropic({{ apiKey: \"{key}\", baseURL: \"{base_url}\" }})

  # anything else
  curl {base_url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\": \"gpt-4o\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'

"
    )
}
