//! What is expected of the client, ready to be judged by; and the files that say it
//! apart from scenarios.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    expect::{Expect, ExpectAll},
    file::{Version, When},
    stub::Scenario,
};
use crate::{
    document::error::{Place, Problem, Source, did_you_mean},
    notation::value::List,
};

/// A file of expectations: one YAML document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectationsFile {
    /// The version of the format: 1.
    pub expectations: Version,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What the client is to do in the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<ExpectAll>,
    /// What it is to do about some requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<List<CheckFile>>,
}

/// The JSON Schema of a file of expectations, for editors.
pub fn schema() -> serde_json::Value {
    super::file::schema_of::<ExpectationsFile>("expectations")
}

/// What the client is to do about some requests, as it stands in YAML.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// What it is called by; where there is none, by what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Those that this stub answered: its name, or `SCENARIO/STUB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stub: Option<String>,
    /// Those for which this holds, whatever answered them; all, where neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<List<When>>,
    /// What is expected.
    pub expect: Expect,
}

/// What is expected, and where each of it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected<T> {
    /// It.
    pub expect: T,
    /// The file's name.
    pub file: String,
    /// The line of each key.
    pub lines: Vec<(String, usize)>,
    /// The line of all of it.
    pub line: usize,
}

impl<T> Expected<T> {
    /// The line of a key.
    pub fn line(&self, key: &str) -> usize {
        self.lines.iter().find(|(known, _)| known == key).map_or(self.line, |(_, line)| *line)
    }
}

/// All that a text expects.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Of the whole run.
    pub all: Option<Expected<ExpectAll>>,
    /// Of some requests.
    pub checks: Vec<Check>,
    /// The stubs that it names, each with where it does.
    pub names: Vec<(Name, Arc<Source>, Place)>,
}

/// A stub as expectations name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its scenario; any, where none is named.
    pub scenario: Option<String>,
    /// Its own.
    pub stub: String,
}

impl Name {
    /// From `STUB`, or `SCENARIO/STUB`.
    pub fn from_text(text: &str) -> Self {
        match text.split_once('/') {
            Some((scenario, stub)) => Self { scenario: Some(scenario.to_owned()), stub: stub.to_owned() },
            None => Self { scenario: None, stub: text.to_owned() },
        }
    }

    fn is_in(&self, scenarios: &[Scenario]) -> bool {
        let is_meant = |known: &&Scenario| self.scenario.as_ref().is_none_or(|name| *name == known.name);
        let mut meant = scenarios.iter().filter(is_meant);
        meant.any(|known| known.stubs.iter().any(|known| known.name == self.stub))
    }
}

impl Expectations {
    /// The stubs that it names and that are in no scenario.
    pub fn unknown(&self, scenarios: &[Scenario]) -> Vec<Problem> {
        let stubs = || scenarios.iter().flat_map(|known| known.stubs.iter().map(|stub| stub.name.as_str()));
        let unknown = self.names.iter().filter(|(name, ..)| !name.is_in(scenarios));
        unknown
            .map(|(name, source, place)| {
                let meant = did_you_mean(&name.stub, stubs());
                let meant = meant.map(|meant| format!(", did you mean {meant:?}?")).unwrap_or_default();
                let whole = name.scenario.iter().map(|scenario| format!("{scenario}/")).collect::<String>();
                let message = format!("no stub is called \"{whole}{}\"{meant}", name.stub);
                Problem::error(source, *place, message)
            })
            .collect()
    }
}

/// What is expected of the client about some requests.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it is called by.
    pub name: String,
    /// About which.
    pub of: Of,
    /// What.
    pub expect: Expected<Expect>,
}

/// Which requests an expectation is about.
#[derive(Clone, Debug)]
pub enum Of {
    /// Those that a stub answered, alone or laid over another.
    Stub(Name),
    /// Those for which one of these holds; all, where there is none.
    When(Vec<When>),
}
