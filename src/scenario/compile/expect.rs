//! Expectations: what can never be met, and where each of it stands.

use std::sync::Arc;

use super::{Compiler, Path};
use crate::{
    cassette::key::Matching,
    document::{
        error::{Place, Problem, Source},
        read::read,
        tree::{Kind, OnKey},
        yaml,
    },
    notation::value::List,
    scenario::{
        Asked, ReadFile,
        decode::Document,
        expect::{Expect, ExpectAll, Gaps},
        expectations::{Check, Expectations, ExpectationsFile, Expected, Name, Of},
        file::When,
    },
};

/// Reads a text of expectations.
///
/// # Errors
///
/// All that is wrong with it.
pub fn expectations(source: &Arc<Source>) -> Result<Expectations, Vec<Problem>> {
    let trees = yaml::read(source).map_err(|problem| vec![problem])?;
    let mut trees = trees.into_iter();
    let Some(tree) = trees.next() else {
        let problem = Problem::error(source, Place::default(), "there is nothing in it");
        return Err(vec![problem.hint("a file of expectations begins with `expectations: 1`")]);
    };
    if let Some(more) = trees.next() {
        return Err(vec![Problem::error(source, more.place, "a file of expectations is one document")]);
    }
    if tree.value("scenario").is_some() {
        let problem = Problem::error(source, tree.place, "this is a scenario, and no file of expectations");
        return Err(vec![problem.hint("scenarios are given without `--expect`")]);
    }
    let mut problems = Vec::new();
    let Some(file) = read::<ExpectationsFile>(source, &tree, &mut problems) else { return Err(problems) };
    let document = Document { source: Arc::clone(source), tree, file: None, stubs: Vec::new() };
    let files: Arc<ReadFile> = Arc::new(|_| Err("expectations read no files".to_owned()));
    let matching = Matching::default();
    let mut compiler = Compiler {
        document: &document,
        files: &files,
        asked: &Asked::ByAnyone,
        matching: &matching,
        code: None,
        problems: Vec::new(),
        held: 0,
    };
    let expectations = compiler.expectations(file);
    if compiler.problems.is_empty() { Ok(expectations) } else { Err(compiler.problems) }
}

