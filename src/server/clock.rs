//! The one clock that all answers go by.

use std::cell::RefCell;

use http::HeaderValue;
use jiff::Timestamp;

/// A clock that runs, or that was stopped for the tests' sake.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    stopped_at: Option<Timestamp>,
}

thread_local! {
    /// The second that was last asked for, and its HTTP date: writing it costs
    /// more than all else about a head.
    static DATE: RefCell<(i64, HeaderValue)> = const { RefCell::new((-1, HeaderValue::from_static(""))) };
}

impl Clock {
    /// A clock that is stopped at this time, or runs.
    pub(super) fn new(stopped_at: Option<Timestamp>) -> Self {
        Self { stopped_at }
    }

    /// The time, and the same as an HTTP date.
    pub(super) fn now(&self) -> (Timestamp, HeaderValue) {
        let now = self.stopped_at.unwrap_or_else(Timestamp::now);
        let date = DATE.with_borrow_mut(|(second, date)| {
            if *second != now.as_second() {
                let text = httpdate::fmt_http_date(now.into());
                *date = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
                *second = now.as_second();
            }
            date.clone()
        });
        (now, date)
    }
}
