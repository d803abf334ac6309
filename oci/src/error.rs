//! Why an image could not be had, told with its name.

use std::io;
use std::path::PathBuf;

use fetch::HttpError;

use crate::digest::Digest;
use crate::select::SelectError;
use crate::spec::SpecError;

/// Why an image could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{image}: {problem}")]
pub struct OciError {
    /// The image, as its source is written.
    pub image: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an image, or with the place that it comes from.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A document of it is not as it should be.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It is not there for the platform.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A server did not give it.
    #[error(transparent)]
    Http(HttpError),
    /// The place does not have it.
    #[error("{place} does not have this image")]
    NotFound {
        /// The host, the directory or the file.
        place: String,
    },
    /// Bytes have another digest than they should have.
    #[error("its {what} has the digest {got}, and it should be {wanted}")]
    WrongDigest {
        /// Which bytes.
        what: &'static str,
        /// What came.
        got: Digest,
        /// What was asked for.
        wanted: Digest,
    },
    /// Bytes are more or less than they should be.
    #[error("its layer {digest} has {got} bytes, and the manifest says {wanted}")]
    WrongSize {
        /// The layer.
        digest: Digest,
        /// What came.
        got: u64,
        /// What the manifest says.
        wanted: u64,
    },
    /// A directory is no layout.
    #[error("`{path}` is no OCI layout: {why}", path = .path.display())]
    NoLayout {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A blob is missing in a layout.
    #[error("`{path}` has no blob {digest}", path = .path.display())]
    NoBlob {
        /// The layout.
        path: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// No image has the name that is asked for.
    #[error("`{path}` has no image `{name}`: there is {}", listed(.there), path = .path.display())]
    NoName {
        /// The layout or the archive.
        path: PathBuf,
        /// The name.
        name: String,
        /// The names that there are.
        there: Vec<String>,
    },
    /// Several images are there, and none is named.
    #[error("`{path}` has several images: write one of them behind a colon: {}", listed(.there), path = .path.display())]
    Several {
        /// The layout or the archive.
        path: PathBuf,
        /// The names that there are.
        there: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What came cannot be written.
    #[error("cannot write what came: {0}")]
    Write(io::Error),
    /// Only layouts can be read.
    #[error("only `oci-layout:` can be read yet")]
    NotYet,
    /// The run was asked to end.
    #[error("cancelled")]
    Cancelled,
}

impl From<HttpError> for Problem {
    fn from(error: HttpError) -> Problem {
        match error {
            HttpError::Cancelled => Problem::Cancelled,
            HttpError::Write(error) => Problem::Write(error),
            error => Problem::Http(error),
        }
    }
}

fn listed(there: &[String]) -> String {
    let quoted: Vec<String> = there.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    if quoted.is_empty() { "none with a name".to_owned() } else { quoted.join(", ") }
}
