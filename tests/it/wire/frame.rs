//! Text as lines, and what stands around an event.

use super::asked::{Cases, DOCUMENTS, STREAMS, Shape, TEXT, answer, with, with_each};

use Shape::{Array, Chat, Sse};

fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{what}");
}

/// Rules for all events of a stream of lines, and an event's block as they make
/// it: `@` is the payload, `|` the shape's own line end.
const BLOCKS: &[(&str, &str)] = &[
    ("eol: lf", "data: @\n\n"),
    ("eol: crlf", "data: @\r\n\r\n"),
    ("eol: cr", "data: @\r\r"),
    ("eol: none", "data: @"),
    ("eol: [crlf, lf]", "data: @\r\n\n"),
    ("eol: [none, cr]", "data: @\r"),
    ("eol: [cr, lf], blank: 3", "data: @\r\n\n\n"),
    ("eol: [lf, crlf, cr, none], lines: ['id: 1', data]", "id: 1\ndata: @\r\n\r"),
    ("blank: 0", "data: @|"),
    ("blank: 2", "data: @|||"),
    ("blank: 0, eol: none", "data: @"),
    ("field: error", "error: @||"),
    ("field: ''", ": @||"),
    ("colon: ':'", "data:@||"),
    ("colon: ''", "data@||"),
    ("colon: ' = '", "data = @||"),
    ("field: d, colon: ':  ', eol: crlf", "d:  @\r\n\r\n"),
    ("lines: ['id: 1', event, data]", "id: 1|data: @||"),
    ("lines: [': note', data, 'retry: 1']", ": note|data: @|retry: 1||"),
    ("lines: [data, data]", "data: @|data: @||"),
    ("lines: data", "data: @||"),
    ("lines: 'event: x'", "event: x||"),
    ("lines: event", "|"),
    ("lines: [' data', 'data']", " data|data: @||"),
    ("lines: ['id: 1', data], field: x", "id: 1|x: @||"),
    ("lead: \"\\n\\n\"", "\n\ndata: @||"),
    ("tail: {hex: 00ff}", "data: @||\0\u{ff}"),
    ("lead: [a, {hex: 0a}], tail: b, blank: 0", "a\ndata: @|b"),
];

/// A template filled; U+00FF stands for that byte.
fn filled(shape: Shape, template: &str, payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for character in template.chars() {
        match character {
            '@' => block.extend(payload),
            '|' => block.extend(shape.eol().as_bytes()),
            '\u{ff}' => block.push(0xff),
            other => block.push(u8::try_from(u32::from(other)).unwrap()),
        }
    }
    block
}

#[tokio::test]
async fn a_block_of_lines_is_framed_as_the_rules_say() {
    for shape in [Chat, Sse] {
        let wires: Vec<_> = BLOCKS.iter().map(|(rule, _)| format!("frame: {{{rule}}}")).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let payloads = shape.payloads(&plain.body());
        for ((rule, template), seen) in BLOCKS.iter().zip(all) {
            let blocks: Vec<_> = payloads.iter().map(|payload| filled(shape, template, payload)).collect();
            let message = seen.message();
            assert_same(&message.body(), &blocks.concat(), &format!("{shape:?} {rule}"));
            // All that stands around an event is the event's own.
            assert_eq!(message.pieces(), blocks, "{shape:?} {rule}");
            assert_eq!(message.missed(), [""; 0], "{shape:?} {rule}");
        }
    }
}

