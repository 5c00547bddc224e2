//! What a server is told about recordings.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Builder, StartError, forward::Forwarding};
use crate::{
    cassette::{
        config::config,
        deck::{Deck, Repeat},
        key::Matching,
        secret,
    },
    document::error::{Problem, Problems},
    record::{
        Encoding, Mode,
        address::Address,
        recorder::Recorder,
        upstream::{Plan, Upstream},
    },
    store,
};

/// How fast recordings are played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as they were recorded.
    Times(f64),
    /// All at once.
    Instant,
}

impl Speed {
    /// How many times as long all times are.
    fn factor(self) -> f64 {
        match self {
            Self::Times(times) if times.is_finite() && times > 0.0 => times.recip(),
            Self::Times(_) => 1.0,
            Self::Instant => 0.0,
        }
    }
}

/// Where recordings are, and how they are played.
#[derive(Clone, Debug, Default)]
pub(super) struct Recordings {
    paths: Vec<PathBuf>,
    config: Option<PathBuf>,
    repeat: Repeat,
    upstreams: Vec<Plan>,
    /// What is wrong with what was told of upstreams, to be told when it starts.
    problems: Vec<String>,
    keys: Vec<(String, String)>,
    roots: Option<PathBuf>,
    encoding: Encoding,
    patience: Option<Duration>,
    mode: Mode,
    /// Where recordings go.
    folder: Option<PathBuf>,
    cassette: Option<String>,
}

/// How long nothing may come from an upstream, where nothing else is said.
pub const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(600);

/// The cassette of those who name no session.
const CASSETTE: &str = "recording";

impl Builder {
    /// A cassette, or a folder of them: what was recorded there answers requests that
    /// no stub takes.
    pub fn cassettes(mut self, path: impl Into<PathBuf>) -> Self {
        self.recordings.paths.push(path.into());
        self
    }

    /// A file with rules of one's own: what else is a secret, and in what requests may
    /// differ that are taken for the same.
    pub fn config(mut self, path: impl Into<PathBuf>) -> Self {
        self.recordings.config = Some(path.into());
        self
    }

    /// How fast recordings are played; as they were recorded where nothing is said.
    pub fn replay_speed(mut self, speed: Speed) -> Self {
        self.settings.replay_factor = speed.factor();
        self
    }

    /// Where requests are passed on to: a dialect's name or any other, and the base URL
    /// that an SDK would be given. Requests go to the upstream that their path names
    /// (`/NAME/v1/…`), or to that of their dialect, or to the only one.
    pub fn upstream(mut self, name: impl Into<String>, url: &str) -> Self {
        let name = name.into();
        match Address::new(url) {
            Ok(address) => self.recordings.upstreams.push(Plan { name, address, key: None }),
            Err(problem) => self.recordings.problems.push(format!("the upstream {name}: {problem}")),
        }
        self
    }

    /// The variable of the environment that holds an upstream's key, which takes the
    /// place of whatever the client sends. Without one the client's key is passed on,
    /// and only a client without one gets that of `NAME_API_KEY`.
    pub fn upstream_key(mut self, name: impl Into<String>, variable: impl Into<String>) -> Self {
        self.recordings.keys.push((name.into(), variable.into()));
        self
    }

    /// A file of certificates (PEM) that upstreams are trusted by, instead of the
    /// system's.
    pub fn upstream_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.recordings.roots = Some(path.into());
        self
    }

    /// How long nothing may come from an upstream before it is given up;
    /// [`UPSTREAM_TIMEOUT`] where nothing is said.
    pub fn upstream_timeout(mut self, time: Duration) -> Self {
        self.recordings.patience = Some(time);
        self
    }

    /// Which codings of a body upstreams may choose from.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.recordings.encoding = encoding;
        self
    }

    /// Records into this folder, which is also replayed from: what becomes of requests
    /// that no stub takes is the mode's.
    pub fn record(mut self, mode: Mode, folder: impl Into<PathBuf>) -> Self {
        self.recordings.mode = mode;
        self.recordings.folder = Some(folder.into());
        self
    }

    /// The name of the cassette of those who name no session: `recording` where
    /// nothing is said.
    pub fn cassette_name(mut self, name: impl Into<String>) -> Self {
        self.recordings.cassette = Some(name.into());
        self
    }

    /// What a call gets when all that was recorded for it was played.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.recordings.repeat = repeat;
        self
    }
}

