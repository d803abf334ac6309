//! Why a server gave nothing, and whether another try may help.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::url::{Url, UrlError};

/// Why a server gave nothing. Addresses are told without userinfo and query.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// There is no connection, or it broke.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The address.
        url: String,
        /// The system's reason.
        why: String,
    },
    /// The server is not trusted.
    #[error(
        "{url} has a certificate that is not trusted: {why}; the authority that signed it, as that of a proxy in between, goes into `extra_ca`"
    )]
    Untrusted {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing, or next to nothing, came for a long time.
    #[error("{url} stalls: it sent next to nothing for {} s", .idle.as_secs_f32())]
    Stalled {
        /// The address.
        url: String,
        /// How long was waited.
        idle: Duration,
    },
    /// The server refuses.
    #[error("{url} answers {status}{}", status_words(*.status))]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// Which credentials it wants, as its headers say.
        challenges: Vec<String>,
    },
    /// A page came where a file was asked for.
    #[error("{url} answers HTML: a login page or a proxy?")]
    Html {
        /// The address.
        url: String,
    },
    /// There is less than was announced.
    #[error("{url} ended too early: {received} of {total} bytes came")]
    Truncated {
        /// The address.
        url: String,
        /// What came.
        received: u64,
        /// What was announced.
        total: u64,
    },
    /// A server went on at another place than it was asked to.
    #[error("{url} goes on at another place than it was asked to")]
    OtherRange {
        /// The address.
        url: String,
    },
    /// There is more than anybody wants.
    #[error("{url} sends more than {}", size_words(*.limit))]
    TooLarge {
        /// The address.
        url: String,
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// One redirect leads to the next.
    #[error("{url} is redirected too often")]
    Redirects {
        /// The address that was asked first.
        url: String,
    },
    /// A redirect leads to what cannot be asked.
    #[error("{url} is redirected: {source}")]
    Redirect {
        /// The address.
        url: String,
        /// Why it cannot be asked.
        source: UrlError,
    },
    /// The proxy cannot be used.
    #[error("the proxy for {url} cannot be used: {why}")]
    Proxy {
        /// The address.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The file of trusted authorities is of no use.
    #[error("the certificates in {} cannot be used: {why}", .path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What came cannot be written.
    #[error("cannot write what came: {0}")]
    Write(#[source] io::Error),
    /// The run was asked to end.
    #[error("cancelled")]
    Cancelled,
}

impl HttpError {
    /// Whether the next try may end differently.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            HttpError::Unreachable { .. }
            | HttpError::Stalled { .. }
            | HttpError::Truncated { .. }
            | HttpError::OtherRange { .. } => true,
            HttpError::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            HttpError::Untrusted { .. }
            | HttpError::Html { .. }
            | HttpError::TooLarge { .. }
            | HttpError::Redirects { .. }
            | HttpError::Redirect { .. }
            | HttpError::Proxy { .. }
            | HttpError::Authorities { .. }
            | HttpError::Write(_)
            | HttpError::Cancelled => false,
        }
    }

    /// Whether the server is there and says that this is not.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, HttpError::Status { status: 404 | 410, .. })
    }

    /// Returns how long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            HttpError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Translates what the client says of an exchange.
    pub(crate) fn of(error: ureq::Error, url: &Url, idle: Duration) -> HttpError {
        let address = url.to_string();
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                HttpError::Unreachable { url: address, why: "no connection in time".to_owned() }
            }
            ureq::Error::Timeout(_) => HttpError::Stalled { url: address, idle },
            ureq::Error::Rustls(why) => HttpError::Untrusted { url: address, why: why.to_string() },
            ureq::Error::Tls(why) => HttpError::Untrusted { url: address, why: why.to_owned() },
            ureq::Error::Io(error) => HttpError::of_io(&error, url, idle),
            ureq::Error::InvalidProxyUrl | ureq::Error::ConnectProxyFailed(_) => {
                HttpError::Proxy { url: address, why: error.to_string() }
            }
            ureq::Error::HostNotFound => HttpError::Unreachable { url: address, why: "no such host".to_owned() },
            other => HttpError::Unreachable { url: address, why: other.to_string() },
        }
    }

    /// Translates an error while a body is read, which may hold one of the client's.
    pub(crate) fn of_io(error: &io::Error, url: &Url, idle: Duration) -> HttpError {
        let address = url.to_string();
        let inner = error.get_ref();
        if let Some(ureq::Error::Timeout(_)) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return HttpError::Stalled { url: address, idle };
        }
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(why @ rustls::Error::InvalidCertificate(_)) => {
                HttpError::Untrusted { url: address, why: why.to_string() }
            }
            _ => HttpError::Unreachable { url: address, why: error.to_string() },
        }
    }
}

/// Returns a number of bytes for people.
fn size_words(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("{bytes} bytes") } else { format!("{} MB", bytes / 1_000_000) }
}

/// Returns what a status means to the user.
fn status_words(status: u16) -> &'static str {
    match status {
        401 => ": it wants credentials",
        403 => ": it forbids this, or wants other credentials",
        404 | 410 => ": it does not have this",
        407 => ": the proxy wants credentials",
        429 => ": it was asked too often",
        500.. => ": it has trouble",
        _ => "",
    }
}
