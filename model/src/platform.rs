//! Platforms: what a target is built for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An operating system and an architecture, in Go's and OCI's words: `linux/amd64`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system: `linux`, `darwin`, …
    pub os: Arc<str>,
    /// The architecture: `amd64`, `arm64`, …
    pub arch: Arc<str>,
}

/// A text that is not `os/arch`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: write an operating system and an architecture, as in `linux/amd64`")]
pub struct PlatformError(String);

impl Platform {
    /// Returns the platform that this program runs on.
    pub fn of_this_machine() -> Platform {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Platform { os: Arc::from(std::env::consts::OS), arch: Arc::from(arch) }
    }

    /// Returns one path segment: `linux-arm64`, with the `@` that no package begins with.
    pub fn slug(&self) -> String {
        format!("@{}-{}", self.os, self.arch)
    }
}

impl Default for Platform {
    fn default() -> Platform {
        Platform { os: Arc::from("linux"), arch: Arc::from("amd64") }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric());
        match text.split_once('/') {
            Some((os, arch)) if word(os) && word(arch) => Ok(Platform { os: Arc::from(os), arch: Arc::from(arch) }),
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
