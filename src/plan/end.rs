//! The end stage: where an answer ends, and how.

use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Beat,
    place::Target,
    point::{Place, Site},
};
use crate::notation::{text::Piece, value::Period};

/// Where an answer ends, and how, as a scenario says it.
#[derive(Clone, Debug)]
pub struct End {
    /// Nothing planned behind it is sent.
    pub site: Site,
    /// Silence first.
    pub hold: Hold,
    /// Then these bytes, outside any framing.
    pub put: Vec<Piece>,
    /// Then this.
    pub how: How,
}

impl End {
    /// Whether it lies behind the whole message.
    pub fn is_behind_all(&self) -> bool {
        self.site.offset == 0 && matches!(self.site.place, Place::After(Target::Body | Target::Wire))
    }

    /// Whether there is silence before it.
    pub fn is_silent(&self) -> bool {
        self.hold != Hold::For(Period(Duration::ZERO))
    }
}

/// How long a silence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// So long.
    For(Period),
    /// For ever.
    Forever,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Cleanly, its terminator sent.
    Complete,
    /// By FIN, without a terminator.
    Close,
    /// The same, and reading goes on.
    HalfClose,
    /// By RST.
    Reset,
    /// By HTTP/2's GOAWAY.
    Goaway,
}

impl How {
    /// As scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Close => "close",
            Self::HalfClose => "half_close",
            Self::Reset => "reset",
            Self::Goaway => "goaway",
        }
    }
}

/// Whether this platform tells what a peer has acknowledged. Where it does not, a
/// cut may overtake what was written before it.
pub const TELLS_ACKNOWLEDGED: bool = cfg!(target_os = "linux");

/// What becomes of the connection when all that was to be written is.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Where it lies among the bytes. Those behind it are sent after the silence
    /// where the answer is to be completed, and never otherwise.
    pub place: usize,
    /// Silence first. Behind a whole message it is the connection's idle time:
    /// a new request ends it.
    pub hold: Hold,
    /// Whether it lies behind the whole message.
    pub is_idle: bool,
    /// Then these, outside any framing.
    pub put: Bytes,
    /// Then this.
    pub how: How,
    /// What is sent into the silence.
    pub beat: Option<Beat>,
}