impl Compiler<'_> {
    fn expectations(&mut self, file: ExpectationsFile) -> Expectations {
        let root = Path::default();
        if file.expect.is_none() && file.checks.is_none() {
            self.error(&root, "nothing is expected: say `expect` or `checks`");
        }
        let mut names = Vec::new();
        let order = file.expect.iter().filter_map(|expect| expect.order.as_ref());
        for (at, name) in order.flat_map(|List(order)| order).enumerate() {
            let (path, name) = (root.key("expect"), Name::from_text(name));
            names.push(self.named(name, &path.key("order").index(at)));
        }
        let all = file.expect.map(|expect| self.expect_all(&expect, &[], &root.key("expect")));
        let mut checks = Vec::new();
        for (at, check) in file.checks.into_iter().flat_map(|List(checks)| checks).enumerate() {
            let path = root.key("checks");
            let path = path.index(at);
            if check.stub.is_some() && check.when.is_some() {
                self.error_at_key(&path.key("when"), "a check is about a `stub` or about a `when`, not both");
            }
            let shown = check.stub.clone().unwrap_or_else(|| match &check.when {
                Some(_) => format!("check {}", at + 1),
                None => "all requests".to_owned(),
            });
            let of = match check.stub {
                Some(stub) => {
                    let name = Name::from_text(&stub);
                    names.push(self.named(name.clone(), &path.key("stub")));
                    Of::Stub(name)
                }
                None => Of::When(self.conditions_of(check.when.as_ref(), &path.key("when"))),
            };
            let expect = self.expect(&check.expect, &path.key("expect"));
            checks.push(Check { name: check.name.unwrap_or(shown), of, expect });
        }
        Expectations { all, checks, names }
    }

    fn named(&self, name: Name, path: &Path<'_>) -> (Name, Arc<Source>, Place) {
        (name, Arc::clone(&self.document.source), self.document.tree.place_of(path, OnKey::No))
    }

    /// Conditions that a request that came can be held to.
    fn conditions_of(&mut self, when: Option<&List<When>>, path: &Path<'_>) -> Vec<When> {
        let mut whens = Vec::new();
        for (at, when) in when.into_iter().flat_map(|List(when)| when).enumerate() {
            let path = path.index(at);
            self.when(when, &path);
            let counted = [
                ("attempt", when.attempt.is_some()),
                ("nth", when.nth.is_some()),
                ("chance", when.chance.is_some()),
                ("state", when.state.is_some()),
            ];
            for (key, _) in counted.into_iter().filter(|(_, is_given)| *is_given) {
                let message = format!("`{key}` is known while a request is answered, and not behind it");
                self.error_at_key(&path.key(key), message);
            }
            whens.push(self.with_globs(when.clone(), &path));
        }
        whens
    }

    /// What is expected about a stub.
    pub(super) fn expect(&mut self, expect: &Expect, path: &Path<'_>) -> Expected<Expect> {
        match &expect.gaps {
            Some(Gaps::Ranges(ranges)) if ranges.is_empty() => {
                self.error(&path.key("gaps"), "an empty list of gaps bounds none");
            }
            Some(Gaps::Backoff(backoff)) => {
                let path = path.key("gaps");
                let path = path.key("backoff");
                if backoff.factor.is_some_and(|factor| !factor.is_finite() || factor <= 0.0) {
                    self.error(&path.key("factor"), "a factor is above 0");
                }
                let jitter = backoff.jitter.as_ref();
                if jitter.is_some_and(|jitter| jitter.low.is_some_and(|low| low.0 < -100.0)) {
                    self.error(&path.key("jitter"), "a gap cannot be shortened by more than all of it");
                }
            }
            _ => {}
        }
        for (at, name) in expect.same.iter().flat_map(|List(names)| names).enumerate() {
            if http::HeaderName::try_from(name).is_err() {
                let message = format!("`{name}` is neither `body`, `key` nor the name of a header");
                self.error(&path.key("same").index(at), message);
            }
        }
        if expect.same.as_ref().is_some_and(|List(names)| names.is_empty()) {
            self.error(&path.key("same"), "an empty list compares nothing");
        }
        let sent = expect.sent.as_ref().map(|sent| {
            let conditions = self.conditions_of(Some(sent), &path.key("sent"));
            if conditions.is_empty() {
                self.error(&path.key("sent"), "an empty list of conditions holds for nothing");
            }
            List(conditions)
        });
        if *expect == Expect::default() || (expect.group.is_some() && self.keys_of(path).len() == 1) {
            self.error(path, "nothing is expected here");
        }
        self.expected(Expect { sent, ..expect.clone() }, path)
    }

    /// What is expected of the whole run. `names` are those of the file's stubs.
    pub(super) fn expect_all(
        &mut self,
        expect: &ExpectAll,
        names: &[String],
        path: &Path<'_>,
    ) -> Expected<ExpectAll> {
        for (at, name) in expect.order.iter().flat_map(|List(names)| names).enumerate() {
            if !names.is_empty() && !names.contains(name) {
                let meant = super::did_you_mean(name, names.iter().map(String::as_str));
                let meant = meant.map(|meant| format!(", did you mean {meant:?}?")).unwrap_or_default();
                let message = format!("no stub of this file is called {name:?}{meant}");
                self.error(&path.key("order").index(at), message);
            }
        }
        if expect.order.as_ref().is_some_and(|List(names)| names.is_empty()) {
            self.error(&path.key("order"), "an empty list names no stub");
        }
        if *expect == ExpectAll::default() {
            self.error(path, "nothing is expected here");
        }
        self.expected(expect.clone(), path)
    }

    fn keys_of(&self, path: &Path<'_>) -> Vec<String> {
        let Some(node) = self.document.tree.at(path) else { return Vec::new() };
        let Kind::Map(entries) = &node.kind else { return Vec::new() };
        let names = entries.iter().filter_map(|(key, _)| match &key.kind {
            Kind::Text(name) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }

    fn expected<T>(&self, expect: T, path: &Path<'_>) -> Expected<T> {
        if let Some((file, line)) = self.code {
            // Nobody has seen the text that it was made into.
            let lines = self.keys_of(path).into_iter().map(|key| (key, *line)).collect();
            return Expected { expect, file: file.clone(), lines, line: *line };
        }
        let tree = &self.document.tree;
        let line = |key: &String| tree.place_of(&path.key(key), OnKey::Yes).line;
        let lines = self.keys_of(path).into_iter().map(|key| (key.clone(), line(&key))).collect();
        let file = self.document.source.name.clone();
        Expected { expect, file, lines, line: tree.place_of(path, OnKey::Yes).line }
    }
}
