//! Cassettes on the disk: read whole, and appended to under a lock.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Found, StoreError, companion, read_bytes, unplaced};
use crate::{
    cassette::{file::Tape, key::Matching, write::Aside},
    document::error::{Problem, Source},
};

/// Bytes that a cassette may have.
const LONGEST: u64 = 1 << 30;

/// Bytes that a body beside a cassette may have.
const LONGEST_BODY: u64 = 256 << 20;

/// The cassettes in these files and folders, and what is wrong with them.
pub(crate) fn read(paths: &[PathBuf], matching: &Matching) -> (Vec<Tape>, Vec<Problem>) {
    let (found, mut problems) = super::find(paths);
    let (tapes, more) = tapes(&found, matching);
    problems.extend(more);
    (tapes, problems)
}

/// The cassettes in these files.
pub(crate) fn tapes(found: &[Found], matching: &Matching) -> (Vec<Tape>, Vec<Problem>) {
    let (mut tapes, mut problems) = (Vec::new(), Vec::new());
    for (file, root) in found {
        match read_one(file, root.as_deref(), matching) {
            Ok((tape, found)) => {
                tapes.push(tape);
                problems.extend(found);
            }
            Err(problem) => problems.push(problem),
        }
    }
    (tapes, problems)
}

/// Whether a file is a cassette, as far as its beginning tells.
pub(crate) fn is_cassette(path: &Path) -> bool {
    // What is no regular file may not end, or not begin.
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64 << 10).read_to_end(&mut start));
    read.is_ok() && crate::cassette::file::is_cassette(&String::from_utf8_lossy(&start))
}

fn read_one(path: &Path, root: Option<&Path>, matching: &Matching) -> Result<(Tape, Vec<Problem>), Problem> {
    let problem = |message: String| unplaced(path, &message);
    if let Some(root) = root {
        let real = path.canonicalize().map_err(|error| problem(format!("cannot be read: {error}")))?;
        if !real.starts_with(root) {
            return Err(problem("this link leads out of the folder".to_owned()));
        }
    }
    let text = decoded(read_bytes(path, LONGEST).map_err(problem)?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.to_owned();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let source = Arc::new(Source { name: path.display().to_string(), text });
    Ok(Tape::new(
        name,
        source,
        Box::new(move |name| companion(&folder, name, ("cassette", LONGEST_BODY))),
        matching,
    ))
}

/// A file's text. A torn one may end within a character.
fn decoded(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// Appends interactions to a cassette, which stays open.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    /// With its length when it was last appended to.
    file: Option<(File, u64)>,
}

impl Appender {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Appends an interaction, the large bodies beside it first: whatever process is
    /// killed whenever, what stands there in full stays.
    pub(crate) fn append(&mut self, document: &str, asides: &[Aside]) -> Result<(), StoreError> {
        let appended = self.try_append(document, asides);
        appended.map_err(|source| StoreError { path: self.path.clone(), deed: "write", source })
    }

    fn try_append(&mut self, document: &str, asides: &[Aside]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for aside in asides {
            write_aside(folder, aside)?;
        }
        fs::create_dir_all(folder)?;
        let (mut file, known) = match self.file.take() {
            Some((file, known)) => {
                file.lock()?;
                if is_current(&file, &self.path)? { (file, known) } else { (locked(&self.path)?, 0) }
            }
            None => (locked(&self.path)?, 0),
        };
        let length = file.metadata()?.len();
        // What it was left with had an end.
        let is_torn = length != known && is_torn(&mut file, length)?;
        let text = if is_torn { format!("\n{document}") } else { document.to_owned() };
        // One write: a process that is killed leaves all of it or a torn end.
        file.write_all(text.as_bytes())?;
        file.unlock()?;
        self.file = Some((file, length + text.len() as u64));
        Ok(())
    }
}

/// Makes a folder that recordings go into, and sees whether files can be put there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let error = |source| StoreError { path: folder.to_owned(), deed: "record into", source };
    fs::create_dir_all(folder).map_err(error)?;
    let probe = folder.join(format!(".mynah-{}", std::process::id()));
    File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(error)
}

/// Opens a cassette to append to it, once nobody else does.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.lock()?;
        if is_current(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether a file still stands at its path: who held its lock may have put another there.
fn is_current(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|now| same_file(&ours, &now)))
}

#[cfg(unix)]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Whether the last line of a file of this length has no end.
fn is_torn(file: &mut File, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Writes a large body, so that a reader finds either all of it or nothing.
fn write_aside(folder: &Path, aside: &Aside) -> io::Result<()> {
    let path = folder.join(&aside.name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, &aside.content).and_then(|()| fs::rename(&new, &path))
}

/// Puts another text in place of a cassette's, with large bodies beside it, unless it
/// changed since it was read; `old_asides` are no longer needed then.
pub(crate) fn replace(
    path: &Path,
    (old, new): (&str, &str),
    asides: &[Aside],
    old_asides: &[String],
) -> Result<(), StoreError> {
    let error = |source| StoreError { path: path.to_owned(), deed: "write", source };
    let folder = path.parent().unwrap_or(Path::new("."));
    for aside in asides {
        write_aside(folder, aside).map_err(error)?;
    }
    let _lock = locked(path).map_err(error)?;
    let now = fs::read(path).map_err(error)?;
    if decoded(now) != old {
        return Err(error(io::Error::other("it was changed by somebody else meanwhile")));
    }
    super::write(path, new)?;
    for name in old_asides.iter().filter(|name| !asides.iter().any(|aside| aside.name == **name)) {
        // Whoever took it away before did what was wanted.
        drop(fs::remove_file(folder.join(name)));
    }
    Ok(())
}
