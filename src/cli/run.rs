//! `mynah run`: a command, a server of its own, and a verdict.

use std::{
    ffi::OsString,
    io,
    process::{ExitCode, ExitStatus},
};

use clap::Args;
use tokio::{process::Command, sync::oneshot};

use super::{
    Exit,
    control::TOKEN,
    recordings::Progress,
    report::{self, Report},
    serve::{Log, PortFile, Serve, end, fail, with_runtime},
};
use crate::server::Listening;

/// Run a command, such as your tests, against a server of its own, and judge what it did
///
/// The server listens on a free port. The command finds it by the variables that each SDK reads for
/// its base URL and key, and by MYNAH_URL. When the command has ended, what it did is held against
/// the expectations in the scenarios and in --expect files. All options of `serve` are understood.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    serve: Serve,

    /// How the verdict is told: text, json, junit or github, to standard error or as junit=FILE
    /// (several times for several) [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Judging and control")]
    report: Vec<Report>,

    /// What to run, and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What the command sends for a key, where any is welcome: a word of its own, which no
/// message has in it that keys are taken out of.
const KEY: &str = "mynah-run";

/// How the command ended.
enum Ended {
    /// By itself, or by a signal.
    Status(ExitStatus),
    /// It was never started.
    Never(io::Error),
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let mut code = None;
        let exit = with_runtime(self.serve.level(Log::Off), async { self.judged(&mut code).await });
        code.filter(|code| *code != 0).map_or_else(|| exit.into(), ExitCode::from)
    }

    /// Runs the command and judges; its own exit code goes into `code`.
    async fn judged(&self, code: &mut Option<u8>) -> Exit {
        let listening = match self.serve.listen(0).await {
            Ok(listening) => listening,
            Err(exit) => return exit,
        };
        let _watching = match self.serve.watching(&listening) {
            Ok(watching) => watching,
            Err(problem) => return fail(Exit::Failed, &problem),
        };
        let port_file = self.serve.port_file(&listening);
        if let Some(Err(error)) = port_file.as_ref().map(PortFile::write) {
            return fail(Exit::Failed, &error.to_string());
        }
        let mut variables =
            variables(&listening, self.serve.key().unwrap_or(KEY), |name| std::env::var(name).ok());
        if let Some(token) = self.serve.token() {
            variables.push((TOKEN.to_owned(), token));
        }
        let (judge, recorded) = (listening.judge(), listening.recorded());
        let progress = recorded.map(|recorded| Progress::start(Box::new(recorded)));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(listening.run(async { drop(stopped.await) }));
        let ended = self.command(variables).await;
        let verdict = judge().await;
        drop(stop);
        let outcome = serving.await.unwrap_or_default();
        let recorded = match progress {
            Some(progress) => progress.finish().await,
            None => Ok(()),
        };
        let removed = end(port_file.as_ref());
        match ended {
            Ended::Status(status) => *code = Some(code_of(status)),
            Ended::Never(error) => {
                let name = self.command.first().map(|name| name.to_string_lossy().into_owned());
                let problem = format!("cannot run {}: {error}", name.unwrap_or_default());
                return fail(Exit::NoCommand, &problem);
            }
        }
        let written = report::write(&self.report, &verdict, report::Place::Error);
        if !verdict.passed {
            return Exit::Expectations;
        }
        match (recorded, written, removed) {
            (Err(exit), ..) | (_, Err(exit), _) => exit,
            (_, _, Exit::Ok) if self.serve.recordings.are_strict() && verdict.unmatched > 0 => {
                Exit::Unmatched
            }
            (_, _, Exit::Ok) => self.serve.recordings.judge(&outcome),
            (.., exit) => exit,
        }
    }

    async fn command(&self, variables: Vec<(String, String)>) -> Ended {
        let Some((name, arguments)) = self.command.split_first() else {
            return Ended::Never(io::Error::other("there is no command"));
        };
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return Ended::Never(error),
        };
        let mut child = match Command::new(name).args(arguments).envs(variables).spawn() {
            Ok(child) => child,
            Err(error) => return Ended::Never(error),
        };
        let id = child.id();
        loop {
            tokio::select! {
                ended = child.wait() => return ended.map_or_else(Ended::Never, Ended::Status),
                signal = signals.next() => signals.pass_on(signal, id),
            }
        }
    }
}

