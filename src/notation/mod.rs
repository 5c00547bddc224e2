//! How values are written in the files that people write: durations, sizes,
//! ranges, patterns and paths. Each is read from YAML and printed as it was.

pub mod path;
pub mod pattern;
pub mod text;
pub mod value;
