//! What a server remembers between requests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::identity::Fingerprint;

/// Counts; what is counted is described elsewhere and never changes.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// How often each request came. Short, and never held across an await.
    seen: Mutex<HashMap<Fingerprint, u32>>,
}

impl Session {
    /// How often this request came before.
    pub(super) fn count(&self, request: Fingerprint) -> u32 {
        // A count is whole whatever a panicking thread did.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(request).or_default();
        let before = *count;
        *count += 1;
        before
    }
}
