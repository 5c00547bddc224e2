//! Conditions: what can never hold, what is not served yet, and what the
//! defaults add.

use super::{Compiler, Path};
use crate::{
    notation::{
        pattern::Pattern,
        value::{Count, CountItem, List},
    },
    scenario::{
        MODEL_PREFIX, NAME_HEADER,
        file::{Api, Http, When},
    },
};

impl Compiler<'_> {
    /// Tells what is wrong with a map of conditions.
    pub(super) fn when(&mut self, when: &When, path: &Path<'_>) {
        if when.http == Some(Http::H2) {
            self.error(&path.key("http"), "HTTP/2 is not served yet");
        }
        if when.tls == Some(true) {
            self.error(&path.key("tls"), "TLS is not served yet");
        }
        let counts = [
            ("turn", &when.turn),
            ("attempt", &when.attempt),
            ("nth", &when.nth),
            ("nth_on_connection", &when.nth_on_connection),
        ];
        for (key, count) in counts {
            if count.as_ref().is_some_and(never_holds) {
                self.error(&path.key(key), format!("`{key}` counts from 1, so this never holds"));
            }
        }
        let is_empty = [
            ("api", when.api.as_ref().is_some_and(|List(all)| all.is_empty())),
            ("operation", when.operation.as_ref().is_some_and(|List(all)| all.is_empty())),
            ("turn", when.turn.as_ref().is_some_and(|count| count.0.0.is_empty())),
            ("tokens", when.tokens.as_ref().is_some_and(|count| count.0.0.is_empty())),
            ("attempt", when.attempt.as_ref().is_some_and(|count| count.0.0.is_empty())),
            ("nth", when.nth.as_ref().is_some_and(|count| count.0.0.is_empty())),
            ("nth_on_connection", when.nth_on_connection.as_ref().is_some_and(|count| count.0.0.is_empty())),
        ];
        for (key, _) in is_empty.into_iter().filter(|(_, is_empty)| *is_empty) {
            self.error(&path.key(key), "an empty list holds for nothing");
        }
        if let Some(chance) = when.chance
            && !(0.0..=100.0).contains(&chance.0)
        {
            self.error(&path.key("chance"), "a chance lies between 0% and 100%");
        }
        for name in when.header.iter().flat_map(|header| header.keys()) {
            if http::HeaderName::try_from(name).is_err() {
                self.error_at_key(&path.key("header").key(name), format!("`{name}` is no name of a header"));
            }
        }
    }
}

impl Compiler<'_> {
    /// Tells which conditions need the body that an early answer does not wait
    /// for.
    pub(super) fn early_when(&mut self, when: &When, path: &Path<'_>) {
        let is_gemini = when
            .api
            .as_ref()
            .is_some_and(|List(api)| !api.is_empty() && api.iter().all(|api| *api == Api::Gemini));
        let keys = [
            ("stream", when.stream.is_some() && !is_gemini),
            ("model", when.model.is_some() && !is_gemini),
            ("prompt", when.prompt.is_some()),
            ("system", when.system.is_some()),
            ("turn", when.turn.is_some()),
            ("tools", when.tools.is_some()),
            ("tool_result", when.tool_result.is_some()),
            ("media", when.media.is_some()),
            ("tokens", when.tokens.is_some()),
            ("json", when.json.is_some()),
            ("attempt", when.attempt.is_some()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_given)| *is_given) {
            let why = match key {
                "stream" | "model" => "stands in the body, unless `api` is gemini alone",
                "attempt" => "is told by the body",
                _ => "stands in the body",
            };
            let message = format!("`{key}` {why}; an `early` answer does not wait for that");
            self.error_at_key(&path.key(key), message);
        }
    }
}

fn never_holds(count: &Count) -> bool {
    let List(items) = &count.0;
    !items.is_empty()
        && items.iter().all(|item| match item {
            CountItem::Range(range) => range.high == Some(0),
            CountItem::Every(_) => false,
        })
}

impl When {
    /// With the conditions of the defaults that it has no key of.
    pub(super) fn with_defaults(mut self, defaults: Option<&Self>) -> Self {
        let Some(defaults) = defaults else { return self };
        macro_rules! fill {
            ($($key:ident)*) => { $(
                if self.$key.is_none() {
                    self.$key.clone_from(&defaults.$key);
                }
            )* };
        }
        fill!(api operation stream model prompt system turn tools tool_result media tokens method path query
            header key json attempt nth chance state http tls nth_on_connection);
        self
    }

    /// The same for those who ask for a scenario by its name: in a header, or as
    /// the model, which an early answer knows of Google's callers alone. Who says
    /// something about the model is asked for in the header only.
    pub(super) fn asked_by_name(self, name: &str, is_early: bool) -> Vec<Self> {
        let mut by_header = self.clone();
        by_header.header.get_or_insert_default().insert(NAME_HEADER.to_owned(), Pattern::from(name));
        if self.model.is_some() {
            return vec![by_header];
        }
        let mut by_model = Self { model: Some(Pattern::from(format!("{MODEL_PREFIX}{name}"))), ..self };
        // Who says both means the header.
        by_model.header.get_or_insert_default().entry(NAME_HEADER.to_owned()).or_insert(Pattern::Absent);
        if is_early {
            match &by_model.api {
                None => by_model.api = Some(List(vec![Api::Gemini])),
                Some(List(api)) if api.iter().all(|api| *api == Api::Gemini) => {}
                Some(_) => return vec![by_header],
            }
        }
        vec![by_header, by_model]
    }

    /// For these APIs alone, where it does not say which itself.
    pub(super) fn with_apis(mut self, apis: &[Api]) -> Self {
        if self.api.is_none() && !apis.is_empty() {
            self.api = Some(List(apis.to_vec()));
        }
        self
    }

    /// With bare models and paths taken as globs, and names of headers in lower
    /// case.
    ///
    /// # Errors
    ///
    /// The key of what is no glob, and why.
    pub(super) fn with_globs(mut self) -> Result<Self, (&'static str, String)> {
        let glob = |pattern: Option<Pattern>, key| {
            pattern.map(|pattern| pattern.with_globs().map_err(|reason| (key, reason))).transpose()
        };
        self.model = glob(self.model, "model")?;
        self.path = glob(self.path, "path")?;
        self.header = self
            .header
            .map(|header| header.into_iter().map(|(name, pattern)| (name.to_lowercase(), pattern)).collect());
        Ok(self)
    }
}
