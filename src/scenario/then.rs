//! A reply as it stands in YAML: its kind, and what stands beside it.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IntoDeserializer, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use serde_json::{Map, Value};

use super::{pace::Pace, payload::Payload, wire::Wire};
use crate::notation::{
    text::{Bytes, Text, Texts},
    value::{List, Period},
};

/// A reply. It has exactly one kind; of the other keys it may have any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Then {
    /// Kind: text, cut into deltas by `split`; a list gives the deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Texts>,
    /// Kind: parts of several sorts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<List<Part>>,
    /// Kind: a text that holds this JSON, compact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Kind: several candidates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<List<Candidate>>,
    /// Kind: the prompt is refused with this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// Kind: one vector for every input, or one each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// Kind: the answer to counting tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Kind: the answer to listing models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<List<String>>,
    /// Kind: the provider's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReply>,
    /// Kind: the events in the provider's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<List<Payload>>,
    /// Kind: no dialect at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
    /// Kind: a recorded interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cassette: Option<CassetteReply>,
    /// Kind: passed on to this upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward: Option<String>,
    /// Kind: another answer, with what stands beside laid over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<From>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// What is reported as used, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How one text becomes deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The form of the body, whatever was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// When events leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// Trouble on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Box<Wire>>,
    /// Stands for so many matches of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU32>,
    /// State variables, set when the reply is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<IndexMap<String, String>>,
    /// What only Gemini can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gemini: Option<Map<String, Value>>,
    /// What only OpenAI can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openai: Option<Map<String, Value>>,
    /// What only Anthropic can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anthropic: Option<Map<String, Value>>,
}

/// The kinds of a reply, by their keys.
pub const KINDS: [&str; 14] = [
    "text",
    "parts",
    "json",
    "candidates",
    "block",
    "embedding",
    "count",
    "models",
    "error",
    "events",
    "raw",
    "cassette",
    "forward",
    "from",
];

impl Then {
    /// The kinds that are given.
    pub fn kinds(&self) -> Vec<&'static str> {
        let given = [
            self.text.is_some(),
            self.parts.is_some(),
            self.json.is_some(),
            self.candidates.is_some(),
            self.block.is_some(),
            self.embedding.is_some(),
            self.count.is_some(),
            self.models.is_some(),
            self.error.is_some(),
            self.events.is_some(),
            self.raw.is_some(),
            self.cassette.is_some(),
            self.forward.is_some(),
            self.from.is_some(),
        ];
        KINDS.into_iter().zip(given).filter(|(_, is_given)| *is_given).map(|(kind, _)| kind).collect()
    }
}

/// One piece of content, of exactly one sort.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Part {
    /// Text for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Texts>,
    /// The model's thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thought: Option<Texts>,
    /// Why the model will not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Texts>,
    /// A program that the model wrote for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Texts>,
    /// What the program printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_result: Option<Texts>,
    /// A tool to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// A picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Media>,
    /// A sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Media>,
    /// A film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Media>,
    /// Google's signature of the part; it may stand alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
}

/// The sorts of a part, by their keys.
pub const SORTS: [&str; 9] =
    ["text", "thought", "refusal", "code", "code_result", "call", "image", "audio", "video"];

impl Part {
    /// The sorts that are given.
    pub fn sorts(&self) -> Vec<&'static str> {
        let given = [
            self.text.is_some(),
            self.thought.is_some(),
            self.refusal.is_some(),
            self.code.is_some(),
            self.code_result.is_some(),
            self.call.is_some(),
            self.image.is_some(),
            self.audio.is_some(),
            self.video.is_some(),
        ];
        SORTS.into_iter().zip(given).filter(|(_, is_given)| *is_given).map(|(sort, _)| sort).collect()
    }
}

/// A tool to be called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// The call's id; where there is none, the dialect's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The arguments, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
    /// Instead of them the pieces of their text as they go out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragments: Option<List<String>>,
}

/// A picture, a sound or a film: exactly one of `size`, `file` and `base64`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Width and height of a picture that is made, such as `64x64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// A file in the scenario's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The content itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// The MIME type; where there is none, by the file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
}

/// One of several candidates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Candidate {
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Texts>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<List<Part>>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// How one text becomes deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// Vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedding {
    /// The same for every input.
    One(Vec<f32>),
    /// One each; the last for all further inputs.
    Each(Vec<Vec<f32>>),
}

