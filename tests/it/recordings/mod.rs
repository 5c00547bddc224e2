//! Recording through the proxy and replaying what was recorded, seen from both sides:
//! a scripted upstream that sends bytes, and a client that reads them.

mod cassettes;
mod command;
mod killed;
mod laid_over;
mod modes;
mod passed;
mod secrets;
mod upstreams;

use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use mynah::{Mode, Server, server::Builder};
use tokio::time::Instant;

/// What an upstream does for a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes, in a write of their own.
    Send(Vec<u8>),
    /// Nothing, for so many milliseconds.
    Wait(u64),
    /// RST.
    Reset,
    /// FIN.
    Close,
    /// Nothing until the peer goes.
    UntilLeft,
}

pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// An upstream that sends what it is told to, byte for byte.
pub(crate) struct Upstream {
    pub(crate) url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    left: AtomicU32,
    sent: Mutex<usize>,
}

impl Upstream {
    /// The n-th request gets the n-th script, later ones the last.
    pub(crate) fn new(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let own = Arc::clone(&seen);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (scripts, seen) = (scripts.clone(), Arc::clone(&own));
                thread::spawn(move || serve(socket.unwrap(), &scripts, &seen));
            }
        });
        Self { url, seen }
    }

    /// The same answer to every request.
    pub(crate) fn always(wire: impl AsRef<[u8]>) -> Self {
        Self::new(vec![vec![send(wire)]])
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Bytes that went out so far.
    pub(crate) fn sent(&self) -> usize {
        *self.seen.sent.lock().unwrap()
    }

    /// Waits until a peer has gone that was waited for.
    pub(crate) fn wait_until_left(&self) {
        wait_for(|| self.seen.left.load(Ordering::SeqCst) > 0);
    }
}

fn serve(mut socket: TcpStream, scripts: &[Vec<Step>], seen: &Seen) {
    socket.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut socket) {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let script = scripts.get(number).or(scripts.last()).unwrap();
        for step in script {
            match step {
                Step::Send(bytes) => {
                    for piece in bytes.chunks(64 << 10) {
                        if socket.write_all(piece).is_err() {
                            return;
                        }
                        *seen.sent.lock().unwrap() += piece.len();
                    }
                }
                Step::Wait(time) => pause(Duration::from_millis(*time)),
                Step::Reset => {
                    // What was sent is to arrive before.
                    pause(Duration::from_millis(60));
                    return drop(reset(&socket));
                }
                Step::Close => return drop(socket.shutdown(Shutdown::Write)),
                Step::UntilLeft => {
                    while matches!(socket.read(&mut [0; 64]), Ok(count) if count > 0) {}
                    seen.left.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
        }
    }
}

/// Makes the end of a socket a reset.
fn reset(socket: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO))
}

fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut room = vec![0; 1 << 16];
    loop {
        let count = socket.read(&mut room).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&room[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let lower = head.to_lowercase();
        let length =
            lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let is_chunked = lower.contains("transfer-encoding: chunked");
        while length.is_some_and(|length| bytes.len() < end + length)
            || (is_chunked && !bytes.ends_with(b"0\r\n\r\n"))
        {
            let count = socket.read(&mut room).ok().filter(|count| *count > 0)?;
            bytes.extend_from_slice(&room[..count]);
        }
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Closed,
    Reset,
}

/// All that came for a request: each read with its time, and the end.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) reads: Vec<(Duration, Vec<u8>)>,
    pub(crate) ended: Ended,
    pub(crate) at: Duration,
}

impl Came {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.reads.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

pub(crate) fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").split('/').next().unwrap()
}

/// Sends a request and reads until the connection ends.
pub(crate) fn ask(url: &str, path: &str, headers: &str, body: &str) -> Came {
    let mut socket = TcpStream::connect(authority(url)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: mynah.test\r\nconnection: close\r\n{headers}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    read_all(&mut socket)
}

pub(crate) fn read_all(socket: &mut TcpStream) -> Came {
    let start = Instant::now();
    let (mut reads, mut room) = (Vec::new(), vec![0; 1 << 16]);
    let ended = loop {
        match socket.read(&mut room) {
            Ok(0) => break Ended::Closed,
            Ok(count) => reads.push((start.elapsed(), room[..count].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break Ended::Reset,
            Err(error) => panic!("{error} behind {reads:?}"),
        }
    };
    Came { reads, ended, at: start.elapsed() }
}

pub(crate) const CHAT: &str = "/v1/chat/completions";

pub(crate) fn chat(prompt: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{prompt}"}}]}}"#)
}

pub(crate) fn json_answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of a test's own, which is taken away with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::SeqCst);
        let name = format!("mynah-it-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// All that stands in it, folders within included.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let (mut folders, mut all) = (vec![self.0.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { all.extend(fs::read(path).unwrap()) }
            }
        }
        all
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Holds this thread up for so long.
#[expect(clippy::disallowed_methods, reason = "an upstream's pauses are real, on a thread of its own")]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

pub(crate) fn wait_for(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it did not come to be so");
        pause(Duration::from_millis(5));
    }
}

/// A proxy that records into a folder.
pub(crate) async fn recording(folder: &Folder, upstream: &Upstream, mode: Mode) -> Server {
    recording_with(folder, upstream, mode, |builder| builder).await
}

pub(crate) async fn recording_with(
    folder: &Folder,
    upstream: &Upstream,
    mode: Mode,
    with: impl FnOnce(Builder) -> Builder,
) -> Server {
    let builder = Server::builder().upstream("openai", &upstream.url).record(mode, folder.path());
    with(builder).start().await.unwrap()
}

/// A server that replays what a folder has.
pub(crate) async fn replaying(folder: &Folder) -> Server {
    Server::builder().cassettes(folder.path()).start().await.unwrap()
}

/// Waits until so many interactions stand in a cassette.
pub(crate) fn wait_for_interactions(folder: &Folder, count: usize) -> String {
    let path = folder.path().join("recording.yaml");
    wait_for(|| fs::read_to_string(&path).is_ok_and(|text| text.matches("\n...\n").count() >= count));
    folder.read("recording.yaml")
}
