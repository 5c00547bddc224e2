//! Recordings: what came over the wire once, kept in files that people can read
//! and edit, and played again.
//!
//! A [`scan::Scanner`] takes apart what comes, [`redact`] takes the secrets out,
//! [`write`](mod@write) makes YAML of it and [`read`] reads that again. A [`deck`]
//! holds what was recorded and chooses what a request gets, by the [`key`] that
//! equal requests share.

pub mod body;
pub mod config;
pub mod deck;
pub mod differ;
pub mod events;
pub mod file;
pub mod key;
pub mod read;
pub mod redact;
pub mod scan;
pub mod secret;
pub mod suspect;
pub mod timeline;
pub mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::Value;

use crate::plan::recorded::Recorded;

/// A request and what came for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interaction {
    /// The how-manieth of its process it was, counted from 1.
    pub seq: u64,
    /// What requests that are equal to its own share.
    pub key: key::Key,
    /// Which process recorded it: what was recorded later stands for what was
    /// recorded before, key by key.
    pub run: String,
    /// When its request came, in RFC 3339.
    pub recorded: String,
    /// Where it was sent.
    pub upstream: String,
    /// Which attempt of its call it was, counted from 1.
    pub attempt: u32,
    /// Whether something in the answer's body was taken out, so that its bytes are
    /// others than those that came.
    pub is_redacted: bool,
    /// What was asked.
    pub request: Asked,
    /// What came.
    pub response: Recorded,
}

/// A request as it is recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// As sent.
    pub method: String,
    /// Without session and base path, percent-decoded.
    pub path: String,
    /// Decoded, in its order.
    pub query: Vec<(String, String)>,
    /// For people to read: requests are not compared by them.
    pub headers: Vec<(String, String)>,
    /// As far as it came.
    pub body: Body,
}

/// A request's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// There is none.
    #[default]
    None,
    /// It is JSON.
    Json(Value),
    /// It is another text.
    Text(String),
    /// It is no text.
    Bytes(Bytes),
    /// It is `multipart/form-data` (RFC 7578).
    Form(Vec<Field>),
}

/// A field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The file's name, where it is one.
    pub filename: Option<String>,
    /// Its MIME type, where it is told.
    pub content_type: Option<String>,
    /// What it holds.
    pub content: Bytes,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}
