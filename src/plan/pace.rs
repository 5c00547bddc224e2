//! The pace stage: when each event leaves.

use std::time::Duration;

use super::{
    Placed, Scene,
    delay::{Delay, Lognormal, Normal},
    list::EventList,
    place::Choice,
    recorded::Recorded,
};
use crate::{dialect::event::Framing, identity::Draw};

/// When events leave, as a reply says it. Without anything they leave at once.
#[derive(Clone, Debug, Default)]
pub struct Tempo<'a> {
    /// From the request to the head.
    pub head: Option<&'a Delay>,
    /// From the head to the first event.
    pub first: Option<&'a Delay>,
    /// In front of each later event that carries output.
    pub every: Option<&'a Delay>,
    /// How many times as long all delays are; 1 where nobody else is served.
    pub load: f64,
    /// Sent into silence.
    pub heartbeat: Option<Heartbeat>,
}

/// What is sent whenever nothing has left for so long.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// How long; above 0.
    pub every: Duration,
    /// What.
    pub payload: Vec<u8>,
    /// How it is framed.
    pub framing: Framing,
}

/// When everything leaves, from the moment at which the request was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The head.
    pub head: Duration,
    /// Each event; empty where all leave with the head.
    pub events: Vec<Duration>,
    /// The body's end.
    pub end: Duration,
}

/// When each event leaves.
pub(super) fn pace(
    list: &EventList,
    tempo: &Tempo<'_>,
    layers: &[Placed<'_>],
    (scene, recorded): (&dyn Scene, Option<&Recorded>),
    missed: &mut Vec<String>,
) -> Times {
    let head = Clock::new(tempo.head, tempo.load, scene.draw("pace.head")).next(|| 1);
    let mut first = Clock::new(tempo.first, tempo.load, scene.draw("pace.first"));
    let mut every = Clock::new(tempo.every, tempo.load, scene.draw("pace.every"));
    let (mut before, mut after) = (vec![Duration::ZERO; list.len()], vec![Duration::ZERO; list.len()]);
    let pauses = layers.iter().flat_map(|set| set.layer.pauses.iter().map(move |pause| (pause, set.lookup)));
    for (index, (pause, lookup)) in pauses.enumerate() {
        let mut luck = Clock::new(Some(&pause.time), tempo.load, scene.draw(&format!("pace.pause.{index}")));
        let mut add = |choice: &Option<Choice>, sums: &mut [Duration]| {
            let Some(choice) = choice else { return };
            for at in lookup.choose(choice, "pause", missed) {
                sums[at] = sums[at].saturating_add(luck.next(|| list.reading(at).tokens));
            }
        };
        add(&pause.before, &mut before);
        add(&pause.after, &mut after);
    }
    if let Some(recorded) = recorded.filter(|_| tempo.is_silent()) {
        return as_recorded(list, recorded, &before, &after);
    }
    let mut now = head;
    let mut times = Vec::with_capacity(list.len());
    for at in 0..list.len() {
        let tokens = || list.reading(at).tokens;
        if at == 0 {
            now = now.saturating_add(first.next(tokens));
        } else if list.kinds(at).iter().any(|kind| kind.is_output()) {
            now = now.saturating_add(every.next(tokens));
        }
        now = now.saturating_add(before[at]);
        times.push(now);
        now = now.saturating_add(after[at]);
    }
    Times { head, events: times, end: now }
}

/// When each event left that was recorded, later by the pauses in front of it. What was
/// not leaves with the one before.
fn as_recorded(list: &EventList, recorded: &Recorded, before: &[Duration], after: &[Duration]) -> Times {
    let head = recorded.head.as_ref().map_or(Duration::ZERO, |head| head.at);
    let (mut now, mut shift) = (head, Duration::ZERO);
    let mut times = Vec::with_capacity(list.len());
    for at in 0..list.len() {
        shift = shift.saturating_add(before[at]);
        let (first, last) = list.frame(at).map_or((Duration::ZERO, Duration::ZERO), |frame| {
            (frame.at(), frame.stretches.last().map_or(frame.at(), |stretch| stretch.at))
        });
        now = now.saturating_add(before[at]).max(first.saturating_add(shift));
        times.push(now);
        now = now.saturating_add(last.saturating_sub(first)).saturating_add(after[at]);
        shift = shift.saturating_add(after[at]);
    }
    Times { head, events: times, end: now.max(recorded.end_at.saturating_add(shift)) }
}

impl Tempo<'_> {
    /// Whether it says nothing of when events leave.
    pub(super) fn is_silent(&self) -> bool {
        self.head.is_none() && self.first.is_none() && self.every.is_none()
    }
}

/// A delay, asked again and again.
struct Clock<'a> {
    delay: Option<&'a Delay>,
    load: f64,
    draw: Draw,
    asked: usize,
}

impl<'a> Clock<'a> {
    fn new(delay: Option<&'a Delay>, load: f64, draw: Draw) -> Self {
        Self { delay, load, draw, asked: 0 }
    }

