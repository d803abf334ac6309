//! Why an image could not be had, told with its name.

use std::io;
use std::path::PathBuf;

use fetch::{FetchError, HttpError};

use crate::Digest;
use crate::registry::LoginError;
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
    Fetch(FetchError),
    /// The place does not have it.
    #[error("{place} does not have this image")]
    NotFound {
        /// The host, the directory or the file.
        place: String,
    },
    /// The registry wants credentials that there are not.
    #[error("{host} does not have this image, or wants credentials: log in with `docker login {host}`")]
    NoLogin {
        /// The host.
        host: String,
    },
    /// The registry does not want these.
    #[error("{host} refuses the credentials of {origin}, or they are not for this image")]
    Refused {
        /// The host.
        host: String,
        /// Who had them.
        origin: String,
    },
    /// The credentials of the user cannot be used.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The registry wants something else than a password or a token.
    #[error("{host} wants credentials of a kind that is not known: `{}`", .asked.escape_debug())]
    Challenge {
        /// The host.
        host: String,
        /// What it wants.
        asked: String,
    },
    /// The server that gives tokens would be told the password without encryption.
    #[error("{host} sends for its tokens to {realm}, which is asked without encryption")]
    PlainToken {
        /// The host.
        host: String,
        /// The other server.
        realm: String,
    },
    /// The server that gives tokens gives none.
    #[error("{host} sends for its tokens to {realm}, which answers without one")]
    NoToken {
        /// The host.
        host: String,
        /// The other server.
        realm: String,
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
    #[error("its layer {digest} has more or less than the {wanted} bytes that the manifest says")]
    WrongSize {
        /// The layer.
        digest: Digest,
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
    /// A file is no archive of images.
    #[error("`{path}` is no archive of `docker save`: {why}", path = .path.display())]
    NoArchive {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// The place has one image only, and it is another than before.
    #[error("it is another image now: {got}, and {wanted} was asked for")]
    Changed {
        /// What it is now.
        got: Digest,
        /// What was asked for.
        wanted: Digest,
    },
    /// No Docker can be asked.
    #[error("the docker of this machine cannot be asked here")]
    NoDaemon,
    /// Docker does not give it.
    #[error("docker does not give it: {0}")]
    Daemon(String),
    /// A blob is missing.
    #[error("{place} has no blob {digest}")]
    NoBlob {
        /// The layout or the archive.
        place: String,
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
    /// The run was asked to end.
    #[error("cancelled")]
    Cancelled,
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Problem {
        match error {
            FetchError::Http(HttpError::Cancelled) => Problem::Cancelled,
            FetchError::Http(HttpError::Write(error)) => Problem::Write(error),
            error => Problem::Fetch(error),
        }
    }
}

fn listed(there: &[String]) -> String {
    let quoted: Vec<String> = there.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    if quoted.is_empty() { "none with a name".to_owned() } else { quoted.join(", ") }
}
