//! The option that several commands share.

use clap::Args;

/// Where luck comes from.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Seed {
    /// The source of all variation: ids, timings in headers, log probabilities
    #[arg(long = "seed", value_name = "NUMBER", default_value_t = 0)]
    pub(super) value: u64,
}
