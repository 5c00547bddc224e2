//! The timer that paced streams go by, finer than the runtime's own.
//!
//! The runtime's timer ticks in milliseconds, so an event leaves one to two of
//! them late. Linux can wake a process to the microsecond: one such clock serves
//! all streams of a server, and those that are due in the same tenth of a
//! millisecond wake together, so that it rings ten thousand times a second at the
//! most. Where the system has no such clock, the runtime's timer does.

use std::{
    collections::BTreeMap,
    future::Future,
    num::NonZeroU64,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use alarm::Alarm;

/// How fine the grid is on which sleepers wake.
const SLOT: u64 = 100;
/// The slot of what is too far away to have one.
const NEVER: u64 = u64::MAX;

/// What sleeps are made from. Clones share one clock.
#[derive(Clone, Debug)]
pub(super) struct Timer(
    /// `None` goes by tokio's timer.
    Option<Arc<Precise>>,
);

/// A clock, and the task that listens to it.
#[derive(Debug)]
struct Precise {
    shared: Arc<Shared>,
    driver: AbortHandle,
}

/// What the sleepers and the driver share.
#[derive(Debug)]
struct Shared {
    alarm: Alarm,
    /// Where the grid begins.
    origin: Instant,
    /// Sleepers come from every thread, and the alarm must be set in the order in
    /// which they come. A lock that is held for one entry of a map, and at times
    /// for one call of the system, is shorter than handing them to a task. Nothing
    /// is woken or dropped under it: what a waker does may lead back here.
    sleepers: Mutex<Sleepers>,
}

/// Who sleeps, and until when.
#[derive(Debug)]
struct Sleepers {
    waiting: BTreeMap<Entry, Waker>,
    /// The slot at which the alarm rings next.
    armed: Option<u64>,
    last: NonZeroU64,
}

/// A sleeper's place: those of one slot in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    slot: u64,
    id: NonZeroU64,
}

impl Timer {
    /// One that wakes within a tenth of a millisecond of the time asked for, as
    /// far as the machine has time. Where the system has no clock for that, or
    /// does not give one, it is [`Timer::tokio`].
    ///
    /// It lives on the runtime in which it is made, and is asleep with it.
    pub(super) fn precise() -> Self {
        Self(Alarm::new().ok().map(|alarm| Arc::new(Precise::new(alarm))))
    }

    /// tokio's own, which ticks in milliseconds, and which tests can pause.
    pub(super) fn tokio() -> Self {
        Self(None)
    }

    /// Done at this time, never before it.
    pub(super) fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep(match &self.0 {
            None => Kind::Tokio(Box::pin(tokio::time::sleep_until(deadline))),
            Some(precise) => Kind::Precise(Sleeper { precise: Arc::clone(precise), deadline, entry: None }),
        })
    }
}

/// So much later; a time that no clock can tell is a year away.
pub(super) fn later(start: Instant, time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    start + time.min(YEAR)
}

/// Waits for a time.
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub(super) struct Sleep(Kind);

#[derive(Debug)]
enum Kind {
    Tokio(Pin<Box<tokio::time::Sleep>>),
    Precise(Sleeper),
}

impl Sleep {
    /// What it waits for.
    pub(super) fn deadline(&self) -> Instant {
        match &self.0 {
            Kind::Tokio(sleep) => sleep.deadline(),
            Kind::Precise(sleeper) => sleeper.deadline,
        }
    }

    /// Waits for another time. It takes effect when it is polled again; until then
    /// it may be woken in vain.
    pub(super) fn reset(&mut self, deadline: Instant) {
        match &mut self.0 {
            Kind::Tokio(sleep) => sleep.as_mut().reset(deadline),
            Kind::Precise(sleeper) => sleeper.deadline = deadline,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Tokio(sleep) => sleep.as_mut().poll(context),
            Kind::Precise(sleeper) => sleeper.poll(context.waker()),
        }
    }
}

/// One who goes by the precise clock.
#[derive(Debug)]
struct Sleeper {
    precise: Arc<Precise>,
    deadline: Instant,
    /// Where it was entered last. The driver may have taken it out since.
    entry: Option<Entry>,
}

