//! What scenarios are thrown together from: each word stands for one of its
//! alternatives, in which `@word` stands for another. The first is the simplest,
//! so that what fails shrinks to it.

use proptest::prelude::*;

/// The words that any composition is made of.
const ANY: &[(&str, &[&str])] = &[
    ("scenario", &["scenario: 1\n@defaults@states{then: {@reply@beside@pace@wire}}"]),
    ("states", &["stubs: "]),
    ("defaults", &["", "", "", "defaults: {then: {@lower}}\n"]),
    ("lower", &["wire: {@edits@writes@frames@end}", "pace: {every: 5ms}"]),
    (
        "reply",
        &[
            "text: [Hel, 'lo ü', '😀!']",
            "text: {echo: prompt}",
            "text: [{echo: prompt}, ' \"x\"', {fill: 200}]",
            "parts: [{thought: hm}, {text: [a, b]}, {call: {name: f, args: {a: 1}}}]",
            "parts: {call: {name: f, fragments: ['{\"a\":', '1}']}}",
            "candidates: [{text: [a, b]}, {text: c}]",
            "text: ''",
            "parts: []",
            "json: {total: 3}",
            "error: 503",
            "error: {status: 429, retry_after: 2s}",
            "block: SAFETY",
            "raw: {status: 502, body: <html>}",
            "raw: {status: 299, headers: {x-a: [b, c]}, body: @bytes}",
            "events: [{@payload}, {@payload}, {@payload}]",
            "events: [{@payload}]",
            "events: []",
            "from: built_in",
        ],
    ),
    (
        "beside",
        &[
            "",
            "",
            "",
            ", split: char",
            ", finish: length",
            ", shape: sse",
            ", shape: array",
            ", shape: document",
        ],
    ),
    (
        "pace",
        &[
            "",
            ", pace: {head: 1s, first: 300ms, every: 20ms}",
            ", pace: {head: 1s, every: 1s, heartbeat: {every: 300ms, lines: ': ping'}}",
            ", pace: {every: {uniform: 1ms..20ms}, pause: {@side: @sel, for: 3s}, heartbeat: {every: 1s, raw: ' '}}",
        ],
    ),
    ("wire", &[", wire: {@edits@writes@frames@encode@carry@head@send@end}"]),
    ("edits", &["", "edit: @op, ", "edit: [@op, @op], ", "edit: [@op, @op, @op], "]),
    (
        "op",
        &[
            "{insert: {@side: @sel, @payload}}",
            "{drop: @sel}",
            "{repeat: {at: @sel, times: @few}}",
            "{move: {at: @sel, @side: @one}}",
            "{join: {at: @sel}}",
            "{join: {at: @sel, by: @bytes}}",
            "{patch: {at: @sel, set: {@path: @json}}}",
            "{patch: {set: {@path: @json}, unset: @path}}",
        ],
    ),
    ("side", &["before", "after"]),
    (
        "sel",
        &[
            "1",
            "text",
            "all",
            "-1",
            "2",
            "finish",
            "1..2",
            "3..",
            "..-2",
            "text.1",
            "text.-1",
            "text.2..",
            "done",
            "usage",
            "start",
            "call",
            "error",
            "raw",
            "9",
            "[1, text.2]",
            "'{where: {$.id: {not: null}}}'",
        ],
    ),
    ("one", &["1", "-1", "2", "finish", "text.1"]),
    ("few", &["1", "2", "3", "9"]),
    ("int", &["0", "1", "-1", "5", "-7", "60", "9223372036854775807", "-9223372036854775808"]),
    ("size", &["7", "1", "64", "3KiB"]),
    ("nth", &["1", "2", "all", "18446744073709551615"]),
    (
        "payload",
        &[
            "lines: ': hi'",
            "json: {type: ping}",
            "json: null",
            "json: {id: i, candidates: [{content: {parts: [{text: t}]}}], choices: [{index: 0, delta: {content: t}}]}",
            "text: '[DONE]'",
            "text: \"a\\nb\"",
            "lines: [': a', 'retry: 3000', 'id: ü']",
            "raw: @bytes",
            "reply: {error: 503}",
            "reply: {text: [a, b], finish: stop}",
        ],
    ),
    (
        "bytes",
        &[
            "x",
            "''",
            "\"a\\r\\nb\"",
            "{hex: ff00}",
            "{base64: AAEC}",
            "{json: [1, null]}",
            "{fill: 40}",
            "{random: 9}",
            "[a, {random: 3}, {hex: e4bd}]",
        ],
    ),
    (
        "path",
        &[
            "$.a",
            "$.id",
            "$",
            "$..content",
            "$.choices.*.delta.content",
            "$..text",
            "$.usage",
            "'$.choices[0]'",
            "'$.choices[-1,0]'",
            "'$[\"a b\"]'",
        ],
    ),
    ("json", &["1", "null", "[]", "{b: 'ü'}", "\"\\u2028~0~\"", "1.5e300"]),
    ("writes", &["", "write: {@manner}, ", "write: [{at: @sel, @manner}, {at: @sel, @manner}], "]),
    (
        "manner",
        &[
            "style: pretty",
            "style: google, order: reversed",
            "style: spaced, escape: ascii",
            "escape: {chars: '<~\"0a'}, order: sorted",
            "literal: {@path: @bytes}",
            "literal: {$.id: @bytes, $.model: @bytes}, pad: {$.object: @size}",
            "pad: {@path: @size}",
            "escape: ascii, literal: {$.id: '~'}, pad: {$.id: 400}",
        ],
    ),
    ("frames", &["", "frame: {@around}, ", "frame: [{at: @sel, @around}, {at: @sel, @around}], "]),
    (
        "around",
        &[
            "eol: crlf",
            "eol: [crlf, cr, none], blank: @few",
            "blank: 0",
            "lines: ['id: 1', event, data]",
            "field: error, colon: ':'",
            "newlines: keep",
            "lead: @bytes, tail: @bytes",
            "lead: ''",
        ],
    ),
    (
        "encode",
        &[
            "",
            "",
            "encode: @coding, ",
            "encode: {as: @coding, flush: @flush, damage: {@point, put: @bytes}}, ",
        ],
    ),
    ("coding", &["gzip", "identity", "deflate", "raw_deflate", "br", "zstd"]),
    ("flush", &["event", "member", "end", "'64'", "1KiB"]),
    ("carry", &["", "carry: @form, ", "carry: {@chunks}, ", "carry: {as: @form, lie: @lie}, "]),
    ("form", &["chunked", "length", "close"]),
    ("lie", &["-5", "5", "-9223372036854775808", "9223372036854775807"]),
    (
        "chunks",
        &[
            "cut: {@point}",
            "join: @sel",
            "cut: [{@point}, {@point}], join: @sel",
            "sizes: {chunk: 2, put: \"zz\\r\\n\"}",
            "sizes: [{chunk: all, put: \"0{size};x=y\\r\\n\"}, {chunk: 0, put: \"00\\r\\n\"}]",
            "trailers: {x-sum: [a, {echo: prompt}], y: ''}",
        ],
    ),
    ("head", &["", "", "head: {@top}, "]),
    (
        "top",
        &[
            "status: 200, reason: Fine",
            "status: 999, version: '1.0'",
            "headers: {X-A: b, date: null, x-l: [a, b], content-type: 5}",
            "headers: {Connection: close, x: '{host} {port} {path}', y: {echo: prompt}}",
            "interim: [{status: 103, headers: {link: x}}, {status: 100}]",
            "raw: @bytes",
            "raw: \"ICY 200 OK\\r\\n\\r\\n\"",
        ],
    ),
    ("send", &["", "send: {@writing}, ", "send: {@writing, rate: 10MB/s}, "]),
    (
        "writing",
        &[
            "cut: {@point, gap: 0s}",
            "cut: [{@point, gap: 0s}, {after: all, gap: 0s}]",
            "join: [@target, @target]",
            "cut: {@point, gap: 0s}, join: [head, 1]",
        ],
    ),
    ("point", &["@place", "@place", "@place, offset: @int"]),
    (
        "place",
        &[
            "after: @target",
            "before: @target",
            "in: @target, byte: @int",
            "in: @target, find: '\":', nth: @nth",
            "in: @target, find: data",
            "in: @target, line: @nth",
            "in: @target, eol: @nth",
            "in: @target, char: @nth",
            "in: @target, every: @size",
            "in: @target, random: @few",
        ],
    ),
    ("target", &["1", "@sel", "head", "body", "wire"]),
    ("end", &["", "", "end: {@spot@hold@put, how: @how}"]),
    (
        "spot",
        &[
            "after: body",
            "after: @target",
            "before: @target",
            "in: @target, byte: @int",
            "in: @target, find: data",
            "in: @target, line: 1",
            "in: @target, char: 1",
            "in: @target, random: 1",
            "after: @target, offset: @int",
        ],
    ),
    ("hold", &["", ", hold: 0s", ", hold: 2s"]),
    ("put", &["", ", put: @bytes"]),
    ("how", &["complete", "close", "half_close", "reset"]),
];

