//! An OpenAI request, understood.

use std::collections::HashMap;

use serde_json::Value;

use super::{fields, refuse, words};
use crate::{
    ask::{
        Allowed, Ask, Extra, Generate, Output, Page, Prompt, Shape, StreamOptions, Thinking, Tool,
        ToolChoice, Vendor, Want,
    },
    dialect::{Heard, Host, LONGEST_MIME, LONGEST_MODEL, Route, items, short_model},
    reply::{ApiError, Modality},
    tokens,
};

/// Choices of a completion at the most.
const MOST_CHOICES: u64 = 128;

pub(super) fn models(route: &Route) -> Ask {
    Ask {
        model: String::new(),
        shape: Shape::Document,
        want: Want::Models(Page { vendor: vendor(route.host), size: usize::MAX, after: None, before: None }),
    }
}

pub(super) fn model(route: &Route) -> Ask {
    Ask { model: route.model.clone(), shape: Shape::Document, want: Want::Model }
}

pub(super) fn chat(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let route = heard.route;
    let fields = Fields::new(body);
    let model = model_name(fields.model)?;
    words::check(body, fields::CHAT, heard.unknown)?;
    messages(items(fields.messages))?;
    let tools: Vec<_> = items(fields.tools).iter().filter_map(tool).collect();
    check_stream_options(body)?;
    let wants_logprobs = *fields.logprobs == true;
    let top = fields.top_logprobs.as_u64().unwrap_or(0);
    if top > 0 && !wants_logprobs {
        return Err(refuse::only_with("top_logprobs", "logprobs", "enabled"));
    }
    let choice = tool_choice(&fields, &tools)?;
    Ok(completion(route, &fields, model, tools, choice))
}

/// A request for a completion, as far as it can be understood.
pub(super) fn guess(route: &Route, body: &Value) -> Ask {
    let fields = Fields::new(body);
    let tools: Vec<_> = items(fields.tools).iter().filter_map(tool).collect();
    let choice = tool_choice(&fields, &tools).unwrap_or_default();
    let model = fields.model.as_str().unwrap_or_default();
    completion(route, &fields, short_model(model), tools, choice)
}

fn completion(route: &Route, fields: &Fields<'_>, model: &str, tools: Vec<Tool>, choice: ToolChoice) -> Ask {
    let top = fields.top_logprobs.as_u64().unwrap_or(0);
    let generate = Generate {
        prompt: prompt(fields),
        tool_choice: choice,
        tools,
        output: output(fields.response_format),
        // What is answered leniently has limits all the same.
        candidates: u32::try_from(fields.n.as_u64().unwrap_or(1).clamp(1, MOST_CHOICES)).unwrap_or(1),
        stop: stop(fields.stop),
        max_tokens: fields.max_completion_tokens.as_u64().or_else(|| fields.max_tokens.as_u64()),
        thinking: match fields.reasoning_effort.as_str() {
            None | Some("none" | "minimal") => Thinking::Off,
            Some(_) => Thinking::Hidden(None),
        },
        logprobs: (*fields.logprobs == true).then(|| usize::try_from(top).unwrap_or(0)),
        stream: stream_options(fields.stream_options),
        ..Generate::default()
    };
    Ask {
        model: named(route.host, model),
        shape: if *fields.stream == true { Shape::Sse } else { Shape::Document },
        want: Want::Generate(Box::new(generate)),
    }
}

/// Whose models are asked for in this house.
pub(super) fn vendor(host: Host) -> Vendor {
    match host {
        Host::Own => Vendor::OpenAi,
        Host::Google => Vendor::Google,
    }
}

/// A model's name as answers tell it.
pub(super) fn named(host: Host, model: &str) -> String {
    match host {
        Host::Own => model,
        Host::Google => model.strip_prefix("models/").unwrap_or(model),
    }
    .to_owned()
}

