//! Sessions: what a server remembers between requests, each test's apart from
//! the others'.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use http::HeaderName;

use crate::{
    request::Request,
    select::counts::{Counts, Outcome},
    shelf::{Keep, Room, Shelf, Shelved},
};

/// Sessions that are remembered at the most; those unused for longest go first.
const MOST_SESSIONS: usize = 10_000;

/// Bytes of a session's name.
const LONGEST_NAME: usize = 128;

/// Where a request names its session, besides its path.
const HEADER: HeaderName = HeaderName::from_static("x-mynah-session");

/// What stands in front of a session's name in a path.
const PREFIX: &str = "/s/";

/// A namespace for one test.
#[derive(Debug, Default)]
pub(super) struct Session {
    name: String,
    /// Short, and never held across an await.
    counts: Mutex<Counts>,
    /// The same.
    shelf: Mutex<Shelf>,
    used: AtomicU64,
}

impl Session {
    /// Its name; empty for the one that all share.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it counts.
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        // A count is whole whatever a panicking thread did.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is stored under an id, behind all that it goes on from.
    pub(super) fn recall(&self, id: &str) -> Vec<Shelved> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).chain(id)
    }

    /// Keeps what an answer leaves.
    pub(super) fn keep(&self, keep: Keep) {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).keep(keep);
    }
}

/// All sessions of a server.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    shared: Arc<Session>,
    named: Mutex<HashMap<String, Arc<Session>>>,
    /// What all of them store.
    room: Room,
    clock: AtomicU64,
}

impl Sessions {
    /// The session that a request names, made on first use; its path before its
    /// header.
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub(super) fn of(&self, by_path: Option<String>, request: &Request) -> Result<Arc<Session>, String> {
        let name = match (by_path, request.headers.get(&HEADER)) {
            (Some(name), _) => name,
            (None, Some(name)) => match name.to_str() {
                Ok(name) => name.to_owned(),
                Err(_) => return Err(format!("{HEADER} is no readable text")),
            },
            (None, None) => return Ok(Arc::clone(&self.shared)),
        };
        if name.is_empty() {
            return Ok(Arc::clone(&self.shared));
        }
        if name.len() > LONGEST_NAME {
            return Err(format!("a session's name has {LONGEST_NAME} bytes at the most"));
        }
        Ok(self.named(name))
    }

    fn named(&self, name: String) -> Arc<Session> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = named.get(&name) {
            session.used.store(now, Ordering::Relaxed);
            return Arc::clone(session);
        }
        if named.len() >= MOST_SESSIONS {
            forget(&mut named);
        }
        let session = Arc::new(Session {
            name: name.clone(),
            used: AtomicU64::new(now),
            shelf: Mutex::new(Shelf::new(self.room.clone())),
            ..Session::default()
        });
        named.insert(name, Arc::clone(&session));
        session
    }
}

/// Forgets the tenth of the sessions that was unused for longest.
fn forget(named: &mut HashMap<String, Arc<Session>>) {
    let mut used: Vec<_> = named.values().map(|session| session.used.load(Ordering::Relaxed)).collect();
    used.sort_unstable();
    let Some(limit) = used.get(used.len() / 10).copied() else { return };
    named.retain(|_, session| session.used.load(Ordering::Relaxed) > limit);
    tracing::warn!("there are more than {MOST_SESSIONS} sessions: the oldest are forgotten");
}

/// Takes `/s/NAME` off the path.
pub(super) fn take_prefix(request: &mut Request) -> Option<String> {
    let rest = request.path.strip_prefix(PREFIX)?;
    let end = rest.find('/')?;
    let name = rest[..end].to_owned();
    request.path.drain(..PREFIX.len() + end);
    Some(name)
}

/// The session's name in a base path such as `/api/s/NAME`.
pub(super) fn name_at_end(base: &str) -> Option<&str> {
    let (before, name) = base.rsplit_once('/')?;
    before.ends_with(PREFIX.trim_end_matches('/')).then_some(name)
}

/// An attempt of a call that is under way: it failed, unless it is told that it
/// was answered.
#[derive(Debug)]
pub(super) struct Attempt {
    session: Arc<Session>,
    call: u64,
    outcome: Outcome,
}

impl Attempt {
    pub(super) fn new(session: &Arc<Session>, call: u64) -> Self {
        Self { session: Arc::clone(session), call, outcome: Outcome::Failed }
    }

    /// Notes that it was answered in full, with success.
    pub(super) fn is_answered(&mut self) {
        self.outcome = Outcome::Answered;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.session.counts().end(self.call, self.outcome);
    }
}
