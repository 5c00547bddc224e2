//! Where in a document something stands.

/// A chain of steps on the stack, written out only where there is something to
/// say about the place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    /// The document itself.
    Root,
    /// A member of an object.
    Name(&'a Path<'a>, &'a str),
    /// An item of a list.
    Index(&'a Path<'a>, usize),
    /// The same place, known to be of this type. Not every dialect says so.
    Tag(&'a Path<'a>, &'a str),
}

impl Path<'_> {
    /// Such as `messages[0].content`, names spelt as the dialect spells them.
    pub(super) fn spell(&self, name_as: fn(&str) -> String) -> String {
        match self {
            Path::Root => String::new(),
            Path::Tag(place, _) => place.spell(name_as),
            Path::Index(parent, index) => format!("{}[{index}]", parent.spell(name_as)),
            Path::Name(Path::Root, name) => name_as(name),
            Path::Name(parent, name) => format!("{}.{}", parent.spell(name_as), name_as(name)),
        }
    }
}
