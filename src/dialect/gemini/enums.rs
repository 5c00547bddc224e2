//! The enums of Google's answers, which a caller may want as numbers.

use serde::{Serialize, Serializer};

use super::fields::Enum;
use crate::{dialect::Enums, request::Request};

/// A value of an enum, as an answer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    Name(&'a str),
    Number(u32),
}

impl Serialize for Word<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Number(number) => serializer.serialize_u32(*number),
        }
    }
}

/// A value as it is wanted. What has no number keeps its name.
pub(super) fn word<'a>(enums: Enums, of: &Enum, name: &'a str) -> Word<'a> {
    let number = match enums {
        Enums::Names => None,
        Enums::Numbers => of.values.iter().position(|known| *known == name),
    };
    number.and_then(|number| u32::try_from(number).ok()).map_or(Word::Name(name), Word::Number)
}

/// What a query says about enums: `$alt=json;enum-encoding=int`, or `alt`.
pub(super) fn wanted(request: &Request) -> Enums {
    let parameters = alternatives(request).flat_map(|alternative| alternative.split(';').skip(1));
    let mut encodings = parameters.filter_map(|parameter| parameter.trim().strip_prefix("enum-encoding="));
    if encodings.any(|encoding| encoding.eq_ignore_ascii_case("int")) { Enums::Numbers } else { Enums::Names }
}

/// The forms of the answer that a query names, each without its parameters.
pub(super) fn forms(request: &Request) -> impl Iterator<Item = &str> {
    alternatives(request).filter_map(|alternative| alternative.split(';').next()).map(str::trim)
}

fn alternatives(request: &Request) -> impl Iterator<Item = &str> {
    ["alt", "$alt"].into_iter().filter_map(|name| request.query(name))
}

pub(super) static FINISH_REASON: Enum = Enum {
    name: "Candidate.FinishReason",
    values: &[
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_SAFETY",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_OTHER",
        "NO_IMAGE",
        "IMAGE_RECITATION",
    ],
};

pub(super) static BLOCK_REASON: Enum = Enum {
    name: "PromptFeedback.BlockReason",
    values: &[
        "BLOCK_REASON_UNSPECIFIED",
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_SAFETY",
    ],
};

pub(super) static HARM_CATEGORY: Enum = Enum {
    name: "HarmCategory",
    values: &[
        "HARM_CATEGORY_UNSPECIFIED",
        "HARM_CATEGORY_DEROGATORY",
        "HARM_CATEGORY_TOXICITY",
        "HARM_CATEGORY_VIOLENCE",
        "HARM_CATEGORY_SEXUAL",
        "HARM_CATEGORY_MEDICAL",
        "HARM_CATEGORY_DANGEROUS",
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_CIVIC_INTEGRITY",
    ],
};

pub(super) static HARM_PROBABILITY: Enum = Enum {
    name: "SafetyRating.HarmProbability",
    values: &["HARM_PROBABILITY_UNSPECIFIED", "NEGLIGIBLE", "LOW", "MEDIUM", "HIGH"],
};

/// Of counts of tokens; the modalities that a request can ask for have numbers
/// of their own.
pub(super) static MODALITY: Enum = Enum {
    name: "Modality",
    values: &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"],
};

pub(super) static LANGUAGE: Enum =
    Enum { name: "ExecutableCode.Language", values: &["LANGUAGE_UNSPECIFIED", "PYTHON"] };

pub(super) static OUTCOME: Enum = Enum {
    name: "CodeExecutionResult.Outcome",
    values: &["OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED"],
};

pub(super) static URL_RETRIEVAL_STATUS: Enum = Enum {
    name: "UrlMetadata.UrlRetrievalStatus",
    values: &[
        "URL_RETRIEVAL_STATUS_UNSPECIFIED",
        "URL_RETRIEVAL_STATUS_SUCCESS",
        "URL_RETRIEVAL_STATUS_ERROR",
        "URL_RETRIEVAL_STATUS_PAYWALL",
        "URL_RETRIEVAL_STATUS_UNSAFE",
    ],
};

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn what_has_no_number_keeps_its_name() {
        assert_eq!(word(Enums::Numbers, &FINISH_REASON, "IMAGE_RECITATION"), Word::Number(17));
        assert_eq!(word(Enums::Numbers, &BLOCK_REASON, "IMAGE_SAFETY"), Word::Number(5));
        assert_eq!(word(Enums::Numbers, &FINISH_REASON, "CONTINUATION"), Word::Name("CONTINUATION"));
        assert_eq!(word(Enums::Names, &FINISH_REASON, "STOP"), Word::Name("STOP"));
    }

    #[test]
    fn the_query_tells_the_form_and_the_enums_apart() {
        for (query, form, enums) in [
            ("?$alt=json;enum-encoding=int", Some("json"), Enums::Numbers),
            ("?%24alt=json%3Benum-encoding%3Dint", Some("json"), Enums::Numbers),
            ("?alt=sse;enum-encoding=int", Some("sse"), Enums::Numbers),
            ("?alt=json;enum-encoding=name", Some("json"), Enums::Names),
            ("?alt=json", Some("json"), Enums::Names),
            ("?enum-encoding=int", None, Enums::Names),
            ("", None, Enums::Names),
        ] {
            let uri = format!("/v1/models/m:generateContent{query}").parse().unwrap();
            let request = Request::new(Method::POST, &uri, HeaderMap::new());
            assert_eq!((forms(&request).next(), wanted(&request)), (form, enums), "{query}");
        }
    }
}
