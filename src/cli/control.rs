//! The options about the journal, sessions, and who may ask a server about itself.

use std::path::PathBuf;

use clap::Args;

use super::{period, size::Size};
use crate::{
    notation::value::Period,
    server::{Builder, JOURNAL_BYTES, JOURNAL_ENTRIES, MOST_SESSIONS, SESSION_IDLE},
};

/// Where a token stands that is on no command line.
pub(super) const TOKEN: &str = "MYNAH_ADMIN_TOKEN";

/// The journal, sessions, and the endpoints under /__mynah/.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judging and control")]
pub(super) struct Control {
    /// A file of expectations about the client, besides those in scenarios (several times for
    /// several)
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,

    /// Exchanges that the journal keeps, the latest; 0 for no journal, and no judgement
    #[arg(long, value_name = "COUNT", default_value_t = JOURNAL_ENTRIES)]
    journal_entries: usize,

    /// Bytes that the journal keeps, about
    #[arg(long, value_name = "SIZE", default_value_t = Size(JOURNAL_BYTES))]
    journal_bytes: Size,

    /// Sessions that are remembered at the most
    #[arg(long, value_name = "COUNT", default_value_t = MOST_SESSIONS)]
    max_sessions: usize,

    /// Forget a session that nobody used for so long
    #[arg(long, value_name = "TIME", default_value_t = Period(SESSION_IDLE), value_parser = period)]
    session_idle: Period,

    /// Answer under /__mynah/ only who sends this token; also from the variable MYNAH_ADMIN_TOKEN
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    admin_token: Option<String>,

    /// A further name of this host under which /__mynah/ may be asked; localhost and addresses always
    /// may (several times for several)
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,

    /// Read scenarios anew whenever their files change, as on SIGHUP
    #[arg(long)]
    pub(super) watch: bool,
}

impl Control {
    /// A server that goes by these.
    pub(super) fn apply(&self, builder: Builder) -> Builder {
        let builder = builder
            .journal_entries(self.journal_entries)
            .journal_bytes(self.journal_bytes.0)
            .max_sessions(self.max_sessions)
            .session_idle(self.session_idle.0);
        let builder = self.expect.iter().fold(builder, Builder::expectations);
        let builder = self.allow_host.iter().fold(builder, Builder::allow_host);
        match self.token() {
            Some(token) => builder.admin_token(token),
            None => builder,
        }
    }

    /// The token that admits, where there is one.
    pub(super) fn token(&self) -> Option<String> {
        given_token(self.admin_token.as_ref())
    }
}

/// The token of the command line, or of the environment.
pub(super) fn given_token(token: Option<&String>) -> Option<String> {
    let from_environment = || std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
    token.cloned().or_else(from_environment)
}

pub(super) fn token(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a token that is empty would admit nobody; leave the option out".to_owned());
    }
    Ok(text.trim().to_owned())
}
