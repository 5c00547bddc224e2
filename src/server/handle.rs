//! A server that runs on a thread of its own, as a test holds it.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot};

use super::{Builder, StartError, control::Control};
use crate::journal::{Entry, Verdict};

impl Builder {
    /// Starts the server on a thread of its own, so that it answers whatever
    /// the caller's runtime is busy with.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on.
    pub async fn start(self) -> Result<Server, StartError> {
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let grace = self.grace.unwrap_or(Duration::ZERO);
        let builder = self.grace(grace);
        let thread = thread::Builder::new()
            .name("mynah".to_owned())
            .spawn(move || serve_on_this_thread(builder, tell, stopped))
            .map_err(|source| StartError::Runtime { source })?;
        let Started { base_url, control, runtime } = told.await.map_err(|_| StartError::Runtime {
            source: io::Error::other("the server's thread ended early"),
        })??;
        Ok(Server { base_url, control, runtime, stop: Some(stop), thread: Some(thread) })
    }
}

/// A server that has started.
struct Started {
    base_url: String,
    control: Arc<Control>,
    runtime: Handle,
}

#[track_caller]
#[expect(clippy::panic, reason = "a test that fails says so like this")]
fn condemn(verdict: &Verdict) {
    panic!("the client did not do what was expected of it\n\n{verdict}");
}

fn serve_on_this_thread(
    builder: Builder,
    tell: oneshot::Sender<Result<Started, StartError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return drop(tell.send(Err(StartError::Runtime { source }))),
    };
    runtime.block_on(async {
        match builder.bind().await {
            Ok(listening) => {
                let (base_url, control) = (listening.base_url(), listening.control());
                drop(tell.send(Ok(Started { base_url, control, runtime: Handle::current() })));
                // An error means that the handle was dropped: stop as well.
                listening.run(async { drop(stopped.await) }).await;
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
}

/// A running server. It stops when it is dropped; where the client did not do what was
/// expected of it, and nobody was told yet, that panics as [`Server::verify`] does.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = mynah::Server::builder().seed(7).start().await?;
/// // A Gemini client takes this base URL, an OpenAI client the same with `/v1`.
/// let base_url = server.base_url();
/// # assert!(base_url.starts_with("http://127.0.0.1:"), "{base_url}");
/// # Ok::<(), mynah::StartError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Server {
    base_url: String,
    control: Arc<Control>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// A server that is still to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What became of all that is expected of the client, in scenarios, on stubs and in
    /// files. A verdict that does not pass is told a moment late, so that what is under
    /// way can end.
    pub fn verdict(&self) -> Verdict {
        let (tell, told) = mpsc::channel();
        let control = Arc::clone(&self.control);
        self.runtime.spawn(async move {
            // Whoever asked waits.
            drop(tell.send(control.patient_verdict(None, None).await));
        });
        // One that was shut down waits for nothing.
        told.recv().unwrap_or_else(|_| self.control.verdict(None, None))
    }

    /// Holds the client to what is expected of it.
    ///
    /// # Panics
    ///
    /// Where it did something else: with what was expected, what happened, and the
    /// attempts that show it.
    #[track_caller]
    pub fn verify(&self) {
        let verdict = self.verdict();
        if !verdict.passed {
            condemn(&verdict);
        }
    }

    /// The exchanges so far that the journal has, in the order of arrival.
    pub fn journal(&self) -> Vec<Entry> {
        self.control.exchange().journal.entries(None)
    }

    /// Forgets what happened: counts, states and the journal, in all sessions.
    pub fn reset(&self) {
        self.control.forget(None);
    }

    /// Where it listens, base path included, such as `http://127.0.0.1:4100`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Who was told, or panics already, is not told again.
        let is_judged = !thread::panicking() && !self.control.is_told() && self.control.expects();
        let verdict = is_judged.then(|| self.verdict()).filter(|verdict| !verdict.passed);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics only where a connection's task did, which was told then.
            drop(thread.join());
        }
        if let Some(verdict) = verdict {
            condemn(&verdict);
        }
    }
}
