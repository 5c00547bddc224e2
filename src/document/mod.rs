//! Documents that people write: YAML that is read with the place of everything in
//! it, so that all that is wrong is told at once, where it stands.

pub mod error;
mod path;
pub mod read;
pub mod tree;
pub mod yaml;
