//! What is written is read again, whatever stands in it, whatever an editor does to
//! the ends of lines, and wherever a file is torn.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Asked, Body, Field, Interaction,
    deck::{Choice, Deck, Repeat, Turns},
    file::Tape,
    key::{Matching, key},
    write::{Aside, write},
};
use crate::{
    document::error::Source,
    plan::{
        carry::CarryAs,
        recorded::{Chunk, End, Head, Piece, Recorded},
    },
};

fn tape_of(text: &str, asides: Vec<Aside>) -> (Tape, Vec<String>) {
    let files = Box::new(move |name: &str| {
        let aside = asides.iter().find(|aside| aside.name == name);
        aside.map(|aside| aside.content.to_vec()).ok_or_else(|| format!("there is no file {name}"))
    });
    let source = Arc::new(Source { name: "c.yaml".to_owned(), text: text.to_owned() });
    let (tape, problems) = Tape::new("c".to_owned(), source, files, &Matching::default());
    (tape, problems.iter().map(ToString::to_string).collect())
}

fn mark() -> String {
    Matching::default().fingerprint()
}

fn with_key(mut interaction: Interaction) -> Interaction {
    interaction.key = key(&Matching::default().canonical(interaction.request.clone(), &[]));
    interaction
}

fn plain(number: u64, text: &str) -> Interaction {
    with_key(Interaction {
        seq: number,
        run: "r".to_owned(),
        recorded: format!("2026-11-20T10:00:00.{number:06}Z"),
        attempt: 1,
        request: Asked {
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            body: Body::Json(json!({"model": "m", "messages": [{"role": "user", "content": text}]})),
            ..Asked::default()
        },
        response: Recorded {
            head: Some(Head {
                version: "1.1".to_owned(),
                status: 200,
                reason: "OK".to_owned(),
                headers: vec![("Content-Length".to_owned(), Bytes::from_static(b"5"))],
                ..Head::default()
            }),
            carry: Some(CarryAs::Length),
            pieces: vec![Piece { bytes: Bytes::from_static(b"hello"), ..Piece::default() }],
            ..Recorded::default()
        },
        ..Interaction::default()
    })
}

fn read_again(interaction: &Interaction) -> Interaction {
    let (text, asides) = write(interaction, "c/1", &mark());
    let (tape, problems) = tape_of(&text, asides);
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    assert_eq!(tape.entries.len(), 1, "{text}");
    (*tape.interaction(&tape.entries[0]).unwrap_or_else(|problem| panic!("{problem}\n{text}"))).clone()
}