/// The words of compositions that change how a stream travels, and nothing of
/// what it says.
const HARMLESS: &[(&str, &[&str])] = &[
    ("scenario", &["scenario: 1\nstubs: {then: {@reply@pace@wire}}"]),
    (
        "reply",
        &[
            "text: [Hel, 'lo ü', '😀!', \"\\n\\r\\n\\u2028\"]",
            "text: {fill: {size: 300, of: 'lo x '}}",
            "text: [{echo: prompt}, {fill: 50}, '<\"\\>']",
        ],
    ),
    (
        "pace",
        &[
            "",
            ", pace: {first: 300ms, every: 20ms}",
            ", pace: {every: 1s, heartbeat: {every: 300ms, lines: ': ping'}}",
        ],
    ),
    ("edits", &["", "edit: [{insert: {@side: @sel, lines: [': hi', 'retry: 3000']}}], "]),
    ("sel", &["text.1", "text", "all", "text.1..", "finish"]),
    (
        "manner",
        &[
            "style: pretty",
            "style: google, order: reversed",
            "style: spaced, escape: ascii",
            "escape: {chars: 'a<\"0~'}, order: sorted",
        ],
    ),
    (
        "around",
        &[
            "eol: crlf",
            "blank: @few",
            "lines: ['id: 1', event, data]",
            "eol: lf, colon: ':'",
            "lead: \": x\\n\"",
        ],
    ),
    (
        "encode",
        &[
            "",
            "encode: @coding, ",
            "encode: {as: @coding, flush: @flush}, ",
            "encode: {as: @membered, flush: member}, ",
        ],
    ),
    ("size", &["7", "1", "64"]),
    ("flush", &["event", "end", "'64'", "1KiB"]),
    ("membered", &["gzip", "zstd", "identity"]),
    ("carry", &["", "carry: @form, ", "carry: {@chunks}, "]),
    (
        "chunks",
        &[
            "cut: {in: body, every: @size}",
            "join: @sel",
            "cut: {in: body, random: 9}",
            "trailers: {x-sum: a}",
        ],
    ),
    (
        "top",
        &[
            "headers: {X-A: b, date: null}",
            "interim: {status: 103, headers: {link: x}}",
            "status: 203, reason: Fine",
        ],
    ),
    (
        "writing",
        &["cut: {in: body, random: @few, gap: 0s}", "cut: {before: all, gap: 0s}", "join: [head, 1]"],
    ),
    ("end", &["", "end: {after: body, how: @how}"]),
    ("how", &["close", "half_close", "reset"]),
];