#[tokio::test]
async fn a_rule_is_for_the_events_that_it_names_and_later_ones_win() {
    let frame = "frame: [{eol: lf, field: a}, {at: [1, -1], field: b, blank: 0}, {at: -1, blank: 2, lead: '>'}, \
                 {at: text.2, eol: crlf}]";
    for shape in [Chat, Sse] {
        let (plain, seen) = with(shape, TEXT, frame).await;
        let payloads = shape.payloads(&plain.body());
        let last = payloads.len() - 1;
        let second_text = shape.first_text();
        let blocks = payloads.iter().enumerate().map(|(at, payload)| {
            let eol = if at == second_text { "\r\n" } else { "\n" };
            let field = if at == 0 || at == last { "b" } else { "a" };
            let blank = if at == 0 { 0 } else { if at == last { 2 } else { 1 } };
            let lead = if at == last { ">" } else { "" };
            [format!("{lead}{field}: ").as_bytes(), payload, eol.repeat(1 + blank).as_bytes()].concat()
        });
        assert_same(&seen.body(), &blocks.collect::<Vec<_>>().concat(), &format!("{shape:?}"));
    }
}

#[tokio::test]
async fn a_line_break_in_a_payload_begins_a_data_line_or_stands_as_it_is() {
    let events = r#"events: [{text: "a\nb\r\nc\rd"}, {text: "\n"}, {text: "e\n\n"}, {text: f}]"#;
    for (shape, eol) in [(Chat, "\n"), (Sse, "\r\n")] {
        let thens = [
            format!("{events}, wire: {{frame: {{newlines: split}}}}"),
            format!("{events}, wire: {{frame: {{newlines: keep}}}}"),
            format!("{events}, wire: {{frame: [{{newlines: keep}}, {{at: 1, newlines: split, field: x}}]}}"),
        ];
        let all = Cases::serve(&thens).await.ask_all(shape, thens.len());
        let body = |at: usize| String::from_utf8(all[at].body()).unwrap();
        let split = "data: a|data: b|data: c|data: d||data: |data: ||data: e|data: |data: ||data: f||";
        assert_eq!(body(0), split.replace('|', eol), "{shape:?}");
        let kept = "data: a\nb\r\nc\rd||data: \n||data: e\n\n||data: f||";
        assert_eq!(body(1), kept.replace('|', eol), "{shape:?}");
        let both = "x: a|x: b|x: c|x: d||data: \n||data: e\n\n||data: f||";
        assert_eq!(body(2), both.replace('|', eol), "{shape:?}");
    }
}

#[tokio::test]
async fn a_list_of_line_ends_goes_on_over_data_lines_and_blank_ones() {
    let then = r#"events: [{text: "a\nb\nc"}], wire: {frame: {eol: [lf, cr, crlf], blank: 2}}"#;
    let body = answer(Chat, then).await.body();
    assert_same(&body, b"data: a\ndata: b\rdata: c\r\n\r\n\r\n", "");
}

#[tokio::test]
async fn lines_take_the_line_ends_and_blank_lines_of_the_others() {
    let events = "events: [{lines: [': a', 'id: 7']}, {text: b}]";
    let cases = [
        ("eol: crlf", ": a\r\nid: 7\r\n\r\ndata: b\r\n\r\n"),
        ("blank: 0", ": a\nid: 7\ndata: b\n"),
        ("eol: [none, cr], blank: 2", ": aid: 7\r\r\rdata: b\r\r"),
        ("field: x, colon: ''", ": a\nid: 7\n\nxb\n\n"),
        ("lead: <, tail: '>'", "<: a\nid: 7\n\n><data: b\n\n>"),
    ];
    let thens: Vec<_> =
        cases.iter().map(|(rule, _)| format!("{events}, wire: {{frame: {{{rule}}}}}")).collect();
    for ((rule, body), seen) in cases.iter().zip(Cases::serve(&thens).await.ask_all(Chat, thens.len())) {
        assert_eq!(String::from_utf8(seen.body()).unwrap(), *body, "{rule}");
    }
}

#[tokio::test]
async fn raw_events_have_only_lead_and_tail() {
    let events = "events: [{raw: a}, {text: b}, {raw: c}]";
    let frame = "frame: {eol: cr, blank: 3, field: x, colon: '', lines: [': n', data], lead: <, tail: '>'}";
    let body = answer(Chat, &format!("{events}, wire: {{{frame}}}")).await.body();
    assert_same(&body, b"<a><: n\rxb\r\r\r\r><c>", "");
}

