//! What answers a request: the first stub whose conditions hold, and those that
//! it is laid over. Matching itself counts nothing; counting is one step, under
//! the session's lock.

pub mod counts;
pub mod facts;
mod holds;
mod index;
mod miss;

use std::collections::{HashMap, HashSet};

use crate::{
    identity::Identity,
    notation::pattern::Pattern,
    scenario::{
        file::{AtEnd, Connection, When},
        stub::PlaceInLine,
        stub::{Kind, Reply, Scenario, Stub},
    },
};
use counts::{Counts, StubKey, Who};
use facts::{Extent, Facts};
use index::Index;

pub use index::Entry;
pub use miss::{Considered, Miss, Past};

/// All scenarios of a server, ready to be asked.
#[derive(Debug, Default)]
pub struct Rules {
    scenarios: Vec<Scenario>,
    /// All stubs in their order: the scenario's number, and the stub's in it.
    stubs: Vec<(usize, usize)>,
    /// By what each is counted.
    keys: Vec<StubKey>,
    index: Index,
    models: Option<HashSet<String>>,
    counts_calls: bool,
    answer_early: bool,
}

/// What was selected.
#[derive(Debug)]
pub struct Selection<'r> {
    /// The stub that answers and those below that it is laid over, from above.
    pub layers: Vec<Layer<'r>>,
    /// How often this request came before in its session; where calls are
    /// counted, a number of its own by call and attempt.
    pub came: u32,
    /// The call that it belongs to, where calls are counted.
    pub call: Option<u64>,
    /// Which attempt of that call it is.
    pub attempt: u64,
}

/// A stub that takes part in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'r> {
    /// The stub's number among all.
    pub number: usize,
    /// How many of its replies were given before this one.
    pub given: u64,
    /// Its scenario.
    pub scenario: &'r Scenario,
    /// The stub.
    pub stub: &'r Stub,
    /// Which of its replies.
    pub reply: &'r Reply,
}

impl Rules {
    /// The rules of these scenarios, in their order.
    pub fn new(scenarios: Vec<Scenario>) -> Self {
        let stubs: Vec<_> = scenarios
            .iter()
            .enumerate()
            .flat_map(|(number, scenario)| (0..scenario.stubs.len()).map(move |stub| (number, stub)))
            .collect();
        let whens = stubs.iter().enumerate().flat_map(|(number, (scenario, stub))| {
            let when = scenarios[*scenario].stubs[*stub].when.iter();
            when.enumerate().map(move |(at, when)| ((number, at), when))
        });
        let index = Index::new(whens);
        let all = || scenarios.iter().flat_map(|scenario| &scenario.stubs);
        let counts_calls = all().any(|stub| {
            stub.per == crate::scenario::file::Per::Call
                || stub.replies.iter().any(|(reply, _)| matches!(reply.kind, Kind::Recorded(_)))
                || stub.when.iter().any(|when| when.attempt.is_some())
        });
        let models: HashSet<_> =
            scenarios.iter().filter_map(|scenario| scenario.models.as_ref()).flatten().cloned().collect();
        let models = scenarios.iter().any(|scenario| scenario.models.is_some()).then_some(models);
        let answer_early = all().any(|stub| stub.early.is_some());
        let key = |(number, stub): &(usize, usize)| (scenarios[*number].digest, *stub);
        let keys = stubs.iter().map(key).collect();
        Self { stubs, keys, index, models, counts_calls, answer_early, scenarios }
    }

