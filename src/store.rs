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
pub(crate) fn write(path: &Path, content: &str) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, content).and_then(|()| fs::rename(&new, path)).map_err(|source| StoreError {
        path: path.to_owned(),
        deed: "write",
        source,
    })
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError { path: path.to_owned(), deed: "remove", source })
        }
        _ => Ok(()),
    }
}
