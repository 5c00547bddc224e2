//! The models that the built-in lists tell of. Any other name is known too.

use super::OUTPUT_LIMIT;
use crate::{
    ask::{Page, Vendor},
    reply::{Model, ModelPage, Thinks},
};

/// When an unlisted model was made known.
const SOME_DAY: u64 = 1_735_689_600;

const INPUT_LIMIT: u64 = 1_048_576;

/// Tokens that can be embedded at once.
const EMBEDDED_LIMIT: u64 = 2048;

/// Tokens that can be drawn at once, and tokens of what is drawn.
const DRAWN_LIMIT: u64 = 480;
const PICTURE_LIMIT: u64 = 8192;

const GENERATES: &[&str] = &["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"];
const DRAWS: &[&str] = &["predict"];
const EMBEDS: &[&str] = &["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"];

/// A line of the catalogue: id, name for people, when it was made known, and
/// whether it thinks.
type Line<'a> = (&'a str, &'a str, u64, Thinks);

const GOOGLE: &[Line<'static>] = &[
    ("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", 1_771_459_200, Thinks::Yes),
    ("gemini-3-pro-preview", "Gemini 3 Pro Preview", 1_763_424_000, Thinks::Yes),
    ("gemini-3-pro-image-preview", "Gemini 3 Pro Image Preview", 1_763_596_800, Thinks::Yes),
    ("gemini-3-flash-preview", "Gemini 3 Flash Preview", 1_765_929_600, Thinks::Yes),
    ("gemini-2.5-pro", "Gemini 2.5 Pro", 1_750_118_400, Thinks::Yes),
    ("gemini-2.5-flash", "Gemini 2.5 Flash", 1_750_118_400, Thinks::Yes),
    ("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_753_142_400, Thinks::Yes),
    ("gemini-2.5-flash-image", "Gemini 2.5 Flash Image", 1_759_363_200, Thinks::No),
    ("gemini-2.0-flash", "Gemini 2.0 Flash", 1_738_713_600, Thinks::No),
    ("imagen-4.0-generate-001", "Imagen 4", 1_755_129_600, Thinks::No),
    ("gemini-embedding-001", "Gemini Embedding 001", 1_752_451_200, Thinks::No),
];

const OPENAI: &[Line<'static>] = &[
    ("gpt-5.5", "GPT-5.5", 1_776_902_400, Thinks::Yes),
    ("gpt-5", "GPT-5", 1_754_425_777, Thinks::Yes),
    ("gpt-5-mini", "GPT-5 mini", 1_754_425_928, Thinks::Yes),
    ("gpt-4.1", "GPT-4.1", 1_744_316_542, Thinks::No),
    ("gpt-4.1-mini", "GPT-4.1 mini", 1_744_318_173, Thinks::No),
    ("gpt-4o", "GPT-4o", 1_715_367_049, Thinks::No),
    ("gpt-4o-mini", "GPT-4o mini", 1_721_172_741, Thinks::No),
    ("text-embedding-3-small", "Text Embedding 3 Small", 1_705_948_997, Thinks::No),
    ("text-embedding-3-large", "Text Embedding 3 Large", 1_705_953_180, Thinks::No),
];

const ANTHROPIC: &[Line<'static>] = &[
    ("claude-opus-4-5-20251101", "Claude Opus 4.5", 1_763_942_400, Thinks::Yes),
    ("claude-haiku-4-5-20251001", "Claude Haiku 4.5", 1_760_486_400, Thinks::Yes),
    ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", 1_759_104_000, Thinks::Yes),
    ("claude-opus-4-1-20250805", "Claude Opus 4.1", 1_754_352_000, Thinks::Yes),
    ("claude-opus-4-20250514", "Claude Opus 4", 1_747_872_000, Thinks::Yes),
    ("claude-sonnet-4-20250514", "Claude Sonnet 4", 1_747_872_000, Thinks::Yes),
    ("claude-3-5-haiku-20241022", "Claude Haiku 3.5", 1_729_555_200, Thinks::No),
];

/// One page of the caller's provider's list.
pub(super) fn page(page: &Page) -> ModelPage {
    let lines = match page.vendor {
        Vendor::Google => GOOGLE,
        Vendor::OpenAi => OPENAI,
        Vendor::Anthropic => ANTHROPIC,
    };
    let (shown, rest) = page.cut(lines, |line, id| line.0 == id);
    ModelPage { models: shown.iter().map(model).collect(), rest }
}

/// The model of this name; a name that no list has is described as if it had.
pub(super) fn find(id: &str) -> Model {
    let known = GOOGLE.iter().chain(OPENAI).chain(ANTHROPIC).find(|line| line.0 == id);
    model(known.unwrap_or(&(id, id, SOME_DAY, Thinks::No)))
}

fn model((id, display_name, created, thinking): &Line<'_>) -> Model {
    let (input_limit, output_limit, methods) = match id {
        id if id.contains("embedding") => (EMBEDDED_LIMIT, 1, EMBEDS),
        id if id.starts_with("imagen") => (DRAWN_LIMIT, PICTURE_LIMIT, DRAWS),
        _ => (INPUT_LIMIT, OUTPUT_LIMIT, GENERATES),
    };
    Model {
        id: (*id).to_owned(),
        display_name: (*display_name).to_owned(),
        created: *created,
        owned_by: "system",
        input_limit,
        output_limit,
        methods,
        thinking: *thinking,
    }
}
