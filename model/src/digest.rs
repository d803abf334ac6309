//! Digests and ids. SHA-256 names bytes that are stored and shared; BLAKE3 says whether something changed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// The SHA-256 of some bytes, and how many they are. Prints as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest {
    /// The SHA-256 of the bytes.
    pub hash: [u8; 32],
    /// The number of bytes.
    pub size_bytes: u64,
}

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest { hash: sha2::Sha256::digest(bytes).into(), size_bytes: bytes.len() as u64 }
    }

    /// Returns the hash in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.hash)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hex(), self.size_bytes)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest")]
pub struct ParseDigestError(String);

/// The key of an action: the digest of its Remote Execution API `Action` message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ActionKey(pub Digest);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

/// Declares a BLAKE3 hash with a meaning of its own.
macro_rules! blake3_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 32]);

        impl From<blake3::Hash> for $name {
            fn from(hash: blake3::Hash) -> $name {
                $name(*hash.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }
    };
}

blake3_newtype! {
    /// The hash of an action's description before anything ran.
    StaticKey
}
blake3_newtype! {
    /// The hash of something of this machine that an action needs: a toolchain, the base system.
    Fingerprint
}

/// What a file of a tree is, and a hash of its content: says whether it changed, names no stored bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FileId {
    /// What the entry is; a file that becomes executable is another input.
    pub kind: FileKind,
    /// The BLAKE3 of the content, or of a symlink's target text.
    pub hash: [u8; 32],
}

/// What counts of a file's mode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum FileKind {
    /// A plain file.
    File,
    /// A file that its owner may execute.
    Executable,
    /// A symbolic link, never followed.
    Symlink,
}

impl FileId {
    /// Returns the id of content held in memory.
    pub fn of(kind: FileKind, content: &[u8]) -> FileId {
        FileId { kind, hash: *blake3::hash(content).as_bytes() }
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    /// Parses `<hex>/<size>`, the form of [`Debug`].
    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        let wrong = || ParseDigestError(text.to_owned());
        let (hash, size) = text.split_once('/').ok_or_else(wrong)?;
        let hash = parse_hex(hash).ok_or_else(wrong)?;
        Ok(Digest { hash, size_bytes: size.parse().map_err(|_| wrong())? })
    }
}

/// Returns `bytes` in lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
        text
    })
}

/// Parses 64 hexadecimal digits.
pub(crate) fn parse_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
