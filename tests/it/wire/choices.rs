//! Choices of events, in each form that they are written in: what they choose
//! is what an edit takes out.

use super::asked::{Cases, Shape, with_each};

/// In a chat: 1 start, 2 and 3 thoughts, 4 and 5 texts, 6 to 8 a call, 9 the
/// finish, 10 the sentinel. At Google 1 and 2 thoughts, 3 and 4 texts, 5 a
/// call, 6 a picture and the finish.
const REPLY: &str = "parts: [{thought: [Let, me]}, {text: [Hel, lo]}, \
                     {call: {name: f, id: c1, fragments: ['{\"a\":', '1}']}}, {image: {size: 2x2}}]";

/// Choices and the numbers that they give.
const OF_A_CHAT: &[(&str, &[usize])] = &[
    ("1", &[1]),
    ("10", &[10]),
    ("-1", &[10]),
    ("-10", &[1]),
    ("2..4", &[2, 3, 4]),
    ("3..3", &[3]),
    ("8..", &[8, 9, 10]),
    ("..2", &[1, 2]),
    ("-3..", &[8, 9, 10]),
    ("..-9", &[1, 2]),
    ("2..-8", &[2, 3]),
    ("-9..3", &[2, 3]),
    ("all", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("start", &[1]),
    ("thought", &[2, 3]),
    ("text", &[4, 5]),
    ("call", &[6, 7, 8]),
    ("finish", &[9]),
    ("done", &[10]),
    ("text.1", &[4]),
    ("text.-1", &[5]),
    ("call.2", &[7]),
    ("call.2..", &[7, 8]),
    ("call.-2..", &[7, 8]),
    ("call.1..2", &[6, 7]),
    ("call.1..-2", &[6, 7]),
    ("call.1..9", &[6, 7, 8]),
    ("[1, done]", &[1, 10]),
    ("[text, 2..4, -1]", &[2, 3, 4, 5, 10]),
    ("[-1, 1, -1]", &[1, 10]),
    ("{where: {$.choices.*.finish_reason: tool_calls}}", &[9]),
    ("{where: {$.choices.*.delta.content: lo}}", &[5]),
    ("{where: {$.choices.*.delta.content: {regex: '^(Hel|lo)$'}}}", &[4, 5]),
    ("{where: {$.choices.*.delta.content: {not: null}, $.choices.*.delta.role: null}}", &[4, 5]),
    ("{where: {$.choices.*.delta.tool_calls.*.id: c1}}", &[6]),
    ("[{where: {$.choices.*.delta.role: assistant}}, text.2]", &[1, 5]),
];

const OF_GOOGLE: &[(&str, &[usize])] = &[
    ("thought", &[1, 2]),
    ("text", &[3, 4]),
    ("call", &[5]),
    ("media", &[6]),
    ("finish", &[6]),
    ("usage", &[1, 2, 3, 4, 5, 6]),
    ("usage.-1", &[6]),
    ("text.2..", &[4]),
    ("[media, call]", &[5, 6]),
    ("{where: {$.candidates.*.finishReason: STOP}}", &[6]),
    ("{where: {'$..parts[?@.thought]': {not: null}}}", &[1, 2]),
    ("{where: {$.usageMetadata.candidatesTokenCount: {range: ..2}}}", &[3, 4]),
];

#[tokio::test]
async fn every_form_of_a_choice_gives_its_events() {
    for (shape, choices) in [(Shape::Chat, OF_A_CHAT), (Shape::Sse, OF_GOOGLE), (Shape::Array, OF_GOOGLE)] {
        let wires: Vec<_> = choices.iter().map(|(choice, _)| format!("edit: {{drop: {choice}}}")).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, REPLY, &wires).await;
        let payloads = shape.payloads(&plain.body());
        for ((choice, dropped), seen) in choices.iter().zip(all) {
            let numbered = (1..).zip(&payloads);
            let kept: Vec<_> = numbered.filter(|(number, _)| !dropped.contains(number)).collect();
            let kept: Vec<_> = kept.into_iter().map(|(_, payload)| payload.clone()).collect();
            let expected = if kept.is_empty() { Vec::new() } else { shape.framed(&kept) };
            assert_eq!(
                seen.body().escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{shape:?} {choice}"
            );
        }
    }
}

