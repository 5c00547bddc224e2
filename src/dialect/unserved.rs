//! Paths that are known by name and not served: conditions may name them, and
//! errors and raw bodies answer them.

use super::{Endpoint, Operation};

/// What a path is about, where it is known.
pub(super) fn known(path: &str) -> Option<(Endpoint, Operation)> {
    const V1: [(&str, Endpoint, &str); 11] = [
        ("responses", Endpoint::OpenAiResponses, "generate"),
        ("completions", Endpoint::OpenAiCompletions, "generate"),
        ("messages/batches", Endpoint::Anthropic, "batch"),
        ("audio/speech", Endpoint::OpenAi, "speech"),
        ("audio/transcriptions", Endpoint::OpenAi, "transcribe"),
        ("audio/translations", Endpoint::OpenAi, "transcribe"),
        ("files", Endpoint::OpenAi, "files"),
        ("uploads", Endpoint::OpenAi, "files"),
        ("batches", Endpoint::OpenAi, "batch"),
        ("videos", Endpoint::OpenAi, "video"),
        ("images", Endpoint::OpenAi, "images"),
    ];
    const GOOGLE: [(&str, &str); 4] = [
        ("/upload/v1beta/files", "files"),
        ("/v1beta/files", "files"),
        ("/v1beta/batches", "batch"),
        ("/v1beta/operations", "video"),
    ];
    if let Some((_, name)) = GOOGLE.into_iter().find(|(root, _)| is_under(path, root)) {
        return Some((Endpoint::Gemini, Operation::Unserved(name)));
    }
    let rest = path.strip_prefix("/v1/")?;
    let (_, endpoint, name) = V1.into_iter().find(|(root, ..)| is_under(rest, root))?;
    Some((endpoint, Operation::Unserved(name)))
}

/// Whether a path is this one, or one of those below it.
fn is_under(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
