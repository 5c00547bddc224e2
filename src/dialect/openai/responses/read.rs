//! A request for a response, understood.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{fields, prompt};
use crate::{
    ask::{
        Act, Allowed, Ask, Attendance, Extra, Generate, Kept, Order, Output, Recalled, Shape, Slice, Storage,
        StreamOptions, Thinking, Tool, ToolChoice, Want,
    },
    dialect::{
        Heard, LONGEST_MODEL, Operation, Route, items,
        openai::{
            read::{check_stream_options, model_name, named},
            refuse, words,
        },
        short_model,
    },
    reply::ApiError,
    shelf::Progress,
};

/// Members of a request that the answer repeats.
const REPEATED: &[&str] = &[
    "background",
    "conversation",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The model of prompts that are stored at OpenAI.
const PROMPT_MODEL: &str = "gpt-5";

/// What an answer includes where its tokens' probabilities are wanted, and where
/// its thinking is to be sent back by the caller.
const LOGPROBS: &str = "message.output_text.logprobs";
const ENCRYPTED: &str = "reasoning.encrypted_content";

pub(in crate::dialect::openai) fn create(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let model = checked(heard, body)?;
    if body["background"] == true && body["store"] == false {
        return Err(refuse::background_unstored());
    }
    check_stream_options(body)?;
    prompt::check_roles(&body["input"])?;
    let conversation = prompt::conversation(heard.recalled, &body["input"]);
    prompt::check(&conversation)?;
    let tools = tools(body);
    let choice = tool_choice(body, &tools)?;
    Ok(response(heard.route, body, (model, &conversation), (tools, choice)))
}

/// The size of a prompt.
pub(in crate::dialect::openai) fn count(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let model = checked(heard, body)?;
    let conversation = prompt::conversation(heard.recalled, &body["input"]);
    let want = Want::Count(prompt::prompt(body, &conversation));
    Ok(Ask { model: named(heard.route.host, model), shape: Shape::Document, want })
}

/// The model, once the fields are known to be what they must be.
fn checked<'a>(heard: &Heard<'_>, body: &'a Value) -> Result<&'a str, ApiError> {
    let is_needed = heard.route.operation == Operation::Generate && body["prompt"].is_null();
    let model = match &body["model"] {
        Value::Null if is_needed => return Err(refuse::missing("model")),
        // A prompt that is stored brings its own, and a size needs none.
        Value::Null => PROMPT_MODEL,
        Value::String(model) if model.len() > LONGEST_MODEL => return Err(refuse::no_requested_model(model)),
        model => model_name(model)?,
    };
    words::check(body, fields::REQUEST, heard.unknown)?;
    if let Some(id) = body["previous_response_id"].as_str()
        && heard.recalled.is_empty()
    {
        return Err(refuse::no_previous_response(id));
    }
    let sources = ["input", "previous_response_id", "prompt", "conversation"];
    if sources.iter().all(|name| body[*name].is_null()) {
        return Err(refuse::nothing_to_answer());
    }
    Ok(model)
}

/// A request for a response, as far as it can be understood.
pub(in crate::dialect::openai) fn guess(route: &Route, body: &Value) -> Ask {
    let conversation = prompt::conversation(&[], &body["input"]);
    let tools = tools(body);
    let choice = tool_choice(body, &tools).unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    let model = short_model(model);
    response(route, body, (model, &conversation), (tools, choice))
}

fn response(
    route: &Route,
    body: &Value,
    (model, conversation): (&str, &[&Value]),
    (tools, tool_choice): (Vec<Tool>, ToolChoice),
) -> Ask {
    let includes = |what: &str| items(&body["include"]).iter().any(|name| name == what);
    let top = body["top_logprobs"].as_u64().and_then(|top| usize::try_from(top).ok()).unwrap_or(0);
    let generate = Generate {
        prompt: prompt::prompt(body, conversation),
        tools,
        tool_choice,
        output: output(&body["text"]["format"]),
        candidates: 1,
        max_tokens: body["max_output_tokens"].as_u64(),
        thinking: thinking(&body["reasoning"]),
        logprobs: includes(LOGPROBS).then_some(top),
        stream: StreamOptions {
            obfuscation: match &body["stream_options"]["include_obfuscation"] {
                Value::Bool(false) => Extra::Left,
                _ => Extra::Sent,
            },
            ..StreamOptions::default()
        },
        kept: Some(Box::new(kept(body, includes(ENCRYPTED)))),
        ..Generate::default()
    };
    Ask {
        model: named(route.host, model),
        shape: if body["stream"] == true { Shape::Sse } else { Shape::Document },
        want: Want::Generate(Box::new(generate)),
    }
}

fn kept(body: &Value, is_encrypted: bool) -> Kept {
    let repeated = |name: &&str| {
        let value = body.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    };
    Kept {
        echo: REPEATED.iter().filter_map(repeated).collect::<Map<_, _>>(),
        input: prompt::own_items(&body["input"]),
        storage: if body["store"] == false { Storage::Forgotten } else { Storage::Stored },
        attendance: if body["background"] == true { Attendance::Background } else { Attendance::Waiting },
        sealed: if is_encrypted { Extra::Sent } else { Extra::Left },
    }
}

fn thinking(reasoning: &Value) -> Thinking {
    let is_shown = ["summary", "generate_summary"].iter().any(|name| reasoning[*name].is_string());
    match reasoning["effort"].as_str() {
        Some("none" | "minimal") => Thinking::Off,
        _ if is_shown => Thinking::Shown(None),
        Some(_) => Thinking::Hidden(None),
        None => Thinking::Off,
    }
}

fn output(format: &Value) -> Output {
    match format["type"].as_str() {
        Some("json_object") => Output::Json,
        Some("json_schema") => Output::Schema(format["schema"].clone()),
        _ => Output::Text,
    }
}

fn tools(body: &Value) -> Vec<Tool> {
    let functions = items(&body["tools"]).iter().filter(|tool| tool["type"] == "function");
    let tool = |tool: &Value| {
        Some(Tool { name: tool["name"].as_str()?.to_owned(), parameters: tool["parameters"].clone() })
    };
    functions.filter_map(tool).collect()
}

fn tool_choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let choice = &body["tool_choice"];
    let every = |allowed| match body["parallel_tool_calls"].as_bool() {
        Some(false) => ToolChoice::One(allowed),
        _ => ToolChoice::Every(allowed),
    };
    let names: HashSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let known = |name: &str| match names.contains(name) {
        true => Ok(name.to_owned()),
        false => Err(refuse::tool_choice_unknown(name)),
    };
    if *choice == "required" {
        return match items(&body["tools"]).is_empty() {
            true => Err(refuse::tool_choice_without_tools()),
            false => Ok(every(Allowed::All)),
        };
    }
    match (choice["type"].as_str(), choice["name"].as_str()) {
        (Some("function"), Some(name)) => Ok(ToolChoice::One(Allowed::Only(vec![known(name)?]))),
        (Some("allowed_tools"), _) if choice["mode"] == "required" => {
            let names = items(&choice["tools"]).iter().filter_map(|tool| tool["name"].as_str());
            Ok(every(Allowed::Only(names.map(known).collect::<Result<_, _>>()?)))
        }
        _ => Ok(ToolChoice::Free),
    }
}

