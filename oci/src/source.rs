//! What a user writes for an image: a reference of a registry, or a place on this machine behind a word and a colon.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::reference::{Reference, ReferenceError};

/// Where an image comes from. Paths are as they are written, relative to the workspace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// A registry: `registry.example/team/app:1`.
    Registry(Reference),
    /// A directory in the layout of OCI: `oci-layout:PATH[:TAG]`.
    Layout {
        /// The directory.
        path: String,
        /// The image in it; without one there is only one, or one that is `latest`.
        tag: Option<String>,
    },
    /// A file as `docker save` writes it: `docker-archive:PATH[:NAME]`.
    Archive {
        /// The file.
        path: String,
        /// The image in it; without one there is only one.
        name: Option<String>,
    },
    /// An image that the Docker of this machine has: `docker-daemon:NAME`.
    Daemon {
        /// Its name or id there.
        name: String,
    },
}

/// Why a text names no image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SourceError {
    /// It is no reference of a registry.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Nothing follows the word.
    #[error("`{word}:` names no {what}: write `{word}:{form}`")]
    Missing {
        /// The word before the colon.
        word: &'static str,
        /// What is missing.
        what: &'static str,
        /// How it is written.
        form: &'static str,
    },
    /// The path does not stay in the workspace.
    #[error("`{text}` names a path outside of the workspace: write one that is relative to its root")]
    Outside {
        /// The whole text.
        text: String,
    },
    /// A word of another tool.
    #[error("`{text}` begins with `{word}`, which rg does not know: {instead}")]
    Word {
        /// The whole text.
        text: String,
        /// How it begins.
        word: &'static str,
        /// What to write.
        instead: &'static str,
    },
}

/// Words of other tools, and what is written for them here.
const OTHERS: [(&str, &str); 5] = [
    ("docker://", "write the reference alone, as in `busybox:1.36`"),
    ("oci:", "write `oci-layout:PATH`"),
    ("oci-archive:", "unpack it, and write `oci-layout:PATH`"),
    ("dir:", "write `oci-layout:PATH`"),
    ("containers-storage:", "push it to a registry, or save it and write `docker-archive:PATH`"),
];

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        if let Some(rest) = text.strip_prefix("oci-layout:") {
            let missing = SourceError::Missing { word: "oci-layout", what: "directory", form: "PATH[:TAG]" };
            let (path, tag) = placed(rest, text, missing)?;
            return Ok(Source::Layout { path, tag });
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            let missing = SourceError::Missing { word: "docker-archive", what: "file", form: "PATH[:NAME]" };
            let (path, name) = placed(rest, text, missing)?;
            return Ok(Source::Archive { path, name });
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            let missing = SourceError::Missing { word: "docker-daemon", what: "image", form: "NAME" };
            return if name.is_empty() { Err(missing) } else { Ok(Source::Daemon { name: name.to_owned() }) };
        }
        match OTHERS.into_iter().find(|(word, _)| text.starts_with(word)) {
            Some((word, instead)) => Err(SourceError::Word { text: text.escape_debug().to_string(), word, instead }),
            None => Ok(Source::Registry(text.parse()?)),
        }
    }
}

/// Splits a path, and what follows its colon.
fn placed(rest: &str, text: &str, missing: SourceError) -> Result<(String, Option<String>), SourceError> {
    let (path, name) = match rest.split_once(':') {
        Some((path, name)) => (path, Some(name)),
        None => (rest, None),
    };
    if path.is_empty() || name.is_some_and(str::is_empty) {
        return Err(missing);
    }
    if path.starts_with('/') || path.contains('\0') || path.split('/').any(|segment| segment == "..") {
        return Err(SourceError::Outside { text: text.escape_debug().to_string() });
    }
    Ok((path.to_owned(), name.map(str::to_owned)))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let behind = |more: &Option<String>| more.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
        match self {
            Source::Registry(reference) => write!(f, "{reference}"),
            Source::Layout { path, tag } => write!(f, "oci-layout:{path}{}", behind(tag)),
            Source::Archive { path, name } => write!(f, "docker-archive:{path}{}", behind(name)),
            Source::Daemon { name } => write!(f, "docker-daemon:{name}"),
        }
    }
}

/// Returns where an image is taken from. `overrides` name stand-ins: a reference, or one with the tag `*`, and what is
/// taken in its place; a stand-in without a tag has that of the image.
pub fn source(image: &str, overrides: &BTreeMap<String, String>) -> Result<Source, SourceError> {
    let source: Source = image.parse()?;
    let Source::Registry(reference) = &source else { return Ok(source) };
    for (pattern, stand_in) in overrides {
        let (pattern, any_tag) = match pattern.strip_suffix(":*") {
            Some(pattern) => (pattern, true),
            None => (pattern.as_str(), false),
        };
        let pattern: Reference = pattern.parse()?;
        let is_same = pattern.host() == reference.host() && pattern.repository() == reference.repository();
        if !is_same || !(any_tag || pattern == *reference) {
            continue;
        }
        return Ok(match stand_in.parse()? {
            Source::Registry(mirror) if !Reference::says_version(stand_in) => {
                Source::Registry(mirror.at_version_of(reference))
            }
            other => other,
        });
    }
    Ok(source)
}
