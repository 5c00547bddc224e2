//! What the language has and the server does not carry out yet: its keys are
//! read and checked, and then refused in so many words, so that nobody waits
//! for a fault that never comes.

use super::{Compiler, Path};
use crate::{notation::value::List, scenario::file::File};

impl Compiler<'_> {
    pub(super) fn later_in_file(&mut self, file: &File) {
        let root = Path::default();
        for (at, limit) in file.limits.iter().flat_map(|List(limits)| limits).enumerate() {
            let path = root.key("limits");
            let path = path.index(at);
            let counts = [
                limit.requests.is_some(),
                limit.tokens.is_some(),
                limit.cost.is_some(),
                limit.concurrent.is_some(),
            ];
            if counts.iter().filter(|is_given| **is_given).count() != 1 {
                self.error(&path, "a limit has exactly one of `requests`, `tokens`, `cost` and `concurrent`");
            }
            for (at, when) in limit.when.iter().flat_map(|List(when)| when).enumerate() {
                self.when(when, &path.key("when").index(at));
            }
            if let Some(then) = &limit.then {
                self.reply(then, &path.key("then"), None);
            }
        }
        if file.limits.is_some() {
            self.later(&root.key("limits"), "limits");
        }
    }

    fn later(&mut self, path: &Path<'_>, key: &str) {
        self.error_at_key(
            path,
            format!("`{key}` is read and checked, but this version does not carry it out yet"),
        );
    }
}
