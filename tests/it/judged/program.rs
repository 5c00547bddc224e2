//! `mynah run` and `mynah verify`: what they set, pass on, tell, and end with.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use super::*;
use crate::{command::Serving, recordings::Folder};

fn mynah() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mynah"));
    command.env_remove("MYNAH_ADMIN_TOKEN");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(options: &[&str], script: &str) -> Output {
    mynah().arg("run").args(options).args(["--", "sh", "-c", script]).output().unwrap()
}

/// A file in a folder of its own.
fn file(folder: &Folder, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// Asks once, by what every machine with git has: a shell and nothing else would not do.
const ASK: &str = r#"python3 -c "
import os, urllib.request
body = b'{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}'
urllib.request.urlopen(urllib.request.Request(os.environ['OPENAI_BASE_URL'] + '/chat/completions', body, {'content-type': 'application/json'})).read()
""#;

const EXPECTING: &str =
    "scenario: 1\nname: s\nstubs:\n  - name: once\n    then: {text: hello}\n    expect: {requests: 1}\n";

#[test]
fn the_command_finds_the_server_by_the_variables_of_every_sdk() {
    let script = r#"for name in OPENAI_BASE_URL OPENAI_API_KEY GOOGLE_GEMINI_BASE_URL GEMINI_API_KEY GOOGLE_API_KEY \
        GOOGLE_GENERATIVE_AI_API_KEY ANTHROPIC_BASE_URL ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN MYNAH_URL NO_PROXY no_proxy; do
        eval "echo $name=\$$name"; done"#;
    let mut command = mynah();
    command.args(["run", "--", "sh", "-c", script]).env("OPENAI_API_KEY", "real-key-of-openai");
    command
        .env("ANTHROPIC_AUTH_TOKEN", "real-token")
        .env("NO_PROXY", "intern.example")
        .env_remove("no_proxy");
    let said = text(&command.output().unwrap().stdout);
    let url = said.lines().find_map(|line| line.strip_prefix("MYNAH_URL=")).unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{said}");
    for line in [
        format!("OPENAI_BASE_URL={url}/v1"),
        "OPENAI_API_KEY=mynah-run".to_owned(),
        format!("GOOGLE_GEMINI_BASE_URL={url}"),
        "GEMINI_API_KEY=mynah-run".to_owned(),
        "GOOGLE_API_KEY=mynah-run".to_owned(),
        "GOOGLE_GENERATIVE_AI_API_KEY=mynah-run".to_owned(),
        format!("ANTHROPIC_BASE_URL={url}"),
        "ANTHROPIC_API_KEY=mynah-run".to_owned(),
        "ANTHROPIC_AUTH_TOKEN=mynah-run".to_owned(),
        "NO_PROXY=intern.example,localhost,127.0.0.1".to_owned(),
        "no_proxy=localhost,127.0.0.1".to_owned(),
    ] {
        assert!(said.lines().any(|known| known == line), "{line} is not in\n{said}");
    }
}

#[test]
fn the_commands_output_and_its_code_are_its_own() {
    let output = run(&[], "echo out; echo err >&2; exit 3");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "out\n");
    assert_eq!(
        text(&output.stderr),
        "err\nmynah: nothing was expected; 0 requests in 0 calls, 0 unmatched\n"
    );
    assert_eq!(run(&[], "kill -TERM $$").status.code(), Some(143));
    let output = mynah().args(["run", "--", "no-such-command-anywhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).contains("cannot run no-such-command-anywhere"));
}

#[test]
fn a_verdict_that_is_worse_is_what_it_ends_with() {
    let folder = Folder::new();
    let scenario = file(&folder, "s.yaml", EXPECTING);
    let scenario = scenario.to_str().unwrap();
    let met = run(&[scenario], ASK);
    assert_eq!(met.status.code(), Some(0), "{}", text(&met.stderr));
    assert!(text(&met.stderr).ends_with("mynah: 1 expectation met; 1 request in 1 call, 0 unmatched\n"));
    let unmet = run(&[scenario], "true");
    assert_eq!(unmet.status.code(), Some(8));
    let said = text(&unmet.stderr);
    assert!(said.contains("NOT MET s/once: requests"), "{said}");
    assert!(said.contains(&format!("{scenario}:6")), "{said}");
    assert_eq!(run(&[scenario], "exit 5").status.code(), Some(5));
    let misses = file(&folder, "m.yaml", "scenario: 1\nstubs: [{when: {prompt: other}, then: {text: hi}}]\n");
    assert_eq!(
        run(&["--strict", misses.to_str().unwrap()], &format!("{ASK} 2>/dev/null; true")).status.code(),
        Some(6)
    );
}

#[test]
fn signals_are_passed_on() {
    for (signal, code) in [("TERM", 41), ("INT", 42), ("USR1", 43), ("HUP", 44)] {
        let script = format!("trap 'exit {code}' {signal}; echo ready; while :; do sleep 0.05; done");
        let mut child = mynah()
            .args(["run", "--", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

#[test]
fn reports_are_written_for_programs_and_for_ci() {
    let folder = Folder::new();
    let scenario = file(&folder, "s.yaml", EXPECTING);
    let (json, junit) = (folder.path().join("v.json"), folder.path().join("v.xml"));
    let (json_option, junit_option) =
        (format!("json={}", json.display()), format!("junit={}", junit.display()));
    let options = [
        scenario.to_str().unwrap(),
        "--report",
        "github",
        "--report",
        &json_option,
        "--report",
        &junit_option,
    ];
    let output = run(&options, "true");
    let said = text(&output.stderr);
    let place = format!("::error file={},line=6,title=mynah%3A s/once requests::", scenario.display());
    assert!(said.starts_with(&place), "{said}");
    assert!(
        said.ends_with("mynah: 1 expectation NOT met, 0 met; 0 requests in 0 calls, 0 unmatched\n"),
        "{said}"
    );
    let verdict: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&verdict["passed"], &verdict["expectations"][0]["key"]), (&false.into(), &"requests".into()));
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains(r#"<testsuite name="mynah" tests="1" failures="1""#), "{xml}");
    assert!(xml.contains(r#"<testcase classname="s/once" name="requests""#), "{xml}");
    let output = run(&["--report", "junt"], "true");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean junit?"));
    let folder_option = format!("json={}", folder.path().display());
    let output = run(&["--report", &folder_option], "true");
    assert_eq!(output.status.code(), Some(2), "told before anything runs");
    assert!(text(&output.stderr).contains("is a folder"), "{}", text(&output.stderr));
    let deep = folder.path().join("reports/of/today.json");
    assert!(run(&["--report", &format!("json={}", deep.display())], "true").status.success());
    assert!(deep.is_file(), "folders are made as they are needed");
}

#[test]
fn expectations_stand_in_a_file_of_their_own_too() {
    let folder = Folder::new();
    let right = "expectations: 1\nexpect: {unmatched: 0}\nchecks:\n  - {when: {api: openai.chat}, expect: {requests: 1, attempts: 1}}\n";
    let right = file(&folder, "right.yaml", right);
    let output = run(&["--expect", right.to_str().unwrap()], ASK);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let wrong = file(&folder, "wrong.yaml", "expectations: 1\nchecks:\n  - {expect: {reqests: 1}}\n");
    let output = run(&["--expect", wrong.to_str().unwrap()], ASK);
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stderr);
    assert!(said.contains("wrong.yaml:3:") && said.contains("did you mean `requests`?"), "{said}");
}

#[test]
fn a_file_of_expectations_fits_the_schema_for_editors() {
    let output = mynah().args(["schema", "expectations"]).output().unwrap();
    let schema = serde_json::from_slice(&output.stdout).unwrap();
    let fits = |value: &serde_json::Value| jsonschema::is_valid(&schema, value);
    assert!(fits(
        &json!({"expectations": 1, "checks": {"stub": "a", "expect": {"attempts": "1..3", "gaps": "1s.."}}})
    ));
    assert!(fits(&json!({"expectations": 1, "expect": {"unmatched": 0}})));
    assert!(!fits(&json!({"expectations": 1, "checks": {"expect": {"atempts": 1}}})));
}

#[test]
fn a_server_elsewhere_is_judged_when_it_is_there() {
    let folder = Folder::new();
    let scenario = file(&folder, "s.yaml", EXPECTING);
    let serving = Serving::start(&[scenario.to_str().unwrap(), "--admin-token", "s3cret"]);
    let verify = |arguments: &[&str]| {
        let output = mynah().arg("verify").arg(serving.url()).args(arguments).output().unwrap();
        (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    };
    let (code, said) = verify(&[]);
    assert!(code == Some(1) && said.contains("a token is needed"), "{said}");
    let token = ["--admin-token", "s3cret"];
    let (code, said) = verify(&token);
    assert!(code == Some(8) && said.contains("NOT MET s/once: requests"), "{said}");
    Raw::connect(serving.url()).ask(CHAT, &[], &body("hello"));
    assert_eq!(verify(&token).0, Some(0));
    let more =
        file(&folder, "more.yaml", "expectations: 1\nchecks:\n  - {stub: once, expect: {requests: 2}}\n");
    let (code, said) = verify(&["--admin-token", "s3cret", "--expect", more.to_str().unwrap()]);
    assert!(code == Some(8) && said.contains("more.yaml:3"), "{said}");
    let (code, said) = verify(&["--admin-token", "s3cret", "--session", "nobody"]);
    assert!(code == Some(0) && said.contains("nothing was expected; 0 requests"), "{said}");
    serving.signal("TERM");
    serving.end();
}

#[test]
fn who_is_not_there_in_time_is_told_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = mynah().args(["verify", &url, "--wait", "200ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not there within 200ms"), "{}", text(&output.stderr));
}

#[test]
fn serve_judges_in_the_end_where_it_is_strict() {
    let folder = Folder::new();
    let scenario = file(&folder, "s.yaml", EXPECTING);
    for (flags, code) in [(&["--strict"][..], 8), (&[], 0)] {
        let mut arguments = vec![scenario.to_str().unwrap()];
        arguments.extend(flags);
        let serving = Serving::start(&arguments);
        serving.signal("TERM");
        assert_eq!(serving.end().0, Some(code));
    }
}
