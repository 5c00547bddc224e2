//! Where requests go, and what of them: paths, keys, headers, TLS, proxies.

use mynah::Mode;

use super::*;

fn lines(request: &str) -> Vec<&str> {
    request.lines().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_as_the_client_sent_it_but_for_what_is_between_two_connections() {
    let (folder, upstream) = (Folder::new(), Upstream::always(json_answer("{}")));
    let proxy = recording_with(&folder, &upstream, Mode::All, |builder| {
        builder.upstream("other", "http://127.0.0.1:9/unused")
    })
    .await;
    let headers = "X-Client-Thing: a\r\nAccept-Encoding: gzip, br\r\nx-mynah-session: s\r\nTE: trailers\r\nKeep-Alive: 5\r\nAuthorization: Bearer mine\r\n";
    ask(proxy.base_url(), &format!("{CHAT}?a=b%2Fc&d"), headers, &chat("hi"));
    let requests = upstream.requests();
    let lines = lines(&requests[0]);
    assert_eq!(lines[0], "POST /v1/chat/completions?a=b%2Fc&d HTTP/1.1");
    for sent in ["X-Client-Thing: a", "Accept-Encoding: identity", "Authorization: Bearer mine"] {
        assert!(lines.contains(&sent), "{sent} in {lines:?}");
    }
    assert!(
        lines.iter().any(|line| line.eq_ignore_ascii_case(&format!("host: {}", authority(&upstream.url))))
    );
    for left_out in ["x-mynah", "te:", "keep-alive"] {
        assert!(
            !lines.iter().any(|line| line.to_lowercase().starts_with(left_out)),
            "{left_out} in {lines:?}"
        );
    }
    assert!(requests[0].ends_with(&chat("hi")));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_and_each_name_has_its_upstream_and_its_base_path() {
    let ups: Vec<_> = (0..4).map(|_| Upstream::always(json_answer("{}"))).collect();
    let folder = Folder::new();
    let server = Server::builder()
        .upstream("openai", &format!("{}/api/v1", ups[0].url))
        .upstream("gemini", &ups[1].url)
        .upstream("anthropic", &ups[2].url)
        .upstream("groq", &format!("{}/openai/v1", ups[3].url))
        .record(Mode::All, folder.path())
        .start()
        .await
        .unwrap();
    let gemini = "/v1beta/models/gemini-2.5-flash:generateContent";
    for path in [CHAT, gemini, "/v1/messages", "/groq/v1/chat/completions", "/s/one/groq/v1/models"] {
        ask(server.base_url(), path, "x-unused: 1\r\n", &chat("hi"));
    }
    let paths = |upstream: &Upstream| -> Vec<String> {
        upstream.requests().iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&ups[0]), ["/api/v1/chat/completions"]);
    assert_eq!(paths(&ups[1]), [gemini]);
    assert_eq!(paths(&ups[2]), ["/v1/messages"]);
    assert_eq!(paths(&ups[3]), ["/openai/v1/chat/completions", "/openai/v1/models"]);
}

/// The program with an environment of its own.
fn program(
    folder: &Folder,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> (std::process::Child, String) {
    let port_file = folder.path().join("port");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mynah"));
    command.args(["record", "--port", "0", "--cassettes"]).arg(folder.path().join("cassettes"));
    command.arg("--port-file").arg(&port_file).args(arguments).envs(environment.iter().copied());
    let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_for(|| fs::read_to_string(&port_file).is_ok_and(|port| port.ends_with('\n')));
    (child, format!("http://127.0.0.1:{}", fs::read_to_string(port_file).unwrap().trim()))
}

#[test]
fn a_key_of_the_environment_is_sent_where_the_client_has_none_or_where_that_was_asked_for() {
    for (arguments, headers, expected) in [
        (vec![], "", "authorization: bearer sk-of-the-environment-1"),
        (vec![], "Authorization: Bearer own\r\n", "authorization: bearer own"),
        (
            vec!["--upstream-key", "openai=MY_KEY"],
            "Authorization: Bearer own\r\n",
            "authorization: bearer sk-mine-12345678",
        ),
    ] {
        let (folder, upstream) =
            (Folder::new(), Upstream::always(json_answer("{\"echo\":\"sk-mine-12345678\"}")));
        let upstream_argument = format!("openai={}", upstream.url);
        let all: Vec<_> = ["--upstream", &upstream_argument].into_iter().chain(arguments).collect();
        let keys = [("OPENAI_API_KEY", "sk-of-the-environment-1"), ("MY_KEY", "sk-mine-12345678")];
        let (mut child, url) = program(&folder, &keys, &all);
        ask(&url, CHAT, headers, &chat("hi"));
        child.kill().unwrap();
        child.wait().unwrap();
        let request = upstream.requests()[0].to_lowercase();
        assert!(request.contains(expected), "{expected} in {request}");
        let disk = String::from_utf8_lossy(&folder.everything()).into_owned();
        assert!(!disk.contains("sk-mine") && !disk.contains("sk-of-the"), "{disk}");
    }
}

#[test]
fn a_proxy_of_the_environment_is_asked_for_the_whole_address() {
    let (folder, proxy) = (Folder::new(), Upstream::always(json_answer("{}")));
    let (mut child, url) = program(
        &folder,
        &[("http_proxy", &proxy.url), ("no_proxy", "")],
        &["--upstream", "openai=http://upstream.test/v1"],
    );
    ask(&url, CHAT, "", &chat("hi"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(proxy.requests()[0].starts_with("POST http://upstream.test/v1/chat/completions HTTP/1.1\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_by_tls_is_trusted_by_the_file_that_was_given_and_by_no_other() {
    let folder = Folder::new();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let roots = folder.write("roots.pem", &certified.cert.pem());
    let url = tls_upstream(&certified).await;
    let start = |roots: Option<PathBuf>| {
        let cassettes = folder.path().join("cassettes");
        let builder = Server::builder().upstream("openai", &url).record(Mode::All, cassettes);
        roots.into_iter().fold(builder, Builder::upstream_ca).start()
    };
    let trusting = start(Some(roots)).await.unwrap();
    let came = ask(trusting.base_url(), CHAT, "", &chat("hi")).text();
    assert!(came.ends_with("{\"by\":\"tls\"}"), "{came}");
    let other = start(None).await.unwrap();
    let came = ask(other.base_url(), CHAT, "", &chat("ho")).text();
    assert!(came.starts_with("HTTP/1.1 502 ") && came.contains("certificate"), "{came}");
}

async fn tls_upstream(certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring},
    };

    let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der())
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut room = vec![0; 1 << 16];
            drop(stream.read(&mut room).await);
            drop(stream.write_all(json_answer("{\"by\":\"tls\"}").as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_answers_of_a_mock_pass_as_they_are() {
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_json, header, method, path},
    };

    let mock = MockServer::start().await;
    let body: serde_json::Value = serde_json::from_str(&chat("hi")).unwrap();
    Mock::given(method("POST"))
        .and(path(CHAT))
        .and(header("authorization", "Bearer k"))
        .and(body_json(&body))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("x-request-id", "r1")
                .set_body_json(serde_json::json!({"id": 1})),
        )
        .expect(1)
        .mount(&mock)
        .await;
    let folder = Folder::new();
    let server = Server::builder()
        .upstream("openai", &mock.uri())
        .record(Mode::All, folder.path())
        .start()
        .await
        .unwrap();
    let url = server.base_url().to_owned();
    let headers = "authorization: Bearer k\r\n";
    let came = tokio::task::spawn_blocking(move || ask(&url, CHAT, headers, &chat("hi"))).await.unwrap();
    assert!(
        came.text().starts_with("HTTP/1.1 200 OK\r\n") && came.text().ends_with("{\"id\":1}"),
        "{}",
        came.text()
    );
    drop(server);
    let again = ask(replaying(&folder).await.base_url(), CHAT, "", &chat("hi"));
    assert_eq!(again.bytes(), came.bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_cannot_be_reached_is_told_in_the_words_of_the_api() {
    let folder = Folder::new();
    let server = Server::builder()
        .upstream("openai", "http://127.0.0.1:9")
        .record(Mode::All, folder.path())
        .start()
        .await
        .unwrap();
    let came = ask(server.base_url(), CHAT, "", &chat("hi")).text();
    assert!(came.starts_with("HTTP/1.1 502 ") && came.contains("cannot be reached"), "{came}");
    assert!(folder.everything().is_empty(), "nothing came that could be recorded");
    let wrong = Server::builder().upstream("openai", "ftp://x").start().await.unwrap_err();
    assert!(wrong.to_string().contains("https://"), "{wrong}");
    let unresolved = Server::builder().upstream("openai", "http://no-such-host.invalid");
    let unresolved = unresolved.record(Mode::All, folder.path()).start().await.unwrap_err();
    assert!(unresolved.to_string().contains("resolved"), "{unresolved}");
}