#[test]
fn a_document_is_easy_to_read() {
    let mut interaction = plain(1, "Hi: \"you\"\nthere");
    interaction.request.query = vec![("alt".to_owned(), "sse".to_owned())];
    interaction.response.pieces[0].at = Duration::from_micros(412_350);
    let (text, _) = write(&interaction, "c/1", &mark());
    let id = text.lines().find(|line| line.starts_with("id: ")).unwrap_or_default();
    let expected = format!(
        "---\ncassette: 1\nseq: 1\n{id}\nrun: r\nrecorded: \"2026-11-20T10:00:00.000001Z\"\n\
         request:\n  method: POST\n  path: /v1/chat/completions\n  query:\n    alt: sse\n  \
         json: {{model: m, messages: [{{role: user, content: \"Hi: \\\"you\\\"\\nthere\"}}]}}\n\
         response:\n  status: 200\n  head: 0s\n  headers:\n    - [Content-Length, \"5\"]\n  \
         body:\n    - [412.350ms, hello]\n  ended: 0s\n  end: complete\n...\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn large_bodies_lie_beside() {
    let mut interaction = plain(1, &"x".repeat(300_000));
    let half = Bytes::from("y".repeat(200_000));
    interaction.response.pieces = [0, 1]
        .map(|at| Piece { at: Duration::from_millis(at), bytes: half.clone(), ..Piece::default() })
        .to_vec();
    interaction.response.end_at = Duration::from_millis(1);
    let (text, asides) = write(&interaction, "c/1", &mark());
    assert!(text.len() < 2_000, "{text}");
    assert_eq!(asides.len(), 2);
    assert_eq!(read_again(&with_key(interaction.clone())), with_key(interaction));
}

#[test]
fn a_file_torn_anywhere_gives_all_that_was_complete() {
    let texts: Vec<_> = (1..4).map(|number| write(&plain(number, "a\tb"), "c", &mark()).0).collect();
    let whole = texts.concat();
    let bound = texts[0].len() + texts[1].len();
    // Behind its last line it is whole but for its end, which it does not need.
    for end in bound..whole.len() {
        let (tape, problems) = tape_of(&whole[..end], Vec::new());
        assert!(tape.entries.len() >= 2, "{end}");
        assert!(problems.iter().all(|problem| problem.starts_with("warning")), "{problems:?}");
        // What another process appends is found behind it.
        let (tape, _) = tape_of(&format!("{}\n{}", &whole[..end], texts[0]), Vec::new());
        assert!(tape.entries.len() >= 3, "{end}");
    }
}

#[test]
fn an_edited_request_has_another_key_and_an_edited_text_another_length() {
    let interaction = plain(1, "Hello");
    let (text, _) = write(&interaction, "c", &mark());
    let (tape, _) = tape_of(&text.replace("content: Hello", "content: Hallo"), Vec::new());
    assert_eq!(tape.entries[0].key, plain(1, "Hallo").key);
    let (tape, _) = tape_of(&text.replace(", hello]", ", \"good evening\"]"), Vec::new());
    let answer = tape.interaction(&tape.entries[0]).unwrap();
    let played = answer.response.script(1.0, Duration::ZERO).bytes;
    assert!(played.ends_with(b"Content-Length: 12\r\n\r\ngood evening"), "{played:?}");
}

#[test]
fn a_head_in_another_form_gives_way_to_an_edit() {
    let mut interaction = plain(1, "a");
    let raw = Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\n");
    interaction.response.head.as_mut().unwrap().raw = Some(raw.clone());
    let (text, _) = write(&interaction, "c", &mark());
    let of = |text: &str| {
        let (tape, problems) = tape_of(text, Vec::new());
        assert!(problems.is_empty(), "{problems:?}");
        tape.interaction(&tape.entries[0]).unwrap().response.script(1.0, Duration::ZERO).bytes
    };
    assert!(of(&text).starts_with(&raw));
    assert!(of(&text.replace(", hello]", ", hi]")).ends_with(b"Content-Length: 2\r\n\r\nhi"));
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let (text, _) = write(&plain(1, "a"), "c", &mark());
    let two = format!("{text}{}", text.replace("  ended: 0s", "  endet: 0s").replace("seq: 1", "seq: one"));
    let (tape, problems) = tape_of(&two.replace("id: ", "id: x"), Vec::new());
    assert_eq!(tape.entries.len(), 1);
    let told = problems.join("\n");
    let line = two.lines().position(|line| line.contains("endet")).map_or(0, |at| at + 1);
    assert!(told.contains(&format!("c.yaml:{line}:3")) && told.contains("ended"), "{told}");
    assert!(told.contains("c.yaml:") && told.contains("whole number"), "{told}");
}

fn deck(interactions: &[Interaction], repeat: Repeat) -> Deck {
    let text: String = interactions.iter().map(|it| write(it, "c", &mark()).0).collect();
    let (tape, _) = tape_of(&text, Vec::new());
    Deck::new(vec![tape], Matching::default(), repeat, "recording".to_owned())
}

/// The statuses that attempts of these calls get.
fn played(deck: &Deck, asked: &Interaction, calls: &[u64]) -> Vec<Option<u16>> {
    let mut turns = Turns::default();
    let one = |call: &u64| match deck.choose(asked.key, "", *call, &mut turns) {
        Choice::Plays(card) => deck.take(card).unwrap().response.status(),
        Choice::Unknown | Choice::Exhausted => None,
    };
    calls.iter().map(one).collect()
}

#[test]
fn groups_of_retries_stay_together() {
    let recorded = |number, status, attempt| {
        let mut interaction = plain(number, "x");
        interaction.attempt = attempt;
        interaction.response.head.as_mut().unwrap().status = status;
        interaction
    };
    let all = [recorded(1, 429, 1), recorded(2, 200, 2), recorded(3, 500, 1), recorded(4, 201, 2)];
    let last = deck(&all, Repeat::Last);
    let of = |statuses: &[u16]| statuses.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(played(&last, &all[0], &[1, 1, 1, 2, 2, 3, 3]), of(&[429, 200, 200, 500, 201, 500, 201]));
    // Calls at the same time do not disturb each other.
    assert_eq!(played(&last, &all[0], &[1, 2, 1, 2]), of(&[429, 500, 200, 201]));
    assert_eq!(played(&deck(&all, Repeat::Cycle), &all[0], &[1, 2, 3]), of(&[429, 500, 429]));
    let missing = played(&deck(&all, Repeat::Miss), &all[0], &[1, 2, 3]);
    assert_eq!(missing, [Some(429), Some(500), None]);
    assert!(last.unused().is_empty());
    assert_eq!(played(&last, &plain(9, "y"), &[1]), [None]);
}

#[test]
fn attempts_of_calls_at_the_same_time_are_told_apart() {
    let recorded = |number, status, attempt| {
        let mut interaction = plain(number, "x");
        interaction.attempt = attempt;
        interaction.response.head.as_mut().unwrap().status = status;
        interaction
    };
    let all = [recorded(1, 429, 1), recorded(2, 429, 1), recorded(3, 200, 2), recorded(4, 201, 2)];
    let deck = deck(&all, Repeat::Last);
    assert_eq!(played(&deck, &all[0], &[1, 2, 1, 2]), [Some(429), Some(429), Some(200), Some(201)]);
}

#[test]
fn what_a_later_process_recorded_stands_for_what_was_there() {
    let mut later = plain(1, "x");
    later.run = "s".to_owned();
    later.recorded = "2026-11-21T10:00:00Z".to_owned();
    later.response.head.as_mut().unwrap().status = 299;
    let deck = deck(&[plain(1, "x"), later, plain(2, "y")], Repeat::Last);
    assert_eq!(played(&deck, &plain(1, "x"), &[1, 2]), [Some(299), Some(299)]);
    assert_eq!(played(&deck, &plain(1, "y"), &[1]), [Some(200)]);
    assert!(deck.unused().is_empty(), "what nobody can get is not missed");
}

#[test]
fn a_miss_tells_the_nearest_and_what_differs() {
    let deck = deck(&[plain(1, "rec G"), plain(2, "something else")], Repeat::Last);
    let asked = Matching::default().canonical(plain(0, "rec GS").request, &[]);
    let (place, differences) = deck.nearest(&asked).unwrap();
    assert_eq!(place, "c.yaml:1");
    let told = super::differ::lines(&differences);
    assert_eq!(told, "  $.messages[0].content: recorded \"rec G\", asked \"rec GS\"");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[ \t\r\n:#\"'\\\\{}\\[\\]&*!|>%@`-]{0,12}", "\\PC{0,8}", Just("null".to_owned())]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9_f64..1e9).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((any_text(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn any_piece()(
        at in 0..5_000_000_u64,
        bytes in prop_oneof![
            any_text().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 1..12),
        ],
        chunk in prop_oneof![Just(Chunk::Ends), Just(Chunk::GoesOn)],
        line in proptest::option::of(Just("0{size};x\r\n".to_owned())),
    ) -> Piece {
        let bytes = if bytes.is_empty() { vec![b'x'] } else { bytes };
        Piece { at: Duration::from_micros(at), bytes: bytes.into(), chunk, line }
    }
}

