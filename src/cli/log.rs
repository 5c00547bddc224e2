//! The log: lines for standard error, written by a thread of their own. Where
//! nobody reads them they are dropped, so that a full pipe holds nothing up.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use tracing_subscriber::filter::LevelFilter;

/// Lines that wait to be written at the most.
const LONGEST_QUEUE: usize = 1024;

/// How long the end of the program waits for the last lines.
const PATIENCE: Duration = Duration::from_millis(500);

enum Message {
    Line(Vec<u8>),
    /// Everything before this was written.
    Mark(SyncSender<()>),
}

/// The log of the running program.
pub(super) struct Log(SyncSender<Message>);

impl Log {
    /// Logs what is of this level or worse, from now on.
    pub(super) fn start(level: LevelFilter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(LONGEST_QUEUE);
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&receiver))?;
        let lines = sender.clone();
        let format = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || Line(lines.clone()))
            .with_target(false)
            .without_time()
            .with_ansi(false)
            // Else a log that cannot be written is complained of where it
            // cannot be written either.
            .log_internal_errors(false);
        // There is one only where the program is embedded, and then it stays.
        drop(format.try_init());
        Ok(Self(sender))
    }

    /// Waits for what was logged to be written, if it is read at all.
    pub(super) fn finish(self) {
        let (tell, told) = sync_channel(1);
        if self.0.try_send(Message::Mark(tell)).is_ok() {
            let _ = told.recv_timeout(PATIENCE);
        }
    }
}

/// Takes one line.
struct Line(SyncSender<Message>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        drop(self.0.try_send(Message::Line(line.to_vec())));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(messages: &Receiver<Message>) {
    for message in messages {
        match message {
            // A reader that has left is no problem of ours.
            Message::Line(line) => drop(io::stderr().write_all(&line)),
            Message::Mark(tell) => drop(tell.try_send(())),
        }
    }
}