impl Sleeper {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        if self.deadline <= Instant::now() {
            return Poll::Ready(());
        }
        let shared = &self.precise.shared;
        self.entry = shared.enter(self.entry, shared.slot(self.deadline), waker);
        if self.entry.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(entry) = self.entry {
            self.precise.shared.leave(entry);
        }
    }
}

impl Precise {
    fn new(alarm: Alarm) -> Self {
        let waiting = BTreeMap::new();
        let shared = Arc::new(Shared {
            alarm,
            origin: Instant::now(),
            sleepers: Mutex::new(Sleepers { waiting, armed: None, last: NonZeroU64::MIN }),
        });
        let driver = tokio::spawn(drive(Arc::clone(&shared))).abort_handle();
        Self { shared, driver }
    }
}

impl Drop for Precise {
    fn drop(&mut self) {
        // Nobody is left who could sleep.
        self.driver.abort();
    }
}

/// Wakes who is due whenever the alarm rings; it never does again once the
/// runtime ends.
async fn drive(shared: Arc<Shared>) {
    let mut due = Vec::new();
    while shared.alarm.rung().await.is_ok() {
        shared.take_due(&mut due);
        due.drain(..).for_each(Waker::wake);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first slot that is not before this time.
    fn slot(&self, time: Instant) -> u64 {
        let nanos = time.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(nanos).map_or(NEVER, |nanos| nanos.div_ceil(SLOT * 1000))
    }

    /// From now to a slot.
    fn until(&self, slot: u64) -> Duration {
        Duration::from_micros(slot.saturating_mul(SLOT)).saturating_sub(self.origin.elapsed())
    }

    /// Enters a sleeper, who may have an entry already; `None` where that slot
    /// has passed.
    fn enter(&self, known: Option<Entry>, slot: u64, waker: &Waker) -> Option<Entry> {
        // Declared before the lock, and so dropped behind it.
        let _replaced;
        let mut sleepers = self.lock();
        if let Some(known) = known {
            if known.slot == slot {
                let kept = sleepers.waiting.get_mut(&known)?;
                _replaced = (!kept.will_wake(waker)).then(|| std::mem::replace(kept, waker.clone()));
                return Some(known);
            }
            _replaced = sleepers.waiting.remove(&known);
        }
        sleepers.last = sleepers.last.saturating_add(1);
        let entry = Entry { slot, id: sleepers.last };
        sleepers.waiting.insert(entry, waker.clone());
        if sleepers.armed.is_none_or(|armed| slot < armed) {
            self.arm(&mut sleepers, slot);
        }
        Some(entry)
    }

    /// Takes a sleeper out, if the driver has not.
    fn leave(&self, entry: Entry) {
        // The guard ends with this line, the waker behind it.
        let waker = self.lock().waiting.remove(&entry);
        drop(waker);
    }

    /// Takes out those whose slot has passed, and sets the alarm for the next.
    fn take_due(&self, due: &mut Vec<Waker>) {
        let mut sleepers = self.lock();
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(NEVER);
        // What the alarm was set for has passed, whatever a stopped clock says.
        let passed = (micros / SLOT).max(sleepers.armed.take().unwrap_or_default());
        while let Some(first) = sleepers.waiting.first_entry() {
            let slot = first.key().slot;
            if slot > passed {
                self.arm(&mut sleepers, slot);
                break;
            }
            due.push(first.remove());
        }
    }

    fn arm(&self, sleepers: &mut Sleepers, slot: u64) {
        match self.alarm.set(self.until(slot)) {
            Ok(()) => sleepers.armed = Some(slot),
            Err(error) => tracing::error!("cannot set the timer: {error}"),
        }
    }
}

/// Linux's timer that is a file, waited for like any socket.
#[cfg(target_os = "linux")]
mod alarm {
    use std::{io, os::fd::OwnedFd, time::Duration};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::{Interest, unix::AsyncFd};

    #[derive(Debug)]
    pub(super) struct Alarm(AsyncFd<OwnedFd>);

    impl Alarm {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "what comes in its place is unsafe, for the sake of types that close their file \
                          early; an `OwnedFd` cannot"
            )]
            let file = AsyncFd::with_interest(file, Interest::READABLE)?;
            let alarm = Self(file);
            // Some sandboxes make timers that cannot be set.
            alarm.arm(Duration::ZERO)?;
            Ok(alarm)
        }

        /// Rings once, so much later, and not when it was told before.
        pub(super) fn set(&self, after: Duration) -> io::Result<()> {
            // Nothing at all would switch it off.
            self.arm(after.max(Duration::from_nanos(1)))
        }

        fn arm(&self, after: Duration) -> io::Result<()> {
            let it_value = Timespec::try_from(after).map_err(io::Error::other)?;
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let time = Itimerspec { it_interval, it_value };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &time)?;
            Ok(())
        }

        /// Done when it has rung; an error when the runtime ends.
        pub(super) async fn rung(&self) -> io::Result<()> {
            loop {
                let mut ready = self.0.readable().await?;
                let mut count = [0; 8];
                let read = ready.try_io(|file| Ok(rustix::io::read(file.get_ref(), &mut count)?));
                // Otherwise it was set anew after it had rung.
                if let Ok(read) = read {
                    return read.map(drop);
                }
            }
        }
    }
}

