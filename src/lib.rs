//! mynah stands in for the Gemini, OpenAI and Anthropic APIs: it answers every
//! call offline, the same way every time.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let server = mynah::Server::builder().start().await?;
//! println!("point your client at {}", server.base_url());
//! # Ok::<(), mynah::StartError>(())
//! # }).unwrap();
//! ```
//!
//! # One straight line
//!
//! Everything between the sockets is a function from values to values:
//!
//! ```text
//! accept -> collect -> identify -> select -> plan -> play
//! ```
//!
//! [`request`] is what arrived. A [`dialect`] knows whose it is and reads it
//! into an [`ask`]; [`select`] chooses the stub of a [`scenario`] whose reply
//! answers it, or the built-in [`answer`] does, in no provider's words (a
//! [`reply`]); the dialect says the reply as events, and [`plan`] makes the bytes
//! that the [`server`] then plays. All that varies comes from an [`identity`].
//!
//! What no stub takes may have been recorded (a [`cassette`]), or is passed on to the
//! real API, and recorded.
//!
//! A newcomer reads `server/exchange.rs` (the line itself), `dialect/mod.rs`,
//! `plan/mod.rs` and `scenario/mod.rs`; `ARCHITECTURE.md` tells the rest.

pub mod answer;
pub mod ask;
pub mod cassette;
pub mod catalogue;
pub mod cli;
pub mod dialect;
pub mod document;
pub mod identity;
pub mod journal;
pub mod notation;
pub mod plan;
mod record;
pub mod redact;
pub mod reply;
pub mod request;
pub mod scenario;
pub mod select;
pub mod server;
pub mod shelf;
mod store;
pub mod tokens;

pub use cassette::deck::Repeat;
pub use jiff::Timestamp;
pub use plan::Marks;
pub use record::{Encoding, Mode, recorder::Recorded};
pub use server::{Builder, Ids, Server, Speed, StartError, UnknownFields, Unmatched};
