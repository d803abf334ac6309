//! The name of some bytes, as registries write it: `sha256:` and 64 digits. How many bytes there are is not in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The SHA-256 of some bytes. Prints as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Why a text is no digest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DigestError {
    /// Another function than SHA-256.
    #[error("`{}` is a digest by another function than sha256", .0.escape_debug())]
    Algorithm(String),
    /// No digest at all.
    #[error("`{}` is no digest: write `sha256:` and 64 digits of 0 to 9 and a to f", .0.escape_debug())]
    Malformed(String),
}

impl Digest {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(model::Digest::of(bytes).hash)
    }

    /// Returns the 64 digits.
    pub fn hex(&self) -> String {
        self.sized(0).hex()
    }

    /// Returns the digest with the number of bytes, as the store names them.
    pub fn sized(&self, size_bytes: u64) -> model::Digest {
        model::Digest { hash: self.0, size_bytes }
    }
}

impl From<model::Digest> for Digest {
    fn from(digest: model::Digest) -> Digest {
        Digest(digest.hash)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let malformed = || DigestError::Malformed(text.to_owned());
        let (algorithm, digits) = text.split_once(':').ok_or_else(malformed)?;
        if algorithm != "sha256" && matches!(algorithm, "sha512" | "sha384" | "blake3" | "md5" | "sha1") {
            return Err(DigestError::Algorithm(text.to_owned()));
        }
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if algorithm != "sha256" || digits.len() != 64 || !digits.bytes().all(is_digit) {
            return Err(malformed());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Digest(hash))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
