//! Files in, files out. Every error names its path.

pub(crate) mod cassettes;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::scenario::{
    Input,
    error::{Place, Problem, Source},
    yaml,
};

/// A file that could not be written or removed.
#[derive(Debug)]
pub(crate) struct StoreError {
    path: PathBuf,
    deed: &'static str,
    source: io::Error,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.deed, self.path.display(), self.source)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Writes a whole file, so that a reader finds either all of it or nothing.
/// What stands there and is no regular file is left alone.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), StoreError> {
    let error = |source| StoreError { path: path.to_owned(), deed: "write", source };
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(error(io::Error::other("it is there, and is no regular file")));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, content).and_then(|()| fs::rename(&new, path)).map_err(error)
}

/// Removes a file that still has this content.
pub(crate) fn remove(path: &Path, content: &str) -> Result<(), StoreError> {
    if fs::read_to_string(path).is_ok_and(|found| found == content) {
        return fs::remove_file(path).map_err(|source| StoreError {
            path: path.to_owned(),
            deed: "remove",
            source,
        });
    }
    Ok(())
}

/// A text with its name, for messages about it.
pub(crate) fn source(path: &Path) -> Result<Arc<Source>, Problem> {
    let text = read_text(path).map_err(|message| unplaced(path, &message))?;
    Ok(Arc::new(Source { name: path.display().to_string(), text }))
}

/// A whole text.
///
/// # Errors
///
/// Why it cannot be read, without its path.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_bytes(path, yaml::LONGEST_FILE as u64)?;
    String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())
}

/// Bytes that a file beside a scenario may have.
const LONGEST_COMPANION: u64 = 64 << 20;

/// Files that a folder may have.
const MOST_FILES: usize = 100_000;

/// A file, and the folder that it must not leave.
pub(crate) type Found = (PathBuf, Option<PathBuf>);

/// The scenarios in these files and folders, and what cannot be read of them.
/// Folders give their `.yaml` and `.yml` files by path.
pub(crate) fn scenarios(paths: &[PathBuf]) -> (Vec<Input>, Vec<Problem>) {
    let (found, mut problems) = find(paths);
    let (inputs, unread) = inputs(&found);
    problems.extend(unread);
    (inputs, problems)
}

/// Whether there is a file at a path, or one in its folder.
pub(crate) fn has_files(path: &Path) -> bool {
    files_of(path).is_ok()
}

/// The files of these paths, and what is wrong with the paths.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Found>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match files_of(path) {
            Ok(files) => found.extend(files),
            Err(message) => problems.push(unplaced(path, &message)),
        }
    }
    (found, problems)
}

/// The scenarios in these files.
pub(crate) fn inputs(found: &[Found]) -> (Vec<Input>, Vec<Problem>) {
    let (mut inputs, mut problems) = (Vec::new(), Vec::new());
    for (file, root) in found {
        match read_input(file, root.as_deref()) {
            Ok(input) => inputs.push(input),
            Err(problem) => problems.push(problem),
        }
    }
    (inputs, problems)
}

/// A file as it is, or the files of a folder, each with the folder that it must
/// not leave.
fn files_of(path: &Path) -> Result<Vec<Found>, String> {
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if !found.is_dir() {
        return Ok(vec![(path.to_owned(), None)]);
    }
    let root = path.canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
    let mut files = Vec::new();
    gather(path, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err("there is no .yaml or .yml file in this folder".to_owned());
    }
    Ok(files.into_iter().map(|file| (file, Some(root.clone()))).collect())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let problem = |error: io::Error| format!("{} cannot be read: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(problem)?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        // Folders behind links are not entered: they may lead in circles.
        if kind.is_dir() {
            gather(&path, files)?;
        } else if is_yaml {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(format!("there are more than {MOST_FILES} files in this folder"));
        }
    }
    Ok(())
}

fn read_input(path: &Path, root: Option<&Path>) -> Result<Input, Problem> {
    if let Some(root) = root {
        let real =
            path.canonicalize().map_err(|error| unplaced(path, &format!("cannot be read: {error}")))?;
        if !real.starts_with(root) {
            return Err(unplaced(path, "this link leads out of the folder"));
        }
    }
    let bytes = read_bytes(path, yaml::LONGEST_FILE as u64).map_err(|message| unplaced(path, &message))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.to_owned();
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            let source = Arc::new(Source { name, text });
            let files = Box::new(move |name: &str| companion(&folder, name, ("scenario", LONGEST_COMPANION)));
            Ok(Input::new(source, files))
        }
        Err(error) => {
            let valid =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = valid.matches('\n').count() + 1;
            let column = valid.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = Arc::new(Source { name, text });
            Err(Problem::error(&source, Place { line, column, length: 1 }, "this file is no UTF-8 text"))
        }
    }
}

/// A file beside a scenario or a cassette.
fn companion(folder: &Path, name: &str, (whose, longest): (&str, u64)) -> Result<Vec<u8>, String> {
    let problem = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no file {name:?} in the {whose}'s folder, {}", folder.display())
        }
        _ => format!("{name:?} cannot be read: {error}"),
    };
    let root = folder.canonicalize().map_err(problem)?;
    let real = root.join(name).canonicalize().map_err(problem)?;
    if !real.starts_with(&root) {
        return Err(format!("{name:?} lies outside the {whose}'s folder"));
    }
    read_bytes(&real, longest).map_err(|message| format!("{name:?} {message}"))
}

/// The bytes of a regular file that is not too long.
fn read_bytes(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    let found = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !found.is_file() {
        return Err("is no regular file".to_owned());
    }
    if found.len() > longest {
        return Err(format!("is too large: {} bytes, where {longest} are read at the most", found.len()));
    }
    fs::read(path).map_err(|error| format!("cannot be read: {error}"))
}

fn unplaced(path: &Path, message: &str) -> Problem {
    let source = Arc::new(Source { name: path.display().to_string(), text: String::new() });
    Problem::error(&source, Place::default(), message)
}
