//! What a request would get, and why, without sending anything.

use bytes::Bytes;
use http::Uri;

use super::exchange::{Answer, Asked, Course, Exchange, json};
use crate::{
    identity::Fingerprint,
    plan::WirePlan,
    redact::redact,
    request::Request,
    scenario::file::Rest,
    select::{
        Considered, Entry, Past,
        counts::Who,
        facts::{Connection, Extent, Facts},
    },
};

/// What a request would get, and why.
#[derive(Debug)]
pub struct Explanation {
    /// The method, and the path with its query.
    pub target: String,
    /// The API, the operation, and whether a stream is asked for.
    pub asked: String,
    /// The seed that luck is drawn from.
    pub seed: u64,
    /// The stubs that were asked, in their order, up to the one that answers.
    pub considered: Vec<Considered>,
    /// Why the real API would refuse the request, where it is refused.
    pub refusal: Option<String>,
    /// What goes on the wire.
    pub plan: WirePlan,
}

impl Exchange {
    /// What a request would get, and why: nothing is sent.
    pub(super) fn explain(&self, mut request: Request) -> Result<Explanation, String> {
        let (session, route) = self.enter(&mut request);
        let session = session?;
        let connection = Connection { id: 1, request: 1 };
        let uri = Uri::default();
        let asked = Asked { route: &route, request: &request, uri: &uri, session: &session, connection };
        let mut body = json(&route, &request).unwrap_or_default();
        let read = self.read(&asked, &mut body);
        let mut refusal = read.as_ref().err().map(|error| error.message.clone());
        let ask = read.unwrap_or_else(|_| route.dialect.guess(&route, &body));
        if refusal.is_none() && !self.knows(&ask) {
            refusal = Some(format!("the model {:?} is in no list of `models`", ask.model));
        }
        if body.is_null() {
            body = serde_json::from_slice(&request.body).unwrap_or_default();
        }
        let fingerprint =
            Fingerprint::new(route.dialect.name(), &request, Some(&body).filter(|body| !body.is_null()));
        let facts = Facts::new(&route, &request, &body, &ask, fingerprint, (connection, Extent::Whole));
        let luck = self.luck(&session);
        let states = session.counts().states.clone();
        let count =
            |(stub, when): Entry, who: &Who| session.counts().next_count((self.rules.key(stub), when), who);
        let past = Past { came: 0, call: None, attempt: 1, states: &states, count: &count };
        let considered = self.rules.considered(&facts, luck, &past);
        let api = facts.api();
        let plan = match self.early_plan(&asked) {
            Some(plan) => plan,
            None => match self.course(&asked) {
                Course::Plays(answer) => answer.plan,
                Course::Passes(_) => return Err("the request would be passed on to an upstream".to_owned()),
            },
        };
        let is_refused = plan.headers.get("x-mynah-answer").is_some_and(|answer| answer == "refusal");
        Ok(Explanation {
            target: format!("{} {}", request.method, redact(&request.target(), &self.settings.keys)),
            asked: format!(
                "{api} {}{}",
                route.operation.name(),
                if facts.is_stream() { " stream" } else { "" }
            ),
            seed: self.seed_of(&considered),
            considered,
            refusal: refusal.filter(|_| is_refused),
            plan,
        })
    }

    /// What goes on the wire before the body was read, where a stub answers early.
    fn early_plan(&self, asked: &Asked<'_>) -> Option<WirePlan> {
        if !self.rules.answer_early() {
            return None;
        }
        // Ids and luck follow from what is known by then.
        let head = Request { body: Bytes::new(), ..asked.request.clone() };
        let (Answer { mut plan, .. }, early) = self.early(&Asked { request: &head, ..*asked })?;
        if let Some(script) = plan.script.as_mut().filter(|_| early.rest == Rest::Close) {
            script.closes = true;
        }
        Some(plan)
    }

    /// The seed of the scenario that answers, or the server's.
    fn seed_of(&self, considered: &[Considered]) -> u64 {
        let answers = considered.iter().find(|considered| considered.differs.is_empty());
        let scenario =
            answers.and_then(|one| self.rules.scenarios().iter().find(|known| known.name == one.scenario));
        scenario.and_then(|scenario| scenario.seed).unwrap_or(self.settings.seed)
    }
}
