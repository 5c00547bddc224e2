//! The write stage: how the JSON of an event is spaced.

use crate::dialect::event::Style;

/// Adds compact JSON to `out` in another spacing. Nothing but blanks and line
/// ends changes, so what was spelt somehow stays spelt so.
pub(super) fn write(compact: &[u8], style: Style, out: &mut Vec<u8>) {
    match style {
        Style::Compact => out.extend_from_slice(compact),
        Style::Google => copy(compact, out, |byte, _, _, out| {
            out.push(byte);
            if byte == b':' {
                out.push(b' ');
            }
        }),
        Style::Pretty { indent } => {
            let mut level = 0;
            copy(compact, out, |byte, before, after, out| match byte {
                b'{' | b'[' => {
                    out.push(byte);
                    if !matches!(after, b'}' | b']') {
                        level += 1;
                        line(level * indent, out);
                    }
                }
                b'}' | b']' => {
                    if !matches!(before, b'{' | b'[') {
                        level -= 1;
                        line(level * indent, out);
                    }
                    out.push(byte);
                }
                b',' => {
                    out.push(byte);
                    line(level * indent, out);
                }
                b':' => out.extend_from_slice(b": "),
                _ => out.push(byte),
            });
        }
    }
}

fn line(blanks: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + blanks, b' ');
}

/// Copies strings, numbers and words, and hands each mark between them to
/// `put` with the bytes beside it.
fn copy(compact: &[u8], out: &mut Vec<u8>, mut put: impl FnMut(u8, u8, u8, &mut Vec<u8>)) {
    out.reserve(compact.len() * 5 / 4);
    let mut at = 0;
    let mut start = 0;
    while let Some(byte) = compact.get(at) {
        match byte {
            b'"' => at = string_end(compact, at),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => {
                out.extend_from_slice(&compact[start..at]);
                let neighbour =
                    |at: Option<usize>| at.and_then(|at| compact.get(at)).copied().unwrap_or_default();
                put(*byte, neighbour(at.checked_sub(1)), neighbour(Some(at + 1)), out);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.extend_from_slice(&compact[start..]);
}

/// Behind the closing quote of the string that opens at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str, style: Style) -> String {
        let mut out = Vec::new();
        write(json.as_bytes(), style, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn google_puts_a_blank_behind_colons_alone() {
        let json = r#"{"a":"x:y,\"{","b":[1,2],"c":{}}"#;
        assert_eq!(written(json, Style::Google), r#"{"a": "x:y,\"{","b": [1,2],"c": {}}"#);
    }

    #[test]
    fn pretty_is_what_serde_json_calls_pretty() {
        let json = r#"{"a":{"b":[],"c":[1,{"d":"[,]\\"}]},"e":{},"f":null}"#;
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(written(json, Style::Pretty { indent: 2 }), serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(written(r#"{"a":1}"#, Style::Pretty { indent: 4 }), "{\n    \"a\": 1\n}");
    }
}
