//! The options about recordings, and the line that tells how recording goes.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::oneshot, task::JoinHandle, time::interval};

use super::{Exit, output, period};
use crate::{
    cassette::deck::Repeat,
    notation::value::{Period, Word},
    record::{Encoding, Mode, recorder::Recorded},
    server::{Builder, Listening, Outcome, Speed, UPSTREAM_TIMEOUT},
};

/// Where recordings go where nothing is said.
const FOLDER: &str = "cassettes";

/// Recordings: where they are, how they are played and made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Recordings")]
pub(super) struct Recordings {
    /// Cassettes, and folders of them, that answer what no stub takes; recordings go into the first
    /// folder [default for recording: cassettes]
    #[arg(long, value_name = "PATH")]
    cassettes: Vec<PathBuf>,

    /// Where requests are passed on to: openai=https://api.openai.com/v1 (several times for several
    /// APIs). The name is an API's (gemini, openai, anthropic), or any other, which clients then have
    /// in their path: /NAME/v1
    #[arg(long, value_name = "NAME=URL", value_parser = pair)]
    upstream: Vec<(String, String)>,

    /// The environment's variable with an upstream's key, which takes the place of whatever clients
    /// send; without it a client's key is passed on, and who sends none gets that of NAME_API_KEY
    #[arg(long, value_name = "NAME=VARIABLE", value_parser = pair)]
    upstream_key: Vec<(String, String)>,

    /// A file of certificates (PEM) to trust upstreams by, instead of the system's
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,

    /// Give an upstream up that sends nothing for so long
    #[arg(long, value_name = "TIME", default_value_t = Period(UPSTREAM_TIMEOUT), value_parser = period)]
    upstream_timeout: Period,

    /// What becomes of what no stub takes [default: none; with --upstream new, or none where there are
    /// scenarios and no --cassettes; for record all]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeArgument>,

    /// The cassette of requests that name no session [default: recording]
    #[arg(long, value_name = "NAME", value_parser = name)]
    cassette: Option<String>,

    /// Which codings of a body upstreams may choose from
    #[arg(long, value_enum, default_value_t = EncodingArgument::Identity)]
    encoding: EncodingArgument,

    /// How fast recordings are played: 1 as they were recorded, 10 ten times as fast, or instant
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    speed: Speed,

    /// What a call gets when all that was recorded for it was played
    #[arg(long, value_enum, default_value_t = RepeatArgument::Last)]
    repeat: RepeatArgument,

    /// Rules of your own: what else is a secret, and what may differ in requests that are the same
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Fail in the end where a request was a miss, an expectation was not met or a recording was not
    /// used, and at the start where one is too old
    #[arg(long)]
    strict: bool,

    /// Warn of recordings that are older than this, such as 30d or 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<Duration>,