#[tokio::test]
async fn what_stands_around_the_elements_of_an_array_can_be_replaced() {
    let cases = [
        ("{at: -1, tail: ''}", ["[", "\n,\r\n", ""]),
        ("{at: 1, lead: ''}", ["", "\n,\r\n", "\n]"]),
        ("{at: 2, lead: ','}", ["[", ",", "\n]"]),
        ("{at: 1, tail: ' '}", ["[", " \n,\r\n", "\n]"]),
        ("{lead: '', tail: \"\\n\"}", ["", "\n", "\n"]),
        ("[{lead: \"\\x1e\"}, {at: -1, tail: \"]]\"}]", ["\x1e", "\x1e", "]]"]),
    ];
    let wires: Vec<_> = cases.iter().map(|(rule, _)| format!("frame: {rule}")).collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(Array, TEXT, &wires).await;
    let payloads = Array.payloads(&plain.body());
    for ((rule, [lead, between, tail]), seen) in cases.iter().zip(all) {
        let expected =
            [lead.as_bytes(), &payloads[0], between.as_bytes(), &payloads[1], tail.as_bytes()].concat();
        assert_same(&seen.body(), &expected, rule);
        assert_eq!(seen.message().missed(), [""; 0], "{rule}");
    }
}

#[tokio::test]
async fn the_separators_of_an_array_belong_to_the_events_behind_them() {
    let plain = answer(Array, "text: [a, b, c]").await.message();
    let pieces = plain.pieces();
    assert!(pieces[0].starts_with(b"[{") && pieces[0].ends_with(b"}"));
    assert!(pieces[1].starts_with(b"\n,\r\n{") && pieces[1].ends_with(b"}"));
    assert!(pieces[2].starts_with(b"\n,\r\n{") && pieces[2].ends_with(b"}\n]"));
    assert_eq!(pieces.len(), 3);
}

#[tokio::test]
async fn a_document_has_nothing_around_it_but_what_is_put_there() {
    for shape in DOCUMENTS {
        let wires =
            [r#"frame: {lead: ")]}'\n"}"#, "frame: {tail: {fill: 5}}", "frame: {lead: '(', tail: ')'}"];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let around = [(")]}'\n", ""), ("", "abcde"), ("(", ")")];
        for ((lead, tail), seen) in around.into_iter().zip(all) {
            let expected = [lead.as_bytes(), &plain.body(), tail.as_bytes()].concat();
            assert_same(&seen.body(), &expected, &format!("{shape:?}"));
            assert_eq!(seen.message().missed(), [""; 0], "{shape:?}");
        }
    }
}

#[tokio::test]
async fn rules_for_lines_are_told_as_missed_where_there_are_none() {
    for shape in [Array, Shape::ChatDocument, Shape::GeminiDocument] {
        let (plain, seen) = with(shape, "from: built_in", "frame: {eol: crlf, field: x}").await;
        let message = seen.message();
        assert_eq!(message.body(), plain.body(), "{shape:?}");
        assert_eq!(message.missed(), ["frame all: not a stream of lines"], "{shape:?}");
    }
}

#[tokio::test]
async fn a_heartbeat_is_framed_as_the_dialect_frames() {
    for (shape, ping) in [(Chat, ": ping\n\n"), (Sse, ": ping\r\n\r\n")] {
        let pace = "pace: {first: 25ms, heartbeat: {every: 10ms, lines: ': ping'}}";
        let message = answer(shape, &format!("{TEXT}, {pace}")).await.message();
        assert_eq!(message.pieces()[..2], [ping.as_bytes(), ping.as_bytes()], "{shape:?}");
    }
    assert_eq!(STREAMS.len(), 3);
}
