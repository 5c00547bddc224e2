//! When events leave where the answer goes onto the socket itself, and what is
//! sent into silence.

use std::time::Duration;

use super::{
    asked::{Cases, STREAMS, Shape, answer, in_segments},
    seen::{Message, ends, find},
};

use Shape::{Array, Chat, ChatDocument, GeminiDocument, Sse};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Paces of three texts, and when they are due at the least.
const PACES: &[(&str, [u64; 3])] = &[
    ("pace: {head: 5ms, first: 10ms, every: 15ms}", [15, 30, 45]),
    ("pace: {first: 9ms, every: [3ms, 12ms]}", [9, 12, 24]),
    ("pace: {every: {cycle: [0s, 20ms]}}", [0, 0, 20]),
    ("pace: {every: {uniform: 8ms..8ms}}", [0, 8, 16]),
    ("pace: {every: {normal: {mean: 9ms, sd: 0s}}}", [0, 9, 18]),
    ("pace: {every: {lognormal: {median: 1h, sigma: 0.1, max: 7ms}}}", [0, 7, 14]),
    ("pace: {every: {tokens_per_second: 100}}", [0, 10, 20]),
    ("pace: {pause: [{before: text.2, for: 12ms}, {after: text.2, for: 10ms}]}", [0, 12, 22]),
    ("pace: {pause: {before: text, for: [1ms, 2ms, 4ms]}}", [1, 3, 7]),
    ("pace: {pause: {before: {where: {$..text: c}}, for: 1us}}", [0, 0, 0]),
];

#[tokio::test]
async fn nothing_leaves_before_it_is_due_whoever_writes_it() {
    for shape in [Sse, Array] {
        let thens: Vec<_> = PACES
            .iter()
            .flat_map(|(pace, _)| {
                ["", ", wire: {send: {}}"].map(|wire| format!("text: [a, b, c], {pace}{wire}"))
            })
            .collect();
        let all = Cases::serve(&thens).await.ask_all(shape, thens.len());
        for (at, seen) in all.iter().enumerate() {
            let message = seen.message();
            let events = ends(&message.events(shape));
            for (event, due) in events.iter().zip(PACES[at / 2].1) {
                let last_byte = message.inside(*event) - 1;
                assert!(seen.at(last_byte) >= ms(due), "{shape:?} {}: {:?}", thens[at], seen.at(last_byte));
            }
            assert_eq!(message.body(), all[0].body(), "{shape:?} {}", thens[at]);
        }
    }
}

#[tokio::test]
async fn the_start_of_a_chat_leaves_with_the_first_and_its_end_with_the_last() {
    let then = "text: [a, b], pace: {head: 4ms, first: 4ms, every: 4ms}, wire: {send: {}}";
    in_segments(Chat, then, |message| {
        let events = ends(&message.events(Chat));
        vec![message.head.len(), message.bound(events[0]), message.bound(events[1])]
    })
    .await;
}

/// What is sent into silence in each shape, or that it is not.
const BEATS: &[(&str, [Option<&str>; 5])] = &[
    ("lines: ': ping'", [Some(": ping\n\n"), Some(": ping\r\n\r\n"), None, None, None]),
    (
        "lines: ['event: ping', 'id: 1']",
        [Some("event: ping\nid: 1\n\n"), Some("event: ping\r\nid: 1\r\n\r\n"), None, None, None],
    ),
    ("text: hi", [Some("data: hi\n\n"), Some("data: hi\r\n\r\n"), None, None, None]),
    ("json: 1", [Some("data: 1\n\n"), Some("data: 1\r\n\r\n"), None, None, None]),
    ("raw: ' '", [Some(" "), Some(" "), Some(" "), Some(" "), Some(" ")]),
    ("raw: {hex: 0d0a}", [Some("\r\n"), Some("\r\n"), Some("\r\n"), Some("\r\n"), Some("\r\n")]),
];

#[tokio::test]
async fn what_is_sent_into_silence_is_framed_as_the_shape_wants() {
    let pace =
        |payload| format!("text: [a, b], pace: {{first: 35ms, heartbeat: {{every: 10ms, {payload}}}}}");
    let mut thens: Vec<_> = BEATS
        .iter()
        .flat_map(|(payload, _)| ["", ", wire: {send: {}}"].map(|wire| pace(payload) + wire))
        .collect();
    thens.push("text: [a, b]".to_owned());
    let cases = Cases::serve(&thens).await;
    for (at, shape) in [Chat, Sse, Array, ChatDocument, GeminiDocument].into_iter().enumerate() {
        let mut all = cases.ask_all(shape, thens.len());
        let plain = all.pop().unwrap().message().body();
        for (number, seen) in all.iter().enumerate() {
            let ((payload, beats), message) = (BEATS[number / 2], seen.message());
            match beats[at] {
                Some(beat) => {
                    let expected = [beat.repeat(3).into_bytes(), plain.clone()].concat();
                    assert_eq!(message.body(), expected, "{shape:?} {payload}");
                    assert_eq!(message.missed(), [""; 0], "{shape:?} {payload}");
                }
                None => {
                    let told = (message.body(), message.missed());
                    assert_eq!(told, (plain.clone(), vec!["heartbeat"]), "{shape:?} {payload}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_heartbeat_comes_when_nothing_has_left_for_so_long_and_has_no_number() {
    let then = "text: [a, b, c], pace: {every: 25ms, heartbeat: {every: 10ms, raw: '~'}}, \
                wire: {edit: {drop: start}, frame: {at: 2, field: second}, carry: {cut: {in: 2, byte: 3}}}";
    let seen = answer(Chat, then).await;
    let message = seen.message();
    let shown: Vec<_> = message
        .pieces()
        .iter()
        .map(|piece| String::from_utf8_lossy(&piece[..piece.len().min(3)]).into_owned())
        .collect();
    // a at once; b and c each behind two beats.
    assert_eq!(shown, ["dat", "~", "~", "sec", "ond", "~", "~", "dat", "dat", "dat"]);
    let second_beat = ends(&message.pieces())[2];
    assert!(seen.at(message.inside(second_beat) - 1) >= ms(20));
}

#[tokio::test]
async fn a_heartbeat_comes_at_the_end_too() {
    for shape in STREAMS {
        let then = "text: a, pace: {pause: {after: -1, for: 25ms}, heartbeat: {every: 10ms, raw: '~'}}";
        let message: Message = answer(shape, then).await.message();
        assert!(message.body().ends_with(b"~~"), "{shape:?}");
        assert!(find(&message.body(), b"~~~").is_none());
    }
}
