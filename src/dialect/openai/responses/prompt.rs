//! What is said to the model: a conversation of items, the stored ones in front.

use std::collections::HashMap;

use indexmap::IndexSet;
use serde_json::{Value, json};

use crate::{
    ask::Prompt,
    dialect::items,
    dialect::openai::{
        read::{inline_mime, short_mime},
        refuse,
    },
    reply::{ApiError, Modality},
    shelf::Shelved,
    tokens,
};

/// All items, those of the responses that this one goes on from first. A text
/// alone is no item.
pub(super) fn conversation<'a>(before: &'a [Shelved], input: &'a Value) -> Vec<&'a Value> {
    let before = before.iter().map(|shelved| &*shelved.stored);
    let stored = before.flat_map(|stored| stored.input.iter().chain(items(&stored.answer["output"])));
    match input {
        Value::String(_) => stored.chain([input]).collect(),
        _ => stored.chain(items(input)).collect(),
    }
}

/// A request's own items, in their long form.
pub(super) fn own_items(input: &Value) -> Vec<Value> {
    let message = |role: &Value, content: &Value| {
        let content = match content {
            Value::String(text) => {
                let kind = if *role == "assistant" { "output_text" } else { "input_text" };
                json!([{"type": kind, "text": text}])
            }
            content => content.clone(),
        };
        json!({"type": "message", "status": "completed", "content": content, "role": role})
    };
    match input {
        Value::String(_) => vec![message(&json!("user"), input)],
        _ => items(input)
            .iter()
            .map(|item| match kind(item) {
                "message" => {
                    let mut long = message(&item["role"], &item["content"]);
                    if let Some(id) = item.get("id") {
                        long["id"] = id.clone();
                    }
                    long
                }
                _ => item.clone(),
            })
            .collect(),
    }
}

/// What an item is. Who says nothing says a message.
fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

/// The rules about who says what: models put out what others put in.
pub(super) fn check_roles(input: &Value) -> Result<(), ApiError> {
    for (at, item) in items(input).iter().enumerate().filter(|(_, item)| kind(item) == "message") {
        let is_model = item["role"] == "assistant";
        for (number, part) in items(&item["content"]).iter().enumerate() {
            let said = part["type"].as_str().unwrap_or_default();
            let words: &[&str] = match (is_model, said) {
                (true, said) if said.starts_with("input_") => &["output_text", "refusal"],
                (false, "output_text" | "refusal") => &["input_text", "input_image", "input_file"],
                _ => continue,
            };
            return Err(refuse::unknown_word(&format!("input[{at}].content[{number}].type"), said, words));
        }
    }
    Ok(())
}

/// The rules about calls and what came of them.
pub(super) fn check(conversation: &[&Value]) -> Result<(), ApiError> {
    let ids = |wanted: &str| {
        let found = conversation.iter().filter(|item| kind(item) == wanted);
        found.filter_map(|item| item["call_id"].as_str()).collect::<IndexSet<_>>()
    };
    let (calls, results) = (ids("function_call"), ids("function_call_output"));
    let refers = conversation.iter().any(|item| kind(item) == "item_reference");
    if let Some(id) = results.iter().find(|id| !refers && !calls.contains(*id)) {
        return Err(refuse::no_such_call(id));
    }
    match calls.iter().find(|id| !results.contains(*id)) {
        Some(id) => Err(refuse::call_unanswered(id)),
        None => Ok(()),
    }
}

/// What the answer is made from.
pub(super) fn prompt(body: &Value, conversation: &[&Value]) -> Prompt {
    let mut reader = Reader { prompt: Prompt { turn: 1, ..Prompt::default() }, ..Reader::default() };
    match &body["instructions"] {
        Value::String(text) => reader.system(text),
        list => items(list).iter().for_each(|item| reader.item(item)),
    }
    conversation.iter().for_each(|item| reader.item(item));
    for tool in items(&body["tools"]) {
        reader.prompt.add_tokens(Modality::Text, tokens::count(&tool.to_string()));
    }
    reader.prompt
}

#[derive(Default)]
struct Reader<'a> {
    prompt: Prompt,
    /// Names of the tools that were called, by the calls' ids.
    names: HashMap<&'a str, &'a str>,
    /// Whether the item before this was the model's: one turn may have several.
    is_in_turn: bool,
}

