//! The list of events, changed: each operation against the same change made
//! here to the events of an answer without it.

use super::{
    asked::{Cases, Shape, TEXT, answer, with, with_each},
    seen::{Message, find},
};

use Shape::{Array, Chat, ChatDocument, GeminiDocument, Sse};

/// An event as it is to be framed.
#[derive(Clone, Debug)]
enum Event {
    Data(Vec<u8>),
    Lines(&'static [&'static str]),
    Raw(Vec<u8>),
}

use Event::{Data, Lines, Raw};

fn data(text: impl AsRef<[u8]>) -> Event {
    Data(text.as_ref().to_vec())
}

/// The body that these events make.
fn body(shape: Shape, events: &[Event]) -> Vec<u8> {
    let eol = shape.eol();
    let mut body = Vec::new();
    let mut between: &[u8] = b"[";
    for event in events {
        match (event, shape) {
            (Data(payload), Chat | Sse) => {
                let breaks = |text: &[u8]| text.escape_ascii().to_string().replace("\\r\\n", "\\n");
                assert!(!breaks(payload).contains("\\r"), "lines are told by LF and CRLF here");
                for line in payload.split(|byte| *byte == b'\n') {
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    body.extend([b"data: ", line, eol.as_bytes()].concat());
                }
                body.extend(eol.as_bytes());
            }
            (Lines(lines), Chat | Sse) => body.extend([&lines.join(eol), eol, eol].concat().as_bytes()),
            (Data(payload), Array) => {
                body.extend([between, payload].concat());
                between = b"\n,\r\n";
            }
            (Data(payload), ChatDocument | GeminiDocument) => body.extend(payload),
            (Lines(lines), _) => body.extend(lines.join("\n").as_bytes()),
            (Raw(bytes), _) => body.extend(bytes),
        }
    }
    let tail: &[u8] = match shape {
        Chat | Sse => b"",
        Array => b"\n]",
        ChatDocument | GeminiDocument => b"\n",
    };
    [&body, tail].concat()
}

fn events(shape: Shape, plain: &Message) -> Vec<Event> {
    shape.payloads(&plain.body()).into_iter().map(Data).collect()
}

/// A change as it is written, and the same as code.
struct Change {
    yaml: &'static str,
    change: fn(&mut Vec<Event>),
}

const fn change(yaml: &'static str, change: fn(&mut Vec<Event>)) -> Change {
    Change { yaml, change }
}

