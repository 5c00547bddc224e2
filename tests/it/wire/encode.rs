//! Bodies compressed, decoded here by the codings' own libraries.

use std::{io::Read, time::Duration};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{
    asked::{ALL, Cases, DOCUMENTS, STREAMS, Shape, TEXT, answer, with, with_each},
    seen::{End, ends, find},
};

const CODINGS: [(&str, &str); 5] =
    [("gzip", "gzip"), ("deflate", "deflate"), ("raw_deflate", "deflate"), ("br", "br"), ("zstd", "zstd")];

/// All that can be decoded, and whether it came to its end.
fn decoded(coded: &[u8], coding: &str) -> (Vec<u8>, bool) {
    let mut decoder: Box<dyn Read + '_> = match coding {
        "gzip" => Box::new(MultiGzDecoder::new(coded)),
        "deflate" => Box::new(ZlibDecoder::new(coded)),
        "raw_deflate" => Box::new(DeflateDecoder::new(coded)),
        "br" => Box::new(brotli::Decompressor::new(coded, 4096)),
        "zstd" => Box::new(zstd::Decoder::new(coded).unwrap()),
        _ => panic!("{coding}"),
    };
    let mut plain = Vec::new();
    let is_whole = decoder.read_to_end(&mut plain).is_ok();
    (plain, is_whole)
}

async fn each_coding(shape: Shape, more: &str) -> (super::seen::Message, Vec<super::seen::Seen>) {
    let wires = CODINGS.map(|(coding, _)| format!("encode: {{as: {coding}{more}}}"));
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    with_each(shape, TEXT, &wires).await
}

