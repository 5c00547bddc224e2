//! The server: what it is told, how it starts, and how it ends.

mod body;
mod builder;
mod clock;
mod compact;
mod conn;
mod control;
mod deal;
mod deliver;
mod deny;
mod early;
mod exchange;
mod explain;
mod forward;
mod handle;
mod journal;
mod line;
mod link;
mod metrics;
mod note;
mod pieces;
mod play;
mod record;
mod recordings;
mod refuse;
mod row;
mod session;
mod slab;
mod socket;
mod tape;
mod timer;
mod unfit;
mod view;
mod watch;

use std::{fmt, io, net::SocketAddr, time::Duration};

use crate::document::error::Problems;

pub use crate::dialect::UnknownFields;
pub use builder::Builder;
pub use conn::{Listening, Outcome};
pub use explain::Explanation;
pub use handle::Server;
pub use journal::{JOURNAL_BYTES, JOURNAL_ENTRIES};
pub(crate) use recordings::matching;
pub use recordings::{Speed, UPSTREAM_TIMEOUT};
pub use session::{MOST_SESSIONS, SESSION_IDLE};

use builder::Settings;

/// Bytes that a request's body may have, where nothing else is said: 30 MB.
pub const MAX_BODY: u64 = 30_000_000;

/// How long open streams may go on when a program's server ends, where nothing
/// else is said.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long all must have been acknowledged before a connection is cut, where
/// nothing else is said: a client has then read what came before the cut.
pub const SETTLE: Duration = Duration::from_millis(50);

/// How long the head of a request may take, where nothing else is said.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the body of a request may stop coming, where nothing else is said.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// How ids are told apart when the same request comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// By how often it came: each answer has ids of its own.
    #[default]
    Counted,
    /// Not at all: the same request has the same ids, on any replica.
    ByRequest,
}

/// What becomes of a request for content that no stub answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It gets the built-in answer; the default where there are no scenarios.
    #[default]
    BuiltIn,
    /// It is a miss: an error that tells the nearest stub. The default where
    /// there are scenarios.
    Miss,
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Scenarios cannot be read.
    Scenarios(Problems),
    /// Cassettes cannot be read, or the rules for them.
    Cassettes(Problems),
    /// An upstream is told wrongly, or cannot be found.
    Upstream(String),
    /// The system gives no thread, or no means to wait for sockets.
    Runtime {
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is in use by another program; choose another port, or 0 for any free one"
                )
            }
            Self::Scenarios(problems) | Self::Cassettes(problems) => write!(f, "{problems}"),
            Self::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Runtime { source } => write!(f, "cannot start: {source}"),
            Self::Upstream(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
            Self::Scenarios(problems) | Self::Cassettes(problems) => Some(problems),
            Self::Upstream(_) => None,
        }
    }
}
