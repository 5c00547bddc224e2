//! Enters exchanges into the journal, and counts them.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    exchange::{Answer, Asked, Exchange},
    link::Link,
    record::{By, Known, Record, Said},
    session::Session,
};
use crate::{request::Request, select::Luck};

impl Exchange {
    /// Where luck comes from in a session.
    pub(super) fn luck<'s>(&self, session: &'s Arc<Session>) -> Luck<'s> {
        Luck { seed: session.seed().unwrap_or(self.settings.seed), session: session.name() }
    }

    /// Enters what is answered here. `kept` is the request.
    pub(super) fn note<S>(
        &self,
        link: &Link<S>,
        (asked, kept): (&Asked<'_>, Request),
        answer: &mut Answer,
        times: (Instant, Instant),
    ) {
        if link.tape.is_none() {
            self.metrics.count(asked.route, answer.by.source, answer.plan.status.as_u16());
            return;
        }
        self.enter_record(
            link,
            (asked, kept),
            (std::mem::take(&mut answer.by), Said::of(&answer.plan)),
            times,
        );
    }

    /// Enters an exchange, however it is answered.
    pub(super) fn enter_record<S>(
        &self,
        link: &Link<S>,
        (asked, request): (&Asked<'_>, Request),
        (by, said): (By, Said),
        (came, read): (Instant, Instant),
    ) {
        self.metrics.count(asked.route, by.source, said.status);
        let Some(tape) = &link.tape else { return };
        let seed = by.layers.first().and_then(|(number, _)| self.rules.stub(*number).0.seed);
        let seed = seed.unwrap_or(self.luck(asked.session).seed);
        let record = Record::new(
            &self.journal,
            Known {
                request,
                route: asked.route,
                session: asked.session,
                connection: asked.connection,
                rules: &self.rules,
                by,
                seed,
                came,
                read,
                said,
            },
        );
        tape.enter(&record);
    }
}
