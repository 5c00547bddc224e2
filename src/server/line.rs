//! What the log says of a request: one line of bounded length, without keys.

use std::fmt;

use crate::{dialect::Route, redact::redact, request::Request};

/// Characters of a piece of a line at the most.
const LONGEST: usize = 300;

/// A line about a request.
pub(super) struct Line<'a> {
    request: &'a Request,
    route: &'a Route,
    status: u16,
    reason: &'a str,
    keys: &'a [String],
    more: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        request: &'a Request,
        route: &'a Route,
        status: u16,
        reason: &'a str,
        keys: &'a [String],
    ) -> Self {
        Self { request, route, status, reason, keys, more: "" }
    }

    /// With a message of several lines behind it.
    pub(super) fn with_lines(mut self, more: &'a str) -> Self {
        self.more = more;
        self
    }

    fn shown(&self, text: &str) -> String {
        // Redacted first: the beginning of a key is not known as one.
        let redacted = redact(text, self.keys);
        // One line, whatever is in it.
        redacted.chars().take(LONGEST).collect::<String>().replace(char::is_control, " ")
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dialect, operation) = (self.route.dialect.name(), self.route.operation.name());
        let target = self.shown(&self.request.target());
        write!(f, "{} {target} {} {dialect} {operation}", self.request.method, self.status)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.shown(self.reason))?;
        }
        // The first says again what was asked.
        self.more.lines().skip(1).try_for_each(|line| write!(f, "\n  {}", self.shown(line)))
    }
}
