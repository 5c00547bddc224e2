//! The arrows between the modules, and the shape of the files, as
//! ARCHITECTURE.md draws them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each module, and those that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("tokens", &[]),
    ("request", &[]),
    ("redact", &[]),
    ("reply", &["tokens"]),
    ("shelf", &[]),
    ("ask", &["reply", "shelf"]),
    ("identity", &["request"]),
    ("notation", &[]),
    ("document", &["notation"]),
    ("dialect", &["ask", "identity", "reply", "request", "shelf", "tokens"]),
    ("answer", &["ask", "reply", "tokens"]),
    ("plan", &["dialect", "identity", "notation", "request"]),
    (
        "scenario",
        &[
            "answer", "ask", "cassette", "dialect", "document", "identity", "notation", "plan", "reply",
            "request", "tokens",
        ],
    ),
    ("cassette", &["ask", "dialect", "document", "identity", "notation", "plan", "redact", "request"]),
    ("select", &["ask", "cassette", "dialect", "identity", "notation", "request", "scenario"]),
    (
        "journal",
        &["ask", "cassette", "dialect", "document", "identity", "notation", "request", "scenario", "select"],
    ),
    ("catalogue", &["scenario"]),
    ("record", &["cassette", "plan", "request", "store"]),
    ("store", &["cassette", "document", "scenario"]),
    (
        "server",
        &[
            "answer",
            "ask",
            "cassette",
            "catalogue",
            "dialect",
            "document",
            "identity",
            "journal",
            "notation",
            "plan",
            "record",
            "redact",
            "reply",
            "request",
            "scenario",
            "select",
            "shelf",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "cassette",
            "catalogue",
            "document",
            "journal",
            "notation",
            "plan",
            "record",
            "request",
            "scenario",
            "server",
            "store",
        ],
    ),
];

/// Modules that may wait, open sockets and files, and look at a clock.
const SHELL: &[&str] = &["record", "server", "store", "cli"];

/// What the others may not mention: time, files, sockets and luck come in as
/// arguments.
const SHELL_ALONE: &[&str] = &[
    "tokio",
    "hyper",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "Instant",
    "SystemTime",
    "Timestamp::now",
];

const LONGEST_FILE: usize = 600;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    sources
}

/// The module that a file belongs to: `dialect/openai/mod.rs` to `dialect`.
fn module(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file names behind `crate::`, alone or in braces.
fn uses(text: &str) -> BTreeSet<String> {
    uses_of("crate::", text)
}

fn uses_of(root: &str, text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for behind in text.split(root).skip(1) {
        let Some(group) = behind.strip_prefix('{') else {
            found.insert(word(behind));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                character if depth == 0 && at_start && !character.is_whitespace() => {
                    found.insert(word(&group[at..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn every_module_uses_only_those_below_it() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
            panic!("{} belongs to no layer: give it a place in ARROWS", path.display());
        };
        let modules = uses(&text).into_iter().filter(|used| ARROWS.iter().any(|(name, _)| name == used));
        for used in modules.filter(|used| *used != own && !allowed.contains(&used.as_str())) {
            wrong.push(format!("{} uses {used}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_neither_waits_nor_looks_at_the_clock() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module(&path);
        if SHELL.contains(&own.as_str()) || own == "lib" || own == "main" {
            continue;
        }
        wrong.extend(
            of_the_shell(&text).into_iter().map(|word| format!("{} mentions {word}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a text mentions that belongs to the shell alone, comments and tests
/// aside.
fn of_the_shell(text: &str) -> Vec<&'static str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let std: Vec<_> = uses_of("std::", &code).into_iter().map(|module| format!("std::{module}")).collect();
    SHELL_ALONE
        .iter()
        .copied()
        .filter(|word| code.contains(word) || std.iter().any(|used| used == word))
        .collect()
}

#[test]
fn what_belongs_to_the_shell_is_found_in_braces_too() {
    let text = "use std::{collections::{HashMap, hash_map}, env, fs, net::TcpStream};\n// tokio\n";
    assert_eq!(of_the_shell(text), ["std::fs", "std::net", "std::env"]);
}

#[test]
fn files_stay_readable() {
    for (path, text) in sources() {
        assert!(text.lines().count() <= LONGEST_FILE, "{} is too long", path.display());
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
        assert!(!text.contains("#[allow"), "{} silences a lint for good", path.display());
    }
}

#[test]
fn braces_and_single_uses_are_both_seen() {
    let text = "use crate::{\n    ask::{Ask, Shape},\n    reply::Reply,\n};\nuse crate::plan::Marks;";
    assert_eq!(uses(text).into_iter().collect::<Vec<_>>(), ["ask", "plan", "reply"]);
}