/// A number of one vector, or a vector of several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Row {
    Number(f32),
    Vector(Vec<f32>),
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a list of numbers")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Row, E> {
                f32::deserialize(number.into_deserializer()).map(Row::Number)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Row, E> {
                f32::deserialize(number.into_deserializer()).map(Row::Number)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Row, E> {
                f32::deserialize(number.into_deserializer()).map(Row::Number)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Row, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Row::Vector)
            }
        }

        deserializer.deserialize_any(RowVisitor)
    }
}

impl<'de> Deserialize<'de> for Embedding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<Row>::deserialize(deserializer)?;
        let count = rows.len();
        let (mut numbers, mut vectors) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Row::Number(number) => numbers.push(number),
                Row::Vector(vector) => vectors.push(vector),
            }
        }
        match count {
            0 => Err(D::Error::custom("a vector without numbers is none")),
            count if numbers.len() == count => Ok(Self::One(numbers)),
            count if vectors.len() == count => Ok(Self::Each(vectors)),
            _ => Err(D::Error::custom("expected numbers only, or lists only, not both")),
        }
    }
}

impl Serialize for Embedding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(vector) => vector.serialize(serializer),
            Self::Each(vectors) => vectors.serialize(serializer),
        }
    }
}

impl JsonSchema for Embedding {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Embedding".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let row = generator.subschema_for::<Row>();
        json_schema!({"type": "array", "minItems": 1, "items": row})
    }
}

/// The provider's error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short_error)]
pub struct ErrorReply {
    /// The HTTP status, from 400 to 599.
    pub status: u16,
    /// For people; where there is none, what the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
    /// Members of Gemini's error object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gemini: Option<Map<String, Value>>,
    /// Members of OpenAI's error object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai: Option<Map<String, Value>>,
    /// Members of Anthropic's error object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anthropic: Option<Map<String, Value>>,
}

/// When to come back: exactly one form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = short_period)]
pub struct RetryAfter {
    /// As the dialect says it; the form of a bare duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Period>,
    /// `retry-after` in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Period>,
    /// `retry-after` as an HTTP date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Period>,
    /// `retry-after-ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<Period>,
    /// Google's `RetryInfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Period>,
}

/// An answer in no dialect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// The HTTP status; 200 where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// All headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<IndexMap<String, List<String>>>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Bytes>,
}

/// A recorded interaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short_text)]
pub struct CassetteReply {
    /// The cassette's file.
    pub file: String,
    /// Which of its interactions; where there is none, that which the request
    /// matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// What would have been answered without this stub.
    Below,
    /// The built-in answer.
    BuiltIn,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was complete.
    Stop,
    /// The token limit was reached.
    Length,
    /// Tools are to be called.
    Call,
    /// It was found to be unsafe.
    Filter,
    /// The model declined.
    Refusal,
    /// It stands in somebody's book.
    Recitation,
    /// A call cannot be read.
    MalformedCall,
    /// The turn is not over.
    Pause,
    /// This word, as it stands.
    Exact(String),
}

/// What is reported as used, in tokens; what is left out is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// The prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thoughts: Option<u64>,
    /// What of the prompt was remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// What tools put into the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<u64>,
}

/// How one text becomes deltas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Not at all.
    Whole,
    /// Behind every word.
    #[default]
    Word,
    /// Behind every token.
    Token,
    /// Behind every character.
    Char,
    /// Behind so many characters.
    Chars(NonZeroUsize),
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Server-sent events.
    Sse,
    /// A JSON array, element by element.
    Array,
    /// One document.
    Document,
}

/// What may stand in a struct's place, its first key's value, beside it.
fn short(schema: &mut Schema, first: &Value) {
    let full = schema.clone().to_value();
    *schema = json_schema!({"anyOf": [first, full]});
}

fn short_error(schema: &mut Schema) {
    short(schema, &serde_json::json!({"type": "integer", "minimum": 400, "maximum": 599}));
}

fn short_period(schema: &mut Schema) {
    short(schema, &serde_json::json!({"type": "string"}));
}

pub(super) fn short_text(schema: &mut Schema) {
    short(schema, &serde_json::json!({"type": "string"}));
}
