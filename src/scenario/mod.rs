//! Scenarios: what is answered, said in YAML.
//!
//! A text goes through [`yaml`] into a [`tree`](crate::document::tree) that knows its places, by
//! [`decode`] into the types of the language ([`file`], [`then`], [`wire`], …),
//! and by [`compile`] into the [`stub`]s that the server holds. [`say`] makes an
//! answer of a stub's reply. All that is wrong on the way is told at once, where
//! it stands ([`error`]).

pub mod build;
pub mod compile;
pub mod decode;
pub mod expect;
mod expect_build;
pub mod expectations;
pub mod file;
pub mod from_cassette;
pub mod pace;
pub mod payload;
pub mod say;
pub mod stub;
pub mod then;
pub mod wire;
mod words;

use std::{collections::HashMap, sync::Arc};

pub use crate::{
    document::{
        error::{self, Problems},
        tree, yaml,
    },
    notation::pattern::Pattern,
};
pub use expect::{Expect, ExpectAll};
pub use file::{Api, AtEnd, File, Operation, Per, Stub, When};
pub use pace::Pace;
pub use then::{Finish, Part, Split, Then, Usage};

use crate::{
    cassette::key::Matching,
    document::{
        error::{Place, Problem, Source},
        tree::{OnKey, Path},
    },
};
use stub::Scenario;

/// Reads a file beside a scenario, by its name; what is wrong is told in words.
pub type ReadFile = dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync;

/// A text to be read, and how to read the files beside it.
pub struct Input {
    /// The text.
    pub source: Arc<Source>,
    /// Reads a file in its folder, by its name.
    pub files: Arc<ReadFile>,
    /// Whom its scenarios answer.
    pub asked: Asked,
    /// By what requests are compared with those that were recorded.
    pub matching: Matching,
    /// The file and line of the code that made it, where it was made by code.
    pub code: Option<(String, usize)>,
}

impl Input {
    /// A text whose scenarios answer anyone.
    pub fn new(source: Arc<Source>, files: Box<ReadFile>) -> Self {
        Self {
            source,
            files: files.into(),
            asked: Asked::ByAnyone,
            matching: Matching::default(),
            code: None,
        }
    }
}

/// The header in which a scenario of the catalogue is asked for.
pub const NAME_HEADER: &str = "x-mynah-scenario";

/// What precedes its name where it is asked for as a model.
pub const MODEL_PREFIX: &str = "mynah-";

/// Whom a scenario answers, besides what its conditions say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Anyone.
    #[default]
    ByAnyone,
    /// Who speaks one of these APIs, if any are given.
    ByApi(Vec<Api>),
    /// The same, who asks for it by this name: as the model `mynah-NAME`, or in the
    /// header `x-mynah-scenario`.
    ByName(String, Vec<Api>),
    /// Nobody by itself: other scenarios are laid over it.
    Underneath,
}

/// Reads all scenarios of these texts, in their order, and tells all that is
/// wrong with them.
pub fn read(inputs: &[Input]) -> (Vec<Scenario>, Problems) {
    let (mut scenarios, mut problems) = (Vec::new(), Vec::new());
    let mut known = Known::default();
    for input in inputs {
        let trees = match yaml::read(&input.source) {
            Ok(trees) => trees,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if trees.is_empty() {
            problems.push(Problem::error(
                &input.source,
                Place::default(),
                "there is no scenario in this file",
            ));
        }
        for (number, tree) in trees.into_iter().enumerate() {
            let (document, mut found) = decode::document(&input.source, tree);
            let (scenario, faults) = compile::scenario(&document, number, input);
            found.extend(faults);
            if let Some(scenario) = scenario {
                found.extend(known.compare(&document, &scenario));
                scenarios.push(scenario);
            }
            problems.extend(error::in_order(found));
        }
    }
    problems.extend(shadows(&scenarios, inputs));
    (scenarios, Problems(problems))
}

/// What a scenario is called that has no name of its own: its file's without the ending.
pub fn name_of_file(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

/// What scenarios must agree on.
#[derive(Default)]
struct Known {
    names: HashMap<String, String>,
    states: HashMap<String, (String, String)>,
}

impl Known {
    fn compare(&mut self, document: &decode::Document, scenario: &Scenario) -> Vec<Problem> {
        let (root, mut problems) = (Path::default(), Vec::new());
        let place = &document.source.name;
        if let Some(other) = self.names.insert(scenario.name.clone(), place.clone()) {
            let message = format!("the name {:?} is taken by a scenario in {other}", scenario.name);
            problems.push(
                document.problem(&root.key("name"), OnKey::No, message).hint("give it a `name` of its own"),
            );
        }
        for (name, value) in &scenario.states {
            let before = self.states.entry(name.clone()).or_insert_with(|| (value.clone(), place.clone()));
            if before.0 != *value {
                let message = format!("the state variable `{name}` begins as {:?} in {}", before.0, before.1);
                problems.push(document.problem(&root.key("states").key(name), OnKey::No, message));
            }
        }
        problems
    }
}

/// Scenarios of which an earlier one leaves nothing.
fn shadows(scenarios: &[Scenario], inputs: &[Input]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (stub, names) in compile::shadows_between(scenarios) {
        let (file, line) = stub.place.rsplit_once(':').unwrap_or((&stub.place, "0"));
        let Some(input) = inputs.iter().find(|input| input.source.name == file) else { continue };
        let line = line.parse().unwrap_or_default();
        let text = input.source.text.lines().nth(usize::saturating_sub(line, 1)).unwrap_or_default();
        let indent = text.len() - text.trim_start_matches([' ', '-']).len();
        let place = Place { line, column: indent + 1, length: 1 };
        let shown: Vec<_> = names.iter().take(3).map(|name| format!("{name:?}")).collect();
        let more = names.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "{:?} takes all that some stubs of {}{more} would match, if they are served together",
            stub.name,
            shown.join(", ")
        );
        problems
            .push(Problem::warning(&input.source, place, message).hint("files are asked in the order given"));
    }
    problems
}
