//! `mynah scenarios`: the catalogue of streaming failures that ships with mynah.

use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use http::{HeaderMap, Method, Uri};
use serde_json::json;

use super::{Exit, output, plan};
use crate::{
    catalogue::{self, Layer, Row, Streams},
    request::Request,
    scenario::MODEL_PREFIX,
    server::Server,
};

/// List the scenarios that ship with mynah: streaming failures met in the wild
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Scenarios {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a scenario's file, and all that it puts on the wire
    Show(Show),
}

#[derive(Debug, Args)]
struct List {
    /// Only those with these words in their id, or in what is told of them
    #[arg(value_name = "WORDS")]
    words: Vec<String>,

    /// Only those of this layer
    #[arg(long, value_parser = PossibleValuesParser::new(Layer::ALL.map(Layer::name)))]
    layer: Option<String>,

    /// Only those that befall this API, such as openai.chat or gemini
    #[arg(long, value_enum, value_name = "API")]
    api: Option<ApiArgument>,

    /// Only those of this tier: 1 is what every client meets
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: Option<u8>,

    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Show {
    /// The scenario's id
    #[arg(value_name = "ID")]
    id: String,

    /// The API in which it is asked
    #[arg(long, value_enum)]
    api: Option<ApiArgument>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line each
    Text,
    /// All that is known of each
    Json,
    /// A page to read
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ApiArgument {
    #[value(name = "openai.chat")]
    OpenAiChat,
    #[value(name = "openai.responses")]
    OpenAiResponses,
    #[value(name = "gemini")]
    Gemini,
    /// Without `alt=sse`
    #[value(name = "gemini.array")]
    GeminiArray,
    #[value(name = "anthropic")]
    Anthropic,
}

impl Scenarios {
    pub(super) fn run(self) -> Exit {
        match self.action {
            Some(Action::Show(show)) => show.run(),
            None => self.list.run(),
        }
    }
}

impl List {
    fn run(&self) -> Exit {
        let rows: Vec<_> = catalogue::rows().iter().filter(|row| self.wants(row)).collect();
        if rows.is_empty() {
            output::complain("no scenario of the catalogue is like that; `mynah scenarios` lists all");
            return Exit::Failed;
        }
        match self.format {
            Format::Text => output::print(&lines(&rows)),
            Format::Json => output::print(&format!(
                "{:#}\n",
                rows.iter().map(|row| as_json(row)).collect::<serde_json::Value>()
            )),
            Format::Markdown => {
                let rows: Vec<_> = rows.into_iter().cloned().collect();
                output::print(&catalogue::page(&rows, &catalogue::outcomes()));
            }
        }
        Exit::Ok
    }

    fn wants(&self, row: &Row) -> bool {
        let text = format!("{} {} {} {}", row.id, row.about, row.meta.broke, row.meta.good).to_lowercase();
        self.words.iter().all(|word| text.contains(&word.to_lowercase()))
            && self.layer.as_ref().is_none_or(|layer| layer == row.meta.layer.name())
            && self.tier.is_none_or(|tier| tier == row.meta.tier)
            && self.api.is_none_or(|api| is_about(row, api))
    }
}

/// Characters of a line that tell what happens.
const ABOUT_LENGTH: usize = 90;

fn lines(rows: &[&Row]) -> String {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let about: String = row.about.split_whitespace().collect::<Vec<_>>().join(" ");
        let about = match about.char_indices().nth(ABOUT_LENGTH) {
            Some((at, _)) => format!("{}…", about[..at].trim_end()),
            None => about,
        };
        let needs = row.meta.needs.as_ref().map(|needs| format!(" (needs {needs}: not served yet)"));
        text.push_str(&format!(
            "{:width$}  {}  {:7}  {about}{}\n",
            row.id,
            row.meta.tier,
            row.meta.layer.name(),
            needs.unwrap_or_default()
        ));
    }
    text
}

fn as_json(row: &Row) -> serde_json::Value {
    let meta = &row.meta;
    json!({
        "id": row.id, "about": row.about, "layer": meta.layer.name(), "api": meta.api.iter().map(|streams| streams.name()).collect::<Vec<_>>(), "tier": meta.tier,
        "broke": meta.broke, "references": meta.references, "good": meta.good, "disputed": meta.disputed,
        "needs": meta.needs,
    })
}

impl Show {
    fn run(&self) -> Exit {
        let row = match catalogue::find(&self.id) {
            Ok(row) => row,
            Err(error) => {
                output::complain(&error.to_string());
                return Exit::Usage;
            }
        };
        if let Some(api) = self.api.filter(|api| !is_about(row, *api)) {
            let all = row.meta.api.iter().map(|streams| streams.name()).collect::<Vec<_>>().join(", ");
            output::complain(&format!("{} is about {all}, not {}", row.id, api.name()));
            return Exit::Usage;
        }
        output::print(row.text);
        if let Some(needs) = &row.meta.needs {
            output::print(&format!("\nIt needs {needs}, which is not served yet.\n"));
            return Exit::Ok;
        }
        let api = self.api.unwrap_or_else(|| usual_api(row));
        let explained = Server::builder()
            .catalogue(&[&self.id])
            .map_err(|error| error.to_string())
            .and_then(|builder| builder.explain(request(api, &row.id)).map_err(|error| error.to_string()));
        match explained {
            Ok(explanation) => {
                output::print(&format!("\n{}", plan::as_text(&explanation)));
                Exit::Ok
            }
            Err(problem) => {
                output::complain_at_length(&problem);
                Exit::Files
            }
        }
    }
}

fn is_about(row: &Row, api: ApiArgument) -> bool {
    row.meta.api.iter().any(|streams| *streams == Streams::Any || streams.name() == api.name())
}

/// The API that a row is first about.
fn usual_api(row: &Row) -> ApiArgument {
    let first = row.meta.api.first().map(|streams| streams.name()).unwrap_or_default();
    ApiArgument::value_variants()
        .iter()
        .copied()
        .find(|api| api.name() == first)
        .unwrap_or(ApiArgument::OpenAiChat)
}

/// A streamed request that asks for a scenario.
fn request(api: ApiArgument, id: &str) -> Request {
    let model = format!("{MODEL_PREFIX}{id}");
    let hello = "Hello";
    let messages = json!([{"role": "user", "content": hello}]);
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": hello}]}]});
    let (path, body) = match api {
        ApiArgument::OpenAiChat => {
            ("/v1/chat/completions".to_owned(), json!({"model": model, "messages": messages, "stream": true}))
        }
        ApiArgument::OpenAiResponses => {
            ("/v1/responses".to_owned(), json!({"model": model, "input": hello, "stream": true}))
        }
        ApiArgument::Gemini => (format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), contents),
        ApiArgument::GeminiArray => (format!("/v1beta/models/{model}:streamGenerateContent"), contents),
        ApiArgument::Anthropic => (
            "/v1/messages".to_owned(),
            json!({"model": model, "max_tokens": 1024, "messages": messages, "stream": true}),
        ),
    };
    // Ids are letters, digits and hyphens.
    let uri: Uri = path.parse().unwrap_or_default();
    let mut request = Request::new(Method::POST, &uri, HeaderMap::new());
    request.body = body.to_string().into();
    request
}

impl ApiArgument {
    /// As `meta` has it.
    fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai.chat",
            Self::OpenAiResponses => "openai.responses",
            Self::Gemini => "gemini",
            Self::GeminiArray => "gemini.array",
            Self::Anthropic => "anthropic",
        }
    }
}
