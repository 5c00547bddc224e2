//! A scenario file: a scenario, or mistakes with their places.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mynah::scenario::{self, Input, error::Source};

fuzz_target!(|text: &str| {
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: text.to_owned() });
    let files = Box::new(|_: &str| Err("there is none".to_owned()));
    let (scenarios, problems) = scenario::read(&[Input::new(source, files)]);
    assert!(!scenarios.is_empty() || !problems.0.is_empty());
    drop(problems.to_string());
});
