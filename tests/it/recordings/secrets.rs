//! Secrets of every shape in every place: none reaches the disk, and one that slipped in
//! by hand is found.

use mynah::Mode;

use super::*;

const SECRETS: [&str; 12] = [
    "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "sk-proj-abcdefGHIJKL1234567890",
    "sk-ant-api03-abcdefGHIJKL-1234567890",
    "ya29.a0AfB_byC123456789",
    "gsk_abcdefghijklmnop1234567890",
    "hf_abcdefghijKLMNOPQRST1234",
    "ghp_abcdefghijklmnopqrst1234567890",
    "xoxb-123456789012-abcdefABCDEF",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "tok-hunter2-as-a-client-key",
    "no-shape-at-all-but-named",
];

/// A stream that tells a secret chunk by chunk, and event by event.
fn in_pieces(secret: &str) -> Vec<u8> {
    let (one, rest) = secret.split_at(4);
    let (two, three) = rest.split_at(rest.len() / 2);
    let mut wire =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    // One event in three chunks.
    for piece in [format!("data: {{\"text\":\"x {one}"), two.to_owned(), format!("{three} y\"}}\n\n")] {
        wire.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    // Three events.
    for piece in [format!("x {one}"), two.to_owned(), format!("{three} y")] {
        let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n");
        wire.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    (wire + "0\r\n\r\n").into_bytes()
}

fn parts_of(secret: &str) -> Vec<String> {
    let rest = &secret[4..];
    let (two, three) = rest.split_at(rest.len() / 2);
    vec![secret.to_owned(), two.to_owned(), three.to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_shape_in_any_place_reaches_the_disk() {
    for secret in SECRETS {
        let answer = format!(
            "{{\"api_key\":\"{secret}\",\"nested\":[{{\"password\":\"{secret}\"}}],\
             \"arguments\":\"{{\\\"client_secret\\\": \\\"{secret}\\\"}}\"}}"
        );
        let plain = format!(
            "HTTP/1.1 401 Unauthorized\r\nSet-Cookie: session={secret}; Path=/\r\nX-Api-Key: {secret}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        );
        let upstream = Upstream::new(vec![vec![send(plain)], vec![send(in_pieces(secret))]]);
        let folder = Folder::new();
        let proxy = recording(&folder, &upstream, Mode::All).await;
        let headers =
            format!("authorization: Bearer {secret}\r\nx-goog-api-key: {secret}\r\ncookie: a={secret}\r\n");
        let body = format!(
            "{{\"model\":\"m\",\"access_token\":\"{secret}\",\"messages\":[{{\"role\":\"user\",\
             \"content\":\"my key is {secret}, keep it\"}}]}}"
        );
        let path = format!("{CHAT}?key={secret}&x=1");
        ask(proxy.base_url(), &path, &headers, &body);
        ask(proxy.base_url(), &path, &headers, &body);
        drop(proxy);
        assert!(upstream.requests()[0].contains(secret), "the upstream gets it");
        wait_for_interactions(&folder, 2);
        let disk = String::from_utf8_lossy(&folder.everything()).into_owned();
        for part in parts_of(secret) {
            assert!(!disk.contains(&part), "{part} of {secret} in\n{disk}");
        }
        let placeholders: std::collections::BTreeSet<_> = disk
            .match_indices("REDACTED-")
            .map(|(at, _)| disk[at + 9..].split(|c: char| !c.is_ascii_digit()).next().unwrap())
            .collect();
        // The cookies are texts of their own.
        assert!(placeholders.len() <= 3, "{placeholders:?} in\n{disk}");
        // Whoever has another key, or none, gets the same.
        let server = replaying(&folder).await;
        let body = body.replace(secret, "sk-another-key-1234567890");
        let came = ask(server.base_url(), &format!("{CHAT}?x=1"), "", &body);
        assert!(came.text().starts_with("HTTP/1.1 401 "), "{}\n{disk}", came.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_body_keeps_its_frame_and_its_length() {
    let answer = "{\"api_key\":\"sk-1234567890abcdef\",\"n\":1}";
    let (folder, upstream) = (Folder::new(), Upstream::always(json_answer(answer)));
    let proxy = recording(&folder, &upstream, Mode::All).await;
    assert!(
        ask(proxy.base_url(), CHAT, "", &chat("hi")).text().ends_with(answer),
        "the client gets it as it is"
    );
    drop(proxy);
    assert!(folder.read("recording.yaml").contains("redacted: true"));
    let came = ask(replaying(&folder).await.base_url(), CHAT, "", &chat("hi")).text();
    assert!(came.ends_with("Content-Length: 30\r\n\r\n{\"api_key\":\"REDACTED-1\",\"n\":1}"), "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_rules_redact_and_let_requests_differ() {
    let folder = Folder::new();
    let rules = "redact: {headers: x-tenant, json: [$.user, $.account], regex: 'acct_(\\d+)'}\nignore: {json: $.metadata}\n";
    let config = Folder::new();
    let config = config.write("mynah.yaml", rules);
    let upstream = Upstream::always(json_answer("{\"account\": 1234567, \"see\": \"acct_9876543\"}"));
    let with = |builder: Builder| builder.config(&config);
    let proxy = recording_with(&folder, &upstream, Mode::All, with).await;
    let body = |user: &str, trace: u32| {
        format!(
            "{{\"model\":\"m\",\"user\":\"{user}\",\"metadata\":{{\"trace\":{trace}}},\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}"
        )
    };
    ask(proxy.base_url(), CHAT, "x-tenant: acme-corp\r\n", &body("jane", 1));
    drop(proxy);
    let cassette = folder.read("recording.yaml");
    for secret in ["acme-corp", "jane", "1234567", "9876543"] {
        assert!(!cassette.contains(secret), "{secret} in\n{cassette}");
    }
    let server = Server::builder().cassettes(folder.path()).config(&config).start().await.unwrap();
    let came = ask(server.base_url(), CHAT, "", &body("joe", 2));
    assert!(came.text().contains("acct_REDACTED"), "{}", came.text());
}
