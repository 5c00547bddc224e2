//! JSON as text: how it is spaced, escaped and ordered, what stands in place of
//! values, and how long it is made.

use serde_json::Value;

use super::{
    asked::{ALL, Cases, Shape, TEXT, answer, with, with_each},
    seen::find,
};

use Shape::{Array, Chat, ChatDocument, GeminiDocument, Sse};

/// What stands between the pieces of JSON.
#[derive(Clone, Copy)]
struct Spacing {
    colon: &'static str,
    comma: &'static str,
    /// Whether each member has a line.
    is_pretty: bool,
}

const COMPACT: Spacing = Spacing { colon: ":", comma: ",", is_pretty: false };
const SPACED: Spacing = Spacing { colon: ": ", comma: ", ", is_pretty: false };
const GOOGLE: Spacing = Spacing { colon: ": ", comma: ",", is_pretty: false };
const PRETTY: Spacing = Spacing { colon: ": ", comma: ",", is_pretty: true };

const STYLES: [(&str, Spacing); 4] =
    [("compact", COMPACT), ("spaced", SPACED), ("google", GOOGLE), ("pretty", PRETTY)];

fn spacing(shape: Shape) -> Spacing {
    match shape {
        Chat => COMPACT,
        Sse => GOOGLE,
        Array | ChatDocument | GeminiDocument => PRETTY,
    }
}

/// A value as text.
fn text(value: &Value, spacing: Spacing, depth: usize) -> String {
    let line =
        |depth: usize| if spacing.is_pretty { format!("\n{}", "  ".repeat(depth)) } else { String::new() };
    let items: Vec<String> = match value {
        Value::Array(items) => items.iter().map(|item| text(item, spacing, depth + 1)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}{}{}", Value::from(name.as_str()), spacing.colon, text(value, spacing, depth + 1))
            };
            members.iter().map(member).collect()
        }
        scalar => return scalar.to_string(),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let comma = format!("{}{}", spacing.comma, line(depth + 1));
    format!("{open}{}{}{}{close}", line(depth + 1), items.join(&comma), line(depth))
}

/// A payload put into a stream of lines or another body.
fn framed(shape: Shape, payloads: &[Vec<u8>]) -> Vec<u8> {
    let lines = |payload: &Vec<u8>| {
        let more = format!("{}data: ", shape.eol());
        String::from_utf8(payload.clone()).unwrap().replace('\n', &more).into_bytes()
    };
    match shape {
        Chat | Sse => shape.framed(&payloads.iter().map(lines).collect::<Vec<_>>()),
        _ => shape.framed(payloads),
    }
}

/// The JSON payloads of a body changed.
fn changed(shape: Shape, body: &[u8], change: impl Fn(&Value) -> String) -> Vec<u8> {
    let payloads: Vec<_> = shape
        .payloads(body)
        .into_iter()
        .map(|payload| match serde_json::from_slice(&payload) {
            Ok(value) => change(&value).into_bytes(),
            Err(_) => payload,
        })
        .collect();
    framed(shape, &payloads)
}

fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{what}");
}

#[tokio::test]
async fn every_style_is_written_in_every_shape() {
    for shape in ALL {
        let wires = STYLES.map(|(name, _)| format!("write: {{style: {name}}}"));
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for ((name, spacing), seen) in STYLES.into_iter().zip(all) {
            let expected = changed(shape, &plain.body(), |value| text(value, spacing, 0));
            assert_same(&seen.body(), &expected, &format!("{shape:?} {name}"));
        }
        // What this file takes for the dialect's own style is it.
        assert_same(
            &plain.body(),
            &changed(shape, &plain.body(), |value| text(value, spacing(shape), 0)),
            "own",
        );
    }
}

#[tokio::test]
async fn what_json_lets_be_written_by_its_number_is() {
    let reply = r#"text: ["<a> \"q\" \\ / ü", "😀\u2028\n</a>"]"#;
    for shape in ALL {
        let wires = [
            "write: {escape: ascii}",
            r#"write: {escape: {chars: "<>/ü\"\\"}}"#,
            "write: {escape: {chars: n}}",
        ];
        let (plain, all) = with_each(shape, reply, &wires).await;
        let plain_text = String::from_utf8(plain.body()).unwrap();
        let ascii =
            plain_text.replace('ü', r"\u00fc").replace('😀', r"\ud83d\ude00").replace('\u{2028}', r"\u2028");
        assert_same(&all[0].body(), ascii.as_bytes(), &format!("{shape:?} ascii"));
        let chars =
            [("\\\"", r"\u0022"), ("\\\\", r"\u005c"), ("<", r"\u003c"), (">", r"\u003e"), ("/", r"\u002f")];
        let mut expected = plain_text.replace('ü', r"\u00fc");
        for (from, to) in chars {
            expected = expected.replace(from, to);
        }
        assert_same(&all[1].body(), expected.as_bytes(), &format!("{shape:?} chars"));
        // Only in strings, never in `null` or in the escape of a line break.
        let letters = String::from_utf8(all[2].body()).unwrap();
        assert!(letters.contains(r"i\u006edex"), "{letters}");
        assert!(letters.contains(r"\n"), "{letters}");
        let back = |body: &[u8]| -> Vec<Value> {
            let payloads = shape.payloads(body).into_iter();
            payloads.filter_map(|payload| serde_json::from_slice(&payload).ok()).collect()
        };
        for seen in &all {
            assert_eq!(back(&seen.body()), back(&plain.body()), "{shape:?}");
        }
    }
}

