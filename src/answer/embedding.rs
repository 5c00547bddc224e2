//! The built-in vectors.

use crate::{ask::Embed, reply::Embeddings};

pub(super) fn vectors(want: &Embed) -> Embeddings {
    Embeddings { vectors: want.inputs.iter().map(|_| vec![1.0]).collect(), tokens: want.tokens }
}
