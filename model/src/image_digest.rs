//! The name of an image, of a layer, or of other bytes of a registry: `sha256:` and 64 digits. How many bytes there are is
//! not in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Digest;
use crate::digest::parse_hex;

/// The SHA-256 of some bytes of a registry: of a manifest, an index, a layer. Prints as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest(pub [u8; 32]);

/// Why a text is no digest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageDigestError {
    /// Another function than SHA-256.
    #[error("`{}` is a digest by another function than sha256", .0.escape_debug())]
    Algorithm(String),
    /// No digest at all.
    #[error("`{}` is no digest: write `sha256:` and 64 digits of 0 to 9 and a to f", .0.escape_debug())]
    Malformed(String),
}

impl ImageDigest {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> ImageDigest {
        ImageDigest(Digest::of(bytes).hash)
    }

    /// Returns the 64 digits.
    pub fn hex(&self) -> String {
        self.sized(0).hex()
    }

    /// Returns the digest with the number of bytes, as the store names them.
    pub fn sized(&self, size_bytes: u64) -> Digest {
        Digest { hash: self.0, size_bytes }
    }
}

impl From<Digest> for ImageDigest {
    fn from(digest: Digest) -> ImageDigest {
        ImageDigest(digest.hash)
    }
}

impl FromStr for ImageDigest {
    type Err = ImageDigestError;

    fn from_str(text: &str) -> Result<ImageDigest, ImageDigestError> {
        let malformed = || ImageDigestError::Malformed(text.to_owned());
        let (algorithm, digits) = text.split_once(':').ok_or_else(malformed)?;
        if algorithm != "sha256" && matches!(algorithm, "sha512" | "sha384" | "blake3" | "md5" | "sha1") {
            return Err(ImageDigestError::Algorithm(text.to_owned()));
        }
        if algorithm != "sha256" || digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(malformed());
        }
        parse_hex(digits).map(ImageDigest).ok_or_else(malformed)
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ImageDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ImageDigest, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
