//! Secrets that slipped into a cassette: where, and never which.

use std::sync::Arc;

use super::{
    file::Tape,
    redact::redact,
    secret::{Detector, Put},
};
use crate::document::error::{Place, Problem, Source};

/// Where suspected secrets stand, in words without any of them.
pub fn suspects(tape: &Tape, detector: &Detector) -> Vec<Problem> {
    // Without its text nothing of it can be shown.
    let source = Arc::new(Source { name: tape.source.name.clone(), text: String::new() });
    let mut lines: Vec<usize> = Vec::new();
    for (number, line) in (1..).zip(tape.source.text.lines()) {
        if !detector.spans(line, &[]).is_empty() {
            lines.push(number);
        }
    }
    for entry in &tape.entries {
        let Ok(interaction) = tape.interaction(entry) else { continue };
        let (mut copy, mut found) = ((*interaction).clone(), Vec::new());
        redact(&mut copy, detector, &[], &mut Put::Collect(&mut found));
        let text = &tape.source.text[entry.range.clone()];
        for secret in found {
            // As it stands in quotes.
            let quoted = serde_json::to_string(&secret).unwrap_or_default();
            let quoted = quoted.trim_matches('"');
            let own = (entry.line..)
                .zip(text.lines())
                .filter(|(_, line)| line.contains(secret.as_str()) || line.contains(quoted));
            let own: Vec<_> = own.map(|(number, _)| number).collect();
            // In pieces, in base64 or in a file beside: somewhere in it.
            lines.extend(if own.is_empty() { vec![entry.line] } else { own });
        }
    }
    lines.sort_unstable();
    lines.dedup();
    let problem = |line| {
        let message = "this looks like a secret, which is not shown here";
        let place = Place { line, column: 1, length: 1 };
        Problem::error(&source, place, message).hint("take it out, or let `mynah cassette redact` do it")
    };
    lines.into_iter().map(problem).collect()
}
