//! Passing requests on to the real API, and writing down what comes.
//!
//! An [`upstream::Upstream`] is where requests go. A [`flight::Flight`] is one of them
//! under way, and gives what comes as it comes, from the [`tee`] around the socket. A
//! [`recorder::Recorder`] writes it into cassettes.

pub(crate) mod address;
pub(crate) mod connect;
pub(crate) mod flight;
pub(crate) mod recorder;
pub(crate) mod tee;
pub(crate) mod tls;
pub(crate) mod upstream;

/// What becomes of a request that no stub takes, where there are upstreams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It gets what was recorded, and never touches the network.
    #[default]
    None,
    /// Sessions without a cassette are recorded; the others are replayed alone.
    Once,
    /// What was recorded is replayed, and what was not is recorded.
    New,
    /// All of it is passed on and recorded, whatever was recorded before.
    All,
}

/// Which codings of a body the upstream may choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// None, so that people can read what was recorded.
    #[default]
    Identity,
    /// Those that the client names.
    Pass,
}
