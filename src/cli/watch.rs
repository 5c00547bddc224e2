//! Reading scenarios anew while they are served: on SIGHUP, and when their files change.

use std::{path::PathBuf, sync::Arc, time::Duration};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{EventKind, RecommendedWatcher, RecursiveMode},
};

use super::output;
use crate::{
    document::error::{Problems, Severity},
    server::{Listening, StartError},
};

/// How long a file must be left alone: an editor does many things to save one.
const CALM: Duration = Duration::from_millis(100);

/// What watches, for as long as it is held.
pub(super) struct Watching {
    _files: Debouncer<RecommendedWatcher, RecommendedCache>,
}

type Reload = dyn Fn() -> Result<Problems, StartError> + Send + Sync;

/// Watches the files of the scenarios for changes.
///
/// # Errors
///
/// Why that is not possible, in words.
pub(super) fn files(listening: &Listening) -> Result<Watching, String> {
    let paths = listening.scenario_paths();
    if paths.is_empty() {
        return Err("there is nothing to watch: --watch goes with scenario files".to_owned());
    }
    let files = watch_files(paths, Arc::new(listening.reload()));
    let files = files.map_err(|error| format!("cannot watch the scenarios: {error}"))?;
    Ok(Watching { _files: files })
}

fn watch_files(
    paths: Vec<PathBuf>,
    reload: Arc<Reload>,
) -> notify_debouncer_full::notify::Result<Debouncer<RecommendedWatcher, RecommendedCache>> {
    let mut watcher = new_debouncer(CALM, None, move |events: DebounceEventResult| {
        // Reading a file is no change of it.
        let is_change = |kind: EventKind| !matches!(kind, EventKind::Access(_));
        if events.is_ok_and(|events| events.iter().any(|event| is_change(event.kind))) {
            read_anew(&*reload);
        }
    })?;
    for path in paths {
        // Editors put another file in the place of the one that they save.
        let folder = match path.parent() {
            Some(folder) if path.is_file() && folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) if path.is_file() => folder.to_owned(),
            _ => path.clone(),
        };
        let mode = if path.is_file() { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        watcher.watch(&folder, mode)?;
    }
    Ok(watcher)
}

fn read_anew(reload: &Reload) {
    match reload() {
        Ok(warnings) => {
            if !warnings.0.is_empty() {
                output::complain_at_length(&warnings.to_string());
            }
            output::complain("the scenarios were read anew");
        }
        Err(StartError::Scenarios(problems)) => {
            output::complain_at_length(&problems.to_string());
            let errors = problems.count(Severity::Error);
            output::complain(&format!("{errors} to mend: the scenarios are served on as they were"));
        }
        Err(problem) => output::complain(&format!("{problem}: the scenarios are served on as they were")),
    }
}

/// Reads the scenarios anew on SIGHUP.
///
/// # Errors
///
/// Why that is not possible, in words.
#[cfg(unix)]
pub(super) fn hangups(listening: &Listening) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut signals =
        signal(SignalKind::hangup()).map_err(|error| format!("cannot wait for SIGHUP: {error}"))?;
    let reload: Arc<Reload> = Arc::new(listening.reload());
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            let reload = Arc::clone(&reload);
            // Reading files takes its time.
            drop(tokio::task::spawn_blocking(move || read_anew(&*reload)).await);
        }
    });
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(super) fn hangups(_: &Listening) -> Result<(), String> {
    Ok(())
}
