//! Secrets are taken out of every text that is logged: by the name they stand
//! behind, and by their shape.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};

/// What takes a secret's place.
const PLACEHOLDER: &str = "***";

/// What stands behind `key=`, `access_token:` and the like, up to the next
/// separator.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)([\w.-]*(?:key|token|auth|authorization|secret|password|bearer)[\w.-]*["']?(?:[=:]|%3d)\s*(?:bearer\s+)?["']?)[^\s&;,"'?#}\])]+"#).ok()
});

/// What secrets look like: keys of the model providers and of those whose keys are
/// met beside them, tokens of OAuth and JWT, private keys, passwords in URLs. Where
/// only a part of a match is the secret, that is its group.
pub const SHAPES: &str = r#"(?x)
    AIza[\w-]{10,} | \bAQ\.[\w-]{20,} | \bya29\.[\w.-]{4,}
    | \b(?:sk|pk|rk)[-_][\w-]{6,} | \bek_\w{12,} | \bwhsec_\w{12,}
    | \b(?:gsk|hf|r8|npm|gh[oprsu]|github_pat)_\w{16,}
    | \b(?:xai|pplx|glpat|csk|xox[abeprs])-[\w-]{10,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*
    | -----BEGIN[\x20A-Z]*\x20PRIVATE\x20KEY-----[\s\S]*?(?:-----END[\x20A-Z]*-----|\z)
    | (?i:\bbearer)(?:\s|%20)+([\w.~+/=-]{6,})
    | (?i:\bbasic)\s+([\w+/]{8,}={0,2})
    | \bSG\.[\w-]{16,}\.[\w-]{16,}
    | ://[^/\s:@"']*:([^/\s@"']{3,})@
"#;

/// The same, also where a message was cut within a key.
static SHAPED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let cut = r"| AIza[\w-]*\.{3} | \b(?:sk|pk|rk)[-_](?:[\w*-]{6,}|[\w*-]*\.{3})";
    Regex::new(&format!("{SHAPES}{cut}")).ok()
});

/// The text without secrets; `known` are secrets wherever they stand.
pub fn redact(text: &str, known: &[String]) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in known {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), PLACEHOLDER).into();
        }
        for cut in cut_short(&text, secret) {
            text = text.replace(&cut, &format!("{PLACEHOLDER}{CUT}")).into();
        }
    }
    // The expressions are constant, and a test reads them.
    if let Some(shaped) = SHAPED.as_ref() {
        text = shaped.replace_all(&text, PLACEHOLDER).into_owned().into();
    }
    if let Some(named) = NAMED.as_ref() {
        text = named.replace_all(&text, unless_counted).into_owned().into();
    }
    text.into_owned()
}

/// What is found by its name, without what stands behind it; the number of tokens
/// as it is.
fn unless_counted(found: &Captures<'_>) -> String {
    let name = &found[1];
    let is_count = COUNTS.iter().any(|count| name.trim_end().ends_with(count));
    if is_count { found[0].to_owned() } else { format!("{name}{PLACEHOLDER}") }
}

/// Fields that look like secrets, and count tokens.
const COUNTS: [&str; 2] = ["max_tokens:", "budget_tokens:"];

/// What a message puts where it leaves out the rest of a value.
const CUT: &str = "...";

/// Characters of a secret that say nothing of it.
const HARMLESS: usize = 3;

/// The beginnings of a secret behind which the text was cut, the longest first.
fn cut_short(text: &str, secret: &str) -> Vec<String> {
    if !text.contains(CUT) {
        return Vec::new();
    }
    let ends = secret.char_indices().skip(HARMLESS + 1);
    let beginnings = ends.map(|(end, _)| format!("{}{CUT}", &secret[..end]));
    let mut found: Vec<_> = beginnings.filter(|beginning| text.contains(beginning.as_str())).collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_name_and_by_shape() {
        for text in [
            "/v1beta/models?key=S3CRET&pageSize=2",
            "/v1beta/models/x&key=S3CRET",
            "/v1/models?apiKey=S3CRET",
            "/v1/models?x-goog-api-key=S3CRET&a=b",
            "/v1/models?oauth_token=S3CRET",
            "Invalid value \"1;key=S3CRET\"",
            "{\"api_key\": \"S3CRET\"}",
            "Authorization: Bearer S3CRET",
            "Bearer S3CRETS3CRET",
            "sk-S3CRET0123",
            "sk_live_S3CRET0123",
            "AIzaS3CRET01234567",
            "ya29.S3CRET",
            "a mine-S3CRET b",
            "Invalid value: 'xx mine-S3CRE...'. Supported",
            "Invalid value: 'xx sk-S3CR...'. Supported",
        ] {
            let redacted = redact(text, &["mine-S3CRET".to_owned()]);
            assert!(!redacted.contains("S3CR"), "{redacted}");
            assert!(redacted.contains(PLACEHOLDER), "{redacted}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "POST /v1/chat/completions 200 openai generate",
            "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), \"many\"",
            "GET /v1beta/models?pageSize=2",
            "max_tokens: Field required",
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
            "asking for a task-force",
        ] {
            assert_eq!(redact(text, &[]), text);
        }
    }
}
