//! A user's own rules: what else is a secret, and what may differ.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    key::Matching,
    secret::{Detector, OwnRules},
};
use crate::{
    document::{
        error::{Problem, Source},
        read::read,
        yaml,
    },
    notation::{path::JsonPath, pattern::Expression, value::List},
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    redact: Redact,
    #[serde(default)]
    ignore: Ignore,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redact {
    #[serde(default)]
    headers: List<String>,
    #[serde(default)]
    query: List<String>,
    #[serde(default)]
    json: List<JsonPath>,
    #[serde(default)]
    regex: List<Expression>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    #[serde(default)]
    json: List<JsonPath>,
    #[serde(default)]
    query: List<String>,
}

/// Reads a user's own rules.
///
/// # Errors
///
/// All that is wrong with them.
pub fn config(source: &Arc<Source>) -> Result<Matching, Vec<Problem>> {
    let Some(tree) = yaml::read(source).map_err(|problem| vec![problem])?.into_iter().next() else {
        return Ok(Matching::default());
    };
    let mut problems = Vec::new();
    let Some(Config { redact, ignore }) = read::<Config>(source, &tree, &mut problems) else {
        return Err(problems);
    };
    let own = OwnRules {
        headers: redact.headers.0.into_iter().map(|name| name.to_ascii_lowercase()).collect(),
        query: redact.query.0,
        json: redact.json.0,
        regex: redact.regex.0.into_iter().map(|expression| expression.0).collect(),
    };
    Ok(Matching { detector: Detector::new(own), ignored_json: ignore.json.0, ignored_query: ignore.query.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Matching, String> {
        let source = Arc::new(Source { name: "mynah.yaml".to_owned(), text: text.to_owned() });
        config(&source).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rules_are_read_and_mistakes_are_told() {
        let text =
            "redact: {headers: X-Tenant, json: [$.user], regex: 'acct_\\d+'}\nignore: {query: trace}\n";
        let matching = of(text).unwrap();
        assert_eq!(matching.detector.own().headers, ["x-tenant"]);
        assert_eq!(matching.ignored_query, ["trace"]);
        let told = of("redact: {header: x, regex: '('}\n").unwrap_err();
        assert!(told.contains("headers") && told.contains("mynah.yaml:1"), "{told}");
        assert!(of("").is_ok());
    }
}