    /// The upstreams that stubs forward to.
    pub fn forwards(&self) -> Vec<&str> {
        let replies =
            self.scenarios.iter().flat_map(|scenario| &scenario.stubs).flat_map(|stub| &stub.replies);
        let names = replies.filter_map(|(reply, _)| match &reply.kind {
            Kind::Forward(name) => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// Counts calls, whether or not a stub asks for it.
    #[must_use]
    pub fn counting_calls(self) -> Self {
        Self { counts_calls: true, ..self }
    }

    /// Whether there is no stub at all.
    pub fn are_empty(&self) -> bool {
        self.stubs.is_empty()
    }

    /// Whether some stub answers before the request's body was read.
    pub fn answer_early(&self) -> bool {
        self.answer_early
    }

    /// What befalls the n-th connection, counted from 1.
    pub fn connection(&self, n: u64) -> Option<&Connection> {
        let mut left = n;
        self.scenarios.iter().flat_map(|scenario| &scenario.connections).find(|rule| {
            let times = rule.times.map_or(1, |times| u64::from(times.get()));
            let is_own = left <= times;
            left = left.saturating_sub(times);
            is_own
        })
    }

    /// The scenarios, in their order.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// Whether this model is known; any is, where no file lists them.
    pub fn know(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(model))
    }

    /// The models that the files list, in their order.
    pub fn models(&self) -> Option<Vec<&str>> {
        self.models.as_ref()?;
        let mut models: Vec<&str> = Vec::new();
        for model in self.scenarios.iter().filter_map(|scenario| scenario.models.as_ref()).flatten() {
            if !models.contains(&model.as_str()) {
                models.push(model);
            }
        }
        Some(models)
    }

    /// The stubs that a request may select, as far as can be told without
    /// counting: up to the first that surely answers.
    pub fn candidates(&self, facts: &Facts<'_>) -> Candidates {
        let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
        for (number, at) in self.index.look_up(facts) {
            if let Some((last, _)) = found.last()
                && *last != number
                && self.surely_answers(found.last())
            {
                break;
            }
            let stub = self.stub(number).1;
            let is_asked_now = stub.early.is_some() == (facts.extent == Extent::Head);
            if is_asked_now && takes(stub, facts) && stub.when[at].holds(facts) {
                match found.last_mut() {
                    Some((last, whens)) if *last == number => whens.push(at),
                    _ => found.push((number, vec![at])),
                }
            }
        }
        Candidates(found)
    }

    fn surely_answers(&self, found: Option<&(usize, Vec<usize>)>) -> bool {
        let Some((number, whens)) = found else { return false };
        let stub = self.stub(*number).1;
        stub.at_end != AtEnd::Next
            && stub.place_in_line == PlaceInLine::Own
            && !stub.replies.iter().any(|(reply, _)| matches!(reply.kind, Kind::Below))
            && whens.iter().any(|at| !stub.when[*at].is_counted())
    }

    /// By what a stub is counted: it stays what it is while its file does.
    pub fn key(&self, number: usize) -> StubKey {
        self.keys[number]
    }

    /// The stub of a number.
    pub fn stub(&self, number: usize) -> (&Scenario, &Stub) {
        let (scenario, stub) = self.stubs[number];
        (&self.scenarios[scenario], &self.scenarios[scenario].stubs[stub])
    }

    /// Selects among the candidates, and counts: one step, under the lock that
    /// `counts` is behind.
    pub fn select(
        &self,
        candidates: &Candidates,
        facts: &Facts<'_>,
        luck: Luck<'_>,
        counts: &mut Counts,
    ) -> Selection<'_> {
        let (call, attempt, came) = if self.counts_calls {
            let (call, attempt, number) = counts.begin(facts);
            (Some(call), attempt, number)
        } else {
            (None, 1, counts.came(facts.fingerprint))
        };
        let moment = Moment { facts, luck, came, attempt };
        let mut layers = Vec::new();
        for (number, whens) in &candidates.0 {
            let (scenario, stub) = self.stub(*number);
            if stub.place_in_line == PlaceInLine::Underneath && layers.is_empty() {
                continue;
            }
            let who = Who::new(&stub.per, facts, call);
            if !whens.iter().any(|at| self.holds_now(&moment, (*number, *at), &who, counts)) {
                continue;
            }
            let given = counts.given(self.keys[*number], &who);
            let Some(reply) = stub.reply(given) else { continue };
            counts.give(self.keys[*number], who);
            layers.push(Layer { number: *number, given, scenario, stub, reply });
            if !matches!(reply.kind, Kind::Below) {
                break;
            }
        }
        // What stands above is set last.
        for layer in layers.iter().rev() {
            counts.states.extend(layer.reply.dress.set.clone());
        }
        Selection { layers, came, call, attempt }
    }

    /// Whether what depends on the past and on luck holds, `nth` as the last,
    /// since it counts those for which all else does.
    fn holds_now(&self, moment: &Moment<'_, '_>, entry: Entry, who: &Who, counts: &mut Counts) -> bool {
        let when = self.when(entry);
        let holds = when.attempt.as_ref().is_none_or(|attempt| attempt.holds(moment.attempt))
            && self.states_hold(when, &counts.states).is_none()
            && when.chance.is_none_or(|chance| self.draw(moment, entry) < chance.0);
        holds
            && when
                .nth
                .as_ref()
                .is_none_or(|nth| nth.holds(counts.count((self.keys[entry.0], entry.1), who.clone())))
    }

    /// The first state variable that is not as it should be.
    fn states_hold<'w>(
        &self,
        when: &'w When,
        states: &HashMap<String, String>,
    ) -> Option<(&'w str, &'w Pattern)> {
        when.state.iter().flatten().find_map(|(name, pattern)| {
            let value: Vec<_> = self.state(states, name).into_iter().collect();
            (!pattern.holds_for_texts(&value)).then_some((name.as_str(), pattern))
        })
    }

    /// A number below 100, of this stub for this request's coming.
    fn draw(&self, moment: &Moment<'_, '_>, (number, at): Entry) -> f64 {
        let (scenario, stub) = self.stub(number);
        let seed = moment.luck.seed(Some(scenario));
        let identity = Identity::new(seed, moment.facts.fingerprint, moment.came);
        identity.draw(&format!("chance {} {} {at}", scenario.name, stub.name)).unit() * 100.0
    }

    fn when(&self, (number, at): Entry) -> &When {
        &self.stub(number).1.when[at]
    }

    /// The value of a state variable: what was set last, or its first value.
    fn state<'s>(&'s self, states: &'s HashMap<String, String>, name: &str) -> Option<&'s str> {
        let first = || self.scenarios.iter().find_map(|scenario| scenario.states.get(name));
        states.get(name).or_else(first).map(String::as_str)
    }
}

/// Stubs that a request may select, each with those of its conditions that hold
/// so far.
#[derive(Debug)]
pub struct Candidates(Vec<(usize, Vec<usize>)>);

impl Candidates {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a stub answers this operation at all.
fn takes(stub: &Stub, facts: &Facts<'_>) -> bool {
    stub.operations.as_ref().is_none_or(|operations| operations.contains(&facts.operation))
}

/// A request at its moment.
struct Moment<'a, 'f> {
    facts: &'a Facts<'f>,
    luck: Luck<'a>,
    came: u32,
    attempt: u64,
}

/// Where luck comes from.
#[derive(Clone, Copy, Debug)]
pub struct Luck<'a> {
    /// The server's seed.
    pub seed: u64,
    /// The session's name; empty for the one that all share.
    pub session: &'a str,
}

impl Luck<'_> {
    /// The seed of a scenario's answers, or of those that no scenario gives.
    pub fn seed(&self, scenario: Option<&Scenario>) -> u64 {
        let own = scenario.and_then(|scenario| scenario.seed);
        Identity::in_session(own.unwrap_or(self.seed), self.session)
    }
}
