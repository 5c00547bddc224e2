//! The catalogue: streaming failures met in the wild, a scenario for each, inside
//! the program. `scenarios/streaming/` holds them.

mod page;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use globset::Glob;
use serde::Deserialize;

use crate::scenario::{
    Api, Asked, Input, MODEL_PREFIX, NAME_HEADER, decode,
    error::{Source, did_you_mean},
    yaml,
};

pub use page::{Outcomes, page};

/// The files of `scenarios/streaming/`, as `build.rs` lists them.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The stream that rows edit which say nothing themselves.
const BASE: &str = "base.yaml";

/// The ending of rows that need what is not served yet, so that reading the
/// folder passes them over.
const LATER: &str = ".later";

/// What the SDKs did when last asked.
const OUTCOMES: &str = "outcomes.json";

/// A row of the catalogue: a scenario, and what is known of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called by.
    pub id: String,
    /// The file.
    pub text: &'static str,
    /// What happens on the wire.
    pub about: String,
    /// What is known of it besides.
    pub meta: Meta,
}

/// What is known of a row: a scenario's `meta`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Where the trouble is.
    pub layer: Layer,
    /// The APIs whose streams it befalls; `any` for all of them.
    pub api: Vec<Streams>,
    /// How soon a client should care: 1 for what everyone meets.
    pub tier: u8,
    /// Who broke, and how.
    pub broke: String,
    /// Public issues, pull requests and the like, with their state; empty where
    /// it was only measured.
    pub references: Vec<String>,
    /// What a good client does.
    pub good: String,
    /// The other reading, where that is disputed.
    #[serde(default)]
    pub disputed: Option<String>,
    /// What it needs that is not served yet, such as HTTP/2.
    #[serde(default)]
    pub needs: Option<String>,
}

/// The streams that a row befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Streams {
    /// All that are events: not Google's array, nor OpenAI's completions of old,
    /// whose streams have other parts.
    #[serde(rename = "any")]
    Any,
    /// OpenAI's chat completions.
    #[serde(rename = "openai.chat")]
    OpenAiChat,
    /// OpenAI's responses.
    #[serde(rename = "openai.responses")]
    OpenAiResponses,
    /// Anthropic's messages.
    #[serde(rename = "anthropic")]
    Anthropic,
    /// Google's events, `alt=sse`.
    #[serde(rename = "gemini")]
    Gemini,
    /// Google's array.
    #[serde(rename = "gemini.array")]
    GeminiArray,
}

/// Where the trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// TCP and HTTP.
    Http,
    /// The framing of server-sent events.
    Sse,
    /// The JSON in them.
    Json,
    /// What OpenAI and Anthropic mean by it.
    Openai,
    /// What Google means by it.
    Gemini,
    /// When it comes.
    Timing,
    /// Errors, and what is tried again.
    Retry,
}

impl Row {
    /// The APIs that it is about.
    pub fn apis(&self) -> Vec<Api> {
        self.meta.api.iter().flat_map(|streams| streams.apis()).copied().collect()
    }

    /// Its file's name in the folder.
    pub fn file(&self) -> String {
        format!("{}{}", self.id, if self.meta.needs.is_some() { LATER } else { ".yaml" })
    }
}

impl Streams {
    fn apis(self) -> &'static [Api] {
        match self {
            Self::Any => &[Api::OpenAiChat, Api::OpenAiResponses, Api::Anthropic, Api::Gemini],
            Self::OpenAiChat => &[Api::OpenAiChat],
            Self::OpenAiResponses => &[Api::OpenAiResponses],
            Self::Anthropic => &[Api::Anthropic],
            Self::Gemini | Self::GeminiArray => &[Api::Gemini],
        }
    }

    /// As `meta` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::OpenAiChat => "openai.chat",
            Self::OpenAiResponses => "openai.responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::GeminiArray => "gemini.array",
        }
    }
}

impl Layer {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Http, Self::Sse, Self::Json, Self::Openai, Self::Gemini, Self::Timing, Self::Retry];

    /// As `meta` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::Json => "json",
            Self::Openai => "openai",
            Self::Gemini => "gemini",
            Self::Timing => "timing",
            Self::Retry => "retry",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Http => "TCP and HTTP",
            Self::Sse => "SSE framing",
            Self::Json => "JSON",
            Self::Openai => "OpenAI's and Anthropic's meaning",
            Self::Gemini => "Gemini's meaning",
            Self::Timing => "Timing",
            Self::Retry => "Errors and retries",
        }
    }
}

/// All rows, by layer, then by id.
pub fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let mut rows: Vec<_> = FILES.iter().filter_map(|(name, text)| row(name, text).ok()).collect();
        rows.sort_by(|one, other| (one.meta.layer, &one.id).cmp(&(other.meta.layer, &other.id)));
        rows
    });
    &ROWS
}

/// The row of a file.
///
/// # Errors
///
/// Why it is none.
fn row(name: &str, text: &'static str) -> Result<Row, String> {
    let id = [".yaml", LATER].into_iter().find_map(|end| name.strip_suffix(end));
    let id = id.filter(|_| name != BASE).ok_or("it is no row")?;
    let source = Arc::new(Source { name: name.to_string(), text: text.to_owned() });
    let tree = yaml::read(&source).map_err(|problem| problem.to_string())?;
    let tree = tree.into_iter().next().ok_or("it is empty")?;
    let (document, _) = decode::document(&source, tree);
    let head = document.file.ok_or("its head cannot be read")?;
    let meta = serde_json::Value::Object(head.meta.ok_or("it has no `meta`")?);
    Ok(Row {
        id: id.to_owned(),
        text,
        about: head.about.unwrap_or_default().trim().to_owned(),
        meta: serde_json::from_value(meta).map_err(|error| error.to_string())?,
    })
}