#[tokio::test]
async fn kinds_are_read_off_the_payloads_wherever_they_come_from() {
    let events = "events: [{json: {choices: [{delta: {role: assistant, content: ''}}]}}, \
                  {json: {choices: [{delta: {content: a, tool_calls: [{index: 0, function: {name: f}}]}}]}}, \
                  {json: {choices: [], usage: {total_tokens: 3}}}, {json: {error: {message: x}}}, \
                  {text: '{not json'}, {lines: ': ping'}, {raw: {hex: ff}}, {text: '[DONE]'}, {json: [1]}]";
    let cases: &[(&str, &[usize])] = &[
        ("start", &[1]),
        ("text", &[2]),
        ("call", &[2]),
        ("usage", &[3]),
        ("error", &[4]),
        ("raw", &[5, 6, 7]),
        ("done", &[8]),
        ("[raw.1, raw.-1]", &[5, 7]),
        ("-1", &[9]),
    ];
    let mut thens: Vec<_> =
        cases.iter().map(|(choice, _)| format!("{events}, wire: {{edit: {{drop: {choice}}}}}")).collect();
    thens.push(events.to_owned());
    let mut all = Cases::serve(&thens).await.ask_all(Shape::Chat, thens.len());
    // Each event is a chunk.
    let plain = all.pop().unwrap().message().pieces();
    assert_eq!(plain.len(), 9);
    for ((choice, dropped), seen) in cases.iter().zip(all) {
        let numbered = (1..).zip(&plain);
        let kept: Vec<_> = numbered.filter(|(number, _)| !dropped.contains(number)).collect();
        let kept: Vec<_> = kept.into_iter().map(|(_, piece)| piece.clone()).collect();
        assert_eq!(seen.message().pieces(), kept, "{choice}");
    }
}

#[tokio::test]
async fn an_error_without_a_frame_is_an_error_too_and_raw() {
    let reply = "text: [Hel, lo]";
    let insert = "{insert: {before: 2, reply: {error: 429}}}";
    let wires = [
        format!("edit: [{insert}, {{drop: error}}]"),
        format!("edit: [{insert}, {{drop: raw}}]"),
        format!("edit: {insert}"),
    ];
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(Shape::Sse, reply, &wires).await;
    assert_eq!(all[0].body(), plain.body());
    assert_eq!(all[1].body(), plain.body());
    assert_ne!(all[2].body(), plain.body());
}

#[tokio::test]
async fn a_document_is_one_event_of_all_the_kinds_that_it_holds() {
    let reply = "parts: [{text: a}, {call: {name: f, args: {}}}]";
    for shape in [Shape::ChatDocument, Shape::GeminiDocument] {
        let kinds = ["text", "call", "finish", "usage", "1", "-1"];
        let wires: Vec<_> =
            kinds.iter().map(|kind| format!("edit: {{insert: {{before: {kind}, raw: '>'}}}}")).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, reply, &wires).await;
        for (kind, seen) in kinds.iter().zip(all) {
            assert_eq!(seen.body(), [b">".to_vec(), plain.body()].concat(), "{shape:?} {kind}");
        }
    }
}

/// Every key that takes a choice, with it and with the number that it stands for.
const PLACES: &[&str] = &[
    "wire: {edit: {insert: {before: @, text: x}}}",
    "wire: {edit: {insert: {after: @, text: x}}}",
    "wire: {edit: {drop: @}}",
    "wire: {edit: {repeat: {at: @}}}",
    "wire: {edit: {move: {at: @, before: 1}}}",
    "wire: {edit: {move: {at: 1, after: @}}}",
    "wire: {edit: {join: {at: [@, -1]}}}",
    "wire: {edit: {patch: {at: @, set: {$.x: 1}}}}",
    "wire: {write: {at: @, style: pretty}}",
    "wire: {frame: {at: @, field: x}}",
    "wire: {encode: {as: gzip, damage: {in: @, byte: 3, put: x}}}",
    "wire: {carry: {join: [@, 6]}}",
    "wire: {carry: {cut: {in: @, byte: 3}}}",
    "wire: {end: {in: @, byte: 3, how: close}}",
    "wire: {send: {cut: {in: @, byte: 3}}}",
    "wire: {send: {join: [@, 6]}}",
    "pace: {pause: {before: @, for: 1ms}}",
    "pace: {pause: {after: @, for: 1ms}}",
];

#[tokio::test]
async fn a_choice_means_the_same_wherever_it_stands() {
    let forms = ["5", "-6", "text.2", "text.-1", "{where: {$.choices.*.delta.content: lo}}", "[5]", "5..5"];
    let places = PLACES.iter().flat_map(|place| forms.map(|form| (place, form))).collect::<Vec<_>>();
    let thens: Vec<_> =
        places.iter().map(|(place, form)| format!("{REPLY}, {}", place.replace('@', form))).collect();
    let all = Cases::serve(&thens).await.ask_all(Shape::Chat, thens.len());
    for (at, ((place, form), seen)) in places.iter().zip(&all).enumerate() {
        let (message, first) = (seen.message(), all[at - at % forms.len()].message());
        assert_eq!(message.chunks, first.chunks, "{place} {form}");
        assert_eq!(message.broken, first.broken, "{place} {form}");
        assert_eq!(message.missed(), ["media"], "{place} {form}");
    }
}
