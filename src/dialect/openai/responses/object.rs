//! The response object, at its beginning and at its end.

use serde_json::{Map, Value, json};

use super::ID_DIGITS;
use crate::{
    ask::{Ask, Kept},
    dialect::{Occasion, openai::chat::created},
    reply::{Candidate, Finish, Generation, Usage},
};

/// A response, without what it puts out.
pub(super) struct Response {
    pub(super) id: String,
    base: Value,
    end: End,
    usage: Value,
    tier: Value,
    completed_at: u64,
}

/// How a response ends.
struct End {
    status: String,
    /// Why, where it is incomplete.
    reason: Option<String>,
}

impl Response {
    pub(super) fn new(ask: &Ask, kept: &Kept, said: &Generation, occasion: &Occasion<'_>) -> Self {
        let id = occasion.identity.draw("id").hex("resp_", ID_DIGITS);
        let created = created(occasion);
        let base = base(&id, &ask.model, created, &kept.echo);
        let tier = match kept.echo.get("service_tier").and_then(Value::as_str) {
            None | Some("auto") => "default",
            Some(tier) => tier,
        };
        Self {
            id,
            base,
            end: End::of(said.candidates.first()),
            usage: usage(&said.usage),
            tier: tier.into(),
            completed_at: created,
        }
    }

    /// The response before anything was put out.
    pub(super) fn begun(&self, status: &str) -> Value {
        let mut response = self.base.clone();
        response["status"] = status.into();
        response
    }

    /// The response that put this out.
    pub(super) fn ended(&self, output: Vec<Value>) -> Value {
        let mut response = self.base.clone();
        response["status"] = self.end.status.as_str().into();
        if self.end.status == "completed" {
            response["completed_at"] = self.completed_at.into();
        }
        if self.end.status == "failed" {
            let message = "The model failed to generate a response.";
            response["error"] = json!({"code": "server_error", "message": message});
        }
        if let Some(reason) = &self.end.reason {
            response["incomplete_details"] = json!({"reason": reason});
        }
        response["output"] = output.into();
        response["service_tier"] = self.tier.clone();
        response["usage"] = self.usage.clone();
        response
    }
}

/// A whole response as it was in its beginning.
pub(super) fn rewound(whole: &Value, status: &str) -> Value {
    let mut response = whole.clone();
    for name in ["completed_at", "error", "incomplete_details", "usage"] {
        response[name] = Value::Null;
    }
    response["status"] = status.into();
    response["output"] = json!([]);
    response
}

impl End {
    fn of(candidate: Option<&Candidate>) -> Self {
        let incomplete =
            |reason: &str| Self { status: "incomplete".to_owned(), reason: Some(reason.to_owned()) };
        match candidate.map(|candidate| &candidate.finish) {
            Some(Finish::Length) => incomplete("max_output_tokens"),
            Some(Finish::Filter | Finish::Recitation) => incomplete("content_filter"),
            Some(Finish::Exact(word)) => match word.as_str() {
                "completed" | "failed" | "in_progress" | "cancelled" | "queued" | "incomplete" => {
                    Self { status: word.clone(), reason: None }
                }
                reason => incomplete(reason),
            },
            _ => Self { status: "completed".to_owned(), reason: None },
        }
    }
}

/// What is the same at the beginning and at the end, in OpenAI's order.
fn base(id: &str, model: &str, created: u64, echo: &Map<String, Value>) -> Value {
    let mut base = json!({
        "id": id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": false,
        "completed_at": null,
        "error": null,
        "frequency_penalty": 0.0,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "model": model,
        "output": [],
        "parallel_tool_calls": true,
        "presence_penalty": 0.0,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "prompt_cache_retention": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": "auto",
        "store": true,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": {},
    });
    for (name, value) in echo {
        match (name.as_str(), value) {
            // What is not said there is told all the same.
            ("reasoning" | "text", Value::Object(members)) => {
                members.iter().for_each(|(inner, value)| base[name][inner] = value.clone());
            }
            ("tools", Value::Array(tools)) => base["tools"] = tools.iter().map(told_tool).collect(),
            ("conversation", Value::String(id)) => base["conversation"] = json!({"id": id}),
            _ => base[name] = value.clone(),
        }
    }
    base
}

/// A function is strict unless it says otherwise, and that is told.
fn told_tool(tool: &Value) -> Value {
    let mut tool = tool.clone();
    if tool["type"] == "function" {
        for (name, usual) in [("description", Value::Null), ("strict", Value::Bool(true))] {
            if tool[name].is_null() {
                tool[name] = usual;
            }
        }
    }
    tool
}

/// OpenAI counts the thoughts into the output.
fn usage(usage: &Usage) -> Value {
    let (input, output) = (usage.input_total() + usage.tool, usage.output + usage.thoughts);
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.thoughts},
        "total_tokens": input + output,
    })
}
