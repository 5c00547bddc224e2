//! An Anthropic request, understood.

use std::collections::HashMap;

use serde_json::Value;

use super::{fields, refuse, tools, turns, words};
use crate::{
    ask::{Ask, Generate, Output, Page, Prompt, Shape, Thinking, Vendor, Want},
    dialect::{Heard, LONGEST_MIME, LONGEST_MODEL, items, short_model},
    reply::{ApiError, Modality},
    request::Request,
    tokens,
};

/// Entries of a page where none are asked for, and at the most.
const PAGE_SIZE: usize = 20;
const LONGEST_PAGE: usize = 1000;

/// Blocks up to which a prompt may be asked to be cached.
const MOST_CACHED: usize = 4;

pub(super) fn messages(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    words::check(body, fields::MESSAGES, heard.unknown)?;
    common(heard, body)?;
    let stops = items(&body["stop_sequences"]).iter().filter_map(Value::as_str);
    if stops.map(str::trim).any(str::is_empty) {
        return Err(refuse::blank_stop());
    }
    let budget = body["thinking"]["budget_tokens"].as_u64();
    if budget.is_some_and(|budget| body["max_tokens"].as_u64().is_some_and(|most| most <= budget)) {
        return Err(refuse::budget_too_large());
    }
    let thinks = thinking(&body["thinking"]) != Thinking::Off;
    if thinks && body["temperature"].as_f64().is_some_and(|temperature| temperature < 1.0) {
        return Err(refuse::temperature_of_thinking());
    }
    if thinks && matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
        return Err(refuse::thinking_and_force());
    }
    Ok(guess(body))
}

pub(super) fn count(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    words::check(body, fields::COUNT, heard.unknown)?;
    common(heard, body)?;
    Ok(guess_count(body))
}

/// What both endpoints refuse.
fn common(heard: &Heard<'_>, body: &Value) -> Result<(), ApiError> {
    match body["model"].as_str().unwrap_or_default() {
        "" => return Err(refuse::empty_model()),
        long if long.len() > LONGEST_MODEL => return Err(refuse::no_such_model(long)),
        _ => {}
    }
    turns::check(items(&body["messages"]))?;
    // An empty text is no system text, and an empty block is a mistake.
    if body["system"].is_array() {
        turns::texts("system", &body["system"])?;
    }
    tools::check(body, heard.unknown)?;
    match cached(body) {
        found if found > MOST_CACHED => Err(refuse::too_much_cached(found, MOST_CACHED)),
        _ => Ok(()),
    }
}

/// How many places of a prompt are to be cached.
fn cached(body: &Value) -> usize {
    let contents = items(&body["messages"]).iter().map(|message| &message["content"]);
    let lists = contents.chain([&body["system"], &body["tools"]]).flat_map(items);
    lists.filter(|item| item["cache_control"].is_object()).count()
}

/// A request for content, as far as it can be understood.
pub(super) fn guess(body: &Value) -> Ask {
    let generate = Generate {
        prompt: prompt(body),
        tools: tools::on_offer(body),
        tool_choice: tools::choice(body),
        output: output(body),
        candidates: 1,
        stop: items(&body["stop_sequences"]).iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        max_tokens: body["max_tokens"].as_u64(),
        thinking: thinking(&body["thinking"]),
        ..Generate::default()
    };
    Ask {
        model: model(body),
        shape: if body["stream"] == true { Shape::Sse } else { Shape::Document },
        want: Want::Generate(Box::new(generate)),
    }
}

/// A request to count, as far as it can be understood.
pub(super) fn guess_count(body: &Value) -> Ask {
    Ask { model: model(body), shape: Shape::Document, want: Want::Count(prompt(body)) }
}

fn model(body: &Value) -> String {
    let model = body["model"].as_str().unwrap_or_default();
    short_model(model).to_owned()
}

pub(super) fn models(request: &Request) -> Result<Ask, ApiError> {
    let size = match request.query("limit") {
        None => PAGE_SIZE,
        Some(text) => match text.parse::<i64>() {
            Err(_) => {
                let what = "Input should be a valid integer, unable to parse string as an integer";
                return Err(refuse::at("limit", what));
            }
            Ok(..1) => return Err(refuse::at("limit", "Input should be greater than or equal to 1")),
            Ok(size) => match usize::try_from(size) {
                Ok(size) if size <= LONGEST_PAGE => size,
                _ => return Err(refuse::at("limit", "Input should be less than or equal to 1000")),
            },
        },
    };
    let edge = |name| request.query(name).filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(page(Page { vendor: Vendor::Anthropic, size, after: edge("after_id"), before: edge("before_id") }))
}

