//! Places between two bytes, in each form that they are written in, wherever
//! one can stand: bounds of chunks, of segments, the end, and damage.

use super::{
    asked::{Cases, STREAMS, Shape, TEXT, in_segments, with_each},
    seen::{End, Message, ends, find},
};

/// A place in a body: as it is written, and where it lies.
struct Point {
    yaml: &'static str,
    places: fn(&Body) -> Vec<usize>,
}

/// A body and its events, as this file reads them.
struct Body {
    shape: Shape,
    bytes: Vec<u8>,
    /// Where each event ends.
    ends: Vec<usize>,
}

impl Body {
    fn new(shape: Shape, message: &Message) -> Self {
        Self { shape, bytes: message.body(), ends: ends(&message.events(shape)) }
    }

    /// Where an event begins, by its number.
    fn start(&self, number: usize) -> usize {
        if number == 1 { 0 } else { self.ends[number - 2] }
    }

    fn end(&self, number: usize) -> usize {
        self.ends[number - 1]
    }

    /// Behind each finding of something from one place on, up to another.
    fn behind(&self, what: &[u8], from: usize, to: usize) -> Vec<usize> {
        let (mut found, mut at) = (Vec::new(), from);
        while let Some(next) = find(&self.bytes[at..to], what) {
            at += next + what.len();
            found.push(at);
        }
        found
    }

    fn all_behind(&self, what: &[u8]) -> Vec<usize> {
        self.behind(what, 0, self.bytes.len())
    }
}

const fn point(yaml: &'static str, places: fn(&Body) -> Vec<usize>) -> Point {
    Point { yaml, places }
}

/// Places in events and in the body. Texts and numbers are such that each shape
/// has them.
const POINTS: &[Point] = &[
    point("before: 2", |body| vec![body.start(2)]),
    point("after: 1", |body| vec![body.end(1)]),
    point("before: -1", |body| vec![body.start(body.ends.len())]),
    point("before: text.2", |body| vec![body.start(body.shape.first_text() + 1)]),
    point("before: [2, -1]", |body| vec![body.start(2), body.start(body.ends.len())]),
    point("after: text.1, offset: 9", |body| vec![body.end(body.shape.first_text()) + 9]),
    point("after: text.1, offset: -9", |body| vec![body.end(body.shape.first_text()) - 9]),
    point("before: 2, offset: -1", |body| vec![body.start(2) - 1]),
    point("in: 2, byte: 7", |body| vec![body.start(2) + 7]),
    point("in: 2, byte: -7", |body| vec![body.end(2) - 7]),
    point("in: 2, byte: 0", |body| vec![body.start(2)]),
    point("in: all, byte: 3", |body| (1..=body.ends.len()).map(|number| body.start(number) + 3).collect()),
    point("in: body, byte: 100", |_| vec![100]),
    point("in: body, byte: -3", |body| vec![body.bytes.len() - 3]),
    point("in: text.1, find: Hel", |body| {
        let number = body.shape.first_text();
        body.behind(b"Hel", body.start(number), body.end(number))
    }),
    point("in: body, find: '\"', nth: 3", |body| vec![body.all_behind(b"\"")[2]]),
    point("in: body, find: index, nth: all", |body| body.all_behind(b"index")),
    point("in: 2, find: index, offset: -2", |body| {
        vec![body.behind(b"index", body.start(2), body.end(2))[0] - 2]
    }),
    point("in: body, line: 1", |body| vec![body.all_behind(b"\n")[0]]),
    point("in: 2, line: 1", |body| vec![body.behind(b"\n", body.start(2), body.end(2))[0]]),
    point("in: [1, 2], line: all", |body| body.behind(b"\n", 0, body.end(2))),
    point("in: body, char: 1", |body| vec![body.all_behind("ö".as_bytes())[0] - 1]),
    point("in: text.2, char: 2", |body| vec![body.all_behind("😀".as_bytes())[0] - 3]),
    point("in: text.2, char: 2, offset: 1", |body| vec![body.all_behind("😀".as_bytes())[0] - 2]),
    point("in: text, char: all", |body| {
        vec![body.all_behind("ö".as_bytes())[0] - 1, body.all_behind("😀".as_bytes())[0] - 3]
    }),
    point("in: body, every: 170", |body| {
        (1..).map(|n| n * 170).take_while(|at| *at < body.bytes.len()).collect()
    }),
    point("in: all, every: 170", |body| {
        let of_event = |number| (1..).map(move |n| body.start(number) + n * 170);
        (1..=body.ends.len())
            .flat_map(|number| of_event(number).take_while(move |at| *at < body.end(number)))
            .collect()
    }),
    point("before: body, offset: 40", |_| vec![40]),
];

