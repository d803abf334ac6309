//! Small messages of the protocol by digest: Action, Command and Directory. They wait in memory for the next
//! commit, where all readers of this process see them; after a crash nothing refers to those that are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::reapi::{ActionResult, Directory, Message};
use model::{Digest, Lost};
use rusqlite::Connection;

use crate::database::Database;
use crate::layout::Hash;
use crate::rows;

/// Above this the waiting messages are stored without waiting for a result.
const PATIENCE_BYTES: usize = 4 << 20;

/// Messages that wait, by hash.
pub(crate) type Pending = BTreeMap<Hash, Arc<[u8]>>;

/// The messages, stored and waiting.
#[derive(Debug)]
pub(crate) struct Messages {
    database: Arc<Database>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: Pending,
    bytes: usize,
}

/// What a result or a directory needs.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// All files, each once.
    pub(crate) files: BTreeSet<Digest>,
    /// All directories, each once.
    pub(crate) directories: BTreeSet<Hash>,
}

impl Messages {
    pub(crate) fn new(database: Arc<Database>) -> Messages {
        Messages { database, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message until the next commit. Returns its digest.
    pub(crate) fn put(&self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        let mut waiting = self.waiting();
        let length = bytes.len();
        if waiting.messages.insert(digest.hash, bytes.into()).is_none() {
            waiting.bytes += length;
        }
        digest
    }

    /// Returns whether so much waits that it is better stored now.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting().bytes > PATIENCE_BYTES
    }

    /// Returns what waits; it goes on waiting, so that readers see it until it is stored.
    pub(crate) fn pending(&self) -> Pending {
        self.waiting().messages.clone()
    }

    /// Forgets what was stored.
    pub(crate) fn stored(&self, pending: &Pending) {
        let mut waiting = self.waiting();
        for (hash, bytes) in pending {
            if waiting.messages.remove(hash).is_some() {
                waiting.bytes -= bytes.len();
            }
        }
    }

    /// Returns the bytes of messages, each checked against its hash.
    pub(crate) fn get(&self, hashes: &[Hash]) -> Vec<Option<Arc<[u8]>>> {
        let mut found: Vec<_> = {
            let waiting = self.waiting();
            hashes.iter().map(|hash| waiting.messages.get(hash).cloned()).collect()
        };
        let absent: Vec<usize> = (0..hashes.len()).filter(|&i| found[i].is_none()).collect();
        if absent.is_empty() {
            return found;
        }
        let asked: Vec<Hash> = absent.iter().map(|&i| hashes[i]).collect();
        let stored = self.database.with(|c| rows::messages(c, &asked)).unwrap_or_default();
        for (i, bytes) in absent.into_iter().zip(stored) {
            found[i] = bytes.filter(|bytes| Digest::of(bytes).hash == hashes[i]);
        }
        found
    }

    /// Returns a directory by its digest.
    pub(crate) fn directory(&self, digest: &Digest) -> Result<Directory, Lost> {
        let bytes = self.get(&[digest.hash]).pop().flatten().ok_or(Lost(*digest))?;
        if bytes.len() as u64 != digest.size_bytes {
            return Err(Lost(*digest));
        }
        Directory::decode(&bytes).map_err(|_| Lost(*digest))
    }

    /// Returns all that the directories need; `None` if a message is missing.
    pub(crate) fn reach(&self, roots: impl IntoIterator<Item = Hash>) -> Option<Reach> {
        let mut reach = Reach::default();
        let mut next: Vec<Hash> = roots.into_iter().filter(|&root| reach.directories.insert(root)).collect();
        while !next.is_empty() {
            let mut below = Vec::new();
            for bytes in self.get(&next) {
                let directory = Directory::decode(&bytes?).ok()?;
                reach.files.extend(directory.files.iter().map(|file| file.digest));
                let hashes = directory.directories.iter().map(|node| node.digest.hash);
                below.extend(hashes.filter(|&hash| reach.directories.insert(hash)));
            }
            next = below;
        }
        Some(reach)
    }
}

impl Messages {
    /// Adds a directory and all below it that are there to `marked`.
    pub(crate) fn mark(&self, root: Hash, marked: &mut BTreeSet<Hash>) {
        let mut next = if marked.insert(root) { vec![root] } else { Vec::new() };
        while !next.is_empty() {
            let found = self.get(&next).into_iter().flatten();
            let directories: Vec<Directory> = found.filter_map(|bytes| Directory::decode(&bytes).ok()).collect();
            let below = directories.iter().flat_map(|directory| &directory.directories).map(|node| node.digest.hash);
            next = below.filter(|&hash| marked.insert(hash)).collect();
        }
    }
}

/// Stores messages as a part of a transaction.
pub(crate) fn store(c: &Connection, pending: &Pending, counter: i64) -> rusqlite::Result<()> {
    pending.iter().try_for_each(|(hash, bytes)| rows::put_message(c, hash, bytes, counter))
}

/// Returns the files that a result names itself.
pub(crate) fn own_files(result: &ActionResult) -> impl Iterator<Item = Digest> {
    result.output_files.iter().map(|file| file.digest).chain(result.stdout_digest)
}

/// Returns the root directories that a result names.
pub(crate) fn roots(result: &ActionResult) -> impl Iterator<Item = Hash> {
    result.output_directories.iter().map(|directory| directory.root_directory_digest.hash)
}
