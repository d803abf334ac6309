//! The name of an image in a registry: host, repository, tag and digest, as Docker reads them.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, DigestError};

/// The host of a name without one.
const DEFAULT_HOST: &str = "docker.io";
/// Where that host keeps images of one word.
const DEFAULT_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// The longest repository, with its host, that registries take.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// An image in a registry. Prints in full: `docker.io/library/busybox:latest`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reference {
    host: String,
    repository: String,
    /// There is a tag, a digest, or both.
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text names no image of a registry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing is written.
    #[error("an image has no name: write one as in `busybox:1.36` or `registry.example/team/app:1`")]
    Empty,
    /// It begins like a web address.
    #[error("`{0}` is a web address: name the image without `{1}`, as in `registry.example/team/app:1`")]
    Address(String, String),
    /// The host is none.
    #[error("`{name}` names an impossible host, `{host}`: write `registry.example`, `localhost:5000` or `[::1]:5000`")]
    Host {
        /// The whole text.
        name: String,
        /// The part before the first slash.
        host: String,
    },
    /// Upper case in a repository.
    #[error("`{0}` has upper-case letters: write a repository in lower case")]
    UpperCase(String),
    /// Another letter that a repository may not have.
    #[error(
        "`{name}` has a part `{part}`, which is none of a repository: write lower-case letters and digits, with single `.`, `_` or `-` between them"
    )]
    Part {
        /// The whole text.
        name: String,
        /// The part between slashes.
        part: String,
    },
    /// The repository is too long.
    #[error("`{0}` is longer than the {LONGEST_NAME} letters that registries take")]
    Long(String),
    /// The tag is none.
    #[error(
        "`{name}` has a bad tag, `{tag}`: write up to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`"
    )]
    Tag {
        /// The whole text.
        name: String,
        /// What follows the colon.
        tag: String,
    },
    /// The digest is none.
    #[error("`{name}` has a bad digest: {source}")]
    Digest {
        /// The whole text.
        name: String,
        /// What is wrong.
        source: DigestError,
    },
}

impl Reference {
    /// Returns the host, with its port if it has one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the repository on the host.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest, which counts more than the tag.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns the repository with the tag and the digest of another reference.
    pub(crate) fn at_version_of(self, other: &Reference) -> Reference {
        Reference { tag: other.tag.clone(), digest: other.digest, ..self }
    }

    /// Whether a text that names an image says which of its repository.
    pub(crate) fn says_version(text: &str) -> bool {
        text.contains('@') || split_tag(text).1.is_some()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(ReferenceError::Address(escaped(text), format!("{}://", escaped(scheme))));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let digest = digest.map(str::parse).transpose();
        let digest = digest.map_err(|source| ReferenceError::Digest { name: escaped(text), source })?;
        let (name, tag) = split_tag(name);
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag { name: escaped(text), tag: escaped(tag) });
        }
        let (host, repository) = split_host(name);
        check_host(host, text)?;
        let repository = match host {
            DEFAULT_HOST if !repository.contains('/') => format!("{DEFAULT_NAMESPACE}{repository}"),
            _ => repository.to_owned(),
        };
        check_repository(&repository, text)?;
        if host.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(ReferenceError::Long(escaped(text)));
        }
        let tag = tag.or(digest.is_none().then_some(DEFAULT_TAG)).map(str::to_owned);
        Ok(Reference { host: host.to_owned(), repository, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

fn escaped(text: &str) -> String {
    text.escape_debug().to_string()
}

/// Splits the tag off: a colon before a slash belongs to a port.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
        _ => (name, None),
    }
}

/// Splits the host off: what is before the first slash, if it looks like one.
fn split_host(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", repository)) => (DEFAULT_HOST, repository),
        Some((host, repository)) if host == "localhost" || host.contains(['.', ':']) => (host, repository),
        _ => (DEFAULT_HOST, name),
    }
}

fn check_host(host: &str, text: &str) -> Result<(), ReferenceError> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = |port: &str| !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_host_name(name) && port.is_none_or(is_port) {
        return Ok(());
    }
    Err(ReferenceError::Host { name: escaped(text), host: escaped(host) })
}

fn is_host_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.split('.').all(is_label)
}

fn check_repository(repository: &str, text: &str) -> Result<(), ReferenceError> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ReferenceError::UpperCase(escaped(text)));
    }
    match repository.split('/').find(|part| !is_part(part)) {
        None => Ok(()),
        Some(part) => Err(ReferenceError::Part { name: escaped(text), part: escaped(part) }),
    }
}

/// Whether a text is words of letters and digits with one `.`, `_`, `__` or some `-` between them.
fn is_part(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = part.bytes().next().is_some_and(is_word) && part.bytes().last().is_some_and(is_word);
    let between = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    ends_well && between.into_iter().all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = !tag.starts_with(['.', '-']) && !tag.is_empty();
    begins && tag.len() <= LONGEST_TAG && tag.bytes().all(inside)
}
