//! The ways in which a tar archive can be wrong.

use std::io;

/// Why a tar archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Its bytes do not come, or do not unpack.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// Its end is missing.
    #[error("it ends too early")]
    Truncated,
    /// Its end is not the end.
    #[error("something follows its end")]
    Trailing,
    /// A header is not one, or its checksum is wrong.
    #[error("the header at {0} is damaged")]
    BadHeader(u64),
    /// An extended header is not as it should be.
    #[error("the extended header at {at} is damaged: {why}")]
    BadPax {
        /// Where in the archive.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// Two headers of one entry do not say the same.
    #[error("`{}` has two headers that contradict each other: {what}", .entry.escape_debug())]
    HeadersDiffer {
        /// The entry.
        entry: String,
        /// What they say differently.
        what: &'static str,
    },
    /// What has no body has one.
    #[error("`{}` is not as long as its header says", .0.escape_debug())]
    WrongSize(String),
}

impl TarError {
    /// Tells an early end from other errors of reading.
    pub(crate) fn reading(error: io::Error) -> TarError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Truncated,
            _ => TarError::Read(error),
        }
    }
}
