//! The ways in which an archive can be wrong.

use std::io;

use model::PathError;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error(transparent)]
    Tar(#[from] oci::tar::TarError),
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    #[error("it is not {0}")]
    Not(&'static str),
    #[error("it ends too early")]
    Truncated,
    #[error("something follows its end")]
    Trailing,
    #[error("it holds more than {0} entries")]
    TooManyEntries(u64),
    #[error("its files are more than {} GiB", .0 >> 30)]
    TooLarge(u64),
    #[error("its files are more than {0} times its own size, as in an archive that is made to fill a disk")]
    TooDense(u64),
    #[error("it consists of several parts")]
    SeveralParts,
    #[error("its list of entries is damaged: {0}")]
    BadList(&'static str),
    #[error("there are bytes between its entries that no entry owns, at {0}")]
    Gap(u64),
    #[error("two of its entries share bytes, at {0}")]
    Overlap(u64),
    #[error("the header at {0} is damaged")]
    BadHeader(u64),
    #[error("`{}` has two headers that contradict each other: {what}", .entry.escape_debug())]
    HeadersDiffer { entry: String, what: &'static str },
    #[error("an entry has no name")]
    NoName,
    #[error("an entry has a bad name: {0}")]
    BadName(#[from] PathError),
    #[error("the name `{}` is not UTF-8", .0.escape_debug())]
    NotUtf8(String),
    #[error("the name `{}` holds a backslash", .0.escape_debug())]
    Backslash(String),
    #[error("the name `{}` is too long for a file system", .0.escape_debug())]
    LongName(String),
    #[error("`{}` is there twice", .0.escape_debug())]
    Duplicate(String),
    #[error("`{}` lies below `{}`, which is a file", .entry.escape_debug(), .file.escape_debug())]
    BelowFile { entry: String, file: String },
    #[error("`{}` lies below `{}`, which is a link", .entry.escape_debug(), .link.escape_debug())]
    ThroughLink { entry: String, link: String },
    #[error("the link `{}` leads outside, to `{}`", .entry.escape_debug(), .target.escape_debug())]
    EscapingLink { entry: String, target: String },
    #[error("`{}` is a device, a pipe, or of a kind that is not known", .0.escape_debug())]
    Special(String),
    #[error("`{}` is encrypted", .0.escape_debug())]
    Encrypted(String),
    #[error("`{}` is packed by method {method}, which packages do not use", .entry.escape_debug())]
    Method { entry: String, method: u16 },
    #[error("`{}` is not as long as its header says", .0.escape_debug())]
    WrongSize(String),
    #[error("`{}` has another checksum than its header says", .0.escape_debug())]
    WrongChecksum(String),
    #[error("`{}` cannot be unpacked: {why}", .entry.escape_debug())]
    Damaged { entry: String, why: io::Error },
}

impl ArchiveError {
    /// Tells an early end from other errors of reading.
    pub(crate) fn reading(error: io::Error) -> ArchiveError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            _ => ArchiveError::Read(error),
        }
    }
}