/// The list of models, whatever was asked.
pub(super) fn all_models() -> Ask {
    page(Page { vendor: Vendor::Anthropic, size: PAGE_SIZE, after: None, before: None })
}

fn page(page: Page) -> Ask {
    Ask { model: String::new(), shape: Shape::Document, want: Want::Models(page) }
}

/// Thinking that is asked to be left out goes on all the same.
fn thinking(thinking: &Value) -> Thinking {
    let budget = thinking["budget_tokens"].as_u64();
    match thinking["type"].as_str() {
        Some("enabled" | "adaptive") if thinking["display"] == "omitted" => Thinking::Hidden(budget),
        Some("enabled" | "adaptive") => Thinking::Shown(budget),
        _ => Thinking::Off,
    }
}

/// The format, by its name of today or by that of its beta.
fn output(body: &Value) -> Output {
    let formats = [&body["output_config"]["format"], &body["output_format"]];
    match formats.into_iter().find(|format| format["type"] == "json_schema") {
        Some(format) => Output::Schema(format["schema"].clone()),
        None => Output::Text,
    }
}

fn prompt(body: &Value) -> Prompt {
    let mut prompt = Prompt { turn: 1, ..Prompt::default() };
    system(&mut prompt, &body["system"]);
    let mut names: HashMap<&str, &str> = HashMap::new();
    for message in items(&body["messages"]) {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("system") => system(&mut prompt, content),
            Some("assistant") => {
                for call in items(content).iter().filter(|block| block["type"] == "tool_use") {
                    let id = call["id"].as_str().unwrap_or_default();
                    names.insert(id, call["name"].as_str().unwrap_or_default());
                }
                weigh(&mut prompt, content);
                prompt.tool_results.clear();
                prompt.turn += 1;
            }
            _ => {
                weigh(&mut prompt, content);
                user(&mut prompt, content, &names);
            }
        }
    }
    for tool in items(&body["tools"]) {
        prompt.add_tokens(Modality::Text, tokens::count(&tool.to_string()));
    }
    prompt
}

fn system(prompt: &mut Prompt, content: &Value) {
    let text = text(content);
    if !text.is_empty() {
        prompt.add_system(&text);
        prompt.add_tokens(Modality::Text, tokens::count(&text));
    }
}

/// What a message of the user changes in what the answer is made from.
fn user(prompt: &mut Prompt, content: &Value, names: &HashMap<&str, &str>) {
    let mut is_result = false;
    for result in items(content).iter().filter(|block| block["type"] == "tool_result") {
        is_result = true;
        let id = result["tool_use_id"].as_str().unwrap_or_default();
        let name = names.get(id).copied().unwrap_or(id);
        prompt.tool_results.push((name.to_owned(), text(&result["content"])));
    }
    let text = text(content);
    if !is_result || !text.is_empty() {
        prompt.text = text;
        prompt.attachments = items(content).iter().filter_map(attachment).collect();
    }
}

/// The texts of a content, a line each.
fn text(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let texts: Vec<_> = items(content)
        .iter()
        .filter(|block| block["type"] == "text")
        .filter_map(|block| block["text"].as_str())
        .collect();
    texts.join("\n")
}

/// Counts what a content costs.
fn weigh(prompt: &mut Prompt, content: &Value) {
    if let Some(text) = content.as_str() {
        prompt.add_tokens(Modality::Text, tokens::count(text));
    }
    for block in items(content) {
        if let Some(mime) = attachment(block) {
            prompt.add_tokens(Modality::of_mime(&mime), tokens::ATTACHMENT_TOKENS);
            continue;
        }
        let name = block["name"].as_str().map_or(0, tokens::count);
        let size = match block["type"].as_str() {
            Some("text") => block["text"].as_str().map_or(0, tokens::count),
            Some("thinking") => block["thinking"].as_str().map_or(0, tokens::count),
            Some("tool_use" | "server_tool_use" | "mcp_tool_use") => {
                name + tokens::count(&block["input"].to_string())
            }
            Some("tool_result") => {
                weigh(prompt, &block["content"]);
                0
            }
            _ => tokens::count(&block.to_string()),
        };
        prompt.add_tokens(Modality::Text, size);
    }
}

/// The MIME type of an attachment, as far as the request tells it.
fn attachment(block: &Value) -> Option<String> {
    let source = &block["source"];
    let told = source["media_type"].as_str().filter(|mime| (1..=LONGEST_MIME).contains(&mime.len()));
    let other = match (block["type"].as_str()?, source["type"].as_str()) {
        ("image", _) => "image/*",
        ("document", Some("text" | "content")) => "text/plain",
        ("document", Some("file")) | ("container_upload", _) => "application/octet-stream",
        ("document", _) => "application/pdf",
        _ => return None,
    };
    Some(told.unwrap_or(other).to_owned())
}