/// Makes a struct of the members of an object that are read, absent ones null.
/// One pass over the members costs less than a look-up for each name.
macro_rules! fields {
    ($struct:ident: $($name:ident)*) => {
        struct $struct<'a> {
            $($name: &'a Value,)*
        }

        impl<'a> $struct<'a> {
            fn new(object: &'a Value) -> Self {
                let mut fields = Self { $($name: &Value::Null,)* };
                for (name, value) in object.as_object().into_iter().flatten() {
                    match name.as_str() {
                        $(stringify!($name) => fields.$name = value,)*
                        _ => {}
                    }
                }
                fields
            }
        }
    };
}

fields!(Fields: model messages tools tool_choice parallel_tool_calls response_format n stop max_tokens
    max_completion_tokens reasoning_effort logprobs top_logprobs stream stream_options);

pub(super) fn model_name(model: &Value) -> Result<&str, ApiError> {
    match model {
        Value::String(model) if model.len() > LONGEST_MODEL => Err(refuse::no_such_model(model)),
        Value::String(model) if !model.is_empty() => Ok(model),
        Value::String(_) | Value::Null => Err(refuse::missing_model()),
        other => Err(refuse::wrong_type("model", "a string", words::got(other))),
    }
}

/// The rules about who may speak behind whom.
fn messages(messages: &[Value]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    let mut calls_at = 0;
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str();
            let Some(id) = id else {
                return Err(refuse::missing(&format!("messages[{index}].tool_call_id")));
            };
            match open.iter().position(|known| *known == id) {
                Some(at) => drop(open.remove(at)),
                None => return Err(refuse::tool_message_alone(index)),
            }
        } else if !open.is_empty() {
            return Err(refuse::tool_calls_unanswered(calls_at + 1, &open));
        }
        if role == "assistant" {
            calls_at = index;
            open = items(&message["tool_calls"]).iter().filter_map(|call| call["id"].as_str()).collect();
        } else if message["content"].is_null() && role != "function" {
            return Err(refuse::no_content(index));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(refuse::tool_calls_unanswered(calls_at + 1, &open)) }
}

fn prompt(fields: &Fields<'_>) -> Prompt {
    let mut prompt = Prompt { turn: 1, ..Prompt::default() };
    let mut names: HashMap<&str, &str> = HashMap::new();
    for message in items(fields.messages) {
        let content = Content::read(&message["content"]);
        prompt.add_tokens(Modality::Text, tokens::count(&content.text));
        for mime in &content.attachments {
            prompt.add_tokens(Modality::of_mime(mime), tokens::ATTACHMENT_TOKENS);
        }
        for call in items(&message["tool_calls"]) {
            let (name, arguments) = called(call);
            prompt.add_tokens(Modality::Text, tokens::count(name) + tokens::count(arguments));
            names.insert(call["id"].as_str().unwrap_or_default(), name);
        }
        match message["role"].as_str() {
            Some("user") => {
                prompt.text = content.text;
                prompt.attachments = content.attachments;
            }
            Some("system" | "developer") => prompt.add_system(&content.text),
            Some("assistant") => {
                prompt.tool_results.clear();
                prompt.turn += 1;
            }
            Some("function") => {
                let name = message["name"].as_str().unwrap_or_default();
                prompt.tool_results.push((name.to_owned(), content.text));
            }
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let name = names.get(id).copied().unwrap_or(id);
                prompt.tool_results.push((name.to_owned(), content.text));
            }
            _ => {}
        }
    }
    for tool in items(fields.tools) {
        if let Some(declaration) = tool.get("function").or_else(|| tool.get("custom")) {
            prompt.add_tokens(Modality::Text, tokens::count(&declaration.to_string()));
        }
    }
    prompt
}

fn called(call: &Value) -> (&str, &str) {
    let (object, text) =
        if call["type"] == "custom" { (&call["custom"], "input") } else { (&call["function"], "arguments") };
    (object["name"].as_str().unwrap_or_default(), object[text].as_str().unwrap_or_default())
}

/// A message's content: its text, and what is attached to it.
struct Content {
    text: String,
    attachments: Vec<String>,
}

