//! What the operating system refused, and on which file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The operating system refused.
#[derive(Debug, Error)]
#[error("cannot {what} {}: {source}", file.display())]
pub struct FileError {
    /// What was tried.
    pub what: &'static str,
    /// On what.
    pub file: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Makes the error of something tried on a file.
pub(super) fn failed(what: &'static str, file: &Path) -> impl Fn(io::Error) -> FileError + use<> {
    let file = file.to_owned();
    move |source| FileError { what, file: file.clone(), source }
}
