//! The built-in text, which says back what was asked.

use serde_json::json;

use crate::{ask::Prompt, tokens};

/// `You said: Hello`, the attachments behind it in brackets. Results of tools
/// are said back instead, a line each. Candidates after the first name their
/// number. No more than about `most` tokens are of use.
pub(super) fn say_back(prompt: &Prompt, most: u64, index: u32) -> String {
    let mut text = if prompt.tool_results.is_empty() {
        let mut text = format!("You said: {}", enough(&prompt.text, most));
        for mime in &prompt.attachments {
            text.push_str(" [");
            text.push_str(mime);
            text.push(']');
        }
        text
    } else {
        let lines: Vec<_> = prompt
            .tool_results
            .iter()
            .map(|(name, result)| format!("{name} returned: {}", enough(result, most)))
            .collect();
        lines.join("\n")
    };
    if index > 0 {
        text.push_str(&format!(" ({})", index + 1));
    }
    text
}

/// As much as can be said back, and enough to see that it was too much.
fn enough(text: &str, most: u64) -> &str {
    tokens::truncate(text, most + 1)
}

/// The same as the only member of an object.
pub(super) fn say_back_as_json(prompt: &Prompt, most: u64, index: u32) -> String {
    json!({"answer": say_back(prompt, most, index)}).to_string()
}
