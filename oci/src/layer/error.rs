//! The ways in which a layer can be wrong, or not be unpacked.

use crate::Digest;
use crate::tar::TarError;

/// Why a layer is refused.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The archive is damaged, or hostile.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// One body is.
    #[error("`{}` cannot be unpacked: {source}", .entry.escape_debug())]
    Body {
        /// The entry.
        entry: String,
        /// What is wrong.
        source: TarError,
    },
    /// It unpacks to something else than the config of the image says.
    #[error("it unpacks to {got}, and the image says {wanted}")]
    WrongDiffId {
        /// What it unpacks to.
        got: Digest,
        /// What the image says.
        wanted: Digest,
    },
    /// A name that no entry may have.
    #[error("it has an entry with a bad name, `{}`: {why}", .name.escape_debug())]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries of one name, of which not both are directories.
    #[error("`{}` is there twice", .0.escape_debug())]
    Duplicate(String),
    /// An entry below a file.
    #[error("`{}` lies below `{}`, which is a file", .entry.escape_debug(), .file.escape_debug())]
    BelowFile {
        /// The entry.
        entry: String,
        /// The file.
        file: String,
    },
    /// An entry below a link of the same layer.
    #[error("`{}` lies below `{}`, which is a link", .entry.escape_debug(), .link.escape_debug())]
    ThroughLink {
        /// The entry.
        entry: String,
        /// The link.
        link: String,
    },
    /// A hard link that leads nowhere, or outside.
    #[error("the hard link `{}` leads to `{}`: {why}", .entry.escape_debug(), .target.escape_debug())]
    HardLink {
        /// The entry.
        entry: String,
        /// Where it leads.
        target: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A mark of something hidden that is more than a mark.
    #[error("`{}` has the name of a mark for what is hidden, and is none", .0.escape_debug())]
    Whiteout(String),
    /// A kind of entry that readers do not agree about.
    #[error("`{}` is of a kind that is not known", .0.escape_debug())]
    Special(String),
    /// More entries than any real layer.
    #[error("it holds more than {0} entries")]
    TooManyEntries(u64),
    /// The machine has no thread to read it with.
    #[error("it cannot be read: {0}")]
    Thread(std::io::Error),
    /// More bytes than any real layer.
    #[error("it unpacks to more than {0} bytes")]
    TooLarge(u64),
}

/// Why a layer could not be read: its own fault, or that of whoever keeps the bodies.
#[derive(Debug)]
pub enum Unread<E> {
    /// It is refused.
    Layer(LayerError),
    /// A body could not be kept.
    Kept(E),
}

impl<E> From<LayerError> for Unread<E> {
    fn from(error: LayerError) -> Unread<E> {
        Unread::Layer(error)
    }
}

impl<E> From<TarError> for Unread<E> {
    fn from(error: TarError) -> Unread<E> {
        Unread::Layer(error.into())
    }
}
