//! `mynah plan`: what a request would get, and why, without a server.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{Exit, output, shared::Shared};
use crate::{
    request::Request,
    server::{Builder, Explanation, Server, StartError},
    store,
};

/// Print what a request would get, and why
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Scenario files, and folders of them
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// The request: YAML or JSON with method, path, query, headers and json (or body); an HTTP message;
    /// or the JSON body alone
    #[arg(long, value_name = "FILE")]
    request: PathBuf,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// Without loss
    Json,
}

impl Plan {
    pub(super) fn run(self) -> Exit {
        let request = match store::read_text(&self.request).and_then(|text| request(&text)) {
            Ok(request) => request,
            Err(problem) => {
                output::complain(&format!("{}: {problem}", self.request.display()));
                return Exit::Failed;
            }
        };
        let builder = self.shared.apply(Server::builder());
        let builder = self.files.iter().fold(builder, Builder::scenarios);
        match builder.explain(request) {
            Ok(explanation) => {
                output::print(&match self.format {
                    Format::Text => as_text(&explanation),
                    Format::Json => format!("{:#}\n", as_json(&explanation)),
                });
                Exit::Ok
            }
            Err(StartError::Scenarios(problems)) => {
                output::complain_at_length(&problems.to_string());
                Exit::Files
            }
            Err(error) => {
                output::complain(&error.to_string());
                Exit::Failed
            }
        }
    }
}

pub(super) fn as_text(explanation: &Explanation) -> String {
    let Explanation { target, asked, seed, considered, refusal, plan } = explanation;
    let mut text = format!("{target}\n{asked}");
    let answering = considered.iter().filter(|considered| considered.differs.is_empty());
    for considered in answering {
        text.push_str(&format!(" · {} {:?}", considered.place, considered.stub));
    }
    text.push_str(&format!(" · seed {seed}\n"));
    for considered in considered.iter().filter(|considered| !considered.differs.is_empty()) {
        text.push_str(&format!("  passed over {} {:?}:\n", considered.place, considered.stub));
        considered.differs.iter().for_each(|differs| text.push_str(&format!("    {differs}\n")));
    }
    if let Some(refusal) = refusal {
        text.push_str(&format!("  refused as the real API would: {}\n", refusal.trim()));
    }
    text.push_str(&format!("{plan}\n"));
    text
}

fn as_json(explanation: &Explanation) -> Value {
    let Explanation { target, asked, seed, considered, refusal, plan } = explanation;
    let considered: Vec<_> = considered
        .iter()
        .map(|one| {
            json!({
                "scenario": one.scenario, "stub": one.stub, "place": one.place,
                "answers": one.differs.is_empty(), "differs": one.differs,
            })
        })
        .collect();
    let mut whole = json!({
        "request": target, "asked": asked, "seed": seed, "considered": considered, "refusal": refusal,
    });
    if let (Value::Object(whole), Value::Object(plan)) = (&mut whole, plan.json()) {
        whole.extend(plan);
    }
    whole
}

/// A request from a text, in any of the forms that people have at hand.
fn request(text: &str) -> Result<Request, String> {
    if let Some(request) = http_message(text) {
        return request;
    }
    let value: Value = crate::scenario::yaml::read_value(text)?;
    let Value::Object(members) = value else {
        return Err(
            "expected a map with `method`, `path` and `json`, an HTTP message, or a JSON body".to_owned()
        );
    };
    if members.contains_key("path") || members.contains_key("url") {
        described(&members)
    } else {
        bare(members)
    }
}

/// `POST /path HTTP/1.1`, headers, a blank line and the body.
fn http_message(text: &str) -> Option<Result<Request, String>> {
    let (head, body) =
        text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n")).unwrap_or((text.trim_end(), ""));
    let mut lines = head.lines();
    let mut words = lines.next()?.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    if !method.chars().all(|c| c.is_ascii_uppercase()) || !(target.starts_with('/') || target.contains("://"))
    {
        return None;
    }
    let headers =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()));
    Some(assemble(method, target, headers, body.trim_end_matches(['\r', '\n']).as_bytes().to_vec()))
}

/// A map of `method`, `path` or `url`, `query`, `headers`, and `json` or `body`.
fn described(members: &Map<String, Value>) -> Result<Request, String> {
    const KEYS: [&str; 7] = ["method", "path", "url", "query", "headers", "json", "body"];
    if let Some(unknown) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("unknown key `{unknown}`; a request has {}", KEYS.join(", ")));
    }
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let mut target =
        text("path").or(text("url")).ok_or("`path` is a text such as /v1/chat/completions")?.to_owned();
    for (name, value) in members.get("query").and_then(Value::as_object).into_iter().flatten() {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&format!("{}={}", encode(name), encode(&plain(value))));
    }
    let body = match (members.get("json"), members.get("body")) {
        (Some(json), None) => json.to_string().into_bytes(),
        (None, Some(Value::String(body))) => body.clone().into_bytes(),
        (None, Some(json)) => json.to_string().into_bytes(),
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return Err("a request has `json` or `body`, not both".to_owned()),
    };
    let headers: Vec<_> = members
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    let method = text("method").unwrap_or(if body.is_empty() { "GET" } else { "POST" });
    assemble(method, &target, headers.iter().map(|(name, value)| (name.as_str(), value.as_str())), body)
}

/// A body alone tells by its members whose it is.
fn bare(members: Map<String, Value>) -> Result<Request, String> {
    let model = members.get("model").and_then(Value::as_str).unwrap_or("gemini-2.5-flash");
    let model = model.strip_prefix("models/").unwrap_or(model).to_owned();
    let target = if members.contains_key("messages") && model.starts_with("claude") {
        "/v1/messages".to_owned()
    } else if members.contains_key("messages") {
        "/v1/chat/completions".to_owned()
    } else if members.contains_key("contents") {
        format!("/v1beta/models/{model}:generateContent")
    } else if members.contains_key("input") && model.contains("embed") {
        "/v1/embeddings".to_owned()
    } else if members.contains_key("input") {
        "/v1/responses".to_owned()
    } else if members.contains_key("prompt") {
        "/v1/completions".to_owned()
    } else {
        return Err("a request needs a `path`, such as /v1/chat/completions".to_owned());
    };
    assemble("POST", &target, std::iter::empty(), Value::Object(members).to_string().into_bytes())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn assemble<'a>(
    method: &str,
    target: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: Vec<u8>,
) -> Result<Request, String> {
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is no HTTP method"))?;
    let uri = target.parse().map_err(|error| format!("{target:?} is no path: {error}"))?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no name of a header"))?;
        let value = HeaderValue::try_from(value).map_err(|_| format!("no header can be {value:?}"))?;
        map.append(name, value);
    }
    let mut request = Request::new(method, &uri, map);
    request.body = body.into();
    Ok(request)
}
