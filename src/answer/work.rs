//! How much may be spent on one sample, so that no schema holds the server up.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// Steps: values made, checks done, characters written. Together they take some
/// tenths of a second at the most.
const MOST_STEPS: usize = 2_000_000;

/// What reading an expression counts.
const READING: usize = 10_000;

/// Bytes of a compiled expression at the most. A larger one is not checked.
const LARGEST_EXPRESSION: usize = 1 << 20;

/// What is left to spend, and the expressions that were read already.
pub(super) struct Work {
    left: Cell<usize>,
    expressions: RefCell<HashMap<String, Option<Rc<Regex>>>>,
}

impl Work {
    pub(super) fn new() -> Self {
        Self::shared_by(1)
    }

    /// As much as each of so many candidates may cost.
    pub(super) fn shared_by(candidates: u32) -> Self {
        let share = MOST_STEPS / usize::try_from(candidates.max(1)).unwrap_or(usize::MAX);
        Self { left: Cell::new(share), expressions: RefCell::default() }
    }

    /// `None` once everything is spent.
    pub(super) fn spend(&self, steps: usize) -> Option<()> {
        let left = self.left.get().saturating_sub(steps);
        self.left.set(left);
        (left > 0).then_some(())
    }

    /// The compiled expression; `None` if it cannot be read, or is too large.
    pub(super) fn expression(&self, pattern: &str) -> Option<Rc<Regex>> {
        if let Some(known) = self.expressions.borrow().get(pattern) {
            return known.clone();
        }
        self.spend(READING)?;
        let read = RegexBuilder::new(pattern).size_limit(LARGEST_EXPRESSION).build().ok().map(Rc::new);
        self.expressions.borrow_mut().insert(pattern.to_owned(), read.clone());
        read
    }
}

/// How many values a document consists of: what copying it counts.
pub(super) fn weight(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.values().map(weight).sum(),
        _ => 0,
    }
}
