//! Tables of the fields that a request's JSON may have: one table for each
//! object, as a provider's specification has them.

/// What a field holds. `null` stands for an absent optional field everywhere.
#[derive(Debug)]
pub(in crate::dialect) enum Kind {
    Text,
    /// A function's name: letters, digits, `_` and `-`, up to so many.
    Name(usize),
    Bool,
    Int(i64, i64),
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of so many at least and at the most.
    List(&'static Kind, usize, usize),
    Object(&'static [Field]),
    /// An object whose `type` says which of these it is.
    Tagged(&'static [(&'static str, &'static [Field])]),
    /// The same, an object without a `type` being the first of them.
    TaggedOrFirst(&'static [(&'static str, &'static [Field])]),
    /// Any of these.
    Either(&'static [Kind]),
    /// Any object.
    AnyObject,
    /// Anything.
    Any,
}

/// A member of an object.
#[derive(Debug)]
pub(in crate::dialect) struct Field {
    pub(in crate::dialect) name: &'static str,
    pub(in crate::dialect) need: Need,
    pub(in crate::dialect) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Need {
    Required,
    Optional,
}

/// A field that must be there.
pub(in crate::dialect) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Required, kind }
}

/// A field that may be absent.
pub(in crate::dialect) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Optional, kind }
}

/// The field that stands for all others, in an object of which no list is kept.
pub(in crate::dialect) const OTHERS: &str = "*";

/// An object of which no list is kept.
pub(in crate::dialect) const OPEN: &[Field] = &[optional(OTHERS, Kind::Any)];
