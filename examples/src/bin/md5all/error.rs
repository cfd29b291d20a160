//! The one kind of error: something could not be read.

use std::{
    error, fmt, io,
    path::{Path, PathBuf},
};

/// What could not be read, and why.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

impl From<walkdir::Error> for Error {
    fn from(err: walkdir::Error) -> Error {
        let path = err.path().unwrap_or(Path::new("")).to_path_buf();
        let source = err.into_io_error().unwrap_or_else(|| io::Error::other("loop of links"));
        Error { path, source }
    }
}

impl fmt::Display for Error {
    /// The name is quoted and escaped: it may hold anything, a newline for one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {:?}: {}", self.path, self.source)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