/// No other system has one that a runtime can wait for.
#[cfg(not(target_os = "linux"))]
mod alarm {
    use std::{io, time::Duration};

    #[derive(Debug)]
    pub(super) enum Alarm {}

    impl Alarm {
        pub(super) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn set(&self, _: Duration) -> io::Result<()> {
            match *self {}
        }

        pub(super) async fn rung(&self) -> io::Result<()> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// One that is precise where this system has that, with a look at its inside.
    fn precise() -> Option<(Timer, Weak<Shared>)> {
        let timer = Timer::precise();
        let shared = timer.0.as_ref().map(|precise| Arc::downgrade(&precise.shared));
        assert_eq!(shared.is_some(), cfg!(target_os = "linux"));
        Some((timer, shared?))
    }

    fn waiting(shared: &Weak<Shared>) -> usize {
        shared.upgrade().unwrap().lock().waiting.len()
    }

    /// Polls once.
    async fn poll(sleep: &mut Sleep) -> Poll<()> {
        std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *sleep).poll(context))).await
    }

    #[tokio::test]
    async fn nobody_is_woken_early() {
        let timer = Timer::precise();
        for microseconds in [0, 1, 99, 100, 101, 1_234, 2_000, 5_050] {
            let deadline = Instant::now() + Duration::from_micros(microseconds);
            let sleep = timer.sleep_until(deadline);
            assert_eq!(sleep.deadline(), deadline);
            sleep.await;
            assert!(Instant::now() >= deadline, "{microseconds}");
        }
    }

    #[tokio::test]
    async fn a_ring_that_nobody_asked_for_wakes_nobody() {
        let Some((timer, shared)) = precise() else { return };
        let mut sleep = timer.sleep_until(Instant::now() + ms(3_600_000));
        assert!(poll(&mut sleep).await.is_pending());
        let shared = shared.upgrade().unwrap();
        shared.lock().armed = None;
        let mut due = Vec::new();
        shared.take_due(&mut due);
        assert!(due.is_empty());
        assert!(shared.lock().armed.is_some());
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_ready_at_once() {
        let Some((timer, shared)) = precise() else { return };
        let now = Instant::now();
        for deadline in [now, now.checked_sub(ms(50)).unwrap_or(now)] {
            assert!(poll(&mut timer.sleep_until(deadline)).await.is_ready());
        }
        assert_eq!(waiting(&shared), 0);
    }

    #[tokio::test]
    async fn the_nearest_is_woken_first_whoever_came_first() {
        let timer = Timer::precise();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let start = Instant::now();
        for place in [5_u64, 1, 4, 2, 3] {
            let sleep = timer.sleep_until(start + ms(place * 10));
            let tell = tell.clone();
            tokio::spawn(async move {
                sleep.await;
                tell.send(place).unwrap();
            });
        }
        drop(tell);
        let mut order = Vec::new();
        while let Some(place) = told.recv().await {
            order.push(place);
        }
        assert_eq!(order, [1, 2, 3, 4, 5]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_who_wait_for_the_same_time_are_woken() {
        let timer = Timer::precise();
        let deadline = Instant::now() + ms(30);
        let sleepers: Vec<_> = (0..1_000).map(|_| tokio::spawn(timer.sleep_until(deadline))).collect();
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
        assert!(Instant::now() >= deadline);
    }

    #[tokio::test]
    async fn a_dropped_sleep_leaves_nothing_behind() {
        let Some((timer, shared)) = precise() else { return };
        let later = Instant::now() + ms(3_600_000);
        let mut sleeps: Vec<_> = (0..10).map(|_| timer.sleep_until(later)).collect();
        for sleep in &mut sleeps {
            assert!(poll(sleep).await.is_pending());
            assert!(poll(sleep).await.is_pending());
        }
        assert_eq!(waiting(&shared), 10);
        sleeps.truncate(3);
        assert_eq!(waiting(&shared), 3);
        drop(sleeps);
        assert_eq!(waiting(&shared), 0);
    }

    #[tokio::test]
    async fn it_can_be_reset_to_earlier_and_to_later() {
        let Some((timer, shared)) = precise() else { return };
        let start = Instant::now();
        let mut sleep = timer.sleep_until(start + ms(3_600_000));
        assert!(poll(&mut sleep).await.is_pending());
        sleep.reset(start + ms(10));
        (&mut sleep).await;
        assert!((ms(10)..ms(3_000)).contains(&start.elapsed()), "{:?}", start.elapsed());
        let start = Instant::now();
        sleep.reset(start + ms(10));
        assert!(poll(&mut sleep).await.is_pending());
        sleep.reset(start + ms(30));
        assert_eq!(sleep.deadline(), start + ms(30));
        (&mut sleep).await;
        assert!(start.elapsed() >= ms(30), "{:?}", start.elapsed());
        assert!(poll(&mut sleep).await.is_ready());
        assert_eq!(waiting(&shared), 0);
    }

    #[tokio::test]
    async fn a_sleep_wakes_the_task_that_polled_it_last() {
        let timer = Timer::precise();
        let mut sleep = timer.sleep_until(Instant::now() + ms(20));
        assert!(poll(&mut sleep).await.is_pending());
        tokio::time::timeout(ms(5_000), tokio::spawn(sleep)).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn tokios_own_goes_by_a_clock_that_tests_pause() {
        let timer = Timer::tokio();
        let start = Instant::now();
        let mut sleep = timer.sleep_until(start + ms(3_600_000));
        (&mut sleep).await;
        assert_eq!(start.elapsed(), ms(3_600_000));
        sleep.reset(start + ms(7_200_000));
        assert_eq!(sleep.deadline(), start + ms(7_200_000));
        sleep.await;
        assert_eq!(start.elapsed(), ms(7_200_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_precise_one_goes_on_where_the_clock_is_stopped() {
        let Some((timer, _)) = precise() else { return };
        let start = Instant::now();
        timer.sleep_until(start + ms(10)).await;
        timer.sleep_until(start + ms(20)).await;
    }

    #[tokio::test]
    async fn the_driver_ends_with_the_last_timer() {
        let Some((timer, shared)) = precise() else { return };
        let sleep = timer.clone().sleep_until(Instant::now() + ms(10));
        drop(timer);
        sleep.await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(shared.upgrade().is_none());
    }

    #[test]
    fn a_runtime_that_ends_does_not_wait_for_sleepers() {
        for threads in [1, 2] {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .enable_all()
                .build()
                .unwrap();
            let shared = runtime.block_on(async {
                let (timer, shared) = precise()?;
                for _ in 0..100 {
                    tokio::spawn(timer.sleep_until(Instant::now() + ms(3_600_000)));
                }
                timer.sleep_until(Instant::now() + ms(5)).await;
                Some(shared)
            });
            drop(runtime);
            assert!(shared.is_none_or(|shared| shared.upgrade().is_none()));
        }
    }
}
