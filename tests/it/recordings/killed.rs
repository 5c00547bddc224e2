//! Processes that are killed while they record, and two that record at once.

use std::{fs, process::Command};

use super::*;

/// A process that records into a folder.
fn process(folder: &Folder, upstream: &Upstream) -> (std::process::Child, String) {
    let port_file = folder.path().join(format!("port-{}", FOLDERS.fetch_add(1, Ordering::SeqCst)));
    let child = Command::new(env!("CARGO_BIN_EXE_mynah"))
        .args(["record", "--port", "0", "--upstream", &format!("openai={}", upstream.url), "--cassettes"])
        .arg(folder.path().join("cassettes"))
        .arg("--port-file")
        .arg(&port_file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| fs::read_to_string(&port_file).is_ok_and(|port| port.ends_with('\n')));
    let port = fs::read_to_string(&port_file).unwrap();
    (child, format!("http://127.0.0.1:{}", port.trim()))
}

/// The prompts whose interactions can be replayed.
async fn replayed(folder: &Folder, prompts: impl Iterator<Item = String>) -> Vec<bool> {
    let server = Server::builder().cassettes(folder.path().join("cassettes")).start().await.unwrap();
    prompts
        .map(|prompt| ask(server.base_url(), CHAT, "", &chat(&prompt)).text().starts_with("HTTP/1.1 200"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_it_is_killed_at_all_that_was_answered_is_there() {
    let long = format!("{{\"text\":\"{}\"}}", "a long answer ".repeat(2000));
    let upstream = Upstream::always(json_answer(&long));
    let folder = Folder::new();
    let answered = Arc::new(Mutex::new(Vec::new()));
    for round in 0..6_u64 {
        let (mut child, url) = process(&folder, &upstream);
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let (url, answered, whole) = (url.clone(), Arc::clone(&answered), long.clone());
                thread::spawn(move || {
                    for number in 0.. {
                        let prompt = format!("{round}-{client}-{number}");
                        let Ok(mut socket) = TcpStream::connect(authority(&url)) else { return };
                        let body = chat(&prompt);
                        let head = format!(
                            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let mut came = Vec::new();
                        let is_sent = socket.write_all((head + &body).as_bytes()).is_ok();
                        if !is_sent || socket.read_to_end(&mut came).is_err() {
                            return;
                        }
                        if String::from_utf8_lossy(&came).ends_with(&whole) {
                            answered.lock().unwrap().push(prompt);
                        }
                    }
                })
            })
            .collect();
        // Some were answered, and others are under way, a little further each time.
        wait_for(|| answered.lock().unwrap().len() as u64 >= (round + 1) * 6);
        pause(Duration::from_millis(round * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        clients.into_iter().for_each(|client| client.join().unwrap());
    }
    let answered = answered.lock().unwrap().clone();
    assert!(answered.len() > 20, "{} answers", answered.len());
    let found = replayed(&folder, answered.iter().cloned()).await;
    let lost: Vec<_> = answered.iter().zip(found).filter(|(_, found)| !found).collect();
    assert!(lost.is_empty(), "{lost:?} of {} are lost", answered.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_record_into_one_folder_do_no_harm() {
    let upstream = Upstream::always(json_answer("{\"ok\":true}"));
    let folder = Folder::new();
    let mut processes = [process(&folder, &upstream), process(&folder, &upstream)];
    let prompt = |client: usize, number: usize| format!("{client}-{number}");
    thread::scope(|scope| {
        for (client, (_, url)) in processes.iter().enumerate() {
            scope.spawn(move || {
                for number in 0..40 {
                    ask(url, CHAT, "", &chat(&prompt(client, number)));
                }
            });
        }
    });
    for (child, _) in &mut processes {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let all = (0..2).flat_map(|client| (0..40).map(move |number| prompt(client, number)));
    assert!(replayed(&folder, all).await.iter().all(|found| *found));
}
