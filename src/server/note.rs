//! Enters exchanges into the journal, and counts them.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    exchange::{Answer, Asked, Exchange},
    link::Link,
    record::{By, Known, payload},
    session::Session,
};
use crate::{plan::WirePlan, select::Luck};

impl Exchange {
    /// Where luck comes from in a session.
    pub(super) fn luck<'s>(&self, session: &'s Arc<Session>) -> Luck<'s> {
        Luck { seed: session.seed().unwrap_or(self.settings.seed), session: session.name() }
    }

    /// Enters what is answered here.
    pub(super) fn note<S>(&self, link: &Link<S>, asked: &Asked<'_>, answer: &mut Answer, read: Instant) {
        let by = std::mem::take(&mut answer.by);
        self.enter_record(link, asked, (by, Some(&answer.plan)), read);
    }

    /// Enters an exchange, however it is answered.
    pub(super) fn enter_record<S>(
        &self,
        link: &Link<S>,
        asked: &Asked<'_>,
        (by, plan): (By, Option<&WirePlan>),
        read: Instant,
    ) {
        self.metrics.count(asked.route, by.source, plan.map_or(0, |plan| plan.status.as_u16()));
        let Some(tape) = &link.tape else { return };
        let seed = by.layers.first().and_then(|(number, _)| self.rules.stub(*number).0.seed);
        let seed = seed.unwrap_or(self.luck(asked.session).seed);
        tape.enter(&mut Known {
            request: asked.request,
            query: asked.uri.query().unwrap_or_default(),
            route: asked.route,
            session: asked.session,
            connection: asked.connection,
            rules: &self.rules,
            by,
            seed,
            read,
            plan,
            payload: plan.and_then(payload),
        });
    }
}
