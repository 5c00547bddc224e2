//! Places that name nothing: the answer goes out without that fault, and its
//! head says so.

use super::{
    asked::{Cases, STREAMS, Shape, serve_scenario},
    seen::{End, Watch},
};

use Shape::{Array, Chat, ChatDocument};

/// What names nothing in the built-in answer, which is not known at load, and
/// what its head says of it.
const NOTHING: &[(&str, &str)] = &[
    ("wire: {edit: {insert: {before: call.1, text: x}}}", "insert before call.1"),
    ("wire: {edit: {insert: {after: 99, text: x}}}", "insert after 99"),
    ("wire: {edit: {drop: call}}", "drop call"),
    ("wire: {edit: {repeat: {at: call}}}", "repeat call"),
    ("wire: {edit: {move: {at: call, before: 1}}}", "move call"),
    ("wire: {edit: {move: {at: 1, before: call}}}", "move before call"),
    ("wire: {edit: {move: {at: 1, after: 1}}}", "move after 1: it moves itself"),
    ("wire: {edit: {move: {at: 1, after: 2..3}}}", "move after 2..3: not one event"),
    ("wire: {edit: {join: {at: call}}}", "join call"),
    ("wire: {edit: {join: {at: 1}}}", "join 1: only one event"),
    ("wire: {edit: {patch: {set: {'$.a[9]': 1}}}}", "patch $.a[9]"),
    ("wire: {edit: {patch: {unset: $.nowhere}}}", "patch $.nowhere"),
    ("wire: {edit: {patch: {at: {where: {$.x: 1}}, set: {$.y: 1}}}}", r#"patch {"where":{"$.x":1}}"#),
    ("wire: {write: {at: call, style: pretty}}", "write call"),
    ("wire: {write: {literal: {'$.a[9]': x}}}", "literal $.a[9]"),
    ("wire: {write: {pad: {$.nowhere: 999}}}", "pad $.nowhere"),
    ("wire: {frame: {at: call, lead: x}}", "frame call"),
    ("wire: {encode: {as: identity, damage: {in: call, byte: 1, put: x}}}", "encode damage in call byte 1"),
    (
        "wire: {encode: {as: identity, damage: {in: body, byte: 99999, put: x}}}",
        "encode damage in body byte 99999",
    ),
    ("wire: {carry: {join: call}}", "carry join call"),
    ("wire: {carry: {cut: {in: call, byte: 1}}}", "carry cut in call byte 1"),
    ("wire: {carry: {cut: {in: body, find: nowhere}}}", r#"carry cut in body find "nowhere" nth 1"#),
    ("wire: {carry: {sizes: {chunk: 99, put: x}}}", "carry sizes 99"),
    ("wire: {send: {cut: {in: 1, byte: 99999}}}", "send cut in 1 byte 99999"),
    ("wire: {send: {cut: {in: head, find: nowhere}}}", r#"send cut in head find "nowhere" nth 1"#),
    ("wire: {send: {cut: {in: body, line: 9999}}}", "send cut in body line 9999"),
    ("wire: {send: {cut: {after: 1, offset: 99999}}}", "send cut after 1 offset 99999"),
    ("wire: {send: {join: call}}", "send join call"),
    ("wire: {send: {join: [head, -1]}}", "send join: no neighbours"),
    // In front of all bytes and behind them nothing is parted.
    ("wire: {send: {cut: {before: head}}}", "send cut before head"),
    ("wire: {send: {cut: [{after: body}, {after: 1, gap: 0s}]}}", "send cut after body"),
    ("wire: {send: {cut: [{after: 1, gap: 0s}, {after: body}]}}", "send cut after body"),
    ("wire: {end: {after: call.1, how: complete}}", "end after call.1"),
    ("wire: {end: {after: call.1, how: reset}}", "end after call.1"),
    ("wire: {end: {in: body, char: 9, how: close}}", "end in body char 9"),
    ("wire: {end: {in: wire, byte: -99999, how: close}}", "end in wire byte -99999"),
    ("wire: {end: {after: [1, 2], how: reset}}", "end after [1,2]: not one place"),
    ("pace: {pause: {before: call, for: 1h}}", "pause call"),
];

#[tokio::test]
async fn a_place_that_names_nothing_is_told_and_the_answer_is_whole() {
    for shape in STREAMS {
        let mut thens: Vec<_> = NOTHING.iter().map(|(wire, _)| format!("from: built_in, {wire}")).collect();
        thens.push("from: built_in".to_owned());
        let mut all = Cases::serve(&thens).await.ask_all(shape, thens.len());
        let plain = all.pop().unwrap().message();
        assert_eq!(plain.missed(), [""; 0]);
        for ((wire, told), seen) in NOTHING.iter().zip(all) {
            let message = seen.message();
            assert_eq!(message.missed(), [*told], "{shape:?} {wire}");
            assert_eq!(
                (message.chunks, message.terminator),
                (plain.chunks.clone(), plain.terminator.clone()),
                "{shape:?} {wire}"
            );
            assert_eq!(seen.end, End::Closed, "{shape:?} {wire}");
        }
    }
}

#[tokio::test]
async fn each_place_that_names_nothing_has_a_line_and_the_others_their_fault() {
    let wire = "wire: {edit: [{drop: call}, {insert: {before: 1, text: x}}], frame: {at: media, lead: y}, \
                carry: {cut: [{in: thought, byte: 1}, {in: 1, byte: 1}]}, send: {cut: [{in: call, byte: 1, gap: 0s}, {after: 1, gap: 0s}]}}";
    for shape in STREAMS {
        let seen = Cases::serve(&[format!("from: built_in, {wire}")]).await.ask(shape, 0);
        let message = seen.message();
        let told = ["drop call", "frame media", "carry cut in thought byte 1", "send cut in call byte 1"];
        assert_eq!(message.missed(), told, "{shape:?}");
        assert_eq!(message.chunk_ends()[0], 1, "{shape:?}");
        assert!(message.body()[..9].contains(&b'x'), "{shape:?}");
    }
}

#[tokio::test]
async fn the_same_is_told_where_http_writes_the_answer() {
    // Without a key of the socket the same head comes from elsewhere.
    for shape in [Array, ChatDocument] {
        let thens = ["wire: {edit: {drop: thought}}", "wire: {edit: {drop: thought}, send: {}}"];
        let thens = thens.map(|then| format!("from: built_in, {then}"));
        for seen in Cases::serve(&thens).await.ask_all(shape, 2) {
            assert_eq!(seen.message().missed(), ["drop thought"], "{shape:?}");
        }
    }
}

#[tokio::test]
async fn what_names_nothing_below_is_told_above() {
    let yaml = "scenario: 1\nname: test\nstubs:\n\
                - {when: {nth: 1..}, then: {from: below, wire: {send: {cut: {in: media, byte: 2}}}}}\n\
                - {then: {from: built_in, wire: {frame: {at: call, lead: x}, end: {after: call, how: reset}}}}\n";
    let server = serve_scenario(yaml, 0).await;
    let mut watch = Watch::connect(server.base_url());
    watch.send(&Chat.request());
    let mut missed: Vec<_> =
        watch.read_to_end().message().missed().iter().map(|&told| told.to_owned()).collect();
    missed.sort();
    assert_eq!(missed, ["end after call", "frame call", "send cut in media byte 2"]);
}

#[tokio::test]
async fn nothing_is_framed_where_there_are_no_events() {
    for shape in STREAMS {
        let then = "from: built_in, wire: {edit: {drop: all}, frame: [{at: 1, lead: x}, {tail: y}]}";
        let message = Cases::serve(&[then]).await.ask(shape, 0).message();
        assert_eq!(message.body(), b"", "{shape:?}");
        assert_eq!(message.missed(), ["frame 1", "frame all"], "{shape:?}");
    }
}

#[tokio::test]
async fn a_heartbeat_that_cannot_be_sent_into_the_last_silence_is_told() {
    let beat = "text: a, pace: {heartbeat: {every: 5ms, raw: '~'}}";
    let ends = [
        "encode: gzip, end: {after: 1, hold: 12ms, how: close}",
        "encode: gzip, carry: close, end: {after: 1, hold: 12ms, how: close}",
        "carry: length, end: {after: 1, hold: 12ms, how: close}",
        "carry: {join: all}, end: {after: 1, hold: 12ms, how: close}",
        "end: {in: 1, byte: 5, hold: 12ms, how: close}",
    ];
    let thens = ends.map(|wire| format!("{beat}, wire: {{{wire}}}"));
    for (wire, seen) in ends.iter().zip(Cases::serve(&thens).await.ask_all(Chat, thens.len())) {
        let message = seen.message();
        assert_eq!(message.missed(), ["heartbeat in the silence of the end"], "{wire}");
        assert!(!message.body().contains(&b'~'), "{wire}");
    }
}
