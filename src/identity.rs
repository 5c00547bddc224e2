//! Where every id and every varying field comes from: the seed, the canonical
//! request, and the how-manieth of its kind it is. Never from the order in
//! which requests arrive, so the same requests give the same bytes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::request::Request;

/// A hash of what a request asks for, equal for requests that differ only in
/// the order of members, in spacing, or in how a number is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of a request whose body was read as JSON; `None` hashes the raw body.
    ///
    /// Headers stay out, since SDKs put versions and counters there; so does
    /// the key in the query.
    pub fn new(request: &Request, json: Option<&Value>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hash_text(&mut hasher, request.method.as_str());
        hash_text(&mut hasher, &request.path);
        let mut query: Vec<_> = request.query.iter().filter(|(name, _)| name != "key").collect();
        query.sort();
        for (name, value) in query {
            hash_text(&mut hasher, name);
            hash_text(&mut hasher, value);
        }
        match json {
            Some(value) => hash_json(&mut hasher, value),
            None => {
                hasher.update(&request.body);
            }
        }
        let mut hash = [0; 16];
        hasher.finalize_xof().fill(&mut hash);
        Self(hash)
    }
}

fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn hash_json(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Null => drop(hasher.update(b"0")),
        Value::Bool(value) => drop(hasher.update(if *value { b"t" } else { b"f" })),
        Value::Number(number) => {
            hasher.update(b"n");
            match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(whole), ..) => hash_text(hasher, &whole.to_string()),
                (_, Some(whole), _) => hash_text(hasher, &whole.to_string()),
                // 40.0 and 40 are the same number; Display writes both as 40.
                (.., Some(float)) => hash_text(hasher, &float.to_string()),
                _ => {}
            }
        }
        Value::String(text) => {
            hasher.update(b"s");
            hash_text(hasher, text);
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                hash_json(hasher, item);
            }
            hasher.update(b"]");
        }
        Value::Object(members) => {
            hasher.update(b"{");
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                hash_text(hasher, name);
                hash_json(hasher, value);
            }
            hasher.update(b"}");
        }
    }
}

/// Who one answer is: all that varies in it is drawn from here.
#[derive(Clone, Debug)]
pub struct Identity {
    key: [u8; 32],
    server: [u8; 32],
}

impl Identity {
    /// Of the `nth` answer to this request, counted from 0, by a server with
    /// this seed.
    pub fn new(seed: u64, request: Fingerprint, nth: u32) -> Self {
        let server = blake3::hash(&seed.to_le_bytes());
        let mut hasher = blake3::Hasher::new_keyed(server.as_bytes());
        hasher.update(&request.0);
        hasher.update(&nth.to_le_bytes());
        Self { key: *hasher.finalize().as_bytes(), server: *server.as_bytes() }
    }

    /// The luck of one field of this answer.
    pub fn draw(&self, field: &str) -> Draw {
        Draw::new(&self.key, field)
    }

    /// The luck of a field that is the same in all answers of this server, such
    /// as the name of the organization.
    pub fn draw_for_server(&self, field: &str) -> Draw {
        Draw::new(&self.server, field)
    }
}

/// An endless row of luck that a seed repeats.
#[derive(Debug)]
pub struct Draw(blake3::OutputReader);

impl Draw {
    fn new(key: &[u8; 32], field: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(field.as_bytes());
        Self(hasher.finalize_xof())
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes()) % bound
    }

    /// Adds `length` letters and digits to a text.
    pub fn push_alphanumeric(&mut self, text: &mut String, length: usize) {
        self.push_from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", text, length);
    }

    /// `prefix` and `length` letters and digits.
    pub fn alphanumeric(&mut self, prefix: &str, length: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + length);
        text.push_str(prefix);
        self.push_alphanumeric(&mut text, length);
        text
    }

    /// `prefix` and `length` lower-case hexadecimal digits.
    pub fn hex(&mut self, prefix: &str, length: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + length);
        text.push_str(prefix);
        self.push_from(b"0123456789abcdef", &mut text, length);
        text
    }

    /// `N` bytes in base64url without padding.
    pub fn base64url<const N: usize>(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    fn push_from(&mut self, alphabet: &[u8], text: &mut String, mut length: usize) {
        while length > 0 {
            let step = length.min(64);
            for byte in &self.bytes::<64>()[..step] {
                text.push(char::from(alphabet[usize::from(*byte) % alphabet.len()]));
            }
            length -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fingerprint(body: &Value) -> Fingerprint {
        Fingerprint::new(&Request::default(), Some(body))
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
