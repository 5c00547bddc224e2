//! `mynah serve`: the main job.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use super::{
    Exit,
    banner::banner,
    control::Control,
    log, output, period,
    recordings::{Progress, Recordings},
    shared::Shared,
    signals,
    size::Size,
    watch::{self, Watching},
};
use crate::{
    catalogue::{self, NoRow},
    notation::value::Period,
    plan::Marks,
    scenario::error::Severity,
    server::{Builder, Ids, Listening, MAX_BODY, SETTLE, Server, StartError, Unmatched},
    store,
};

/// The port where nothing else is said.
const PORT: u16 = 4100;

/// Answer API calls until it is told to end
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Scenario files, and folders of them; without any, every request gets the built-in answer
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// Scenarios of the catalogue, by their ids or patterns such as 'sse-*' ('*' for all); `mynah
    /// scenarios` lists them. Several, or with files beside them, are asked for by the model mynah-ID
    /// or the header x-mynah-scenario
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    scenario: Vec<String>,

    /// What a request for content gets that no stub answers [default: miss, or built-in without files]
    #[arg(long, value_enum, value_name = "ANSWER")]
    unmatched: Option<UnmatchedArgument>,

    /// The address to listen on; beyond loopback only if you say so
    #[arg(long, default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,

    /// The port to listen on; 0 for any free one [default: 4100; for run 0]
    #[arg(long)]
    port: Option<u16>,

    /// Write the port into this file once it is listened on
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,

    /// A prefix in front of every route, such as /api
    #[arg(long, value_name = "PREFIX", default_value = "", value_parser = base_path)]
    base_path: String,

    #[command(flatten)]
    shared: Shared,

    #[command(flatten)]
    pub(super) recordings: Recordings,

    #[command(flatten)]
    control: Control,

    /// How long all must have been acknowledged before a scenario cuts a connection
    #[arg(long, value_name = "TIME", default_value_t = Period(SETTLE), value_parser = period)]
    settle: Period,

    /// How ids differ when the same request comes again
    #[arg(long, value_enum, default_value_t = IdsArgument::Counted)]
    ids: IdsArgument,

    /// Accept this key alone (may be given several times); without it any caller is welcome
    #[arg(long, value_name = "KEY", value_parser = key)]
    api_key: Vec<String>,

    /// Refuse bodies above this size with 413, such as 30MB or 512KiB
    #[arg(long, value_name = "SIZE", default_value_t = Size(MAX_BODY))]
    max_body: Size,

    /// Leave the x-mynah headers off the answers
    #[arg(long)]
    no_marks: bool,

    /// What to print to standard error: refusals at warn, every request at info [default: warn; for
    /// run off]
    #[arg(long, value_enum, value_name = "LEVEL")]
    log: Option<Log>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IdsArgument {
    /// Each answer has ids of its own
    Counted,
    /// The same request has the same ids, on any replica
    ByRequest,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnmatchedArgument {
    /// The built-in answer
    BuiltIn,
    /// An error that tells the nearest stub and what differs
    Miss,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Log {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl Serve {
    pub(super) fn run(self) -> Exit {
        with_runtime(self.level(Log::Warn), self.serve())
    }

    async fn serve(self) -> Exit {
        let listening = match self.listen(PORT).await {
            Ok(listening) => listening,
            Err(exit) => return exit,
        };
        let port_file = self.port_file(&listening);
        let last = port_file.clone();
        let stop = match signals::watch(move || end(last.as_ref())) {
            Ok(stop) => stop,
            Err(error) => return fail(Exit::Failed, &format!("cannot wait for signals: {error}")),
        };
        let _watching = match watch::hangups(&listening).and_then(|()| self.watching(&listening)) {
            Ok(watching) => watching,
            Err(problem) => return fail(Exit::Failed, &problem),
        };
        // Whoever finds the port may ask the server to end at once.
        if let Some(Err(error)) = port_file.as_ref().map(PortFile::write) {
            return fail(Exit::Failed, &error.to_string());
        }
        // A key that is checked is a secret: its place is shown, not the key.
        let key = (!self.api_key.is_empty()).then_some("$YOUR_KEY");
        output::print(&banner(&listening, key));
        let recorded = listening.recorded();
        let progress = recorded.map(|recorded| Progress::start(Box::new(recorded)));
        let judge = listening.judge();
        let outcome = listening.run(async { drop(stop.await) }).await;
        let recorded = match progress {
            Some(progress) => progress.finish().await,
            None => Ok(()),
        };
        match (end(port_file.as_ref()), recorded) {
            (Exit::Ok, Ok(())) if self.recordings.are_strict() => {
                let verdict = judge().await;
                if !verdict.passed {
                    output::complain_at_length(&verdict.to_string());
                    return Exit::Expectations;
                }
                self.recordings.judge(&outcome)
            }
            (Exit::Ok, Ok(())) => Exit::Ok,
            (Exit::Ok, Err(failed)) | (failed, _) => failed,
        }
    }

    /// Listens as it is told to; by `port` where no other is named. What is wrong is
    /// told.
    pub(super) async fn listen(&self, port: u16) -> Result<Listening, Exit> {
        let builder = self.builder(port).map_err(|unknown| fail(Exit::Usage, &unknown.to_string()))?;
        let builder = self.recordings.apply(builder, self.has_scenarios());
        let builder = builder.map_err(|problem| fail(Exit::Usage, &problem))?;
        let listening = match builder.bind().await {
            Ok(listening) => listening,
            Err(error) => return Err(complain(&error)),
        };
        if !listening.warnings().0.is_empty() {
            output::complain_at_length(&listening.warnings().to_string());
        }
        self.recordings.look_at_age(&listening)?;
        Ok(listening)
    }

    /// The token that admits to the endpoints of its own, where there is one.
    pub(super) fn token(&self) -> Option<String> {
        self.control.token()
    }

    /// Watches its scenarios, where that is wanted.
    pub(super) fn watching(&self, listening: &Listening) -> Result<Option<Watching>, String> {
        self.control.watch.then(|| watch::files(listening)).transpose()
    }

    /// What is logged, where nothing else is said.
    pub(super) fn level(&self, usual: Log) -> LevelFilter {
        self.log.unwrap_or(usual).into()
    }

    /// The key that a client is to send, where some are checked.
    pub(super) fn key(&self) -> Option<&str> {
        self.api_key.first().map(String::as_str)
    }

    pub(super) fn port_file(&self, listening: &Listening) -> Option<PortFile> {
        self.port_file.clone().map(|path| PortFile::new(path, listening.address().port()))
    }

    fn has_scenarios(&self) -> bool {
        !self.files.is_empty() || !self.scenario.is_empty()
    }

    fn builder(&self, port: u16) -> Result<Builder, NoRow> {
        let mut builder = self
            .shared
            .apply(Server::builder())
            .settle(self.settle.0)
            .host(self.host)
            .port(self.port.unwrap_or(port))
            .base_path(&self.base_path)
            .ids(match self.ids {
                IdsArgument::Counted => Ids::Counted,
                IdsArgument::ByRequest => Ids::ByRequest,
            })
            .max_body(self.max_body.0)
            .marks(if self.no_marks { Marks::Hidden } else { Marks::Shown });
        builder = self.control.apply(builder);
        if let Some(unmatched) = self.unmatched {
            builder = builder.unmatched(match unmatched {
                UnmatchedArgument::BuiltIn => Unmatched::BuiltIn,
                UnmatchedArgument::Miss => Unmatched::Miss,
            });
        }
        // What stands behind ids may be files.
        let is_file = |id: &&String| {
            let is_named_so = id.contains('/') || id.ends_with(".yaml") || id.ends_with(".yml");
            is_named_so || (catalogue::find(id).is_err() && Path::new(id).exists())
        };
        let (files, ids): (Vec<_>, Vec<_>) = self.scenario.iter().partition(is_file);
        if !ids.is_empty() {
            builder = builder.catalogue(&ids)?;
        }
        let builder = self.files.iter().fold(builder, Builder::scenarios);
        let builder = files.into_iter().fold(builder, Builder::scenarios);
        Ok(self.api_key.iter().fold(builder, Builder::api_key))
    }
}

pub(super) fn fail(exit: Exit, problem: &str) -> Exit {
    output::complain(problem);
    exit
}

/// Tells why a server did not start.
fn complain(error: &StartError) -> Exit {
    match error {
        StartError::Scenarios(problems) => {
            output::complain_at_length(&problems.to_string());
            let errors = problems.count(Severity::Error);
            fail(Exit::Files, &format!("nothing is served: {errors} to mend in the files"))
        }
        StartError::Cassettes(problems) => {
            output::complain_at_length(&problems.to_string());
            fail(Exit::Files, "nothing is served: there is something to mend in the cassettes")
        }
        StartError::Upstream(problem) => fail(Exit::Upstream, problem),
        error => fail(Exit::Address, &error.to_string()),
    }
}

/// Does something that waits, with a log.
pub(super) fn with_runtime(level: LevelFilter, deed: impl Future<Output = Exit>) -> Exit {
    let started = log::Log::start(level)
        .and_then(|log| Ok((log, tokio::runtime::Builder::new_multi_thread().enable_all().build()?)));
    let (log, runtime) = match started {
        Ok(started) => started,
        Err(source) => return fail(Exit::Failed, &StartError::Runtime { source }.to_string()),
    };
    let exit = runtime.block_on(deed);
    runtime.shutdown_background();
    log.finish();
    exit
}

/// Where others read the port.
#[derive(Clone)]
pub(super) struct PortFile {
    path: PathBuf,
    content: String,
}

impl PortFile {
    fn new(path: PathBuf, port: u16) -> Self {
        Self { path, content: format!("{port}\n") }
    }

    pub(super) fn write(&self) -> Result<(), store::StoreError> {
        store::write(&self.path, &self.content)
    }

    fn remove(&self) -> Result<(), store::StoreError> {
        store::remove(&self.path, &self.content)
    }
}

/// Nobody listens any more.
pub(super) fn end(port_file: Option<&PortFile>) -> Exit {
    match port_file.map(PortFile::remove) {
        Some(Err(error)) => fail(Exit::Failed, &error.to_string()),
        _ => Exit::Ok,
    }
}

impl From<Log> for LevelFilter {
    fn from(log: Log) -> Self {
        match log {
            Log::Off => Self::OFF,
            Log::Error => Self::ERROR,
            Log::Warn => Self::WARN,
            Log::Info => Self::INFO,
            Log::Debug => Self::DEBUG,
        }
    }
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        _ => text
            .parse()
            .map_err(|_| "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1, or localhost".to_owned()),
    }
}

fn base_path(text: &str) -> Result<String, String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/-_.~".contains(character);
    if text.is_empty() || (text.starts_with('/') && text.chars().all(is_plain)) {
        return Ok(text.to_owned());
    }
    Err("expected a path such as /api: a slash, then letters, digits, / - _ . or ~".to_owned())
}

fn key(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err(
            "a key that is empty would admit nobody; leave the option out to admit everybody".to_owned()
        );
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_begins_with_a_slash() {
        assert!(base_path("/api/v2").is_ok());
        assert!(base_path("api").is_err());
        assert!(base_path("/a b").is_err());
    }
}