/// Places of CRLF, which not every shape has.
const EOLS: &[Point] = &[
    point("in: body, eol: 1", |body| vec![body.all_behind(b"\r\n")[0] - 1]),
    point("in: 2, eol: 1", |body| vec![body.behind(b"\r\n", body.start(2), body.end(2))[0] - 1]),
    point("in: body, eol: all", |body| body.all_behind(b"\r\n").iter().map(|at| at - 1).collect()),
];

fn points(shape: Shape) -> impl Iterator<Item = &'static Point> {
    let eols = if shape == Shape::Chat { &[] } else { EOLS };
    POINTS.iter().chain(eols)
}

#[tokio::test]
async fn a_chunk_is_cut_at_every_kind_of_place() {
    for shape in STREAMS {
        let wires: Vec<_> =
            points(shape).map(|point| format!("carry: {{cut: {{{}}}}}", point.yaml)).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let body = Body::new(shape, &plain);
        for (point, seen) in points(shape).zip(all) {
            let message = seen.message();
            let mut expected = [body.ends.clone(), (point.places)(&body)].concat();
            expected.retain(|place| *place > 0);
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(message.chunk_ends(), expected, "{shape:?} {}", point.yaml);
            assert_eq!(message.body(), plain.body(), "{shape:?} {}", point.yaml);
            assert_eq!(message.missed(), [""; 0], "{shape:?} {}", point.yaml);
            assert_eq!(message.terminator, b"0\r\n\r\n");
        }
    }
}

#[tokio::test]
async fn an_answer_ends_at_every_kind_of_place_that_is_one() {
    for shape in STREAMS {
        let (plain, _) = with_each(shape, TEXT, &[]).await;
        let body = Body::new(shape, &plain);
        let single: Vec<_> = points(shape).filter(|point| (point.places)(&body).len() == 1).collect();
        let single: Vec<_> = single.into_iter().filter(|point| !point.yaml.contains("all")).collect();
        let wires: Vec<_> =
            single.iter().map(|point| format!("end: {{{}, how: close}}", point.yaml)).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (_, all) = with_each(shape, TEXT, &wires).await;
        for (point, seen) in single.iter().zip(all) {
            let message = seen.message();
            let place = (point.places)(&body)[0];
            assert_eq!(
                message.body().escape_ascii().to_string(),
                plain.body()[..place].escape_ascii().to_string(),
                "{shape:?} {}",
                point.yaml
            );
            assert_eq!(message.terminator, b"", "{shape:?} {}", point.yaml);
            assert_eq!(seen.end, End::Closed);
        }
    }
}

