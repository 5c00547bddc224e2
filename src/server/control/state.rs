//! What of a running server can be changed: the scenarios that it serves, its seed and
//! its time scale. Each change makes another [`Exchange`] out of the one before.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use http::uri::Authority;
use tokio::{sync::Notify, time::Instant};

use super::super::{Builder, StartError, exchange::Exchange, session::Session};
use crate::{
    document::error::{Problem, Problems},
    journal::{Judge, Verdict, judge},
    scenario::{expectations::Expectations, stub::Scenario},
    select::Rules,
};

/// How long a verdict waits for what is under way, and for what would mend it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// A running server, and what may change about it.
#[derive(Debug)]
pub(in crate::server) struct Control {
    current: ArcSwap<Exchange>,
    /// How its scenarios are read.
    builder: Builder,
    /// The scenarios, changed by one at a time.
    set: Mutex<Set>,
    /// Held while scenarios are read anew.
    reading: Mutex<()>,
    stops: AtomicBool,
    stop: Notify,
    /// Whether a verdict was told that did not pass.
    is_told: AtomicBool,
}

/// The scenarios of a server.
#[derive(Debug)]
pub(super) struct Set {
    /// From files and code, as they were read last.
    pub(super) given: Vec<Scenario>,
    /// Added since.
    pub(super) added: Vec<Scenario>,
}

impl Set {
    pub(super) fn all(&self) -> impl Iterator<Item = &Scenario> {
        self.given.iter().chain(&self.added)
    }
}

impl Control {
    pub(in crate::server) fn new(builder: Builder, exchange: Exchange) -> Arc<Self> {
        let set = Set { given: exchange.rules.scenarios().to_vec(), added: Vec::new() };
        Arc::new(Self {
            current: ArcSwap::from_pointee(exchange),
            builder,
            set: Mutex::new(set),
            reading: Mutex::default(),
            stops: AtomicBool::new(false),
            stop: Notify::new(),
            is_told: AtomicBool::new(false),
        })
    }

    /// What answers now, for a moment.
    pub(in crate::server) fn load(&self) -> Guard<Arc<Exchange>> {
        self.current.load()
    }

    /// What answers now, for a request.
    pub(in crate::server) fn exchange(&self) -> Arc<Exchange> {
        self.current.load_full()
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.builder.control.token.as_deref()
    }

