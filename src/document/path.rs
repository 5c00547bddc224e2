//! Ways to a node in a document.

/// A step from a node to one in it.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// To the value of this key.
    Key(&'a str),
    /// To this item, counted from 0.
    Index(usize),
}

/// The way to a node, from the root of its document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<'a> {
    before: Option<&'a Path<'a>>,
    step: Option<Step<'a>>,
}

impl<'a> Path<'a> {
    /// The way to the value of a key.
    pub fn key(&'a self, key: &'a str) -> Self {
        Self { before: Some(self), step: Some(Step::Key(key)) }
    }

    /// The way to an item of a list. Where a list of one dropped its brackets,
    /// it is the node itself.
    pub fn index(&'a self, index: usize) -> Self {
        Self { before: Some(self), step: Some(Step::Index(index)) }
    }

    pub(super) fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = self.before.map(Path::steps).unwrap_or_default();
        steps.extend(self.step);
        steps
    }
}

/// Whether a place is a key's or its value's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnKey {
    /// The key's.
    Yes,
    /// The value's.
    No,
}
