//! The options that several commands share.

use clap::Args;
use jiff::Timestamp;

use super::clock;
use crate::server::{Builder, UnknownFields};

/// Where luck comes from, and how time goes.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Shared {
    /// The source of all variation: ids, timings in headers, log probabilities
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,

    /// Stop the clock at this time, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = clock)]
    clock: Option<Timestamp>,

    /// Cut every answer differently by this seed: chunks and segments that end anywhere
    #[arg(long, value_name = "NUMBER")]
    rechunk: Option<u64>,

    /// How many times as long all planned times are: 0.1 is ten times as fast, 0 at once
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    time_scale: f64,

    /// Refuse fields of a request that the real API would not know, instead of ignoring them
    #[arg(long)]
    strict_fields: bool,
}

impl Shared {
    /// A server that goes by these.
    pub(super) fn apply(self, mut builder: Builder) -> Builder {
        let unknown = if self.strict_fields { UnknownFields::Refused } else { UnknownFields::Ignored };
        builder = builder.seed(self.seed).time_scale(self.time_scale).unknown_fields(unknown);
        if let Some(now) = self.clock {
            builder = builder.clock(now);
        }
        self.rechunk.map_or(builder.clone(), |seed| builder.rechunk(seed))
    }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 0.0);
    factor.ok_or_else(|| "expected a number from 0 on, such as 0.1".to_owned())
}
