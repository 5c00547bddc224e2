//! Faulty files: `tests/golden/faults/NAME.yaml` has mistakes, `NAME.err`
//! beside it is all that is told of them.
//!
//! `MYNAH_BLESS=1 cargo test` writes what is told anew, for a reviewer to read
//! in the diff.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == ending));
    files.sort();
    files
}

/// What is told of a file, and whether it could be served.
fn check(file: &Path) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_mynah"))
        .current_dir(file.parent().unwrap())
        .arg("check")
        .arg(file.file_name().unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    match output.status.code() {
        Some(0) => (told, true),
        Some(4) => (told, false),
        code => panic!("{}: exit code {code:?}: {told}", file.display()),
    }
}

#[test]
fn every_mistake_is_still_told_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/faults");
    let blesses = std::env::var_os("MYNAH_BLESS").is_some_and(|bless| bless == "1");
    let cases = files(&folder, "yaml");
    assert!(!cases.is_empty());
    let mut changed = Vec::new();
    for path in &cases {
        let (told, is_sound) = check(path);
        let golden = path.with_extension("err");
        assert!(!told.is_empty(), "{}: no mistake was found", path.display());
        let tells_errors = told.lines().any(|line| line.starts_with("error: "));
        assert_eq!(is_sound, !tells_errors, "{}: {told}", path.display());
        if blesses {
            fs::write(&golden, &told).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != told {
            changed.push(format!("{}:\n{told}", golden.display()));
        }
    }
    for golden in files(&folder, "err") {
        assert!(cases.contains(&golden.with_extension("yaml")), "{} is of no file", golden.display());
    }
    assert!(changed.is_empty(), "changed, or never blessed (MYNAH_BLESS=1):\n{}", changed.join("\n"));
}
