//! Replies that were recorded.

use std::sync::Arc;

use super::{Compiler, Path};
use crate::{
    cassette::{
        deck::{Deck, Repeat},
        file::Tape,
    },
    document::error::{Severity, Source},
    scenario::{
        stub::{Kind, Recordings, Reply},
        then::CassetteReply,
    },
};

impl Compiler<'_> {
    /// What comes from elsewhere is chosen by the whole request.
    pub(super) fn early_replies(&mut self, replies: &[(Reply, u32)], path: &Path<'_>) {
        for (reply, _) in replies {
            let key = match reply.kind {
                Kind::Recorded(_) => "cassette",
                Kind::Forward(_) => "forward",
                _ => continue,
            };
            let message = format!("`{key}` needs the whole request, which `early` does not wait for");
            self.error_at_key(&path.key("early"), message);
        }
    }

    /// The recordings of a file in the scenario's folder.
    pub(super) fn recorded(&mut self, cassette: &CassetteReply, path: &Path<'_>) -> Option<Kind> {
        let (own, path) = (path, &path.key("file"));
        let bytes = self.file(&cassette.file, path)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let files = Arc::clone(self.files);
        let folder = cassette.file.rfind('/').map_or("", |end| &cassette.file[..=end]).to_owned();
        let beside = Box::new(move |name: &str| files(&format!("{folder}{name}")));
        let source = Arc::new(Source { name: cassette.file.clone(), text });
        let (tape, problems) = Tape::new(cassette.file.clone(), source, beside, self.matching);
        let faults = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        self.problems.extend(problems);
        if faults > 0 {
            return None;
        }
        let deck = Deck::new(vec![tape], self.matching.clone(), Repeat::Last, String::new());
        if deck.is_empty() {
            self.error(path, "there is no interaction in this cassette");
            return None;
        }
        let only = match &cassette.id {
            None => None,
            Some(id) => match deck.find(id) {
                Some(card) => Some(card),
                None => {
                    let known = deck.ids().join(", ");
                    let message = format!("no interaction of {} has an id that begins so", cassette.file);
                    let problem = self.document.problem(&own.key("id"), super::OnKey::No, message);
                    self.problems.push(problem.hint(format!("there are {known}")));
                    return None;
                }
            },
        };
        Some(Kind::Recorded(Arc::new(Recordings { deck, only })))
    }
}
