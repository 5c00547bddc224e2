//! The pace stage: when each event leaves.

use std::time::Duration;

use serde_json::Value;

use super::{
    delay::{Delay, Lognormal, Normal, Pause},
    place::Choice,
};
use crate::{
    dialect::event::{Events, Framing, Kind, Reading},
    identity::Draw,
};

/// When events leave, as a reply says it. Without anything they leave at once.
#[derive(Clone, Debug, Default)]
pub struct Tempo<'a> {
    /// From the request to the head.
    pub head: Option<&'a Delay>,
    /// From the head to the first event.
    pub first: Option<&'a Delay>,
    /// In front of each later event that carries output.
    pub every: Option<&'a Delay>,
    /// Added at certain events.
    pub pauses: Vec<&'a Pause>,
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
    /// Pauses that name no event.
    pub missed: Vec<String>,
}

/// Heartbeats of one answer at the most, and their bytes.
const MOST_HEARTBEATS: usize = 1_000_000;
const MOST_HEARTBEAT_BYTES: usize = 16 << 20;

/// When each event leaves. `read` tells what an event is; `draw` is the luck of
/// a key by its name.
pub(super) fn pace(
    events: &Events,
    tempo: &Tempo<'_>,
    read: impl Fn(&Value) -> Reading,
    draw: impl Fn(&str) -> Draw,
) -> Times {
    let payloads: Vec<_> = (0..events.len()).map(|at| events.payload(at)).collect();
    let readings: Vec<_> = (0..events.len())
        .zip(events.iter())
        .map(|(at, bytes)| match &payloads[at] {
            Some(payload) => read(payload),
            None if events.framing(at) == Framing::Data && bytes == b"[DONE]" => {
                Reading { kinds: vec![Kind::Done], tokens: 0 }
            }
            None => read_raw(bytes, &read),
        })
        .collect();
    let head = Clock::new(tempo.head, tempo.load, draw("pace.head")).next(1);
    let mut first = Clock::new(tempo.first, tempo.load, draw("pace.first"));
    let mut every = Clock::new(tempo.every, tempo.load, draw("pace.every"));
    let (mut before, mut after) = (vec![Duration::ZERO; events.len()], vec![Duration::ZERO; events.len()]);
    let mut missed = Vec::new();
    for (index, pause) in tempo.pauses.iter().enumerate() {
        let luck = draw(&format!("pace.pause.{index}"));
        let mut luck = Clock::new(Some(&pause.time), tempo.load, luck);
        let mut add = |choice: &Option<Choice>, sums: &mut [Duration]| {
            let Some(choice) = choice else { return };
            let found = choice.find(&readings, &|at| payloads[at].as_ref());
            if found.is_empty() {
                missed.push(format!("pause {choice}"));
            }
            for at in found {
                sums[at] = sums[at].saturating_add(luck.next(readings[at].tokens));
            }
        };
        add(&pause.before, &mut before);
        add(&pause.after, &mut after);
    }
    let mut now = head;
    let mut times = Vec::with_capacity(events.len());
    for (at, reading) in readings.iter().enumerate() {
        if at == 0 {
            now = now.saturating_add(first.next(reading.tokens));
        } else if reading.kinds.iter().any(|kind| kind.is_output()) {
            now = now.saturating_add(every.next(reading.tokens));
        }
        now = now.saturating_add(before[at]);
        times.push(now);
        now = now.saturating_add(after[at]);
    }
    Times { head, events: times, end: now, missed }
}

/// What an event without a frame is: raw, and an error too where it is one.
fn read_raw(bytes: &[u8], read: &impl Fn(&Value) -> Reading) -> Reading {
    let mut reading = Reading { kinds: vec![Kind::Raw], tokens: 0 };
    let payload = serde_json::from_slice(bytes).ok();
    if payload.is_some_and(|payload| read(&payload).kinds.contains(&Kind::Error)) {
        reading.is(Kind::Error);
    }
    reading
}

/// A body with heartbeats in its silences: the pieces' ends, and when each
/// leaves.
pub(super) fn with_heartbeats(
    body: &[u8],
    ends: &[usize],
    times: &Times,
    every: Duration,
    beat: &[u8],
) -> (Vec<u8>, Vec<usize>, Vec<Duration>) {
    let (mut whole, mut all_ends, mut all_times) = (Vec::with_capacity(body.len()), Vec::new(), Vec::new());
    let mut last = times.head;
    let mut start = 0;
    let mut count = 0;
    let most = MOST_HEARTBEATS.min(MOST_HEARTBEAT_BYTES / beat.len().max(1));
    let pieces = ends.iter().zip(&times.events).map(|(end, time)| (Some(*end), *time));
    for (end, time) in pieces.chain([(None, times.end)]) {
        while let Some(next) = last.checked_add(every).filter(|next| *next < time)
            && count < most
        {
            whole.extend_from_slice(beat);
            all_ends.push(whole.len());
            all_times.push(next);
            (last, count) = (next, count + 1);
        }
        if let Some(end) = end {
            whole.extend_from_slice(&body[start..end]);
            all_ends.push(whole.len());
            all_times.push(time);
            start = end;
        }
        last = time;
    }
    (whole, all_ends, all_times)
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
    fn next(&mut self, tokens: u64) -> Duration {
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
            Delay::TokensPerSecond(rate) => time(tokens as f64 / rate),
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
    use serde_json::json;

    use super::*;
    use crate::{
        dialect::style::Style,
        identity::{Fingerprint, Identity},
        request::Request,
    };

    fn delay(yaml: Value) -> Delay {
        serde_json::from_value(yaml).unwrap()
    }

    /// Events whose payloads are texts, an empty one being no output.
    fn times(texts: &[&str], tempo: &Tempo<'_>) -> Vec<u128> {
        let mut events = Events::new(Style::Compact);
        texts.iter().for_each(|text| events.json(text));
        let read = |payload: &Value| {
            let mut reading = Reading::default();
            match payload.as_str() {
                Some("") | None => {}
                Some(text) => reading.carries(Kind::Text, text),
            }
            reading
        };
        let identity = Identity::new(7, Fingerprint::new("", &Request::default(), None), 0);
        let times = pace(&events, tempo, read, |name| identity.draw(name));
        times.events.iter().map(Duration::as_millis).collect()
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
        let tempo = Tempo { pauses: vec![&pause], load: 1.0, ..Tempo::default() };
        assert_eq!(times(&["a", "b", "c"], &tempo), [0, 30_000, 30_000]);
        let pause: Pause = serde_json::from_value(json!({"after": 1, "for": "1s"})).unwrap();
        let tempo = Tempo { pauses: vec![&pause], load: 2.0, ..Tempo::default() };
        assert_eq!(times(&["a", "b"], &tempo), [0, 2_000]);
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

    #[test]
    fn heartbeats_fill_the_silence_from_the_head_to_the_end() {
        let second = Duration::from_secs(1);
        let times = Times {
            head: Duration::ZERO,
            events: vec![second * 3, second * 3],
            end: second * 5,
            missed: vec![],
        };
        let (body, ends, all) = with_heartbeats(b"ab", &[1, 2], &times, second * 2, b".");
        assert_eq!(body, b".ab");
        assert_eq!((ends, all), (vec![1, 2, 3], vec![second * 2, second * 3, second * 3]));
        let times = Times { end: second * 6, ..times };
        assert_eq!(with_heartbeats(b"ab", &[1, 2], &times, second * 2, b".").0, b".ab.");
    }
}
