//! Where every id and every varying field comes from: the seed, the canonical
//! request, and the how-manieth of its kind it is. Never from the order in
//! which requests arrive, so the same requests give the same bytes.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use twox_hash::XxHash3_128;

use crate::request::Request;

/// The hash (XXH3, 128 bits) of an answer's body, transfer coding left out: by it the same
/// body is known, however it is cut. It is taken of every answer that the journal keeps,
/// and so one that takes no longer than to copy the body would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payload([u8; 16]);

impl Payload {
    /// Of a body.
    pub fn of(body: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(body).to_be_bytes())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "xxh3:{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A hash of what a request asks for, equal for requests that differ only in
/// the order of members, in spacing, or in how a number is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of a request that got an answer of this kind (such as a dialect's name
    /// and a status), its body read as JSON; `None` hashes the raw body.
    ///
    /// Headers stay out, since SDKs put versions and counters there; so does
    /// the key in the query.
    pub fn new(kind: &str, request: &Request, json: Option<&Value>) -> Self {
        let mut canonical = Vec::with_capacity(request.body.len() + 64);
        put_text(&mut canonical, kind);
        put_text(&mut canonical, request.method.as_str());
        put_text(&mut canonical, &request.path);
        let mut query: Vec<_> = request.query.iter().filter(|(name, _)| name != "key").collect();
        query.sort();
        for (name, value) in query {
            put_text(&mut canonical, name);
            put_text(&mut canonical, value);
        }
        match json {
            Some(value) => put_json(&mut canonical, value),
            None => canonical.extend_from_slice(&request.body),
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(&canonical).as_bytes()[..16]);
        Self(hash)
    }
}

/// Adds a text, told apart from what stands beside it.
pub fn put_text(canonical: &mut Vec<u8>, text: &str) {
    canonical.extend_from_slice(&(text.len() as u64).to_le_bytes());
    canonical.extend_from_slice(text.as_bytes());
}

/// Adds JSON so that it does not matter in which order members stand and how numbers
/// are spelt.
pub fn put_json(canonical: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => canonical.push(b'0'),
        Value::Bool(value) => canonical.push(if *value { b't' } else { b'f' }),
        Value::Number(number) => {
            canonical.push(b'n');
            match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(whole), ..) => put_text(canonical, &whole.to_string()),
                (_, Some(whole), _) => put_text(canonical, &whole.to_string()),
                // 40.0 and 40 are the same number; Display writes both as 40.
                (.., Some(float)) => put_text(canonical, &float.to_string()),
                _ => {}
            }
        }
        Value::String(text) => {
            canonical.push(b's');
            put_text(canonical, text);
        }
        Value::Array(items) => {
            canonical.push(b'[');
            for item in items {
                put_json(canonical, item);
            }
            canonical.push(b']');
        }
        Value::Object(members) => {
            canonical.push(b'{');
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                put_text(canonical, name);
                put_json(canonical, value);
            }
            canonical.push(b'}');
        }
    }
}

/// Who one answer is: all that varies in it is drawn from here.
#[derive(Clone, Debug)]
pub struct Identity {
    own: u64,
    server: u64,
}

impl Identity {
    /// The same in a session of its own; without a name it is the same.
    #[must_use]
    pub fn in_session(seed: u64, session: &str) -> u64 {
        if session.is_empty() { seed } else { mix(seed ^ hash(session.as_bytes())) }
    }

    /// Of the `nth` answer to this request, counted from 0, by a server with
    /// this seed.
    pub fn new(seed: u64, request: Fingerprint, nth: u32) -> Self {
        let mut name = [0; 28];
        name[..8].copy_from_slice(&seed.to_le_bytes());
        name[8..24].copy_from_slice(&request.0);
        name[24..].copy_from_slice(&nth.to_le_bytes());
        Self { own: hash(&name), server: hash(&seed.to_le_bytes()) }
    }

    /// Of a part of this answer, such as a reply inside another.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self { own: mix(self.own ^ hash(name.as_bytes())), server: self.server }
    }

    /// The luck of one field of this answer.
    pub fn draw(&self, field: &str) -> Draw {
        Draw(self.own ^ hash(field.as_bytes()))
    }

    /// The luck of a field that is the same in all answers of this server, such
    /// as the name of the organization.
    pub fn draw_for_server(&self, field: &str) -> Draw {
        Draw(self.server ^ hash(field.as_bytes()))
    }
}

/// Mixes bytes into a number (FNV-1a, then the finish of SplitMix64). Names of
/// fields and hashes of requests are no secrets, so nothing stronger is needed.
fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(folded)
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// An endless row of luck that a seed repeats (SplitMix64).
#[derive(Debug)]
pub struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from 0 up to, but not including, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number by the bell curve with the mean 0 and the deviation 1 (Box and
    /// Muller).
    pub fn bell(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// `prefix` and `length` letters and digits.
    pub fn alphanumeric(&mut self, prefix: &str, length: usize) -> String {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        self.symbols(alphabet, prefix, length)
    }

    /// `prefix` and `length` lower-case hexadecimal digits.
    pub fn hex(&mut self, prefix: &str, length: usize) -> String {
        self.symbols(b"0123456789abcdef", prefix, length)
    }

    /// `N` bytes in base64url without padding.
    pub fn base64url<const N: usize>(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for eight in bytes.chunks_mut(8) {
            let drawn = self.next().to_le_bytes();
            eight.copy_from_slice(&drawn[..eight.len()]);
        }
        bytes
    }

    fn symbols(&mut self, alphabet: &[u8], prefix: &str, length: usize) -> String {
        let mut text = Vec::with_capacity(prefix.len() + length);
        text.extend_from_slice(prefix.as_bytes());
        let mut left = length;
        while left > 0 {
            let drawn = self.next().to_le_bytes();
            let drawn = &drawn[..drawn.len().min(left)];
            // A multiplication spreads a byte over the alphabet as well as a
            // division would, and is done in a tenth of its time.
            text.extend(drawn.iter().map(|byte| alphabet[(usize::from(*byte) * alphabet.len()) >> 8]));
            left -= drawn.len();
        }
        // All alphabets are ASCII.
        String::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fingerprint(body: &Value) -> Fingerprint {
        Fingerprint::new("d", &Request::default(), Some(body))
    }

    #[test]
    fn a_payload_is_told_as_other_tools_tell_it() {
        assert_eq!(Payload::of(b"").to_string(), "xxh3:99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn spelling_does_not_change_a_fingerprint() {
        let one = fingerprint(&json!({"a": 40.0, "b": [1, "x"]}));
        let two = fingerprint(&json!({"b": [1, "x"], "a": 40}));
        assert_eq!(one, two);
    }

    #[test]
    fn content_changes_a_fingerprint() {
        let plain = fingerprint(&json!({"a": ["x", "y"]}));
        assert_ne!(plain, fingerprint(&json!({"a": ["xy"]})));
        assert_ne!(plain, fingerprint(&json!({"a": ["y", "x"]})));
        assert_ne!(plain, fingerprint(&json!({"a": [["x"], "y"]})));
    }

    #[test]
    fn ids_follow_seed_request_and_count() {
        let request = fingerprint(&json!({}));
        let id = |seed, nth| Identity::new(seed, request, nth).draw("id").hex("req_", 32);
        assert_eq!(id(1, 0), id(1, 0));
        assert_ne!(id(1, 0), id(1, 1));
        assert_ne!(id(1, 0), id(2, 0));
    }
}