/// How often words may stand in words.
const DEEPEST: usize = 12;

/// A text of the grammar's, by the dice.
fn expand(word: &str, grammars: &[Grammar], dice: &mut impl Iterator<Item = u16>, depth: usize) -> String {
    let known = grammars.iter().flat_map(|grammar| *grammar).find(|(name, _)| *name == word);
    let (_, alternatives) = known.unwrap_or_else(|| panic!("{word} is no word"));
    let which = if depth > DEEPEST { 0 } else { usize::from(dice.next().unwrap_or(0)) % alternatives.len() };
    let mut rest = alternatives[which];
    let mut text = String::new();
    while let Some((before, behind)) = rest.split_once('@') {
        let end = behind.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(behind.len());
        text.push_str(before);
        text.push_str(&expand(&behind[..end], grammars, dice, depth + 1));
        rest = &behind[end..];
    }
    text + rest
}

type Grammar = &'static [(&'static str, &'static [&'static str])];

fn texts(word: &'static str, grammars: &'static [Grammar]) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u16>(), 60..100)
        .prop_map(move |dice| expand(word, grammars, &mut dice.into_iter(), 0))
}

/// Any scenario of one stub, with any trouble.
pub(super) fn scenarios() -> impl Strategy<Value = String> {
    texts("scenario", &[ANY])
}

/// One whose stream says the same as without its `wire`.
pub(super) fn harmless() -> impl Strategy<Value = String> {
    texts("scenario", &[HARMLESS, ANY])
}

/// A rule of `write`, without its `at`.
pub(super) fn manners() -> impl Strategy<Value = String> {
    texts("manner", &[ANY])
}

/// A rule of `frame`, without its `at`.
pub(super) fn arounds() -> impl Strategy<Value = String> {
    texts("around", &[ANY])
}
