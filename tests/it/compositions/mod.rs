//! Whatever is laid over an answer: a plan comes of it, and the plan is what
//! stands on the wire.

mod asked;
mod grammar;
mod harmless;
mod kept;
mod played;
mod recut;
pub(crate) mod told;
