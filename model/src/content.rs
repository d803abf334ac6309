//! What an output or an input holds, known by digests, not by bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// A file, a link or a directory, named by digests.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Content {
    /// A file.
    File {
        /// The digest of its bytes.
        digest: Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link with its target text.
    Symlink(Arc<str>),
    /// A directory: the digest of its Remote Execution API `Directory` message.
    Directory(Digest),
}

/// Bytes that were known by digest cannot be had (any more): whoever made them has to run again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
#[error("the cache has lost {0:?}")]
pub struct Lost(pub Digest);