/// Items of a list where nothing else is said, and at the most.
const PAGE_SIZE: u64 = 20;
const LONGEST_PAGE: u64 = 100;

/// A request about a response that is stored.
pub(in crate::dialect::openai) fn stored(heard: &Heard<'_>, act: Act) -> Result<Ask, ApiError> {
    let Some(shelved) = heard.recalled.last() else {
        return Err(refuse::no_such_response(&heard.route.model));
    };
    let stored = &shelved.stored;
    if act == Act::Cancel && stored.answer["background"] != true {
        return Err(refuse::not_to_be_cancelled());
    }
    let request = heard.request;
    let is_stream = act == Act::Retrieve && request.query("stream") == Some("true");
    if is_stream && shelved.progress == Progress::Cancelled {
        return Err(refuse::not_to_be_streamed());
    }
    let order = match request.query("order") {
        None | Some("desc") => Order::Descending,
        Some("asc") => Order::Ascending,
        Some(other) => return Err(refuse::unknown_word("order", other, &["asc", "desc"])),
    };
    let limit = match request.query("limit") {
        None => PAGE_SIZE,
        Some(text) => match text.parse() {
            Ok(limit) if (1..=LONGEST_PAGE).contains(&limit) => limit,
            Ok(limit) if limit < 1 => return Err(refuse::below("limit", "integer", &1, &json!(limit))),
            Ok(limit) => return Err(refuse::above("limit", "integer", &LONGEST_PAGE, &json!(limit))),
            Err(_) => return Err(refuse::wrong_type("limit", "an integer", "a string")),
        },
    };
    let slice = Slice {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        after: request.query("after").map(str::to_owned),
        order,
    };
    let behind = request.query("starting_after").and_then(|text| text.parse().ok());
    Ok(Ask {
        model: stored.answer["model"].as_str().unwrap_or_default().to_owned(),
        shape: if is_stream { Shape::Sse } else { Shape::Document },
        want: Want::Stored(Box::new(Recalled { stored: shelved.clone(), act, slice, behind })),
    })
}
