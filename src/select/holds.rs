//! Whether conditions hold for a request, and which do not.

use std::fmt;

use super::facts::Facts;
use crate::{
    notation::{
        pattern::Pattern,
        value::{Count, CountItem},
    },
    scenario::file::{Http, When},
};

/// A condition that does not hold.
pub(super) struct Mismatch<'a> {
    /// Such as `prompt` or `header x-tenant`.
    pub(super) key: fmt::Arguments<'a>,
    /// What is expected.
    pub(super) expected: &'a dyn fmt::Display,
    /// The pattern, where there is one.
    pub(super) pattern: Option<&'a Pattern>,
    /// What is there instead.
    pub(super) found: &'a [&'a str],
}

/// Whether to go on with further conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// Go on.
    On,
    /// It is known enough.
    Stop,
}

impl When {
    /// Whether all that can be told without counting holds.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let mut holds = true;
        self.each(facts, &mut |_| {
            holds = false;
            Go::Stop
        });
        holds
    }

    /// What does not hold, in one line: each condition with what is there instead.
    pub fn differences(&self, facts: &Facts<'_>) -> String {
        let mut lines = Vec::new();
        self.each(facts, &mut |mismatch| {
            let found = match mismatch.found {
                [] => "nothing".to_owned(),
                found => format!("{:?}", found.join(", ")),
            };
            lines.push(format!("{} is {found}, where {} was expected", mismatch.key, mismatch.expected));
            Go::On
        });
        lines.join("; ")
    }

    /// Goes through the conditions that can be told without counting, and tells
    /// `report` of those that do not hold; it says whether to go on.
    pub(super) fn each(&self, facts: &Facts<'_>, report: &mut dyn FnMut(&Mismatch<'_>) -> Go) {
        let mut walk = Walk { report, go: Go::On };
        self.route(facts, &mut walk);
        self.texts(facts, &mut walk);
        self.numbers(facts, &mut walk);
        self.named(facts, &mut walk);
        for (path, pattern) in self.json.iter().flatten() {
            walk.nodes(format_args!("json {path}"), pattern, || path.find(facts.json));
        }
    }

    fn route(&self, facts: &Facts<'_>, walk: &mut Walk<'_>) {
        if let Some(apis) = &self.api {
            let holds = apis.0.iter().any(|api| facts.speaks(*api));
            walk.plain(format_args!("api"), holds, &Words(&apis.0), facts.api());
        }
        if let Some(operations) = &self.operation {
            let holds = operations.0.contains(&facts.operation);
            walk.plain(format_args!("operation"), holds, &Words(&operations.0), facts.operation.name());
        }
        if let Some(stream) = self.stream {
            let found = facts.is_stream();
            walk.plain(
                format_args!("stream"),
                stream == found,
                &stream,
                if found { "true" } else { "false" },
            );
        }
        if let Some(http) = self.http {
            walk.plain(format_args!("http"), http == Http::H1, &"h2", "h1");
        }
        if let Some(tls) = self.tls {
            walk.plain(format_args!("tls"), !tls, &true, "false");
        }
    }

    fn texts(&self, facts: &Facts<'_>, walk: &mut Walk<'_>) {
        walk.texts(format_args!("model"), self.model.as_ref(), || facts.models());
        walk.texts(format_args!("prompt"), self.prompt.as_ref(), || facts.prompts());
        walk.texts(format_args!("system"), self.system.as_ref(), || facts.system());
        walk.texts(format_args!("tools"), self.tools.as_ref(), || facts.tools());
        walk.texts(format_args!("media"), self.media.as_ref(), || facts.media());
        walk.texts(format_args!("method"), self.method.as_ref(), || vec![facts.request.method.as_str()]);
        walk.texts(format_args!("path"), self.path.as_ref(), || vec![facts.request.path.as_str()]);
        walk.texts(format_args!("key"), self.key.as_ref(), || facts.keys());
    }

    fn numbers(&self, facts: &Facts<'_>, walk: &mut Walk<'_>) {
        let turn = facts.prompt().map_or(0, |prompt| prompt.turn);
        walk.number(format_args!("turn"), self.turn.as_ref(), turn);
        walk.number(format_args!("tokens"), self.tokens.as_ref(), facts.tokens());
        let nth = facts.connection.request;
        walk.number(format_args!("nth_on_connection"), self.nth_on_connection.as_ref(), nth);
    }

    fn named(&self, facts: &Facts<'_>, walk: &mut Walk<'_>) {
        for (name, pattern) in self.tool_result.iter().flatten() {
            walk.texts(format_args!("tool_result {name}"), Some(pattern), || facts.tool_results(name));
        }
        for (name, pattern) in self.query.iter().flatten() {
            walk.texts(format_args!("query {name}"), Some(pattern), || facts.query(name));
        }
        for (name, pattern) in self.header.iter().flatten() {
            walk.texts(format_args!("header {name}"), Some(pattern), || facts.header(name));
        }
    }

    /// Whether it depends on what came before.
    pub(super) fn is_counted(&self) -> bool {
        self.attempt.is_some() || self.nth.is_some() || self.chance.is_some() || self.state.is_some()
    }
}

/// A walk through conditions, until enough is known.
struct Walk<'r> {
    report: &'r mut dyn FnMut(&Mismatch<'_>) -> Go,
    go: Go,
}

impl Walk<'_> {
    fn plain(&mut self, key: fmt::Arguments<'_>, holds: bool, expected: &dyn fmt::Display, found: &str) {
        if self.go == Go::On && !holds {
            self.go = (self.report)(&Mismatch { key, expected, pattern: None, found: &[found] });
        }
    }

    fn number(&mut self, key: fmt::Arguments<'_>, count: Option<&Count>, number: u64) {
        if let Some(count) = count {
            self.plain(key, count.holds(number), &Shown(count), &number.to_string());
        }
    }

    fn texts<'t>(
        &mut self,
        key: fmt::Arguments<'_>,
        pattern: Option<&Pattern>,
        find: impl FnOnce() -> Vec<&'t str>,
    ) {
        let Some(pattern) = pattern.filter(|_| self.go == Go::On) else { return };
        let found = find();
        if !pattern.holds_for_texts(&found) {
            self.go =
                (self.report)(&Mismatch { key, expected: pattern, pattern: Some(pattern), found: &found });
        }
    }

    fn nodes<'v>(
        &mut self,
        key: fmt::Arguments<'_>,
        pattern: &Pattern,
        find: impl FnOnce() -> Vec<&'v serde_json::Value>,
    ) {
        if self.go == Go::Stop {
            return;
        }
        let nodes = find();
        if !pattern.holds_for_nodes(&nodes) {
            let texts: Vec<_> = nodes.iter().map(|node| node.to_string()).collect();
            let found: Vec<_> = texts.iter().map(String::as_str).collect();
            self.go =
                (self.report)(&Mismatch { key, expected: pattern, pattern: Some(pattern), found: &found });
        }
    }
}

/// Words as they are written.
struct Words<'a, T>(&'a [T]);

impl<T: serde::Serialize> fmt::Display for Words<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.iter().enumerate() {
            let word = serde_json::to_value(word).unwrap_or_default();
            let between = if at == 0 { "" } else { " or " };
            write!(f, "{between}{}", word.as_str().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A count as it is written.
pub(super) struct Shown<'a>(pub(super) &'a Count);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.0.iter().enumerate().try_for_each(|(at, item)| {
            f.write_str(if at == 0 { "" } else { " or " })?;
            match item {
                CountItem::Range(range) => write!(f, "{range}"),
                CountItem::Every(every) => write!(f, "every {every}"),
            }
        })
    }
}