/// What an SDK reads to find its server and its key. `known` is the environment: what
/// goes past proxies there still does.
fn variables(
    listening: &Listening,
    key: &str,
    known: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let base = listening.base_url();
    let host = listening.address().ip();
    let host = if host.is_unspecified() || host.to_string() == "127.0.0.1" {
        String::new()
    } else {
        format!(",{host}")
    };
    let local = format!("localhost,127.0.0.1{host}");
    let mut variables = vec![
        ("MYNAH_URL", base.clone()),
        ("OPENAI_BASE_URL", format!("{base}/v1")),
        ("OPENAI_API_BASE", format!("{base}/v1")),
        ("OPENAI_API_KEY", key.to_owned()),
        ("GOOGLE_GEMINI_BASE_URL", base.clone()),
        ("GEMINI_API_BASE", base.clone()),
        ("GOOGLE_VERTEX_BASE_URL", base.clone()),
        ("GEMINI_API_KEY", key.to_owned()),
        ("GOOGLE_API_KEY", key.to_owned()),
        ("GOOGLE_GENERATIVE_AI_API_KEY", key.to_owned()),
        ("GOOGLE_GENERATIVE_AI_BASE_URL", format!("{base}/v1beta")),
        ("ANTHROPIC_BASE_URL", base.clone()),
        ("ANTHROPIC_API_BASE", base.clone()),
        ("ANTHROPIC_API_KEY", key.to_owned()),
    ];
    // It goes before the key, and would be sent instead.
    if known("ANTHROPIC_AUTH_TOKEN").is_some() {
        variables.push(("ANTHROPIC_AUTH_TOKEN", key.to_owned()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let others = known(name).filter(|others| !others.is_empty());
        let all = others.map_or_else(|| local.clone(), |others| format!("{others},{local}"));
        variables.push((name, all));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The exit code of a command, as shells tell it.
fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)
}

#[cfg(unix)]
use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::{
        future::poll_fn,
        io::{self, IsTerminal},
        task::Poll,
    };

    use rustix::process::{Pid, Signal as Number, kill_process};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Signals that are for the command.
    pub(super) struct Signals {
        all: Vec<(Number, Signal)>,
        /// Whether a terminal gives those of its keys to the command as well.
        has_terminal: bool,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let all = [
                (Number::INT, SignalKind::interrupt()),
                (Number::TERM, SignalKind::terminate()),
                (Number::HUP, SignalKind::hangup()),
                (Number::QUIT, SignalKind::quit()),
                (Number::USR1, SignalKind::user_defined1()),
                (Number::USR2, SignalKind::user_defined2()),
            ];
            let all = all.into_iter().map(|(number, kind)| Ok((number, signal(kind)?)));
            Ok(Self { all: all.collect::<io::Result<_>>()?, has_terminal: io::stdin().is_terminal() })
        }

        /// The next of them.
        pub(super) async fn next(&mut self) -> Number {
            poll_fn(|context| {
                let came = self
                    .all
                    .iter_mut()
                    .find_map(|(number, signal)| signal.poll_recv(context).is_ready().then_some(*number));
                came.map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }

        /// Passes one on to a process.
        pub(super) fn pass_on(&self, signal: Number, id: Option<u32>) {
            if self.has_terminal && matches!(signal, Number::INT | Number::QUIT) {
                return;
            }
            let pid = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // It may have ended just now.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The console gives its signals to the command by itself.
    async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }

    #[expect(clippy::unused_self, reason = "elsewhere it is needed")]
    fn pass_on(&self, (): (), _: Option<u32>) {}
}
