//! Where everything lies below the directory of the cache. The version of the formats is a part of the path:
//! what another version of rg left beside it is never looked at.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use model::{ActionKey, Digest};

/// Whether a file can be executed. The mode belongs to the inode, so each answer has a file of its own.
/// Its owner may write: an action sees it through a mount that copies what is written, or is read-only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Executable {
    /// Mode 0644.
    No,
    /// Mode 0755.
    Yes,
}

impl Executable {
    pub(crate) const BOTH: [Executable; 2] = [Executable::No, Executable::Yes];

    /// Returns the choice that a bit of a message stands for.
    pub fn from_bit(bit: bool) -> Executable {
        if bit { Executable::Yes } else { Executable::No }
    }

    pub(crate) fn mode(self) -> u32 {
        match self {
            Executable::No => 0o644,
            Executable::Yes => 0o755,
        }
    }

    pub(crate) fn other(self) -> Executable {
        match self {
            Executable::No => Executable::Yes,
            Executable::Yes => Executable::No,
        }
    }
}

/// The SHA-256 in a file's name, without the size.
pub(crate) type Hash = [u8; 32];

/// The paths of one store.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) given: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) blobs: PathBuf,
    pub(crate) trees: PathBuf,
    pub(crate) stamps: PathBuf,
    pub(crate) claims: PathBuf,
    pub(crate) leases: PathBuf,
    pub(crate) tmp: PathBuf,
    pub(crate) trash: PathBuf,
    pub(crate) memory: PathBuf,
    pub(crate) shared: PathBuf,
    pub(crate) failed: PathBuf,
}

impl Layout {
    pub(crate) fn new(given: PathBuf) -> Layout {
        let root = given.join("v1");
        let below = |name: &str| root.join(name);
        Layout {
            blobs: below("blobs"),
            trees: below("trees"),
            stamps: below("stamps"),
            claims: below("claims"),
            leases: below("leases"),
            tmp: below("tmp"),
            trash: below("trash"),
            memory: below("memory"),
            shared: below("shared"),
            failed: below("failed"),
            root,
            given,
        }
    }

    /// Returns the directories that are made before anything is written.
    pub(crate) fn directories(&self) -> [&Path; 8] {
        [&self.blobs, &self.trees, &self.stamps, &self.claims, &self.leases, &self.tmp, &self.trash, &self.memory]
    }

    pub(crate) fn blob(&self, hash: &Hash, executable: Executable) -> PathBuf {
        let mut name = hex(hash);
        let mut path = self.blobs.join(&name[..2]);
        if executable == Executable::Yes {
            name.push_str(".x");
        }
        path.push(name);
        path
    }

    pub(crate) fn tree(&self, root: &Hash) -> PathBuf {
        self.trees.join(hex(root))
    }

    /// What is known of an assembled directory.
    pub(crate) fn stamps(&self, root: &Hash) -> PathBuf {
        self.stamps.join(hex(root))
    }

    /// What the last failed run of an action has left.
    pub(crate) fn failed(&self, key: &ActionKey) -> PathBuf {
        self.failed.join(key.0.hex())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("db.sqlite")
    }

    /// Held shared by all who have the database open, exclusively by whoever makes or replaces it.
    pub(crate) fn database_lock(&self) -> PathBuf {
        self.root.join("db.lock")
    }

    /// Held by the one who discards damaged directories.
    pub(crate) fn mending_lock(&self) -> PathBuf {
        self.root.join("trees.lock")
    }

    /// Held by the one who collects garbage.
    pub(crate) fn gc_lock(&self) -> PathBuf {
        self.root.join("gc.lock")
    }
}

pub(crate) fn hex(hash: &Hash) -> String {
    Digest { hash: *hash, size_bytes: 0 }.hex()
}

/// Parses the name of a blob's file.
pub(crate) fn parse_blob(name: &OsStr) -> Option<(Hash, Executable)> {
    let name = name.to_str()?;
    match name.strip_suffix(".x") {
        Some(stem) => Some((parse_hash(stem)?, Executable::Yes)),
        None => Some((parse_hash(name)?, Executable::No)),
    }
}

/// Parses 64 lower-case hexadecimal digits.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    let hash = format!("{text}/0").parse::<Digest>().ok()?.hash;
    (hex(&hash) == text).then_some(hash)
}
