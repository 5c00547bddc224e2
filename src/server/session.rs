//! Sessions: what a server remembers between requests, each test's apart from
//! the others'.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderName;
use tokio::time::Instant;

use crate::{
    request::Request,
    scenario::expectations::Expectations,
    select::counts::{Counts, Outcome},
    shelf::{Keep, Room, Shelf, Shelved},
};

/// Sessions that are remembered at the most, where nothing else is said; those unused for
/// longest go first.
pub const MOST_SESSIONS: usize = 10_000;

/// How long a session is remembered that nobody uses, where nothing else is said.
pub const SESSION_IDLE: Duration = Duration::from_secs(60 * 60);

/// How often sessions are looked for that nobody uses.
const LOOK: Duration = Duration::from_secs(1);

/// How many sessions are remembered, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) most: usize,
    pub(super) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { most: MOST_SESSIONS, idle: SESSION_IDLE }
    }
}

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
    /// When it was used last, in milliseconds of its server.
    used: AtomicU64,
    has_seed: AtomicBool,
    seed: AtomicU64,
    /// What is expected in it alone.
    expectations: Mutex<Option<Expectations>>,
}

impl Session {
    /// Its name; empty for the one that all share.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where its variation comes from, where it has a seed of its own.
    pub(super) fn seed(&self) -> Option<u64> {
        self.has_seed.load(Ordering::Acquire).then(|| self.seed.load(Ordering::Relaxed))
    }

    /// Gives it a seed of its own, or takes it away.
    pub(super) fn set_seed(&self, seed: Option<u64>) {
        self.seed.store(seed.unwrap_or_default(), Ordering::Relaxed);
        self.has_seed.store(seed.is_some(), Ordering::Release);
    }

    /// What is expected in it alone.
    pub(super) fn expectations(&self) -> Option<Expectations> {
        self.expectations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Expects this in it alone.
    pub(super) fn expect(&self, expectations: Option<Expectations>) {
        *self.expectations.lock().unwrap_or_else(PoisonError::into_inner) = expectations;
    }

    /// Forgets what happened in it.
    pub(super) fn reset(&self, room: &Room) {
        self.counts().reset();
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = Shelf::new(room.clone());
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
#[derive(Debug)]
pub(super) struct Sessions {
    limits: Limits,
    start: Instant,
    shared: Arc<Session>,
    named: Mutex<HashMap<String, Arc<Session>>>,
    /// What all of them store.
    room: Room,
    /// When idle ones were looked for last.
    looked: AtomicU64,
}

impl Sessions {
    pub(super) fn new(limits: Limits) -> Self {
        let limits = Limits { most: limits.most.max(1), ..limits };
        Self {
            limits,
            start: Instant::now(),
            shared: Arc::default(),
            named: Mutex::default(),
            room: Room::default(),
            looked: AtomicU64::new(0),
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The session that all share.
    pub(super) fn shared(&self) -> &Arc<Session> {
        &self.shared
    }

    /// Those that have names, by them, each with how long it was not used.
    pub(super) fn list(&self) -> Vec<(Arc<Session>, Duration)> {
        let now = self.now();
        let mut named = self.all();
        self.forget_idle(&mut named, now);
        let unused = |session: &Session| now.saturating_sub(session.used.load(Ordering::Relaxed));
        let mut list: Vec<_> = named
            .values()
            .map(|session| (Arc::clone(session), Duration::from_millis(unused(session))))
            .collect();
        list.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        list
    }

    /// The session of a name, where there is one.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Session>> {
        if name.is_empty() {
            return Some(Arc::clone(&self.shared));
        }
        self.all().get(name).cloned()
    }

    /// The session of a name, made on first use.
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub(super) fn named_so(&self, name: String) -> Result<Arc<Session>, String> {
        if name.is_empty() {
            return Ok(Arc::clone(&self.shared));
        }
        check(&name)?;
        Ok(self.named(name))
    }

    /// The session of a name, or one that nobody else knows of.
    pub(super) fn seen_so(&self, name: String) -> Result<Arc<Session>, String> {
        check(&name)?;
        Ok(self.find(&name).unwrap_or_else(|| Arc::new(Session { name, ..Session::default() })))
    }

    /// Ends a session; whether there was one.
    pub(super) fn end(&self, name: &str) -> bool {
        self.all().remove(name).is_some()
    }

    /// Forgets what happened in a session, or in all of them.
    pub(super) fn reset(&self, session: Option<&Session>) {
        match session {
            Some(session) => session.reset(&self.room),
            None => {
                let all: Vec<_> = self.all().values().cloned().collect();
                all.iter().chain([&self.shared]).for_each(|session| session.reset(&self.room));
            }
        }
    }

    fn forget_idle(&self, named: &mut HashMap<String, Arc<Session>>, now: u64) {
        let idle = u64::try_from(self.limits.idle.as_millis()).unwrap_or(u64::MAX);
        named.retain(|_, session| now.saturating_sub(session.used.load(Ordering::Relaxed)) <= idle);
        self.looked.store(now, Ordering::Relaxed);
    }

    /// The session that a request names, made on first use unless it is only seen; its
    /// path before its header.
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub(super) fn of(
        &self,
        by_path: Option<String>,
        request: &Request,
        is_seen: bool,
    ) -> Result<Arc<Session>, String> {
        let name = match (by_path, request.headers.get(&HEADER)) {
            (Some(name), _) => name,
            (None, Some(name)) => match name.to_str() {
                Ok(name) => name.to_owned(),
                Err(_) => return Err(format!("{HEADER} is no readable text")),
            },
            (None, None) => return Ok(Arc::clone(&self.shared)),
        };
        if is_seen { self.seen_so(name) } else { self.named_so(name) }
    }

    fn named(&self, name: String) -> Arc<Session> {
        let now = self.now();
        let mut named = self.all();
        if u128::from(now.saturating_sub(self.looked.load(Ordering::Relaxed))) > LOOK.as_millis() {
            self.forget_idle(&mut named, now);
        }
        if let Some(session) = named.get(&name) {
            session.used.store(now, Ordering::Relaxed);
            return Arc::clone(session);
        }
        if named.len() >= self.limits.most {
            forget(&mut named, self.limits.most);
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

fn check(name: &str) -> Result<(), String> {
    if name.len() > LONGEST_NAME {
        return Err(format!("a session's name has {LONGEST_NAME} bytes at the most"));
    }
    if name.contains(char::is_control) {
        return Err("a session's name has no control characters".to_owned());
    }
    Ok(())
}

/// Forgets the tenth of the sessions that was unused for longest.
fn forget(named: &mut HashMap<String, Arc<Session>>, most: usize) {
    let mut used: Vec<_> =
        named.values().map(|session| (session.used.load(Ordering::Relaxed), session.name.clone())).collect();
    used.sort_unstable();
    for (_, name) in used.iter().take(used.len() / 10 + 1) {
        named.remove(name);
    }
    tracing::warn!("there are more than {most} sessions: the oldest are forgotten");
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
