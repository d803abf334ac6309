//! The border to files: a checkout, a commit, or a test's map.

use std::io::Read;
use std::sync::Arc;

use crate::{FileId, RelPath};

/// A tree of files that analysis reads. "Absent" is an answer, and is recorded like any other.
/// Ignored files and directories with a `workspace.toml` of their own are absent.
pub trait Tree: Sync {
    /// Returns the entries of a directory, sorted by name.
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError>;
    /// Opens a file for reading; a symlink gives its target text, and is never followed.
    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError>;
    /// Returns the id of a file or a symlink.
    fn id(&self, file: &RelPath) -> Result<FileId, TreeError>;
}

/// One entry of a directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Entry {
    /// The name, one path segment.
    pub name: Arc<str>,
    /// What it is.
    pub kind: EntryKind,
}

/// What a directory's entry is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EntryKind {
    /// A plain or executable file.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A directory with a `workspace.toml` of its own: a border that is not crossed; it cannot be listed.
    Workspace,
    /// A name that is not UTF-8 (given with replacement characters), or a socket, device or fifo: it cannot be an input.
    Unusable,
}

/// Why a tree gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is no such file or directory.
    #[error("`{0}` does not exist")]
    Absent(RelPath),
    /// The path exists but is ignored; the text names the rule, as `.gitignore:3: *.log`.
    #[error("`{path}` is ignored by {rule}")]
    Ignored {
        /// The path that was asked for.
        path: RelPath,
        /// File, line and pattern of the rule that ignores it.
        rule: String,
    },
    /// It could not be read.
    #[error("cannot read `{path}`")]
    Io {
        /// The path that was read.
        path: RelPath,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
