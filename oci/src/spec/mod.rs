//! The documents of an image: index, manifest and config, of OCI and of Docker. They are read from the bytes that a
//! digest names, and never written again: other bytes would have another digest.

mod config;
mod document;
mod media;

pub use self::config::{ContainerConfig, ImageConfig};
pub use self::document::{Descriptor, Document, Index, Manifest, Offered};
pub use self::media::{Compression, LayerType};

pub(crate) use self::config::LONGEST_CONFIG;
pub(crate) use self::document::LONGEST_DOCUMENT;
pub(crate) use self::media::{CONFIG, MANIFEST, READABLE};

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It is no JSON, or not of the shape that it should have.
    #[error("its {document} cannot be read: {source}")]
    Json {
        /// Which document.
        document: &'static str,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// It is larger than any real one.
    #[error("its {document} has more than the {limit} bytes that are read at most")]
    TooLarge {
        /// Which document.
        document: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// The first schema of Docker, or one that is not known.
    #[error("its {document} has the schema version {version}, and only 2 is known: push it again with a newer client")]
    Schema {
        /// Which document.
        document: &'static str,
        /// The version.
        version: u64,
    },
    /// A kind that is not known.
    #[error("it has {what} of the kind `{}`, which is not known: {known}", .media_type.escape_debug())]
    MediaType {
        /// What has the kind.
        what: &'static str,
        /// The kind.
        media_type: String,
        /// The kinds that are.
        known: &'static str,
    },
    /// The document says that it is something else than it was said to be.
    #[error("its manifest says to be `{}`, and was said to be `{}`", .inside.escape_debug(), .outside.escape_debug())]
    KindsDiffer {
        /// What the document says.
        inside: String,
        /// What was said of it.
        outside: String,
    },
    /// It is an index and a manifest at once, or neither.
    #[error("its manifest {0}: readers would see different images")]
    Ambiguous(&'static str),
    /// The manifest and the config do not count the same.
    #[error("its manifest has {layers} layers, and its config {diff_ids}")]
    LayersDiffer {
        /// The number of layers.
        layers: usize,
        /// The number of their uncompressed digests.
        diff_ids: usize,
    },
    /// The config says nothing that is known about its layers.
    #[error("its config has a file system of the kind `{}`, and only `layers` is known", .0.escape_debug())]
    Rootfs(String),
}
