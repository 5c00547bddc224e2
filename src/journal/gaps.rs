//! Times between attempts, and the bounds that they are held to.

use std::{fmt, time::Duration};

use super::Entry;
use crate::{
    notation::value::{Percent, Period, Range},
    scenario::expect::{Backoff, Gaps, Obedience},
};

/// What a measured time may be off, either way: the way through two kernels, and a
/// client's own work between its timer and its first byte.
pub const GRACE: Duration = Duration::from_millis(10);

/// The time from an attempt's end to the next attempt's first byte; none, where the
/// next did not wait for the end.
pub fn gap(attempt: &Entry, next: &Entry) -> Duration {
    attempt.over().map_or(Duration::ZERO, |over| next.came.saturating_sub(over))
}

/// Bounds of a time, with the grace left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    least: Duration,
    most: Option<Duration>,
}

impl Bounds {
    /// Whether a time lies in them, give or take the grace.
    pub fn hold(&self, time: Duration) -> bool {
        time + GRACE >= self.least && self.most.is_none_or(|most| time <= most.saturating_add(GRACE))
    }
}

impl From<&Range<Period>> for Bounds {
    fn from(range: &Range<Period>) -> Self {
        Self { least: range.low.map_or(Duration::ZERO, |low| low.0), most: range.high.map(|high| high.0) }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(f, "{}", time(most)),
            Some(most) => write!(f, "{} to {}", time(self.least), time(most)),
            None => write!(f, "{} or more", time(self.least)),
        }
    }
}

/// A time as people read it.
pub fn time(time: Duration) -> String {
    match time.as_secs() {
        0 if time < Duration::from_millis(1) && !time.is_zero() => format!("{} us", time.as_micros()),
        0..100 => format!("{:.3} s", time.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

/// The bounds of the n-th gap, counted from 1.
pub fn bounds(gaps: &Gaps, n: usize) -> Bounds {
    match gaps {
        Gaps::Ranges(ranges) => {
            let range = ranges.get(n.saturating_sub(1)).or(ranges.last());
            range.map_or(Bounds { least: Duration::ZERO, most: None }, Bounds::from)
        }
        Gaps::Backoff(backoff) => backed_off(backoff, n),
    }
}

/// `base * factor^(n-1)`, capped, times `1 + jitter`.
fn backed_off(backoff: &Backoff, n: usize) -> Bounds {
    let factor = backoff.factor.unwrap_or(2.0);
    let power = i32::try_from(n.saturating_sub(1)).unwrap_or(i32::MAX);
    let whole = backoff.base.0.as_secs_f64() * factor.powi(power);
    let capped = backoff.cap.map_or(whole, |cap| whole.min(cap.0.as_secs_f64()));
    let by = |percent: Percent| {
        let seconds = capped * (1.0 + percent.0 / 100.0);
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    };
    let none = Range::only(Percent(0.0));
    let jitter = backoff.jitter.as_ref().unwrap_or(&none);
    Bounds { least: jitter.low.map_or(Duration::ZERO, by), most: jitter.high.map(by) }
}

/// How long a client waits that does as it is asked: so long, and at most a quarter or
/// a second longer.
pub fn obedient(wait: Duration) -> Bounds {
    let more = (wait / 4).max(Duration::from_secs(1));
    Bounds { least: wait, most: wait.checked_add(more) }
}

/// Whether a gap is what is expected of it behind such a hint.
pub fn is_so(obedience: Obedience, wait: Duration, gap: Duration) -> bool {
    obedient(wait).hold(gap) == (obedience == Obedience::Obeyed)
}