impl Content {
    fn read(content: &Value) -> Self {
        if let Some(text) = content.as_str() {
            return Self { text: text.to_owned(), attachments: Vec::new() };
        }
        let texts: Vec<_> = items(content)
            .iter()
            .filter_map(|part| part["text"].as_str().or_else(|| part["refusal"].as_str()))
            .collect();
        Self { text: texts.join("\n"), attachments: items(content).iter().filter_map(attachment).collect() }
    }
}

/// The MIME type of an attachment, as far as the request tells it.
fn attachment(part: &Value) -> Option<String> {
    match part["type"].as_str()? {
        "image_url" => {
            let url = part["image_url"]["url"].as_str().unwrap_or_default();
            Some(inline_mime(url).unwrap_or_else(|| "image/*".to_owned()))
        }
        "input_audio" => {
            let format = part["input_audio"]["format"].as_str().and_then(short_mime).unwrap_or("*");
            Some(format!("audio/{format}"))
        }
        "file" => {
            let url = part["file"]["file_data"].as_str().unwrap_or_default();
            Some(inline_mime(url).unwrap_or_else(|| "application/octet-stream".to_owned()))
        }
        _ => None,
    }
}

/// The MIME type of a `data:` URL.
pub(super) fn inline_mime(url: &str) -> Option<String> {
    let head = url.strip_prefix("data:")?.split(',').next()?;
    let mime = short_mime(head.split(';').next()?)?;
    (!mime.is_empty()).then(|| mime.to_owned())
}

/// What is no longer than a MIME type may be.
pub(super) fn short_mime(text: &str) -> Option<&str> {
    (text.len() <= LONGEST_MIME).then_some(text)
}

fn tool(tool: &Value) -> Option<Tool> {
    let function = tool.get("function")?;
    Some(Tool { name: function["name"].as_str()?.to_owned(), parameters: function["parameters"].clone() })
}

fn tool_choice(fields: &Fields<'_>, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let choice = fields.tool_choice;
    if items(fields.tools).is_empty() {
        return match choice {
            Value::Null => Ok(ToolChoice::Free),
            _ => Err(refuse::tool_choice_without_tools()),
        };
    }
    let every = |allowed| match fields.parallel_tool_calls.as_bool() {
        Some(false) => ToolChoice::One(allowed),
        _ => ToolChoice::Every(allowed),
    };
    if *choice == "required" {
        return Ok(every(Allowed::All));
    }
    if let Some(name) = choice["function"]["name"].as_str() {
        if !tools.iter().any(|tool| tool.name == name) {
            return Err(refuse::tool_choice_unknown(name));
        }
        return Ok(ToolChoice::One(Allowed::Only(vec![name.to_owned()])));
    }
    let allowed = &choice["allowed_tools"];
    if allowed["mode"] == "required" {
        let mut names = Vec::new();
        for name in items(&allowed["tools"]).iter().filter_map(|tool| tool["function"]["name"].as_str()) {
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(refuse::tool_choice_unknown(name));
            }
            names.push(name.to_owned());
        }
        return Ok(every(Allowed::Only(names)));
    }
    Ok(ToolChoice::Free)
}

fn output(format: &Value) -> Output {
    match format["type"].as_str() {
        Some("json_object") => Output::Json,
        Some("json_schema") => match &format["json_schema"]["schema"] {
            Value::Null => Output::Json,
            schema => Output::Schema(schema.clone()),
        },
        _ => Output::Text,
    }
}

pub(super) fn stop(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        list => items(list).iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// Options of a stream are for streams.
pub(super) fn check_stream_options(body: &Value) -> Result<(), ApiError> {
    match body["stream_options"].is_object() && body["stream"] != true {
        true => Err(refuse::only_with("stream_options", "stream", "enabled")),
        false => Ok(()),
    }
}

pub(super) fn stream_options(options: &Value) -> StreamOptions {
    StreamOptions {
        usage: if options["include_usage"] == true { Extra::Sent } else { Extra::Left },
        obfuscation: if options["include_obfuscation"] == false { Extra::Left } else { Extra::Sent },
    }
}
