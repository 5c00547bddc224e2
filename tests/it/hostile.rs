//! Files that mean harm, or are only odd: what is wrong is told, and soon.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Within this everything has been told: far more than it takes, far less than
/// whatever grows with the square of a file.
const LONGEST: Duration = Duration::from_secs(60);

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile").join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What is told of some files, and the exit code, in time.
fn run(arguments: &[&str], folder: &Path) -> (String, Option<i32>) {
    let told = folder.with_extension("told");
    let file = fs::File::create(&told).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mynah"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let (sender, ended) = mpsc::channel();
    let waiter = thread::spawn(move || sender.send(child.wait().unwrap()));
    let Ok(status) = ended.recv_timeout(LONGEST) else {
        drop(Command::new("kill").args(["-s", "KILL", &id]).status());
        panic!("{arguments:?} in {} takes too long", folder.display());
    };
    waiter.join().unwrap().unwrap();
    (String::from_utf8(fs::read(told).unwrap()).unwrap(), status.code())
}

fn check(name: &str, text: &str) -> (String, Option<i32>) {
    let folder = folder(name);
    fs::write(folder.join("x.yaml"), text).unwrap();
    run(&["check", "x.yaml"], &folder)
}

/// A sound scenario with this in its `let`.
fn with_let(text: &str) -> String {
    format!("scenario: 1\nlet: {text}\nstubs: {{then: {{text: hi}}}}\n")
}

/// A scenario of so many stubs.
fn stubs(count: usize, stub: impl Fn(usize) -> String) -> String {
    (0..count).fold("scenario: 1\nstubs:\n".to_owned(), |mut text, number| {
        writeln!(text, "  - {{{}}}", stub(number)).unwrap();
        text
    })
}

#[test]
fn aliases_do_not_explode() {
    let mut text = "{a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        write!(text, ", a{level}: &a{level} [{aliases}]").unwrap();
    }
    let (told, code) = check("bomb", &with_let(&(text + "}")));
    assert_eq!(code, Some(4));
    assert!(told.contains("the aliases of this file stand for more than"), "{told}");
    let (told, code) = check("circle", &with_let("&a {b: *a}"));
    assert_eq!(code, Some(4));
    assert!(told.contains("an anchor cannot be used inside itself"), "{told}");
}

#[test]
fn one_anchor_may_serve_every_stub() {
    let all = stubs(2_000, |at| format!("when: {{prompt: p{at}}}, then: {{text: hi, pace: *slow}}"));
    let text = all.replacen("stubs:", "let: {slow: &slow {first: 1s}}\nstubs:", 1);
    let (told, code) = check("anchor", &text);
    assert_eq!((told.as_str(), code), ("all is well: 1 file, 1 sound scenario, 2000 stubs\n", Some(0)));
}

