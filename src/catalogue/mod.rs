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
    Asked, Input, decode,
    error::{Source, did_you_mean},
    yaml,
};

pub use page::{Outcomes, page};

/// The files of `scenarios/streaming/`, as `build.rs` lists them.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// What all rows are laid over that say nothing themselves.
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
    pub api: Vec<String>,
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
    /// Its file's name in the folder.
    pub fn file(&self) -> String {
        format!("{}{}", self.id, if self.meta.needs.is_some() { LATER } else { ".yaml" })
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

/// An id that no row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRow {
    asked: String,
    meant: Option<String>,
}

impl fmt::Display for UnknownRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no scenario {:?} in the catalogue", self.asked)?;
        match &self.meant {
            Some(meant) => write!(f, ", did you mean {meant:?}?"),
            None => write!(f, "; `mynah scenarios` lists them"),
        }
    }
}

impl std::error::Error for UnknownRow {}

/// The row of this id.
///
/// # Errors
///
/// If there is none.
pub fn find(id: &str) -> Result<&'static Row, UnknownRow> {
    rows().iter().find(|row| row.id == id).ok_or_else(|| UnknownRow {
        asked: id.to_owned(),
        meant: did_you_mean(id, rows().iter().map(|row| row.id.as_str())).map(str::to_owned),
    })
}

/// The rows of these ids and patterns, each once. A pattern such as `sse-*` leaves
/// out what cannot be served yet.
///
/// # Errors
///
/// The first that names nothing.
pub fn choose<T: AsRef<str>>(ids: &[T]) -> Result<Vec<&'static Row>, UnknownRow> {
    let mut chosen: Vec<&Row> = Vec::new();
    for id in ids.iter().map(AsRef::as_ref) {
        let found: Vec<_> = match Glob::new(id) {
            Ok(glob) if id.contains(['*', '?', '[', '{']) => {
                let glob = glob.compile_matcher();
                rows().iter().filter(|row| row.meta.needs.is_none() && glob.is_match(&row.id)).collect()
            }
            _ => vec![find(id)?],
        };
        if found.is_empty() {
            return Err(UnknownRow { asked: id.to_owned(), meant: None });
        }
        for row in found {
            if !chosen.iter().any(|known| known.id == row.id) {
                chosen.push(row);
            }
        }
    }
    Ok(chosen)
}

/// These rows, to be read; one alone answers everyone where it is told to. Else who
/// asks for another by its name is told that it is not here.
pub fn inputs(rows: &[&'static Row], is_alone: bool) -> Vec<Input> {
    let input = |row: &&'static Row| Input {
        source: Arc::new(Source { name: row.file(), text: row.text.to_owned() }),
        files: Box::new(|_| Err("the catalogue has no files beside its scenarios".to_owned())),
        asked: match rows {
            [_] if is_alone => Asked::ByAnyone,
            _ => Asked::ByName(row.id.clone()),
        },
    };
    let mut inputs: Vec<_> = rows.iter().map(input).collect();
    if inputs.iter().any(|input| input.asked != Asked::ByAnyone) {
        inputs.push(stranger(rows));
    }
    inputs
}

/// What is said to those who ask for a row that is not served.
fn stranger(rows: &[&Row]) -> Input {
    let ids = rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ");
    let models = rows.iter().map(|row| format!("mynah-{}", row.id)).collect::<Vec<_>>().join(", ");
    let text = format!(
        "scenario: 1\nname: no such row\nstubs:\n- when:\n  \
         - {{model: {{all: [{{glob: mynah-*}}, {{not: [{models}]}}]}}}}\n  \
         - {{header: {{x-mynah-scenario: {{all: [{{not: null}}, {{not: [{ids}]}}]}}}}}}\n  \
         then: {{error: {{status: 404, message: 'mynah: this is no scenario of the catalogue that is served here'}}}}\n"
    );
    let files = Box::new(|_: &str| Err("it has no files beside it".to_owned()));
    Input::new(Arc::new(Source { name: "the catalogue".to_owned(), text }), files)
}

/// What all rows are laid over.
pub fn base() -> Input {
    Input::new(
        Arc::new(Source { name: BASE.to_owned(), text: file(BASE).to_owned() }),
        Box::new(|_| Err("the catalogue has no files beside its scenarios".to_owned())),
    )
}

/// What the SDKs did when last asked.
pub fn outcomes() -> Outcomes {
    serde_json::from_str(file(OUTCOMES)).map(Outcomes).unwrap_or_default()
}

fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}
