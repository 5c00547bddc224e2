//! Expectations by code, with the same names as in YAML.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use std::time::Duration;
//!
//! use mynah::{
//!     Server,
//!     scenario::{Expect, Per, Stub, Then},
//! };
//!
//! let second = Duration::from_secs(1);
//! let server = Server::builder()
//!     .stub(
//!         Stub::always()
//!             .per(Per::Call)
//!             .then(Then::error(429).retry_after(second))
//!             .then(Then::text("It is sunny."))
//!             .expect(Expect::default().attempts(2).gaps(second..).obeys_retry_after()),
//!     )
//!     .start()
//!     .await?;
//! // … a client is pointed at server.base_url(), and then
//! let verdict = server.verdict();
//! assert!(!verdict.passed, "nobody asked anything");
//! # Ok::<(), mynah::StartError>(())
//! # }).unwrap();
//! ```

use std::{
    ops::{RangeFrom, RangeInclusive, RangeToInclusive},
    time::Duration,
};

use super::{
    expect::{Backoff, Expect, Gaps, Group, Left, Obedience},
    file::{Stub, When},
};
use crate::notation::value::{List, Percent, Period, Range};

impl Stub {
    /// What the client is to do about it.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = Some(expect);
        self
    }
}

/// Expectations that are numbers of something.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, count: impl Into<Range<u64>>) -> Self {
            self.$name = Some(count.into());
            self
        }
    )* };
}

impl Expect {
    numbers! {
        /// It sent so many requests that the stub answered.
        requests
        /// It made so many calls, retries not counted.
        calls
        /// It tried each call so often.
        attempts
        /// It used so many connections.
        connections
        /// It had so many requests open at once.
        concurrent
    }

    /// It let so much time pass between attempts; of several, the n-th bounds the n-th
    /// gap, and the last all that follow.
    #[must_use]
    pub fn gaps(mut self, range: impl Into<Range<Period>>) -> Self {
        match &mut self.gaps {
            Some(Gaps::Ranges(ranges)) => ranges.push(range.into()),
            other => *other = Some(Gaps::Ranges(vec![range.into()])),
        }
        self
    }

    /// It let times pass that grow from `base` by `factor`, each off by as many percent
    /// as `jitter` tells.
    #[must_use]
    pub fn backoff(mut self, base: Duration, factor: f64, jitter: RangeInclusive<f64>) -> Self {
        let jitter = Range { low: Some(Percent(*jitter.start())), high: Some(Percent(*jitter.end())) };
        let (base, factor, jitter) = (Period(base), Some(factor), Some(jitter));
        self.gaps = Some(Gaps::Backoff(Backoff { base, factor, cap: None, jitter }));
        self
    }

    /// It waited as it was asked to, and at most a quarter or a second longer.
    #[must_use]
    pub fn obeys_retry_after(mut self) -> Self {
        self.retry_after = Some(Obedience::Obeyed);
        self
    }

    /// It did not wait as it was asked to.
    #[must_use]
    pub fn ignores_retry_after(mut self) -> Self {
        self.retry_after = Some(Obedience::Ignored);
        self
    }

    /// It sent this alike in all attempts: `body`, `key`, or the name of a header.
    #[must_use]
    pub fn same(mut self, what: impl Into<String>) -> Self {
        self.same.get_or_insert_with(List::default).0.push(what.into());
        self
    }

    /// It closed so long after the last byte.
    #[must_use]
    pub fn left(mut self, range: impl Into<Range<Period>>) -> Self {
        self.left = Some(Left::After(range.into()));
        self
    }

    /// It stayed to the end of every answer.
    #[must_use]
    pub fn never_left(mut self) -> Self {
        self.left = Some(Left::Never);
        self
    }

    /// For each of its requests these conditions hold; of several, one suffices.
    #[must_use]
    pub fn sent(mut self, when: When) -> Self {
        self.sent.get_or_insert_with(List::default).0.push(when);
        self
    }

    /// All requests that the stub answered are one call.
    #[must_use]
    pub fn grouped_by_stub(mut self) -> Self {
        self.group = Some(Group::Stub);
        self
    }
}

/// Ranges from Rust's own, for what stands in `T` and is written as `S`.
macro_rules! ranges {
    ($bound:ty, $of:ty, $into:expr) => {
        impl From<$of> for Range<$bound> {
            fn from(value: $of) -> Self {
                Self::only($into(value))
            }
        }

        impl From<RangeInclusive<$of>> for Range<$bound> {
            fn from(range: RangeInclusive<$of>) -> Self {
                Self { low: Some($into(*range.start())), high: Some($into(*range.end())) }
            }
        }

        impl From<RangeFrom<$of>> for Range<$bound> {
            fn from(range: RangeFrom<$of>) -> Self {
                Self { low: Some($into(range.start)), high: None }
            }
        }

        impl From<RangeToInclusive<$of>> for Range<$bound> {
            fn from(range: RangeToInclusive<$of>) -> Self {
                Self { low: None, high: Some($into(range.end)) }
            }
        }
    };
}

ranges!(u64, u64, std::convert::identity);
ranges!(Period, Duration, Period);