prop_compose! {
    fn any_interaction()(
        body in prop_oneof![
            any_json().prop_map(Body::Json),
            any_text().prop_filter("some", |text| !text.is_empty()).prop_map(Body::Text),
            Just(Body::Form(vec![Field { name: "a b".to_owned(), content: "x\n".into(), ..Field::default() }])),
        ],
        query in proptest::collection::vec((any_text(), any_text()), 0..3),
        headers in proptest::collection::vec(("[A-Za-z-]{1,8}", any_text()), 0..4),
        pieces in proptest::collection::vec(any_piece(), 0..5),
        rest in proptest::collection::vec(any_text(), 0..2),
        (end, _) in proptest::sample::select(End::ALL.to_vec()),
        path in any_text(),
    ) -> Interaction {
        let mut own = vec![("Transfer-Encoding".to_owned(), Bytes::from_static(b"chunked"))];
        own.extend(headers.into_iter().map(|(name, value)| (name, Bytes::from(value))));
        // What is asked for several times stands together.
        let mut query: Vec<(String, String)> = query;
        query.sort();
        query.dedup_by(|one, other| one.0 == other.0);
        let head = Head {
            version: "1.1".to_owned(), status: 207, reason: "Multi-Status".to_owned(), headers: own,
            ..Head::default()
        };
        let mut pieces = pieces;
        if let Some(last) = pieces.last_mut().filter(|_| end == End::Complete) {
            last.chunk = Chunk::Ends;
        }
        let terminator = (end == End::Complete).then(|| Bytes::from_static(b"0\r\nA: b\r\n\r\n"));
        with_key(Interaction {
            seq: 7, attempt: 2, is_redacted: true, recorded: "now".to_owned(),
            request: Asked { method: "POST".to_owned(), path, query, body, ..Asked::default() },
            response: Recorded {
                head: Some(head), carry: Some(CarryAs::Chunked), pieces, terminator, end,
                rest: rest.into_iter().map(|text| (Duration::ZERO, text.into())).collect(),
                ..Recorded::default()
            },
            ..Interaction::default()
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_recorded_is_read_as_it_was_written(interaction in any_interaction()) {
        prop_assert_eq!(&read_again(&interaction), &interaction);
    }

    #[test]
    fn editors_that_trim_blanks_and_end_files_change_nothing(interaction in any_interaction()) {
        let (text, asides) = write(&interaction, "c", &mark());
        let trimmed: Vec<_> = text.lines().map(str::trim_end).collect();
        for edited in [trimmed.join("\n") + "\n\n", trimmed.join("\r\n"), text.clone() + "\n"] {
            let (tape, problems) = tape_of(&edited, asides.clone());
            prop_assert!(problems.is_empty(), "{:?}", problems);
            prop_assert_eq!(&*tape.interaction(&tape.entries[0]).unwrap(), &interaction);
        }
    }

    #[test]
    fn any_damage_is_told_and_nothing_else_is_lost(
        at in 0..1200_usize, byte in any::<u8>(), number in 0..3_u64,
    ) {
        let mut texts: Vec<_> = (0..3).map(|it| write(&plain(it, "a"), "c", &mark()).0.into_bytes()).collect();
        let own = &mut texts[usize::try_from(number).unwrap()];
        let at = at % own.len();
        // The end of a document that is lost joins it with the next.
        let is_end = at + 5 >= own.len();
        own[at] = byte;
        let text = String::from_utf8_lossy(&texts.concat()).into_owned();
        let (tape, _) = tape_of(&text, Vec::new());
        prop_assert!(tape.entries.len() >= 2 || byte == b'\n' || at < 4 || is_end);
        for entry in &tape.entries {
            drop(tape.interaction(entry));
        }
    }
}
