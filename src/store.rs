//! Files in, files out. Every error names its path.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
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