impl<'a> Reader<'a> {
    fn item(&mut self, item: &'a Value) {
        if let Some(text) = item.as_str() {
            return self.user(Content { texts: vec![text], attachments: Vec::new() });
        }
        match (kind(item), item["role"].as_str()) {
            ("message", Some("user")) => self.user(Content::read(&item["content"])),
            ("message", Some("assistant")) => {
                self.model();
                self.count(&Content::read(&item["content"]));
            }
            ("message", _) => {
                let content = Content::read(&item["content"]);
                self.system(&content.texts.join("\n"));
            }
            ("function_call", _) => {
                self.model();
                let [id, name, arguments] =
                    ["call_id", "name", "arguments"].map(|name| item[name].as_str().unwrap_or_default());
                self.prompt.add_tokens(Modality::Text, tokens::count(name) + tokens::count(arguments));
                self.names.insert(id, name);
            }
            ("function_call_output", _) => self.result(item),
            ("item_reference" | "compaction", _) => {}
            ("reasoning", _) => {
                self.model();
                for part in items(&item["summary"]) {
                    let text = part["text"].as_str().unwrap_or_default();
                    self.prompt.add_tokens(Modality::Text, tokens::count(text));
                }
            }
            // What came of other tools ends the model's turn as a result does.
            (other, _) if other.ends_with("_output") || other.ends_with("_response") => {
                self.is_in_turn = false;
            }
            _ => self.model(),
        }
    }

    fn system(&mut self, text: &str) {
        self.prompt.add_tokens(Modality::Text, tokens::count(text));
        self.prompt.add_system(text);
    }

    fn user(&mut self, content: Content<'_>) {
        self.is_in_turn = false;
        self.count(&content);
        self.prompt.text = content.texts.join("\n");
        self.prompt.attachments = content.attachments;
    }

    /// What the model said begins a turn, or goes on with it.
    fn model(&mut self) {
        if !self.is_in_turn {
            self.prompt.tool_results.clear();
            self.prompt.turn += 1;
        }
        self.is_in_turn = true;
    }

    fn result(&mut self, item: &Value) {
        self.is_in_turn = false;
        let content = Content::read(&item["output"]);
        self.count(&content);
        let id = item["call_id"].as_str().unwrap_or_default();
        let name = self.names.get(id).copied().unwrap_or(id);
        self.prompt.tool_results.push((name.to_owned(), content.texts.join("\n")));
    }

    fn count(&mut self, content: &Content<'_>) {
        for text in &content.texts {
            self.prompt.add_tokens(Modality::Text, tokens::count(text));
        }
        for mime in &content.attachments {
            self.prompt.add_tokens(Modality::of_mime(mime), tokens::ATTACHMENT_TOKENS);
        }
    }
}

/// A message's content: its texts, and the MIME types of what is attached.
struct Content<'a> {
    texts: Vec<&'a str>,
    attachments: Vec<String>,
}

impl<'a> Content<'a> {
    fn read(content: &'a Value) -> Self {
        if let Some(text) = content.as_str() {
            return Self { texts: vec![text], attachments: Vec::new() };
        }
        let parts = items(content);
        let text = |part: &'a Value| part["text"].as_str().or_else(|| part["refusal"].as_str());
        Self {
            texts: parts.iter().filter_map(text).collect(),
            attachments: parts.iter().filter_map(attachment).collect(),
        }
    }
}

/// The MIME type of an attachment, as far as the request tells it.
fn attachment(part: &Value) -> Option<String> {
    let of = |url: &Value, usual: &str| {
        let told = url.as_str().and_then(inline_mime);
        Some(told.unwrap_or_else(|| usual.to_owned()))
    };
    match part["type"].as_str()? {
        "input_image" => of(&part["image_url"], "image/*"),
        "input_file" => of(&part["file_data"], "application/octet-stream"),
        "input_audio" => {
            let format = part["input_audio"]["format"].as_str().and_then(short_mime).unwrap_or("*");
            Some(format!("audio/{format}"))
        }
        _ => None,
    }
}