/// What is wrong with the files of the catalogue, as far as they are no rows.
pub fn faults() -> Vec<String> {
    let rows = FILES.iter().filter(|(name, _)| *name != BASE && *name != OUTCOMES);
    rows.filter_map(|(name, text)| Some(format!("{name}: {}", row(name, text).err()?))).collect()
}

/// An id or a pattern that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRow {
    /// No row has it.
    Unknown {
        /// The id, or the pattern.
        asked: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// It needs something that is not served yet.
    NotYet {
        /// The id, or the pattern.
        asked: String,
        /// What it needs.
        needs: String,
    },
}

impl fmt::Display for NoRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { asked, meant } => {
                write!(f, "there is no scenario {asked:?} in the catalogue")?;
                match meant {
                    Some(meant) => write!(f, ", did you mean {meant:?}?"),
                    None => write!(f, "; `mynah scenarios` lists them"),
                }
            }
            Self::NotYet { asked, needs } => write!(f, "{asked:?} needs {needs}, which is not served yet"),
        }
    }
}

impl std::error::Error for NoRow {}

/// The row of this id.
///
/// # Errors
///
/// If there is none.
pub fn find(id: &str) -> Result<&'static Row, NoRow> {
    let bare = id.strip_prefix(MODEL_PREFIX).unwrap_or(id);
    rows().iter().find(|row| row.id == bare).ok_or_else(|| NoRow::Unknown {
        asked: id.to_owned(),
        meant: did_you_mean(bare, rows().iter().map(|row| row.id.as_str())).map(str::to_owned),
    })
}

/// The rows of these ids and patterns, each once. A pattern such as `sse-*` leaves
/// out what cannot be served yet.
///
/// # Errors
///
/// The first that names nothing, or nothing that can be served.
pub fn choose<T: AsRef<str>>(ids: &[T]) -> Result<Vec<&'static Row>, NoRow> {
    let mut chosen: Vec<&Row> = Vec::new();
    for id in ids.iter().map(AsRef::as_ref) {
        let found: Vec<_> = match Glob::new(id) {
            Ok(glob) if id.contains(['*', '?', '[', '{']) => {
                let glob = glob.compile_matcher();
                rows().iter().filter(|row| glob.is_match(&row.id)).collect()
            }
            _ => vec![find(id)?],
        };
        let served: Vec<_> = found.iter().copied().filter(|row| row.meta.needs.is_none()).collect();
        if served.is_empty() {
            let asked = id.to_owned();
            let needs = found.first().and_then(|row| row.meta.needs.clone());
            return Err(match needs {
                Some(needs) => NoRow::NotYet { asked, needs },
                None => NoRow::Unknown { asked, meant: None },
            });
        }
        for row in served {
            if !chosen.iter().any(|known| known.id == row.id) {
                chosen.push(row);
            }
        }
    }
    Ok(chosen)
}

/// These rows, to be read, and the stream that they edit; one alone answers
/// everyone where it is told to. Else who asks for another by its name is told
/// that it is not here.
pub fn inputs(rows: &[&'static Row], is_alone: bool) -> Vec<Input> {
    let is_named = !(is_alone && rows.len() == 1);
    let input = |row: &&'static Row| Input {
        asked: match is_named {
            true => Asked::ByName(row.id.clone(), row.apis()),
            false => Asked::ByApi(row.apis()),
        },
        ..plain(&row.file(), row.text.to_owned())
    };
    let mut inputs: Vec<_> = rows.iter().map(input).collect();
    if is_named {
        inputs.push(stranger(rows));
    }
    inputs.push(Input { asked: Asked::Underneath, ..plain(BASE, file(BASE).to_owned()) });
    inputs
}

/// A text that has no files beside it.
fn plain(name: &str, text: String) -> Input {
    let files = Box::new(|_: &str| Err("the catalogue has no files beside its scenarios".to_owned()));
    Input::new(Arc::new(Source { name: name.to_owned(), text }), files)
}

/// What is said to those who ask for a row that is not served.
fn stranger(rows: &[&Row]) -> Input {
    let ids = rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ");
    let models = rows.iter().map(|row| format!("{MODEL_PREFIX}{}", row.id)).collect::<Vec<_>>().join(", ");
    let text = format!(
        "scenario: 1\nname: no such row\nstubs:\n- when:\n  \
         - {{model: {{all: [{{glob: {MODEL_PREFIX}*}}, {{not: [{models}]}}]}}}}\n  \
         - {{header: {{{NAME_HEADER}: {{all: [{{not: null}}, {{not: [{ids}]}}]}}}}}}\n  \
         then: {{error: {{status: 404, message: 'mynah: this is no scenario of the catalogue that is served here'}}}}\n"
    );
    plain("the catalogue", text)
}

/// What the SDKs did when last asked.
pub fn outcomes() -> Outcomes {
    serde_json::from_str(file(OUTCOMES)).map(Outcomes).unwrap_or_default()
}

fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}