#[tokio::test]
async fn every_coding_comes_back_whole_whenever_it_is_flushed() {
    for shape in ALL {
        for flush in ["", ", flush: event", ", flush: end", ", flush: 100", ", flush: 1KiB"] {
            let (plain, all) = each_coding(shape, flush).await;
            for ((coding, token), seen) in CODINGS.into_iter().zip(all) {
                let message = seen.message();
                let what = format!("{shape:?} {coding}{flush}");
                assert_eq!(message.headers("content-encoding"), [token], "{what}");
                assert_eq!(decoded(&message.body(), coding), (plain.body(), true), "{what}");
                assert_eq!(message.missed(), [""; 0], "{what}");
                let length = message.body().len().to_string();
                if plain.header("content-length").is_some() {
                    assert_eq!(message.header("content-length"), Some(&*length), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn flushed_at_events_each_chunk_gives_its_event() {
    for shape in STREAMS {
        let (plain, all) = each_coding(shape, "").await;
        let events = plain.events(shape);
        for ((coding, _), seen) in CODINGS.into_iter().zip(all) {
            let pieces = seen.message().pieces();
            // What finishes the stream has a chunk of its own.
            assert_eq!(pieces.len(), events.len() + 1, "{shape:?} {coding}");
            for count in 1..=events.len() {
                let (found, is_whole) = decoded(&pieces[..count].concat(), coding);
                assert_eq!(found, events[..count].concat(), "{shape:?} {coding} {count}");
                assert!(!is_whole, "{shape:?} {coding} {count}");
            }
        }
    }
}

#[tokio::test]
async fn as_members_each_event_is_a_stream_of_its_own() {
    for shape in STREAMS {
        let (plain, all) = each_coding(shape, ", flush: member").await;
        for ((coding, _), seen) in CODINGS.into_iter().zip(all) {
            let found: Vec<_> = seen.message().pieces().iter().map(|piece| decoded(piece, coding)).collect();
            let events: Vec<_> = plain.events(shape).into_iter().map(|event| (event, true)).collect();
            assert_eq!(found, events, "{shape:?} {coding}");
        }
    }
}

#[tokio::test]
async fn flushed_by_size_each_chunk_gives_so_many_bytes() {
    for shape in STREAMS {
        let (plain, all) = each_coding(shape, ", flush: 300").await;
        for ((coding, _), seen) in CODINGS.into_iter().zip(all) {
            let pieces = seen.message().pieces();
            assert_eq!(pieces.len(), plain.body().len() / 300 + 1, "{shape:?} {coding}");
            for count in 1..pieces.len() {
                let (found, _) = decoded(&pieces[..count].concat(), coding);
                assert_eq!(found, plain.body()[..count * 300], "{shape:?} {coding} {count}");
            }
        }
    }
}

#[tokio::test]
async fn flushed_at_the_end_nothing_comes_before_it() {
    for (coding, _) in CODINGS {
        let then =
            format!("text: [a, b, c], pace: {{every: 20ms}}, wire: {{encode: {{as: {coding}, flush: end}}}}");
        let seen = answer(Shape::Chat, &then).await;
        let message = seen.message();
        assert_eq!(message.pieces().len(), 1, "{coding}");
        assert!(seen.at(message.head.len()) >= Duration::from_millis(60), "{coding} {:?}", seen.reads);
        // Flushed at events they come as they are due.
        let then = format!("text: [a, b, c], pace: {{every: 20ms}}, wire: {{encode: {coding}}}");
        let seen = answer(Shape::Chat, &then).await;
        let message = seen.message();
        let last_text = message.bound(ends(&message.pieces())[3] - 1);
        assert!(seen.at(last_text) >= Duration::from_millis(60), "{coding}");
    }
}

#[tokio::test]
async fn identity_changes_nothing() {
    for shape in ALL {
        for flush in ["event", "member", "end", "64"] {
            let (plain, seen) = with(shape, TEXT, &format!("encode: {{as: identity, flush: {flush}}}")).await;
            assert_eq!(seen.message().chunks, plain.chunks, "{shape:?} {flush}");
        }
    }
}

#[tokio::test]
async fn a_coding_replaces_the_one_that_was_told_whatever_the_client_takes() {
    let raw = "raw: {status: 200, headers: {content-encoding: br}, body: text}";
    let thens = [
        format!("{raw}, wire: {{encode: gzip}}"),
        format!("{raw}, wire: {{encode: {{as: zstd}}, carry: chunked}}"),
    ];
    let all = Cases::serve(&thens).await.ask_all(Shape::Chat, 2);
    for (seen, coding) in all.iter().zip(["gzip", "zstd"]) {
        let message = seen.message();
        assert_eq!(message.headers("content-encoding"), [coding]);
        assert_eq!(decoded(&message.body(), coding), (b"text".to_vec(), true));
    }
}

#[tokio::test]
async fn damage_is_done_to_what_came_out_of_the_coder() {
    // A place, and how far behind the start of the second event of a stream.
    let in_second =
        [("in: 2, byte: 5", 5), ("before: 2", 0), ("before: 2, offset: 3", 3), ("after: 1, offset: 4", 4)];
    for shape in STREAMS {
        for (coding, _) in CODINGS {
            for flush in ["event", "member"] {
                let encode = |more: &str| format!("encode: {{as: {coding}, flush: {flush}{more}}}");
                let damages =
                    in_second.map(|(place, _)| encode(&format!(", damage: {{{place}, put: {{hex: ffff}}}}")));
                let mut wires = vec![encode("")];
                wires.extend(damages);
                let wires: Vec<_> = wires.iter().map(String::as_str).collect();
                let (_, mut all) = with_each(shape, TEXT, &wires).await;
                let whole = all.remove(0).message();
                let start = whole.chunk_ends()[0];
                for ((place, at), seen) in in_second.into_iter().zip(all) {
                    let mut expected = whole.body();
                    expected[start + at..start + at + 2].copy_from_slice(&[0xff, 0xff]);
                    let message = seen.message();
                    assert_eq!(message.body(), expected, "{shape:?} {coding} {flush} {place}");
                    assert_eq!(
                        message.chunk_ends(),
                        whole.chunk_ends(),
                        "{shape:?} {coding} {flush} {place}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn damage_of_a_body_without_bounds_counts_in_the_body() {
    for shape in [Shape::Chat, Shape::ChatDocument] {
        let wires = [
            "encode: {as: gzip, flush: end}",
            "encode: {as: gzip, flush: end, damage: {in: body, byte: -8, put: {hex: '00000000'}}}",
            "encode: {as: gzip, flush: end, damage: [{in: body, byte: 0, put: PK}, {in: body, byte: -1, put: long}]}",
        ];
        let (_, all) = with_each(shape, TEXT, &wires).await;
        let whole = all[0].body();
        let length = whole.len();
        // The checksum of gzip, and its magic.
        let mut sum = whole.clone();
        sum[length - 8..length - 4].fill(0);
        assert_eq!(all[1].body(), sum, "{shape:?}");
        assert!(!decoded(&sum, "gzip").1);
        let mut magic = whole.clone();
        magic[..2].copy_from_slice(b"PK");
        magic[length - 1] = b'l';
        assert_eq!(all[2].body(), magic, "{shape:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_cut_and_ends_among_its_own_bytes() {
    let wires = [
        "encode: gzip",
        "encode: gzip, carry: {cut: {in: 2, byte: 5}}",
        "encode: gzip, end: {in: 2, byte: 5, how: reset}",
        "encode: gzip, carry: {join: all}",
        "encode: gzip, end: {after: 2, how: complete}",
        "encode: {as: gzip, flush: end}, end: {in: body, byte: 30, how: close}",
        "encode: {as: gzip, flush: end}",
    ];
    for shape in STREAMS {
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let whole = all[0].message();
        let ends = whole.chunk_ends();
        let cut = all[1].message();
        assert_eq!(cut.body(), whole.body(), "{shape:?}");
        assert_eq!(cut.chunk_ends()[..3], [ends[0], ends[0] + 5, ends[1]], "{shape:?}");
        assert_eq!(
            (all[2].body(), all[2].end),
            (whole.body()[..ends[0] + 5].to_vec(), End::Reset),
            "{shape:?}"
        );
        // The events share a chunk; what finishes the stream is no event.
        assert_eq!(all[3].message().chunk_ends(), ends[ends.len() - 2..], "{shape:?}");
        let complete = all[4].message();
        assert_eq!(
            (complete.body(), &*complete.terminator),
            (whole.body()[..ends[1]].to_vec(), &b"0\r\n\r\n"[..])
        );
        assert_eq!(decoded(&complete.body(), "gzip").0, plain.events(shape)[..2].concat(), "{shape:?}");
        assert_eq!(all[5].body(), all[6].body()[..30], "{shape:?}");
    }
}

#[tokio::test]
async fn heartbeats_are_compressed_where_they_stand() {
    let then = format!(
        "{TEXT}, pace: {{first: 25ms, heartbeat: {{every: 10ms, lines: ': ping'}}}}, \
         wire: {{encode: gzip, carry: {{cut: {{in: 1, byte: 2}}}}}}"
    );
    let message = answer(Shape::Chat, &then).await.message();
    let (plain, is_whole) = decoded(&message.body(), "gzip");
    assert!(is_whole && plain.starts_with(b": ping\n\n: ping\n\ndata: {"), "{}", plain.escape_ascii());
    // Heartbeats have no number: the first event is cut, not they.
    let pieces = message.pieces();
    assert_eq!(pieces[2].len(), 2);
    assert!(find(&decoded(&pieces[..2].concat(), "gzip").0, b"data").is_none());
}

#[tokio::test]
async fn documents_keep_their_length_true() {
    for shape in DOCUMENTS {
        let message = with(shape, TEXT, "encode: br, carry: length").await.1.message();
        assert_eq!(message.header("content-length"), Some(&*message.body().len().to_string()), "{shape:?}");
        assert_eq!(message.header("transfer-encoding"), None, "{shape:?}");
    }
}