#[tokio::test]
async fn a_segment_ends_at_every_kind_of_place() {
    for shape in STREAMS {
        for point in points(shape) {
            let is_bound = !point.yaml.contains("offset")
                && (point.yaml.starts_with("before") || point.yaml.starts_with("after"));
            let then = format!("{TEXT}, wire: {{send: {{cut: {{{}, gap: 3ms}}}}}}", point.yaml);
            in_segments(shape, &then, |message| {
                let places = (point.places)(&Body::new(shape, message)).into_iter();
                let wire = |place| if is_bound { message.bound(place) } else { message.inside(place) };
                places.map(wire).collect()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn what_is_damaged_is_overwritten_from_every_kind_of_place_on() {
    for shape in STREAMS {
        let wire = |point: &Point| {
            format!("encode: {{as: identity, damage: {{{}, put: {{hex: 00ff}}}}}}", point.yaml)
        };
        let wires: Vec<_> = points(shape).map(wire).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let body = Body::new(shape, &plain);
        for (point, seen) in points(shape).zip(all) {
            let mut expected = plain.body();
            for place in (point.places)(&body) {
                let end = expected.len().min(place + 2);
                expected[place..end].copy_from_slice(&[0, 0xff][..end - place]);
            }
            let message = seen.message();
            assert_eq!(
                message.body().escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{shape:?} {}",
                point.yaml
            );
            assert_eq!(message.chunk_ends(), body.ends, "{shape:?} {}", point.yaml);
        }
    }
}

/// Places among all bytes of an answer, whose head has so many.
type Places = fn(&[u8], usize) -> Vec<usize>;

const ON_THE_WIRE: &[(&str, Places)] = &[
    ("in: head, line: 1", |wire, _| vec![find(wire, b"\n").unwrap() + 1]),
    ("in: head, byte: 20", |_, _| vec![20]),
    ("in: head, byte: -1", |_, head| vec![head - 1]),
    ("in: head, find: 'date: '", |wire, _| vec![find(wire, b"date: ").unwrap() + 6]),
    ("in: head, eol: 2", |wire, _| {
        let first = find(wire, b"\r\n").unwrap() + 2;
        vec![first + find(&wire[first..], b"\r\n").unwrap() + 1]
    }),
    ("after: head", |_, head| vec![head]),
    ("before: body", |_, head| vec![head]),
    ("before: 1", |_, head| vec![head]),
    ("in: body, byte: 0", |_, head| vec![head]),
    ("before: body, offset: -5", |_, head| vec![head - 5]),
    // What is behind the head is counted as the body's.
    ("after: head, offset: 5", |wire, head| vec![head + find(&wire[head..], b"\n").unwrap() + 1 + 5]),
    ("before: head, offset: 9", |_, _| vec![9]),
    ("in: wire, byte: 30", |_, _| vec![30]),
    ("in: wire, byte: -2", |wire, _| vec![wire.len() - 2]),
    ("in: wire, find: chunked", |wire, _| vec![find(wire, b"chunked").unwrap() + 7]),
    ("in: wire, line: 3", |wire, _| {
        let lines = wire.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        lines.skip(2).take(1).collect()
    }),
    ("in: wire, every: 300", |wire, _| (1..).map(|n| n * 300).take_while(|at| *at < wire.len()).collect()),
    ("after: body, offset: -2", |wire, _| vec![wire.len() - 2]),
    ("after: wire, offset: -6", |wire, _| vec![wire.len() - 6]),
    ("after: -1", |wire, _| vec![wire.len() - 5]),
];

#[tokio::test]
async fn a_segment_ends_at_places_of_the_head_and_the_wire() {
    for shape in [Shape::Chat, Shape::Sse] {
        for (yaml, places) in ON_THE_WIRE {
            let then = format!("{TEXT}, wire: {{send: {{cut: {{{yaml}, gap: 3ms}}}}}}");
            in_segments(shape, &then, |message| {
                let wire = message.wire();
                places(&wire, message.head.len())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn an_answer_ends_at_places_of_the_head_and_the_wire() {
    let single: Vec<_> = ON_THE_WIRE.iter().filter(|(yaml, _)| !yaml.contains("every")).collect();
    for shape in [Shape::Chat, Shape::Sse] {
        let mut thens: Vec<_> =
            single.iter().map(|(yaml, _)| format!("{TEXT}, wire: {{end: {{{yaml}, how: reset}}}}")).collect();
        thens.push(format!("{TEXT}, wire: {{send: {{}}}}"));
        let mut all = Cases::serve(&thens).await.ask_all(shape, thens.len());
        let plain = all.pop().unwrap().bytes();
        let head = find(&plain, b"\r\n\r\n").unwrap() + 4;
        for ((yaml, places), seen) in single.iter().zip(all) {
            let place = places(&plain, head)[0];
            assert_eq!(seen.bytes().len(), place, "{shape:?} {yaml}");
            assert_eq!(seen.end, End::Reset, "{shape:?} {yaml}");
        }
    }
}
