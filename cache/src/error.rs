//! What can go wrong when something is to be kept. None of it fails a build: the caller warns once and goes on.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the cache could not keep something.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The file system refused.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was attempted: `write`, `move`, …
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("cannot use the database of the cache, `{}`", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// An earlier write did not reach the disk, so nothing of this run is recorded any more.
    #[error("the disk has lost earlier writes below `{}`", path.display())]
    Unsynced {
        /// The directory of the store.
        path: PathBuf,
    },
    /// An output holds something that cannot be stored.
    #[error("the output `{entry}` {what}")]
    Entry {
        /// Its path, escaped.
        entry: String,
        /// What is wrong with it.
        what: Unusable,
    },
    /// A memory is to be kept under a name that is not a file name.
    #[error("`{name}` is not a name for a memory file")]
    Name {
        /// The name.
        name: String,
    },
}

/// Why an output cannot be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// It is a socket, a device or a fifo.
    Special,
    /// Its name, or the target of the symlink, is not UTF-8.
    NotUtf8,
    /// It is a link that leads to where it must not.
    Link,
    /// A file was expected, and it is something else.
    NotAFile,
    /// A directory was expected, and it is something else.
    NotADirectory,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::Special => "is a socket, a device or a fifo, which cannot be stored",
            Unusable::NotUtf8 => "has a name or a link target that is not UTF-8",
            Unusable::Link => "is a link that leads out of the outputs; copy the file instead",
            Unusable::NotAFile => "is not a file",
            Unusable::NotADirectory => "is not a directory",
        })
    }
}

impl CacheError {
    /// Returns a function that adds what was attempted, for `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
        move |source| CacheError::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn entry(path: &Path, what: Unusable) -> CacheError {
        // Debug escapes newlines and bytes that are not UTF-8; its quotes are not wanted.
        let quoted = format!("{:?}", path.as_os_str());
        CacheError::Entry { entry: quoted[1..quoted.len() - 1].to_owned(), what }
    }
}