    /// Whether recordings are to be made, as `record` does.
    #[arg(skip)]
    pub(super) are_made: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArgument {
    /// It gets what was recorded; the network is never touched
    None,
    /// Sessions without a cassette are recorded, the others replayed
    Once,
    /// What was recorded is replayed, and what was not is recorded
    New,
    /// All is recorded, whatever was before
    All,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EncodingArgument {
    /// None: people can read what was recorded
    Identity,
    /// Those that the client names
    Pass,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RepeatArgument {
    /// The last again
    Last,
    /// All of it from its start
    Cycle,
    /// Nothing: it is a miss
    Miss,
}

impl Recordings {
    /// A server with these recordings, beside scenarios or without any.
    pub(super) fn apply(&self, builder: Builder, has_scenarios: bool) -> Result<Builder, String> {
        let has_upstream = !self.upstream.is_empty();
        if self.are_made && !has_upstream {
            return Err(
                "there is nothing to record without an upstream: --upstream openai=https://api.openai.com/v1"
                    .to_owned(),
            );
        }
        let mode = match self.mode {
            Some(ModeArgument::None) => Mode::None,
            Some(ModeArgument::Once) => Mode::Once,
            Some(ModeArgument::New) => Mode::New,
            Some(ModeArgument::All) => Mode::All,
            None if self.are_made => Mode::All,
            None if has_upstream && (!has_scenarios || !self.cassettes.is_empty()) => Mode::New,
            None => Mode::None,
        };
        let mut builder = builder
            .encoding(match self.encoding {
                EncodingArgument::Identity => Encoding::Identity,
                EncodingArgument::Pass => Encoding::Pass,
            })
            .repeat(match self.repeat {
                RepeatArgument::Last => Repeat::Last,
                RepeatArgument::Cycle => Repeat::Cycle,
                RepeatArgument::Miss => Repeat::Miss,
            })
            .replay_speed(self.speed)
            .upstream_timeout(self.upstream_timeout.0);
        if mode != Mode::None {
            if !has_upstream {
                return Err("there is nothing to record without an --upstream".to_owned());
            }
            let is_folder = |path: &&PathBuf| !path.is_file();
            let folder = match self.cassettes.iter().find(is_folder) {
                Some(folder) => folder.clone(),
                None if self.cassettes.is_empty() => PathBuf::from(FOLDER),
                None => return Err("recordings need a folder to go into: --cassettes DIR".to_owned()),
            };
            builder = builder.record(mode, folder);
        }
        builder = self.cassettes.iter().fold(builder, Builder::cassettes);
        builder = self.upstream.iter().fold(builder, |builder, (name, url)| builder.upstream(name, url));
        builder =
            self.upstream_key.iter().fold(builder, |builder, (name, key)| builder.upstream_key(name, key));
        builder = self.upstream_ca.iter().fold(builder, Builder::upstream_ca);
        builder = self.cassette.iter().fold(builder, Builder::cassette_name);
        Ok(self.config.iter().fold(builder, Builder::config))
    }
}

impl Recordings {
    /// Looks for recordings that are too old; `Err` where that is a failure.
    pub(super) fn look_at_age(&self, listening: &Listening) -> Result<(), Exit> {
        let Some(age) = self.max_age else { return Ok(()) };
        let limit =
            Timestamp::now().checked_sub(SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX));
        let limit = limit.unwrap_or(Timestamp::UNIX_EPOCH);
        let old = listening.recorded_before(limit);
        if old.is_empty() {
            return Ok(());
        }
        output::complain(&format!("older than --max-age: {}", listed(&old)));
        if self.strict { Err(Exit::Stale) } else { Ok(()) }
    }

    /// Whether misses, unused recordings and unmet expectations are failures.
    pub(super) fn are_strict(&self) -> bool {
        self.strict
    }

    /// What a server that has ended is judged by.
    pub(super) fn judge(&self, outcome: &Outcome) -> Exit {
        if !self.strict {
            return Exit::Ok;
        }
        let Outcome { misses, unused } = outcome;
        if !unused.is_empty() {
            output::complain(&format!("recordings that nobody asked for: {}", listed(unused)));
        }
        if *misses > 0 {
            output::complain(&format!("requests that nothing answered: {misses}"));
            return Exit::Unmatched;
        }
        if unused.is_empty() { Exit::Ok } else { Exit::Stale }
    }
}

/// The first of a list, and how many more there are.
fn listed(places: &[String]) -> String {
    const MOST: usize = 10;
    let shown = places.iter().take(MOST).map(|place| format!("\n  {place}")).collect::<String>();
    let more = places.len().saturating_sub(MOST);
    if more > 0 { format!("{shown}\n  and {more} more") } else { shown }
}

fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let days = days.and_then(|days| days.checked_mul(24 * 60 * 60)).map(Duration::from_secs);
    days.or_else(|| Period::from_text(text).map(|period| period.0))
        .ok_or_else(|| "expected an age such as 30d, 12h or 90m".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("s", _)) => Err("the name `s` would be taken for the prefix of a session".to_owned()),
        Some((name, _)) if !is_name(name) => {
            Err(format!("the name {name:?} has more in it than letters, digits, - _ and ."))
        }
        Some((name, value)) if !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, such as openai=https://api.openai.com/v1".to_owned()),
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("expected letters, digits, - _ and .".to_owned()) }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "instant" {
        return Ok(Speed::Instant);
    }
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
    factor.map(Speed::Times).ok_or_else(|| "expected a number above 0, such as 10, or instant".to_owned())
}

/// How recording goes: a line that is written again and again where a person looks, and
/// once at the end everywhere.
pub(super) struct Progress {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Recorded>,
}

/// How often the line is written.
const EVERY: Duration = Duration::from_millis(250);

impl Progress {
    pub(super) fn start(recorded: Box<dyn Fn() -> Recorded + Send>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let is_watched = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let task = tokio::spawn(async move {
            let (mut ticks, mut shown) = (interval(EVERY), Recorded::default());
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = ticks.tick() => {
                        let now = recorded();
                        if is_watched && now != shown {
                            // Nobody is left to tell if this cannot be written.
                            drop(write!(std::io::stderr(), "\r{}\x1b[K", line(now)));
                            shown = now;
                        }
                    }
                }
            }
            if is_watched {
                drop(write!(std::io::stderr(), "\r\x1b[K"));
            }
            let last = recorded();
            output::complain(&line(last));
            last
        });
        Self { stop, task }
    }

    /// Writes the last line; `Err` where something was not recorded.
    pub(super) async fn finish(self) -> Result<(), Exit> {
        // It may have ended by itself, with the runtime.
        if self.stop.send(()).is_err() {
            return Ok(());
        }
        match self.task.await {
            Ok(last) if last.failures > 0 => Err(Exit::Failed),
            _ => Ok(()),
        }
    }
}

fn line(recorded: Recorded) -> String {
    let Recorded { interactions, bytes, redactions, failures } = recorded;
    let size = match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} KB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    };
    let lost = if failures > 0 { format!(", {failures} NOT recorded") } else { String::new() };
    format!("recorded {interactions} interactions, {size}, {redactions} redactions{lost}")
}
