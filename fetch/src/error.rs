//! Why a locked package could not be brought.

use crate::asked::AskError;
use crate::http::HttpError;
use crate::url::UrlError;

/// Why a locked package could not be brought. No text of it holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A server did not give it.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An address of the user's settings or of a server cannot be asked.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The user's client did not say where packages come from.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// What came, or what the registry offers, has another hash.
    #[error("its hash is {got}, and the lock has {wanted}")]
    WrongHash {
        /// The hash of what came, or those of what is offered.
        got: String,
        /// The hashes of the lock.
        wanted: String,
    },
    /// No registry is known.
    #[error("{client} names no registry, and the lock names no address")]
    NoRegistry {
        /// The user's client.
        client: &'static str,
    },
    /// The registries have nothing by that name and version.
    #[error("{registry} has no {what}")]
    Absent {
        /// The registries that were asked.
        registry: String,
        /// What they do not have.
        what: String,
    },
    /// A registry's answer cannot be read.
    #[error("{url} answers what cannot be read: {why}")]
    Unreadable {
        /// The address.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// Only source distributions are locked, where a wheel is wanted.
    #[error(
        "the lock allows only its source distribution ({file}), and nothing said to build it: add `--no-binary {name}` to the requirements"
    )]
    OnlySource {
        /// The name of the distribution.
        name: String,
        /// The file.
        file: String,
    },
    /// None of the locked wheels fits.
    #[error("no wheel of the lock fits python {python} on {platform}; there is {there}")]
    NoneFits {
        /// The version of the interpreter.
        python: String,
        /// The platform.
        platform: String,
        /// The files that the lock allows and the index has.
        there: String,
    },
    /// None of the locked files is a source distribution.
    #[error("the lock allows no source distribution; there is {there}")]
    NoSource {
        /// The files that the lock allows and the index has.
        there: String,
    },
    /// The hash of the lock is that of another version.
    #[error("the lock has the hash of {file}, which is not version {version}")]
    OtherVersion {
        /// The file that has the hash.
        file: String,
        /// The version that the lock says.
        version: String,
    },
    /// A hash of the lock is none.
    #[error("the lock has no hash of a known algorithm")]
    NoHash,
    /// A name of a file is none.
    #[error("`{0}` is no name of a file")]
    FileName(String),
    /// Go modules are brought by go.
    #[error("only go brings go modules")]
    NotHere,
}