    /// Whether a host, with or without a port, is this server's: a loopback name, an
    /// address (which no foreign name leads to), or one that was named at the start.
    pub(super) fn knows_host(&self, host: &str) -> bool {
        let authority: Option<Authority> = host.parse().ok();
        let Some(authority) = authority else { return false };
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok()
            || self.builder.control.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether a page from there may ask: one of this machine, or of a host that was
    /// named at the start. A page may come from any address.
    pub(super) fn is_own_origin(&self, authority: &str) -> bool {
        let authority: Option<Authority> = authority.parse().ok();
        let Some(authority) = authority else { return false };
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || self.builder.control.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    pub(super) fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves these scenarios from the next request on.
    ///
    /// # Errors
    ///
    /// Where one forwards to what is no upstream.
    pub(super) fn serve(&self, set: &mut Set, next: Set) -> Result<(), StartError> {
        let current = self.exchange();
        let rules = Rules::new(next.all().cloned().collect());
        let (rules, unmatched) = self.builder.usual(rules);
        let mut exchange = Exchange { rules: Arc::new(rules), ..(*current).clone() };
        exchange.settings.unmatched = unmatched;
        exchange.check_forwards()?;
        self.current.store(Arc::new(exchange));
        *set = next;
        Ok(())
    }

    /// Changes something else about what answers.
    pub(super) fn change(&self, change: impl Fn(&mut Exchange)) {
        // What changes the scenarios does not come between.
        let _set = self.set();
        let mut exchange = (*self.exchange()).clone();
        change(&mut exchange);
        self.current.store(Arc::new(exchange));
    }

    /// Reads the scenarios anew; what was added stays. Where something is wrong, the
    /// old ones stay.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(in crate::server) fn reload(&self) -> Result<Problems, StartError> {
        let read = self.read_anew();
        self.load().metrics.reloaded(read.is_ok());
        read
    }

    fn read_anew(&self) -> Result<Problems, StartError> {
        // Who reads later has read what is newer.
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = self.builder.recordings.matching()?;
        let (given, warnings) = self.builder.read(&matching).map_err(StartError::Scenarios)?;
        let mut set = self.set();
        let is_new = |scenario: &&Scenario| !given.iter().any(|known| known.name == scenario.name);
        let added = set.added.iter().filter(is_new).cloned().collect();
        self.serve(&mut set, Set { given, added })?;
        Ok(warnings)
    }

    /// Asks the server to end.
    pub(in crate::server) fn shut_down(&self) {
        self.stops.store(true, Ordering::Release);
        self.stop.notify_waiters();
    }

    /// Waits until the server is asked to end.
    pub(in crate::server) async fn stopped(&self) {
        loop {
            let asked = self.stop.notified();
            if self.stops.load(Ordering::Acquire) {
                return;
            }
            asked.await;
        }
    }

    /// What is expected besides the scenarios: `extra`, what was given at the start, and
    /// what sessions have of their own.
    fn expectations(&self, extra: Option<Expectations>) -> Vec<(Option<String>, Expectations)> {
        let exchange = self.load();
        let given = self.builder.control.expectations.iter().cloned().chain(extra).map(|one| (None, one));
        let sessions = exchange.sessions.list().into_iter().map(|(session, _)| session);
        let own = sessions
            .chain([Arc::clone(exchange.sessions.shared())])
            .filter_map(|session| Some((Some(session.name().to_owned()), session.expectations()?)));
        given.chain(own).collect()
    }

    /// Judges what is in the journal now.
    pub(in crate::server) fn verdict(&self, session: Option<&str>, extra: Option<Expectations>) -> Verdict {
        let exchange = self.exchange();
        let entries = exchange.journal.entries(None);
        let forgotten: BTreeMap<String, u64> = exchange.journal.forgotten();
        judge(&Judge {
            entries: &entries,
            forgotten: &forgotten,
            scenarios: exchange.rules.scenarios(),
            more: &self.expectations(extra),
            session,
            matching: exchange.matching(),
            has_journal: exchange.journal.is_on(),
            resets: exchange.journal.resets(),
        })
    }

    /// Judges, and waits a little before it condemns: for answers that are under way,
    /// and for what the client's kernel has still to tell.
    pub(in crate::server) async fn patient_verdict(
        self: &Arc<Self>,
        session: Option<String>,
        extra: Option<Expectations>,
    ) -> Verdict {
        let until = Instant::now() + PATIENCE;
        let is_whole = session.is_none() && extra.is_none();
        let exchange = self.exchange();
        while exchange.journal.open(session.as_deref()) > 0 && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        loop {
            let seen = exchange.journal.changes();
            let (control, name, extra) = (Arc::clone(self), session.clone(), extra.clone());
            let judging = tokio::task::spawn_blocking(move || control.verdict(name.as_deref(), extra));
            let verdict = judging.await.unwrap_or_default();
            if verdict.passed {
                return verdict;
            }
            while exchange.journal.changes() == seen && Instant::now() < until {
                tokio::time::sleep(LOOK).await;
            }
            if Instant::now() >= until {
                if is_whole {
                    self.is_told.store(true, Ordering::Release);
                }
                return verdict;
            }
        }
    }

    /// Whether anything is expected of the client.
    pub(in crate::server) fn expects(&self) -> bool {
        let exchange = self.load();
        let mut scenarios = exchange.rules.scenarios().iter();
        scenarios.any(|one| one.expect.is_some() || one.stubs.iter().any(|stub| stub.expect.is_some()))
            || !self.expectations(None).is_empty()
    }

    /// The files and folders that its scenarios are read from.
    pub(in crate::server) fn paths(&self) -> Vec<std::path::PathBuf> {
        self.builder.paths()
    }

    /// Forgets what happened in a session, or in all.
    pub(in crate::server) fn forget(&self, session: Option<&Session>) {
        let exchange = self.load();
        exchange.sessions.reset(session);
        exchange.journal.clear(session.map(Session::name));
        if session.is_none() {
            self.is_told.store(false, Ordering::Release);
        }
    }

    /// Whether a verdict was told that did not pass.
    pub(in crate::server) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }

    /// The stubs that something is expected of and that are in no scenario.
    pub(in crate::server) fn unknown_stubs(&self, expectations: &Expectations) -> Vec<Problem> {
        expectations.unknown(self.load().rules.scenarios())
    }
}
