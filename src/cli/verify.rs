//! `mynah verify`: the verdict on the clients of a server that runs elsewhere.

use std::{path::PathBuf, thread, time::Duration};

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Exit,
    client::{Place, Question, place},
    control::{given_token, token},
    health, output, period,
    report::{self, Report},
    serve::fail,
};
use crate::{document::error::Problems, journal::Verdict, notation::value::Period, scenario::compile, store};

/// How long to wait for the verdict itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a server is looked for that is not there yet.
const LOOK: Duration = Duration::from_millis(50);

/// Judge what the clients of a running server did
///
/// The expectations are those of the scenarios that it serves, those that its sessions were given,
/// and those of a file. The exit code is 0 where all were met, and 8 where one was not.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Where it listens, such as http://127.0.0.1:4100; with /s/NAME behind it, that session is judged
    #[arg(value_parser = place)]
    url: Place,

    /// A file of further expectations
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Judge this session alone
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Wait so long for the server to be there
    #[arg(long, value_name = "TIME", default_value_t = Period(Duration::from_secs(10)), value_parser = period)]
    wait: Period,

    /// The token that it was started with; also from the variable MYNAH_ADMIN_TOKEN
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    admin_token: Option<String>,

    /// How the verdict is told: text, json, junit or github, to the output or as junit=FILE (several
    /// times for several) [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]")]
    report: Vec<Report>,

    /// Fail also where a request was answered by nothing
    #[arg(long)]
    strict: bool,
}

impl Verify {
    pub(super) fn run(&self) -> Exit {
        match self.verdict() {
            Ok(verdict) => {
                let written = report::write(&self.report, &verdict, report::Place::Output);
                match written {
                    _ if !verdict.passed => Exit::Expectations,
                    _ if self.strict && verdict.unmatched > 0 => Exit::Unmatched,
                    Ok(()) => Exit::Ok,
                    Err(exit) => exit,
                }
            }
            Err(exit) => exit,
        }
    }

    fn verdict(&self) -> Result<Verdict, Exit> {
        let text = self.expectations()?;
        self.wait_for_it()?;
        let mut path = "/__mynah/verify".to_owned();
        let mut between = '?';
        let mut add = |name: &str, value: &str| {
            path.push_str(&format!("{between}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
            between = '&';
        };
        if let Some(session) = &self.session {
            add("session", session);
        }
        if let Some(file) = &self.expect {
            add("name", &file.display().to_string());
        }
        let token = given_token(self.admin_token.as_ref());
        let question = Question { path: &path, body: &text, token: token.as_deref() };
        let failed =
            |problem: String| fail(Exit::Failed, &format!("{} gives no verdict: {problem}", self.url));
        let (status, body) = self.url.ask(&question, PATIENCE).map_err(failed)?;
        if status == 200 {
            return serde_json::from_str(&body).map_err(|error| failed(error.to_string()));
        }
        let said: Option<Value> = serde_json::from_str(&body).ok();
        let message = said.as_ref().and_then(|said| said["error"]["message"].as_str()).unwrap_or(&body);
        output::complain_at_length(message);
        if status == 400 && self.expect.is_some() {
            return Err(fail(
                Exit::Files,
                "nothing is judged: there is something to mend in the expectations",
            ));
        }
        Err(failed(format!("it answered with the status {status}")))
    }

    /// The text of the file, which is known to be right.
    fn expectations(&self) -> Result<String, Exit> {
        let Some(path) = &self.expect else { return Ok(String::new()) };
        let read = store::source(path).map_err(|problem| vec![problem]);
        let checked = read.and_then(|source| compile::expectations(&source).map(|_| source));
        match checked {
            Ok(source) => Ok(source.text.clone()),
            Err(problems) => {
                output::complain_at_length(&Problems(problems).to_string());
                Err(fail(Exit::Files, "nothing is judged: there is something to mend in the expectations"))
            }
        }
    }

    fn wait_for_it(&self) -> Result<(), Exit> {
        let until = Instant::now() + self.wait.0;
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(LOOK);
            let Err(problem) = health::ask(&self.url, left) else { return Ok(()) };
            if let health::Unwell::Stranger(problem) = &problem {
                let hint = "its URL is what it prints at its start, without /v1";
                return Err(fail(Exit::Failed, &format!("{} is not mynah: {problem} ({hint})", self.url)));
            }
            if Instant::now() >= until {
                return Err(fail(
                    Exit::Failed,
                    &format!("{} is not there within {}: {problem}", self.url, self.wait),
                ));
            }
            thread::park_timeout(LOOK);
        }
    }
}