/// Changes of any stream with two events or more, the last two being other than
/// the first.
const CHANGES: &[Change] = &[
    change("insert: {before: 1, text: hi}", |events| events.insert(0, data("hi"))),
    change("insert: {after: 1, text: ''}", |events| events.insert(1, data(""))),
    change("insert: {before: -1, text: '[DONE]'}", |events| events.insert(events.len() - 1, data("[DONE]"))),
    change("insert: {after: -1, text: '{not json'}", |events| events.push(data("{not json"))),
    change("insert: {after: 1, text: {fill: 1000}}", |events| {
        let text: Vec<u8> =
            b"abcdefghijklmnopqrstuvwxyz0123456789".iter().copied().cycle().take(1000).collect();
        events.insert(1, Data(text));
    }),
    change("insert: {after: 1, text: {echo: prompt}}", |events| events.insert(1, data("x"))),
    change("insert: {after: 1, json: null}", |events| events.insert(1, data("null"))),
    change("insert: {after: 1, json: 7}", |events| events.insert(1, data("7"))),
    change("insert: {after: 1, json: []}", |events| events.insert(1, data("[]"))),
    change("insert: {after: 1, lines: ': ping'}", |events| events.insert(1, Lines(&[": ping"]))),
    change("insert: {before: 2, lines: ['retry: 3000', 'id: 7']}", |events| {
        events.insert(1, Lines(&["retry: 3000", "id: 7"]));
    }),
    change("insert: {after: 1, raw: 'x y'}", |events| events.insert(1, Raw(b"x y".to_vec()))),
    change(
        "insert: {after: 1, raw: [{hex: ff00}, {base64: AQI=}, {json: {a: [1]}}, {fill: {size: 3, of: ab}}]}",
        |events| {
            events.insert(1, Raw(b"\xff\x00\x01\x02{\"a\":[1]}aba".to_vec()));
        },
    ),
    change("insert: {before: all, text: x}", |events| {
        *events = events.iter().flat_map(|event| [data("x"), event.clone()]).collect();
    }),
    change("insert: {after: [1, -1], text: x}", |events| {
        events.push(data("x"));
        events.insert(1, data("x"));
    }),
    change("drop: 1", |events| drop(events.remove(0))),
    change("drop: -1", |events| drop(events.pop())),
    change("repeat: {at: 2}", |events| events.insert(1, events[1].clone())),
    change("repeat: {at: 1, times: 3}", |events| {
        events.insert(0, events[0].clone());
        events.insert(0, events[0].clone());
    }),
    change("repeat: {at: 1, times: 1}", |_| {}),
    change("repeat: {at: all, times: 2}", |events| {
        *events = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
    }),
    change("move: {at: -1, before: 1}", |events| events.rotate_right(1)),
    change("move: {at: 1, after: -1}", |events| events.rotate_left(1)),
    change("move: {at: 1, before: 2}", |_| {}),
    change("move: {at: 2.., before: 1}", |events| events.rotate_left(1)),
    change("join: {at: 1..2}", |events| join(events, b"")),
    change(r#"join: {at: [1, 2], by: "\n"}"#, |events| join(events, b"\n")),
    change("join: {at: ..2, by: [{hex: 0d0a}, --]}", |events| join(events, b"\r\n--")),
    change("patch: {set: {$.x: null}, at: all}", |events| {
        events.iter_mut().for_each(|event| add(event, "null"));
    }),
    change("patch: {set: {$.x: 1}}", |events| events.iter_mut().for_each(|event| add(event, "1"))),
    change("patch: {at: -2, set: {$.x: text}}", |events| {
        let at = events.len() - 2;
        add(&mut events[at], "\"text\"");
    }),
];

fn join(events: &mut Vec<Event>, by: &[u8]) {
    let (Data(first), Data(second)) = (events[0].clone(), events[1].clone()) else { panic!() };
    events.splice(..2, [Data([first, by.to_vec(), second].concat())]);
}

/// Adds a member `x` behind all others of an object, in its own manner.
fn add(event: &mut Event, value: &str) {
    let Data(payload) = event else { panic!("{event:?}") };
    let text = String::from_utf8(payload.clone()).unwrap();
    let Some(members) = text.strip_suffix('}') else { return };
    let colon = if members.contains("\": ") { ": " } else { ":" };
    let added = match members.strip_suffix('\n') {
        Some(members) => format!("{members},\n  \"x\"{colon}{value}\n}}"),
        None => format!("{members},\"x\"{colon}{value}}}"),
    };
    *payload = added.into_bytes();
}

#[tokio::test]
async fn each_change_of_the_list_is_made_as_it_is_written() {
    for shape in [Chat, Sse, Array] {
        let wires: Vec<_> = CHANGES.iter().map(|change| format!("edit: {{{}}}", change.yaml)).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for (change, seen) in CHANGES.iter().zip(all) {
            let mut events = events(shape, &plain);
            (change.change)(&mut events);
            let message = seen.message();
            assert_eq!(
                message.body().escape_ascii().to_string(),
                body(shape, &events).escape_ascii().to_string(),
                "{shape:?} {}",
                change.yaml
            );
            // Each event is a chunk, but for one of no bytes.
            assert_eq!(message.chunks.len(), events.len(), "{shape:?} {}", change.yaml);
            assert_eq!(message.missed(), [""; 0], "{shape:?} {}", change.yaml);
        }
    }
}

#[tokio::test]
async fn each_operation_sees_the_list_as_the_one_before_left_it() {
    let edit = "edit: [{drop: 1}, {insert: {before: 1, text: new}}, {repeat: {at: 1}}, \
                {move: {at: -1, before: 1}}, {insert: {after: -1, text: end}}, {drop: 2}]";
    for shape in [Chat, Sse, Array] {
        let (plain, seen) = with(shape, TEXT, edit).await;
        let mut events = events(shape, &plain);
        events.remove(0);
        events.splice(..0, [data("new"), data("new")]);
        events.rotate_right(1);
        events.push(data("end"));
        events.remove(1);
        assert_eq!(seen.body(), body(shape, &events), "{shape:?}");
    }
}

#[tokio::test]
async fn an_insert_into_an_empty_list_adds_wherever_it_points() {
    for shape in [Chat, Sse, Array] {
        for place in ["before: 1", "after: -1", "after: text.2", "before: done"] {
            let then = format!("events: [], wire: {{edit: {{insert: {{{place}, json: {{}}}}}}}}");
            let message = answer(shape, &then).await.message();
            assert_eq!(message.body(), body(shape, &[data("{}")]), "{shape:?} {place}");
            assert_eq!(message.missed(), [""; 0], "{shape:?} {place}");
        }
        let then = format!("{TEXT}, wire: {{edit: [{{drop: all}}, {{insert: {{before: 3, text: x}}}}]}}");
        assert_eq!(answer(shape, &then).await.body(), body(shape, &[data("x")]), "{shape:?}");
    }
}

#[tokio::test]
async fn what_is_put_around_a_document_stands_there() {
    let changes = [
        CHANGES.iter().find(|change| change.yaml == "insert: {before: 1, text: hi}").unwrap(),
        &change("insert: {after: 1, raw: {hex: 00}}", |events| events.push(Raw(vec![0]))),
        &change("insert: {after: 1, lines: [a, b]}", |events| events.push(Lines(&["a", "b"]))),
        &change("insert: {before: 1, json: {}}", |events| events.insert(0, data("{}"))),
        &change("repeat: {at: 1}", |events| events.push(events[0].clone())),
        &change("patch: {set: {$.x: 1}}", |events| add(&mut events[0], "1")),
    ];
    for shape in [ChatDocument, GeminiDocument] {
        let wires: Vec<_> = changes.iter().map(|change| format!("edit: {{{}}}", change.yaml)).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for (change, seen) in changes.iter().zip(all) {
            let mut events = events(shape, &plain);
            (change.change)(&mut events);
            assert_eq!(
                seen.body().escape_ascii().to_string(),
                body(shape, &events).escape_ascii().to_string(),
                "{shape:?} {}",
                change.yaml
            );
        }
    }
}

#[tokio::test]
async fn an_inserted_reply_says_what_the_dialect_would_with_ids_of_its_own() {
    for shape in [Chat, Sse, Array] {
        let (plain, seen) =
            with(shape, TEXT, "edit: {insert: {after: 1, reply: {text: [A, B], finish: length}}}").await;
        let alone = answer(shape, "text: [A, B], finish: length").await.body();
        let payloads = shape.payloads(&seen.body());
        let (own, all) = (shape.payloads(&alone).len(), shape.payloads(&plain.body()).len());
        assert_eq!(payloads.len(), own + all, "{shape:?}");
        let id = |payload: &Vec<u8>| {
            let json: serde_json::Value = serde_json::from_slice(payload).ok()?;
            Some(json.get("id").or(json.get("responseId"))?.as_str()?.to_owned())
        };
        let ids: Vec<_> = payloads[1..=own].iter().filter_map(id).collect();
        assert!(ids.iter().all(|own| *own == ids[0]), "{ids:?}");
        assert_ne!(Some(&ids[0]), id(&payloads[0]).as_ref());
        // But for the ids and what fills the events up it is the same.
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap().replace(&ids[0], "ID");
        let without_fill = |text: String| text.split(",\"obfuscation\"").next().unwrap().to_owned();
        let other = id(&shape.payloads(&alone)[0]).unwrap();
        for (inner, outer) in payloads[1..=own].iter().zip(shape.payloads(&alone)) {
            let outer = String::from_utf8(outer).unwrap().replace(&other, "ID");
            assert_eq!(without_fill(text(inner)), without_fill(outer), "{shape:?}");
        }
    }
}

#[tokio::test]
async fn an_inserted_error_has_its_mid_stream_form() {
    let insert =
        "edit: {insert: {after: 1, reply: {error: {status: 429, message: Slow., openai: {code: null}}}}}";
    let chat = with(Chat, TEXT, insert).await;
    let error = br#"{"error":{"message":"Slow.","type":"requests","param":null,"code":null}}"#;
    assert_eq!(chat.1.message().events(Chat)[1], [b"data: ", &error[..], b"\n\n"].concat());
    let sse = with(Sse, TEXT, insert).await.1.message().pieces();
    assert!(sse[1].starts_with(b"{\n  \"error\": {\n    \"code\": 429,\n"), "{}", sse[1].escape_ascii());
    let array = with(Array, TEXT, insert).await.1.message();
    let array: Vec<serde_json::Value> = serde_json::from_slice(&array.body()).unwrap();
    assert_eq!(array[1]["error"]["message"], "Slow.");
}

/// Patches of the event that carries the first text of a chat, and the pieces of
/// its bytes that they change.
const PATCHES: &[(&str, &str, &str)] = &[
    ("set: {$.choices.*.delta.content: null}", r#""content":"Hel""#, r#""content":null"#),
    ("set: {$.choices.*.delta: {a: [1, {}]}}", r#"{"content":"Hel"}"#, r#"{"a":[1,{}]}"#),
    ("set: {$.choices: null}", "", ""),
    ("set: {'$.choices[0].index': 5}", r#"{"index":0,"#, r#"{"index":5,"#),
    ("set: {$..index: 5}", r#"{"index":0,"#, r#"{"index":5,"#),
    ("set: {$.usage: {a: 1}}", "", ""),
    ("set: {'$.choices[1]': {}}", r#""finish_reason":null}]"#, r#""finish_reason":null},{}]"#),
    ("set: {$.choices.*.delta.role: ''}", r#""content":"Hel"}"#, r#""content":"Hel","role":""}"#),
    ("set: {$.choices.*.delta.tool_calls: []}", r#""content":"Hel"}"#, r#""content":"Hel","tool_calls":[]}"#),
    ("set: {$.created: 1.5}", r#""created":1767225600"#, r#""created":1.5"#),
    ("unset: $.choices.*.delta", r#""delta":{"content":"Hel"},"#, ""),
    ("unset: [$.object, $.model]", r#""object":"chat.completion.chunk","#, ""),
    ("unset: $.choices.*", "", ""),
    (
        "unset: $.created, set: {$.object: ''}",
        r#""object":"chat.completion.chunk","created":1767225600"#,
        r#""object":"""#,
    ),
];

#[tokio::test]
async fn a_patch_sets_adds_and_takes_away_what_its_paths_lead_to() {
    let wires: Vec<_> =
        PATCHES.iter().map(|(patch, ..)| format!("edit: {{patch: {{at: text.1, {patch}}}}}")).collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(Chat, TEXT, &wires).await;
    let pieces = plain.pieces();
    let text = String::from_utf8(pieces[1].clone()).unwrap();
    for ((patch, from, to), seen) in PATCHES.iter().zip(all) {
        let expected = match *patch {
            "set: {$.choices: null}" => {
                let (start, end) = (text.find("\"choices\":").unwrap() + 10, text.find(",\"obfus").unwrap());
                format!("{}null{}", &text[..start], &text[end..])
            }
            "unset: $.choices.*" => {
                let (start, end) = (text.find("\"choices\":").unwrap() + 11, text.find("],\"obfus").unwrap());
                format!("{}{}", &text[..start], &text[end..])
            }
            "set: {$.usage: {a: 1}}" => text.replace("\"}\n\n", "\",\"usage\":{\"a\":1}}\n\n"),
            "unset: [$.object, $.model]" => text.replace(from, to).replace("\"model\":\"m\",", ""),
            _ => {
                assert!(text.contains(from), "{text}");
                text.replace(from, to)
            }
        };
        let message = seen.message();
        let found = message.pieces();
        assert_eq!(String::from_utf8_lossy(&found[1]), expected, "{patch}");
        assert_eq!((&found[0], &found[2..]), (&pieces[0], &pieces[2..]), "{patch}");
        assert_eq!(message.missed(), [""; 0], "{patch}");
    }
}

#[tokio::test]
async fn a_patch_passes_over_what_is_no_json() {
    let events = "events: [{text: '[DONE]'}, {lines: ': {}'}, {raw: '{}'}, {text: '{'}, {json: {a: 1}}]";
    let message =
        answer(Chat, &format!("{events}, wire: {{edit: {{patch: {{set: {{$.b: 2}}}}}}}}")).await.message();
    let expected = "data: [DONE]\n\n: {}\n\n{}data: {\n\ndata: {\"a\":1,\"b\":2}\n\n";
    assert_eq!(String::from_utf8(message.body()).unwrap(), expected);
    assert_eq!(message.missed(), [""; 0]);
}

#[tokio::test]
async fn a_text_is_kept_as_it_stands_until_a_patch_changes_it() {
    let events = "events: [{text: '{ \"a\" : 1.0,\"a\":2 }'}, {text: '{ \"b\" : 1 }'}]";
    let patched =
        answer(Chat, &format!("{events}, wire: {{edit: {{patch: {{at: 2, set: {{$.c: 1}}}}}}}}")).await;
    let expected = "data: { \"a\" : 1.0,\"a\":2 }\n\ndata: {\"b\":1,\"c\":1}\n\n";
    assert_eq!(String::from_utf8(patched.body()).unwrap(), expected);
}

#[tokio::test]
async fn raw_replies_and_built_in_ones_are_edited_too() {
    let raw = "raw: {status: 503, headers: {content-type: application/json}, body: '{\"a\": 1}'}";
    let thens = [
        format!("{raw}, wire: {{edit: {{insert: {{before: 1, raw: \")]}}'\\n\"}}}}}}"),
        format!("{raw}, wire: {{edit: {{drop: 1}}}}"),
        "from: built_in".to_owned(),
        "from: built_in, wire: {edit: {repeat: {at: 1}}}".to_owned(),
    ];
    let all = Cases::serve(&thens).await.ask_all(Chat, thens.len());
    let bodies: Vec<_> = all.iter().map(|seen| seen.body()).collect();
    assert_eq!(bodies[0], b")]}'\n{\"a\": 1}");
    assert_eq!(all[0].message().header("content-length"), Some("13"));
    assert_eq!(bodies[1], b"");
    let first = find(&bodies[2], b"\n\n").unwrap() + 2;
    assert_eq!(bodies[3], [&bodies[2][..first], &bodies[2]].concat());
}