impl Recordings {
    /// Whether requests are answered by what was recorded, or recorded.
    pub(super) fn are_used(&self) -> bool {
        !self.paths.is_empty() || self.folder.is_some()
    }

    /// Reads the recordings; `None` where there are to be none.
    pub(super) fn deck(&self, matching: Matching) -> Result<(Option<Deck>, Vec<Problem>), StartError> {
        if !self.are_used() {
            return Ok((None, Vec::new()));
        }
        // What is to be recorded into may have nothing in it yet.
        let records = self.mode != Mode::None;
        let own = self.folder.iter().filter(|folder| !self.paths.contains(folder));
        let all = self.paths.iter().chain(own);
        let paths: Vec<_> = all.filter(|path| !records || store::has_files(path)).cloned().collect();
        let (tapes, problems) = store::cassettes::read(&paths, &matching);
        let problems = Problems(problems);
        if problems.are_fatal() {
            return Err(StartError::Cassettes(problems));
        }
        secret::prepare();
        let deck = Deck::new(tapes, matching, self.repeat, self.cassette().to_owned());
        Ok((Some(deck), problems.0))
    }

    fn cassette(&self) -> &str {
        self.cassette.as_deref().unwrap_or(CASSETTE)
    }

    /// Makes the upstreams ready that are needed; `None` where there are none. `forwards`:
    /// those that stubs name.
    pub(super) async fn forwarding(
        &self,
        deck: Option<&Deck>,
        forwards: &[&str],
    ) -> Result<Option<Forwarding>, StartError> {
        let wrong = |problem: String| StartError::Upstream(problem);
        if let Some(problem) = self.problems.first() {
            return Err(wrong(problem.clone()));
        }
        if self.upstreams.is_empty() {
            return match self.mode {
                Mode::None => Ok(None),
                _ => Err(wrong("there is nothing to be recorded without an upstream".to_owned())),
            };
        }
        if self.mode == Mode::New && self.repeat == Repeat::Miss {
            let problem = "what is recorded anew would take the place of what was played: \
                           `new` goes with the repeats `last` and `cycle`";
            return Err(wrong(problem.to_owned()));
        }
        let mut plans = self.upstreams.clone();
        for (name, variable) in &self.keys {
            let plan = plans.iter_mut().find(|plan| plan.name == *name);
            plan.ok_or_else(|| wrong(format!("there is no upstream {name} for the key of {variable}")))?
                .key = Some(variable.clone());
        }
        let (roots, patience) = (self.roots.as_deref(), self.patience.unwrap_or(UPSTREAM_TIMEOUT));
        let mut upstreams = Vec::new();
        // Where nothing is recorded, only what stubs forward to is looked for.
        let is_used = |plan: &&Plan| self.mode != Mode::None || forwards.contains(&plan.name.as_str());
        for plan in plans.iter().filter(is_used) {
            if upstreams.iter().any(|known: &Upstream| known.name() == plan.name) {
                return Err(wrong(format!("there are two upstreams {}", plan.name)));
            }
            upstreams.push(Upstream::new(plan, roots, (self.encoding, patience)).await.map_err(wrong)?);
        }
        let recorder = match (&self.folder, self.mode) {
            (None, _) | (_, Mode::None) => None,
            (Some(folder), _) => {
                store::cassettes::make_folder(folder).map_err(|error| wrong(error.to_string()))?;
                let taken = deck.map(Deck::placeholders).unwrap_or_default();
                Some(Arc::new(Recorder::new(folder, self.matching()?, taken)))
            }
        };
        let cassette = self.cassette().to_owned();
        Ok(Some(Forwarding { upstreams, mode: self.mode, recorder, cassette }))
    }

    /// By what requests are compared, and what is a secret.
    pub(super) fn matching(&self) -> Result<Matching, StartError> {
        self.config
            .as_deref()
            .map_or_else(|| Ok(Matching::default()), matching)
            .map_err(StartError::Cassettes)
    }
}

/// Reads a user's own rules.
pub(crate) fn matching(path: &Path) -> Result<Matching, Problems> {
    let source = store::source(path).map_err(|problem| Problems(vec![problem]))?;
    config(&source).map_err(Problems)
}