#[test]
fn nothing_is_too_deep_to_be_refused() {
    const DEPTH: usize = 100_000;
    for (name, text) in [
        ("lists", format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        ("maps", format!("{}1{}", "{a: ".repeat(DEPTH), "}".repeat(DEPTH))),
        ("open", "[".repeat(DEPTH)),
        ("dashes", format!("\n {}a", "- ".repeat(DEPTH))),
    ] {
        let (told, code) = check(name, &with_let(&text));
        assert_eq!(code, Some(4), "{name}: {told}");
        assert!(told.starts_with("error: the file is nested too deeply"), "{name}: {told}");
    }
    let patterns = format!("{}a{}", "{not: ".repeat(50), "}".repeat(50));
    let (told, code) =
        check("patterns", &stubs(1, |_| format!("when: {{prompt: {patterns}}}, then: {{text: hi}}")));
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn sizes_are_refused_before_they_are_made() {
    for (name, stub, reason) in [
        ("gigabytes", "text: {fill: 999999GB}", "expected a size in bytes"),
        ("megabytes", "text: {fill: 999999MB}", "(256MiB) are made at the most"),
        ("random", "raw: {body: {random: 999999MB}}", "(256MiB) are made at the most"),
        ("digits", "text: {fill: 99999999999999999999999}", "it is too large"),
        ("tokens", "text: hi, usage: {output: 18446744073709551615}", "tokens are counted up to"),
    ] {
        let (told, code) = check(name, &stubs(1, |_| format!("then: {{{stub}}}")));
        assert_eq!(code, Some(4), "{name}: {told}");
        assert!(told.contains(reason), "{name}: {told}");
    }
    // Each may be, all of them together may not.
    let pieces = vec!["{random: 200MB}"; 1000].join(", ");
    let (told, code) = check("together", &stubs(1, |_| format!("then: {{raw: {{body: [{pieces}]}}}}")));
    assert_eq!(code, Some(4));
    assert_eq!(told.matches("exceed 1GiB").count(), 1, "{told}");
}

#[test]
fn many_stubs_are_read_in_a_time_that_grows_with_them() {
    let (told, code) = check(
        "sound",
        &stubs(5_000, |at| format!("when: {{prompt: p{at}, model: gpt-*}}, then: {{text: a}}")),
    );
    assert_eq!((told.as_str(), code), ("all is well: 1 file, 1 sound scenario, 5000 stubs\n", Some(0)));
    let (told, code) = check(
        "faulty",
        &stubs(5_000, |at| format!("when: {{promt: p{at}, stream: yes}}, then: {{text: a}}")),
    );
    assert_eq!(code, Some(4));
    assert_eq!(told.matches("did you mean `prompt`?").count(), 5_000);
    let (told, code) = check("unreachable", &stubs(5_000, |_| "then: {text: a}".to_owned()));
    assert_eq!(code, Some(4));
    assert_eq!(told.matches("can never answer").count(), 4_999);
    let (_, code) = check(
        "states",
        &stubs(5_000, |at| format!("when: {{state: {{a{at}: x}}}}, then: {{text: a, set: {{b{at}: x}}}}")),
    );
    assert_eq!(code, Some(0));
}

#[test]
fn files_that_are_none_are_told() {
    let folder = folder("odd");
    fs::File::create(folder.join("sparse.yaml")).unwrap().set_len(100 << 20).unwrap();
    fs::write(folder.join("empty.yaml"), "").unwrap();
    fs::write(folder.join("dashes.yaml"), "---\n").unwrap();
    fs::write(folder.join("latin.yaml"), b"scenario: 1\nname: caf\xe9\n").unwrap();
    for (file, reason) in [
        ("sparse.yaml", "is too large: 104857600 bytes"),
        ("empty.yaml", "there is no scenario in this file"),
        ("dashes.yaml", "there is no scenario in this file"),
        ("latin.yaml", "this file is no UTF-8 text\n  --> latin.yaml:2:10"),
        ("nowhere.yaml", "there is no such file or folder"),
    ] {
        let (told, code) = run(&["check", file], &folder);
        assert_eq!(code, Some(4), "{file}: {told}");
        assert!(told.contains(reason), "{file}: {told}");
    }
}

#[test]
fn a_folder_of_a_thousand_files_is_read() {
    let folder = folder("thousand");
    for number in 0..1000 {
        let text = stubs(1, |_| format!("when: {{prompt: p{number}}}, then: {{text: hi}}"));
        fs::write(folder.join(format!("{number}.yaml")), text).unwrap();
    }
    let (told, code) = run(&["check", "."], &folder);
    assert_eq!(
        (told.as_str(), code),
        ("all is well: 1000 files, 1000 sound scenarios, 1000 stubs\n", Some(0))
    );
}

#[cfg(unix)]
#[test]
fn what_stands_in_a_folder_neither_hangs_nor_leads_out() {
    use std::os::unix::fs::symlink;
    let folder = folder("links");
    let sound = |number: usize| stubs(1, |_| format!("when: {{prompt: p{number}}}, then: {{text: hi}}"));
    symlink("../../../../Cargo.toml", folder.join("out.yaml")).unwrap();
    symlink("circle.yaml", folder.join("circle.yaml")).unwrap();
    symlink("nowhere", folder.join("dangling.yaml")).unwrap();
    symlink(".", folder.join("again")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe.yaml")).status().unwrap().success());
    fs::create_dir(folder.join("x.yaml")).unwrap();
    for (number, name) in
        ["x.yaml/你好 नमस्ते مرحبا.yaml", "x.yaml/\u{202e}\u{1b}[31m\n.yaml", "z.yml"].into_iter().enumerate()
    {
        fs::write(folder.join(name), sound(number)).unwrap();
    }
    fs::write(folder.join("y.yaml"), stubs(1, |_| "then: {text: {file: pipe.yaml}}, nmae: x".to_owned()))
        .unwrap();
    let (told, code) = run(&["check", "."], &folder);
    assert_eq!(code, Some(4));
    assert!(told.contains("4 files, 3 sound scenarios, 3 stubs"), "{told}");
    for line in [
        "error: cannot be read: Too many levels of symbolic links",
        "error: is no regular file\n  --> ./pipe.yaml",
        "error: unknown key `nmae`, did you mean `name`?\n  --> ./y.yaml:3:",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let (told, code) = run(&["check", "x.yaml"], &folder);
    assert_eq!((told.as_str(), code), ("all is well: 2 files, 2 sound scenarios, 2 stubs\n", Some(0)));
}

#[test]
fn a_broken_file_is_not_served() {
    let folder = folder("broken");
    fs::write(folder.join("x.yaml"), stubs(1, |_| "then: {txt: hi}".to_owned())).unwrap();
    let (told, code) = run(&["serve", "--port", "0", "--port-file", "port", "x.yaml"], &folder);
    assert_eq!(code, Some(4));
    assert!(told.contains("did you mean `text`?"), "{told}");
    assert!(told.contains("nothing is served") && !told.contains("http://"), "{told}");
    assert!(!folder.join("port").exists());
}