/// The members of every object by their names, or backwards.
fn ordered(value: &Value, is_sorted: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| ordered(item, is_sorted)).collect(),
        Value::Object(members) => {
            let mut all: Vec<_> =
                members.iter().map(|(name, value)| (name.clone(), ordered(value, is_sorted))).collect();
            if is_sorted {
                all.sort_by(|one, other| one.0.cmp(&other.0));
            } else {
                all.reverse();
            }
            Value::Object(all.into_iter().collect())
        }
        scalar => scalar.clone(),
    }
}

#[tokio::test]
async fn members_are_sorted_reversed_or_left() {
    for shape in ALL {
        let wires = ["write: {order: sorted}", "write: {order: reversed}", "write: {order: dialect}"];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for (at, is_sorted) in [true, false].into_iter().enumerate() {
            let expected =
                changed(shape, &plain.body(), |value| text(&ordered(value, is_sorted), spacing(shape), 0));
            assert_same(&all[at].body(), &expected, &format!("{shape:?} {}", wires[at]));
        }
        assert_eq!(all[2].body(), plain.body(), "{shape:?}");
    }
}

/// Literals in the first text of a chat, and what they put in which bytes'
/// place.
const LITERALS: &[(&str, &str, &[u8])] = &[
    (r"$.choices.*.delta.content: '1e999'", r#""content":"Hel""#, br#""content":1e999"#),
    (
        r#"$.choices.*.delta.content: '"Hel","content":"again"'"#,
        r#""content":"Hel""#,
        br#""content":"Hel","content":"again""#,
    ),
    (r"$.choices.*.delta.content: {hex: 22ff22}", r#""content":"Hel""#, b"\"content\":\"\xff\""),
    (r#"$.model: '"m"      '"#, r#""model":"m""#, br#""model":"m"      "#),
    (r"$.choices.*.delta.content: '', $.created: ['1', '2']", r#""content":"Hel""#, br#""content":"#),
    (r"$.choices.*.delta.role: tru", r#""content":"Hel"}"#, br#""content":"Hel","role":tru}"#),
    (r"'$.choices[1]': '{'", r#""finish_reason":null}]"#, br#""finish_reason":null},{]"#),
    (r"$..index: '00'", r#""index":0"#, br#""index":00"#),
];

#[tokio::test]
async fn literal_bytes_stand_in_place_of_values() {
    let wires: Vec<_> = LITERALS
        .iter()
        .map(|(literal, ..)| format!("write: {{at: text.1, literal: {{{literal}}}}}"))
        .collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(Chat, TEXT, &wires).await;
    for ((literal, from, to), seen) in LITERALS.iter().zip(all) {
        let message = seen.message();
        let (found, pieces) = (message.pieces(), plain.pieces());
        let at = find(&pieces[1], from.as_bytes()).unwrap();
        let mut expected = [&pieces[1][..at], to, &pieces[1][at + from.len()..]].concat();
        if literal.contains("$.created") {
            let created = find(&expected, b"1767225600").unwrap();
            expected.splice(created..created + 10, *b"12");
        }
        assert_same(&found[1], &expected, literal);
        assert_eq!((&found[0], &found[2..]), (&pieces[0], &pieces[2..]), "{literal}");
        assert_eq!(message.missed(), [""; 0], "{literal}");
    }
}

#[tokio::test]
async fn a_literal_can_be_the_whole_payload_and_is_not_escaped() {
    for shape in ALL {
        let wires = [
            "write: {at: text.1, literal: {$: 'ü{'}}",
            "write: {at: text.1, literal: {$: 'ü{'}, escape: ascii, style: pretty}",
        ];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let mut payloads = shape.payloads(&plain.body());
        payloads[shape.first_text() - 1] = "ü{".as_bytes().to_vec();
        for seen in all {
            assert_same(&seen.body(), &shape.framed(&payloads), &format!("{shape:?}"));
        }
    }
}

#[tokio::test]
async fn a_padded_payload_has_exactly_its_size() {
    let paths = [
        (Chat, "$.choices.*.delta.content"),
        (Sse, "$..text"),
        (Array, "$..text"),
        (ChatDocument, "$..content"),
        (GeminiDocument, "$..text"),
    ];
    for (shape, path) in paths {
        for (size, more) in [
            (900, ""),
            (4096, ""),
            (65_531, ", style: spaced"),
            (5000, ", style: pretty, order: sorted"),
            (3000, ", escape: ascii"),
        ] {
            let wire = format!("write: {{at: text.1, pad: {{'{path}': {size}}}{more}}}");
            let message = with(shape, TEXT, &wire).await.1.message();
            assert_eq!(message.missed(), [""; 0], "{wire}");
            if more.contains("pretty") && shape.eol() == "\n" && shape == Chat
                || shape == Sse && more.contains("pretty")
            {
                // Its lines have each a frame of its own.
                let event = String::from_utf8(message.pieces()[shape.first_text() - 1].clone()).unwrap();
                let payload = event.trim_end().replace("\r\n", "\n").replace("\ndata: ", "\n");
                assert_eq!(payload.strip_prefix("data: ").unwrap().len(), size, "{shape:?} {wire}");
                continue;
            }
            let payload = &shape.payloads(&message.body())[shape.first_text() - 1];
            assert_eq!(payload.len(), size, "{shape:?} {wire}");
            let value: Value = serde_json::from_slice(payload).unwrap();
            assert!(value.to_string().contains("Hel"), "{value}");
        }
    }
}

#[tokio::test]
async fn a_pad_counts_what_is_escaped_and_put_in() {
    for more in
        ["escape: {chars: abc}", "literal: {$.model: '\"long model\"'}", "escape: {chars: '0123456789'}"]
    {
        let wire = format!("write: {{at: text.1, pad: {{$..content: 2000}}, {more}}}");
        let message = with(Chat, TEXT, &wire).await.1.message();
        assert_eq!(Chat.payloads(&message.body())[1].len(), 2000, "{more}");
    }
}

#[tokio::test]
async fn what_cannot_be_padded_to_its_size_is_told() {
    let cases = [
        ("pad: {$..content: 20}", "pad $..content", "Hel"),
        ("pad: {$.nowhere: 2000}", "pad $.nowhere", "Hel"),
        // A literal is no string that could be longer.
        ("pad: {$..content: 2000}, literal: {$..content: '1e9'}", "pad $..content", "\"content\":1e9}"),
    ];
    for (rule, missed, kept) in cases {
        let message = with(Chat, TEXT, &format!("write: {{at: text.1, {rule}}}")).await.1.message();
        let payload = &Chat.payloads(&message.body())[1];
        assert_eq!(message.missed(), [missed], "{rule}");
        assert!(find(payload, kept.as_bytes()).is_some(), "{rule}: {}", payload.escape_ascii());
        assert!(payload.len() < 400, "{rule}");
    }
}

#[tokio::test]
async fn later_rules_win_key_by_key() {
    let write = "write: [{style: pretty, order: sorted}, {at: text.1, style: spaced, escape: ascii}, \
                 {at: text, order: dialect}, {at: finish, style: compact}]";
    for shape in [Chat, Sse, Array] {
        let (plain, seen) = with(shape, "text: [ü, ö, ä]", write).await;
        let payloads = shape.payloads(&plain.body());
        let expected: Vec<_> = payloads
            .iter()
            .map(|payload| {
                let Ok(value) = serde_json::from_slice::<Value>(payload) else { return payload.clone() };
                let written = value.to_string();
                let is_finish = written.contains("STOP") || written.contains("\"stop\"");
                let is_text = written.contains(['ü', 'ö', 'ä']);
                let value = if is_text { value } else { ordered(&value, true) };
                let spacing = match value.to_string().contains('ü') {
                    true => SPACED,
                    false if is_finish => COMPACT,
                    false => PRETTY,
                };
                text(&value, spacing, 0).replace('ü', r"\u00fc").into_bytes()
            })
            .collect();
        assert_same(&seen.body(), &framed(shape, &expected), &format!("{shape:?}"));
    }
}

#[tokio::test]
async fn what_no_rule_names_keeps_its_bytes() {
    let events =
        r#"events: [{text: '{ "a" : 1.0, "a":2}'}, {json: {b: 1}}, {raw: '{ "c":3 }'}, {lines: '{ }'}]"#;
    let thens = [
        format!("{events}, wire: {{write: {{at: 2, style: spaced}}}}"),
        format!("{events}, wire: {{write: {{style: spaced}}}}"),
    ];
    let all = Cases::serve(&thens).await.ask_all(Chat, 2);
    let body = |at: usize| String::from_utf8(all[at].body()).unwrap();
    assert_eq!(body(0), "data: { \"a\" : 1.0, \"a\":2}\n\ndata: {\"b\": 1}\n\n{ \"c\":3 }{ }\n\n");
    // Raw bytes and lines are no payload.
    assert_eq!(body(1), "data: {\"a\": 2}\n\ndata: {\"b\": 1}\n\n{ \"c\":3 }{ }\n\n");
}

#[tokio::test]
async fn what_an_edit_puts_in_is_written_by_the_rules_too() {
    let wire =
        "edit: {insert: {after: 1, json: {b: 1, a: [2, 3]}}}, write: {at: 2, style: spaced, order: sorted}";
    for shape in [Chat, Sse, Array] {
        let message = answer(shape, &format!("{TEXT}, wire: {{{wire}}}")).await.message();
        let payloads = shape.payloads(&message.body());
        assert_same(&payloads[1], br#"{"a": [2, 3], "b": 1}"#, &format!("{shape:?}"));
    }
}
