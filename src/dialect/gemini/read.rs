//! A Gemini request, understood.

use serde_json::Value;

use super::{conform, fields, refuse};
use crate::{
    ask::{
        Allowed, Ask, Generate, Output, OwnTool, Page, Prompt, Shape, Text, Thinking, Tool, ToolChoice,
        Vendor, Want,
    },
    dialect::{Heard, LONGEST_MIME, Route},
    reply::{ApiError, Modality},
    request::Request,
    tokens,
};

/// Names a page holds where none is asked for, and at the most.
const PAGE_SIZE: usize = 50;
const LONGEST_PAGE: usize = 1000;

pub(super) fn generate(heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
    conform::conform(body, &fields::GENERATE, heard.route.version, heard.unknown)?;
    refuse::generate(body, "GenerateContentRequest")?;
    Ok(content(heard.route, body))
}

/// A request for content, as far as it can be understood.
pub(super) fn content(route: &Route, body: &Value) -> Ask {
    let config = &body["generationConfig"];
    let thinking = thinking(&config["thinkingConfig"]);
    let modalities: Vec<_> = items(&config["responseModalities"]).filter_map(Value::as_str).collect();
    let generate = Generate {
        prompt: prompt(body),
        tools: declarations(body).map(tool).collect(),
        tool_choice: tool_choice(&body["toolConfig"]["functionCallingConfig"]),
        own_tools: own_tools(body),
        output: output(config),
        // What is answered leniently has limits all the same.
        candidates: u32::try_from(config["candidateCount"].as_u64().unwrap_or(1).clamp(1, 8)).unwrap_or(1),
        stop: texts(&config["stopSequences"]),
        max_tokens: config["maxOutputTokens"].as_u64(),
        thinking,
        media: modalities.iter().filter_map(|name| media(name)).collect(),
        text: if modalities.contains(&"TEXT") || !modalities.iter().any(|name| media(name).is_some()) {
            Text::Wanted
        } else {
            Text::Unwanted
        },
        logprobs: (config["responseLogprobs"] == true)
            .then(|| usize::try_from(config["logprobs"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX)),
        ..Generate::default()
    };
    Ask { model: route.model.clone(), shape: route.shape, want: Want::Generate(Box::new(generate)) }
}

pub(super) fn count(heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
    conform::conform(body, &fields::COUNT, heard.route.version, heard.unknown)?;
    let inner = &body["generateContentRequest"];
    let counted = if inner.is_object() {
        refuse::contents(inner, "CountTokensRequest.generate_content_request")?;
        inner
    } else {
        refuse::contents(body, "CountTokensRequest")?;
        &*body
    };
    Ok(Ask { model: heard.route.model.clone(), shape: Shape::Document, want: Want::Count(prompt(counted)) })
}

pub(super) fn models(request: &Request) -> Result<Ask, ApiError> {
    let parameter = |camel, snake| request.query(camel).or_else(|| request.query(snake));
    let size = match parameter("pageSize", "page_size") {
        None | Some("") => PAGE_SIZE,
        Some(text) => match text.parse::<i32>() {
            Ok(0) => PAGE_SIZE,
            Ok(size) => usize::try_from(size).map_err(|_| refuse::page_size(text))?,
            Err(_) => return Err(refuse::page_size(text)),
        },
    };
    let after = match parameter("pageToken", "page_token") {
        None | Some("") => None,
        Some(token) => Some(super::models::read_page_token(token).ok_or_else(refuse::page_token)?),
    };
    Ok(Ask {
        model: String::new(),
        shape: Shape::Document,
        want: Want::Models(Page {
            vendor: Vendor::Google,
            size: size.min(LONGEST_PAGE),
            after,
            before: None,
        }),
    })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn media(modality: &str) -> Option<Modality> {
    match modality {
        "IMAGE" => Some(Modality::Image),
        "AUDIO" => Some(Modality::Audio),
        _ => None,
    }
}

pub(super) fn prompt(body: &Value) -> Prompt {
    let mut prompt = Prompt { turn: 1, ..Prompt::default() };
    for part in items(&body["systemInstruction"]["parts"]) {
        count_part(&mut prompt, part);
        part["text"].as_str().into_iter().for_each(|text| prompt.add_system(text));
    }
    for content in items(&body["contents"]) {
        for part in items(&content["parts"]) {
            count_part(&mut prompt, part);
        }
        turn(&mut prompt, content);
    }
    for declaration in declarations(body) {
        prompt.add_tokens(Modality::Text, tokens::count(&declaration.to_string()));
    }
    prompt
}

/// What one turn changes in what the answer is made from.
fn turn(prompt: &mut Prompt, content: &Value) {
    if content["role"] == "model" {
        prompt.tool_results.clear();
        prompt.turn += 1;
        return;
    }
    let (mut text, mut attachments) = (Vec::new(), Vec::new());
    let mut is_result = false;
    for part in items(&content["parts"]) {
        if let Some(piece) = part["text"].as_str() {
            text.push(piece);
        }
        attachments.extend(attachment(part).map(str::to_owned));
        let response = &part["functionResponse"];
        if let Some(name) = response["name"].as_str() {
            is_result = true;
            prompt.tool_results.push((name.to_owned(), response["response"].to_string()));
        }
    }
    if !is_result || !text.is_empty() {
        prompt.text = text.join("\n");
        prompt.attachments = attachments;
    }
}

fn attachment(part: &Value) -> Option<&str> {
    let file = [&part["inlineData"], &part["fileData"]].into_iter().find(|file| file.is_object())?;
    let mime = file["mimeType"].as_str().filter(|mime| mime.len() <= LONGEST_MIME);
    Some(mime.unwrap_or("application/octet-stream"))
}

fn count_part(prompt: &mut Prompt, part: &Value) {
    if let Some(text) = part["text"].as_str() {
        prompt.add_tokens(Modality::Text, tokens::count(text));
    }
    if let Some(mime) = attachment(part) {
        prompt.add_tokens(Modality::of_mime(mime), tokens::ATTACHMENT_TOKENS);
    }
    for name in ["functionCall", "functionResponse", "executableCode", "codeExecutionResult"] {
        if part[name].is_object() {
            prompt.add_tokens(Modality::Text, tokens::count(&part[name].to_string()));
        }
    }
}

fn declarations(body: &Value) -> impl Iterator<Item = &Value> {
    items(&body["tools"]).flat_map(|tool| items(&tool["functionDeclarations"]))
}

/// Google's own tools on offer.
fn own_tools(body: &Value) -> Vec<OwnTool> {
    let names = [
        ("googleSearch", OwnTool::Search),
        ("googleSearchRetrieval", OwnTool::Search),
        ("codeExecution", OwnTool::Code),
        ("urlContext", OwnTool::Pages),
    ];
    let mut all = Vec::new();
    for tool in items(&body["tools"]) {
        for (_, own) in names.iter().filter(|(name, _)| tool[*name].is_object()) {
            if !all.contains(own) {
                all.push(*own);
            }
        }
    }
    all
}

fn tool(declaration: &Value) -> Tool {
    let schema = [&declaration["parametersJsonSchema"], &declaration["parameters"]];
    Tool {
        name: declaration["name"].as_str().unwrap_or_default().to_owned(),
        parameters: schema.into_iter().find(|schema| !schema.is_null()).cloned().unwrap_or_default(),
    }
}

fn tool_choice(config: &Value) -> ToolChoice {
    if config["mode"] != "ANY" {
        return ToolChoice::Free;
    }
    let allowed = texts(&config["allowedFunctionNames"]);
    ToolChoice::Every(if allowed.is_empty() { Allowed::All } else { Allowed::Only(allowed) })
}

fn output(config: &Value) -> Output {
    let schema = ["responseJsonSchema", "_responseJsonSchema", "responseSchema"]
        .into_iter()
        .map(|name| &config[name])
        .find(|schema| !schema.is_null());
    match (config["responseMimeType"].as_str(), schema) {
        (Some("text/x.enum"), Some(schema)) => Output::Enum(schema.clone()),
        (_, Some(schema)) => Output::Schema(schema.clone()),
        (Some("application/json"), None) => Output::Json,
        _ => Output::Text,
    }
}

/// A budget of 0 and the level MINIMAL switch thinking off, a budget of -1 leaves
/// it to the model.
fn thinking(config: &Value) -> Thinking {
    let budget = config["thinkingBudget"].as_i64();
    if !config.is_object() || budget == Some(0) || config["thinkingLevel"] == "MINIMAL" {
        return Thinking::Off;
    }
    let limit = budget.and_then(|budget| u64::try_from(budget).ok());
    if config["includeThoughts"] == true { Thinking::Shown(limit) } else { Thinking::Hidden(limit) }
}
