//! Scenarios: what is answered, said in YAML.

pub mod decode;
pub mod error;
pub mod expect;
pub mod file;
pub mod pace;
pub mod payload;
pub mod then;
pub mod tree;
pub mod wire;
mod words;
pub mod yaml;
