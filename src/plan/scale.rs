//! A whole plan at another speed.

use std::time::Duration;

use super::{WirePlan, end::Hold};
use crate::notation::value::Period;

/// A time so many times as long.
pub fn time_by(time: Duration, factor: f64) -> Duration {
    if factor == 1.0 {
        return time;
    }
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

impl WirePlan {
    /// With all its times so many times as long; gaps between writes, which keep
    /// segments apart, and rates are what they are.
    #[must_use]
    pub fn at_scale(mut self, factor: f64) -> Self {
        if factor == 1.0 {
            return self;
        }
        let by = |time: &mut Duration| *time = time_by(*time, factor);
        by(&mut self.head_at);
        by(&mut self.end_at);
        self.times.iter_mut().for_each(by);
        if let Some(script) = &mut self.script {
            script.writes.iter_mut().for_each(|write| by(&mut write.at));
            if let Hold::For(Period(time)) = &mut script.ending.hold {
                by(time);
            }
            if let Some(beat) = &mut script.ending.beat {
                // A beat without a pause would be one without an end.
                beat.every = time_by(beat.every, factor).max(Duration::from_millis(1));
            }
        }
        self
    }
}