    /// The next delay, in front of an event that carries so many tokens.
    fn next(&mut self, tokens: impl FnOnce() -> u64) -> Duration {
        let Some(delay) = self.delay else { return Duration::ZERO };
        let asked = self.asked;
        self.asked += 1;
        let time = match delay {
            Delay::Fixed(period) => period.0,
            Delay::List(list) => {
                list.get(asked.min(list.len().saturating_sub(1))).map_or(Duration::ZERO, |p| p.0)
            }
            Delay::Cycle(list) => list.get(asked % list.len().max(1)).map_or(Duration::ZERO, |p| p.0),
            Delay::Uniform(range) => {
                let (low, high) = (seconds(range.low), seconds(range.high));
                time(low + (high - low) * self.draw.unit())
            }
            Delay::Normal(Normal { mean, sd }) => {
                time(mean.0.as_secs_f64() + sd.0.as_secs_f64() * self.draw.bell())
            }
            Delay::Lognormal(Lognormal { median, sigma, max }) => {
                let drawn = time(median.0.as_secs_f64() * (sigma * self.draw.bell()).exp());
                max.map_or(drawn, |max| drawn.min(max.0))
            }
            #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 tokens")]
            Delay::TokensPerSecond(rate) => time(tokens() as f64 / rate),
        };
        if self.load == 1.0 { time } else { self::time(time.as_secs_f64() * self.load) }
    }
}

fn seconds(period: Option<crate::notation::value::Period>) -> f64 {
    period.map_or(0.0, |period| period.0.as_secs_f64())
}

/// So many seconds, never below zero, and as long as there are.
fn time(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        dialect::{event::Events, gemini::Gemini, style::Style},
        identity::{Fingerprint, Identity},
        notation::text::Text,
        plan::{Layer, delay::Pause, list::Lookup},
        request::Request,
    };

    fn delay(yaml: Value) -> Delay {
        serde_json::from_value(yaml).unwrap()
    }

    struct Luck(Identity);

    impl Scene for Luck {
        fn text<'t>(&'t self, _: &'t Text) -> Cow<'t, str> {
            Cow::Borrowed("")
        }

        fn draw(&self, key: &str) -> Draw {
            self.0.draw(key)
        }
    }

    /// Events that carry these texts; one without any is no output.
    fn times_with(texts: &[&str], tempo: &Tempo<'_>, pauses: Vec<Pause>) -> Vec<u128> {
        let mut events = Events::new(Style::Compact);
        for text in texts {
            let parts = if text.is_empty() { json!([]) } else { json!([{"text": text}]) };
            events.json(&json!({"candidates": [{"content": {"parts": parts}}]}));
        }
        let list = EventList::new(&events, &Gemini);
        let (layer, lookup) = (Layer { pauses, ..Layer::default() }, Lookup::last(list.clone()));
        let luck = Luck(Identity::new(7, Fingerprint::new("", &Request::default(), None), 0));
        let layers = [Placed { layer: &layer, lookup: &lookup }];
        let times = pace(&list, tempo, &layers, (&luck, None), &mut Vec::new());
        times.events.iter().map(Duration::as_millis).collect()
    }

    fn times(texts: &[&str], tempo: &Tempo<'_>) -> Vec<u128> {
        times_with(texts, tempo, Vec::new())
    }

    #[test]
    fn what_carries_no_output_leaves_with_the_one_before() {
        let (head, first, every) = (delay(json!("1s")), delay(json!("300ms")), delay(json!("20ms")));
        let tempo = Tempo {
            head: Some(&head),
            first: Some(&first),
            every: Some(&every),
            load: 1.0,
            ..Tempo::default()
        };
        assert_eq!(times(&["", "a", "b", ""], &tempo), [1300, 1320, 1340, 1340]);
    }

    #[test]
    fn the_last_of_a_list_repeats_and_a_cycle_begins_again() {
        let list = delay(json!(["1ms", "5ms"]));
        let tempo = Tempo { every: Some(&list), load: 1.0, ..Tempo::default() };
        assert_eq!(times(&["a", "b", "c", "d"], &tempo), [0, 1, 6, 11]);
        let cycle = delay(json!({"cycle": ["0s", "0s", "100ms"]}));
        let tempo = Tempo { every: Some(&cycle), load: 1.0, ..Tempo::default() };
        assert_eq!(times(&["a", "b", "c", "d", "e"], &tempo), [0, 0, 0, 100, 100]);
    }

    #[test]
    fn a_pause_is_added_at_its_event() {
        let pause: Pause = serde_json::from_value(json!({"before": "text.2", "for": "30s"})).unwrap();
        let tempo = Tempo { load: 1.0, ..Tempo::default() };
        assert_eq!(times_with(&["a", "b", "c"], &tempo, vec![pause]), [0, 30_000, 30_000]);
        let pause: Pause = serde_json::from_value(json!({"after": 1, "for": "1s"})).unwrap();
        let tempo = Tempo { load: 2.0, ..Tempo::default() };
        assert_eq!(times_with(&["a", "b"], &tempo, vec![pause]), [0, 2_000]);
    }

    #[test]
    fn luck_is_repeated_and_keeps_its_bounds() {
        for (yaml, least, most) in [
            (json!({"uniform": "10ms..20ms"}), 10, 20),
            (json!({"lognormal": {"median": "10ms", "sigma": 3.0, "max": "50ms"}}), 0, 50),
            (json!({"normal": {"mean": "1ms", "sd": "10ms"}}), 0, 1000),
        ] {
            let every = delay(yaml);
            let tempo = Tempo { every: Some(&every), load: 1.0, ..Tempo::default() };
            let texts = ["a"; 50];
            let drawn = times(&texts, &tempo);
            assert_eq!(drawn, times(&texts, &tempo));
            assert!(drawn.windows(2).all(|two| (least..=most + 1).contains(&(two[1] - two[0]))), "{drawn:?}");
            assert!(drawn.last() > Some(&50), "{drawn:?}");
        }
    }
}
