//! The program: its options, its banner, its signals, its exit codes.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use crate::raw::Raw;

fn mynah() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mynah"))
}

fn run(arguments: &[&str]) -> Output {
    mynah().args(arguments).output().unwrap()
}

/// A server that was told to run, and is ended when this is dropped.
pub(crate) struct Serving {
    child: Child,
    banner: String,
}

impl Serving {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = mynah();
        command.args(["serve", "--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut banner = String::new();
        let mut out = BufReader::new(child.stdout.as_mut().unwrap());
        while !banner.contains("messages") {
            assert!(out.read_line(&mut banner).unwrap() > 0, "no banner: {banner}");
        }
        Self { child, banner }
    }

    pub(crate) fn url(&self) -> &str {
        self.banner.split_whitespace().find(|word| word.starts_with("http://")).unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone where the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_banner_has_the_lines_to_paste() {
    let serving = Serving::start(&[]);
    let url = serving.url();
    for line in [
        format!("GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any"),
        format!("OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any"),
        format!("ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any"),
        "export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost".to_owned(),
    ] {
        assert!(serving.banner.contains(&line), "{}", serving.banner);
    }
    assert_eq!(Raw::connect(url).ask("GET /v1/models", &[], "").status(), 200);
}

#[test]
fn the_port_file_is_there_while_it_listens() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("port-file");
    drop(fs::remove_file(&file));
    let serving = Serving::start(&["--port-file", file.to_str().unwrap()]);
    let mut port = String::new();
    while port.is_empty() {
        port = fs::read_to_string(&file).unwrap_or_default();
    }
    assert!(serving.url().ends_with(&format!(":{}", port.trim())));
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
    assert!(!file.exists());
}

#[test]
fn both_signals_end_it_well() {
    for name in ["INT", "TERM"] {
        let serving = Serving::start(&[]);
        serving.signal(name);
        assert_eq!(serving.end().0, Some(0), "{name}");
    }
}

/// More than the sockets between hold, so that it is still open when the signal
/// comes.
fn long_stream(client: &mut Raw) {
    let text = "many words ".repeat(20_000);
    let body =
        format!(r#"{{"model": "m", "stream": true, "messages": [{{"role": "user", "content": "{text}"}}]}}"#);
    client.send(crate::raw::request("POST /v1/chat/completions", &[], &body));
}

#[test]
fn an_open_stream_is_given_time_to_end() {
    let serving = Serving::start(&[]);
    let mut client = Raw::connect(serving.url());
    long_stream(&mut client);
    client.peek();
    serving.signal("TERM");
    let answer = client.answer();
    assert!(answer.body().ends_with("data: [DONE]\n\n"));
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_stream_that_nobody_reads_does_not_keep_it_alive() {
    let serving = Serving::start(&[]);
    let mut client = Raw::connect(serving.url());
    long_stream(&mut client);
    client.peek();
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn keys_never_reach_the_log() {
    let serving = Serving::start(&["--log", "debug", "--api-key", "sk-right-0123456789abcdef"]);
    let mut client = Raw::connect(serving.url());
    let wrong = "sk-wrong-0123456789abcdef";
    let bearer = format!("Bearer {wrong}");
    client.ask(&format!("GET /v1/models?key={wrong}"), &[], "");
    client.ask("GET /v1/models", &[("authorization", &bearer)], "");
    client.ask("GET /v1beta/models", &[("x-goog-api-key", wrong)], "");
    client.ask("GET /v1/models", &[("x-api-key", wrong)], "");
    let right = [("authorization", "Bearer sk-right-0123456789abcdef")];
    client.ask("GET /v1/models", &right, "");
    // Where keys stand by mistake: other names, the path, a value, the body.
    for line in [
        "GET /v1beta/models?apiKey=S3CRET1&x-goog-api-key=S3CRET2&auth=S3CRET3&oauth_token=S3CRET4",
        "GET /v1beta/models/x&key=S3CRET5",
        "GET /v1beta/nothing%3Fkey=S3CRET6",
        "GET /v1beta/models?pageSize=1;key=S3CRET7",
    ] {
        client.ask(line, &right, "");
    }
    let role = r#"{"model": "m", "messages": [{"role": "sk-S3CRET89", "content": "x"}]}"#;
    client.ask("POST /v1/chat/completions", &right, role);
    assert!(!serving.banner.contains("sk-right"));
    serving.signal("TERM");
    let (_, log) = serving.end();
    assert!(log.contains("GET /v1/models?key=*** 400"), "{log}");
    assert!(log.contains("GET /v1/models 401 openai models: the key is none of those"), "{log}");
    for secret in ["sk-wrong", "sk-right", "cdef", "S3CRET"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn a_key_that_lies_where_a_line_is_cut_does_not_show_its_beginning() {
    let key = "0123456789-right-0123456789";
    let serving = Serving::start(&["--log", "debug", "--api-key", key]);
    let mut client = Raw::connect(serving.url());
    let right = [("x-api-key", key)];
    let mut lines = 0;
    let mut ask = |line: &str, body: &str| {
        client.ask(line, &right, body);
        lines += 1;
    };
    // Google shows the surroundings of a mistake in the JSON.
    ask("POST /v1beta/models/m:generateContent", &format!(r#"{{"a": "{key}" oops"#));
    // Each lies a character further over the cut, of a value and of a line.
    for length in 170..205 {
        let value = format!("{} {key}", "x".repeat(length));
        let body = format!(r#"{{"model": "m", "messages": [{{"role": "{value}", "content": "x"}}]}}"#);
        ask("POST /v1/chat/completions", &body);
    }
    for length in 260..295 {
        ask(&format!("GET /v1beta/{}/{key}", "x".repeat(length)), "");
    }
    serving.signal("TERM");
    let (_, log) = serving.end();
    // No more than a pipe holds, so none was dropped.
    assert_eq!(log.lines().count(), lines, "{log}");
    assert!(!log.contains(&key[..6]) && !log.contains(&key[key.len() - 6..]), "{log}");
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let serving = Serving::start(&["--log", "info"]);
    let mut client = Raw::connect(serving.url());
    // Many times what a pipe takes.
    for _ in 0..3000 {
        assert_eq!(client.ask("GET /v1beta/nothing/of/any/length/at/all", &[], "").status(), 404);
    }
}

#[test]
fn a_log_whose_reader_has_left_is_no_reason_to_fall_silent() {
    let mut serving = Serving::start(&["--log", "info"]);
    drop(serving.child.stderr.take());
    let mut client = Raw::connect(serving.url());
    for _ in 0..10 {
        assert_eq!(client.ask("GET /v1beta/nothing", &[], "").status(), 404);
    }
    serving.signal("TERM");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_server_leaves_the_port_file_of_the_first_alone() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("port-file-of-two");
    let serving = Serving::start(&["--port-file", file.to_str().unwrap()]);
    let port = serving.url().rsplit(':').next().unwrap();
    let second = run(&["serve", "--port", port, "--port-file", file.to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(3));
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), port);
}

#[test]
fn a_line_break_in_a_path_is_no_line_in_the_log() {
    let serving = Serving::start(&["--log", "info"]);
    Raw::connect(serving.url()).ask("GET /v1/models/a%0A%20INFO%20forged", &[], "");
    serving.signal("TERM");
    let (_, log) = serving.end();
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn health_tells_a_server_from_everything_else() {
    let serving = Serving::start(&["--base-path", "/api"]);
    let well = run(&["health", serving.url()]);
    assert_eq!((well.status.code(), well.stdout.as_slice()), (Some(0), b"ok\n".as_slice()));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    let answers = std::thread::spawn(move || {
        let (mut socket, _) = other.accept().unwrap();
        // Left unread, the request would turn the end into a reset.
        assert!(socket.read(&mut [0; 1024]).unwrap() > 0);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    });
    let something_else = run(&["health", &url]);
    answers.join().unwrap();
    assert_eq!(something_else.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&something_else.stderr).contains("something else answers there"));
    let nobody = run(&["health", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("http://127.0.0.1:1 is not healthy"));
}

#[test]
fn mistakes_on_the_command_line_have_exit_codes_of_their_own() {
    let serving = Serving::start(&[]);
    let port = serving.url().rsplit(':').next().unwrap();
    let taken = run(&["serve", "--port", port]);
    assert_eq!(taken.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&taken.stderr).contains(&format!("127.0.0.1:{port} is in use")));
    for (arguments, hint) in [
        (["serve", "--prot", "1"], "a similar argument exists: '--port'"),
        (["serve", "--host", "example.com"], "expected an IP address"),
        (["serve", "--clock", "yesterday"], "expected a time in RFC 3339"),
        (["serve", "--ids", "random"], "possible values: counted, by-request"),
        (["serve", "--max-body", "lots"], "expected a size"),
        (["serve", "--base-path", "api"], "expected a path such as /api"),
        (["serve", "--api-key", ""], "a key that is empty"),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(hint), "{told}");
    }
    for url in ["http://127.0.0.1:99999", "https://127.0.0.1:1", "127.0.0.1:1", "http://:1"] {
        let output = run(&["health", url]);
        assert_eq!(output.status.code(), Some(2), "{url}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("expected where a server listens"));
    }
    let folder = env!("CARGO_TARGET_TMPDIR");
    let occupied = run(&["serve", "--port", "0", "--port-file", folder]);
    assert_eq!((occupied.status.code(), occupied.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert!(String::from_utf8_lossy(&occupied.stderr).contains("no regular file"));
    let file = run(&["serve", "--port", "0", "--port-file", "/nowhere/at/all"]);
    assert_eq!(file.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&file.stderr).contains("cannot write /nowhere/at/all"));
}
