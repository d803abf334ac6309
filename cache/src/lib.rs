//! Remembers bytes by digest and results by action key, for all workspaces of a user, in one directory.
//!
//! It knows nothing of graphs, rules or containers. A fault of it makes a run slower, never wronger: what is missing
//! or damaged is a miss, and an error of keeping something is told, not obeyed. Nothing is opened or made before it
//! is needed: a run that finds all it needs in the memory file never opens the database.
//!
//! Remote stores, when they come, are asked in `results` after the database, and fill `blobs` before the result
//! is handed out.

mod blobs;
mod claims;
mod database;
mod drafts;
mod error;
mod failed;
mod files;
mod gc;
mod ingest;
mod layout;
mod leases;
mod memory;
mod messages;
mod results;
mod rows;
mod scratch;
mod stamps;
mod survey;
mod threads;
mod trees;
mod verify;

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::reapi::{Directory, Message};
use model::{Digest, Lost};

pub use crate::claims::Claim;
pub use crate::drafts::Draft;
pub use crate::error::{CacheError, Unusable};
pub use crate::failed::FailedSandbox;
pub use crate::gc::Collected;
pub use crate::ingest::MayLink;
pub use crate::layout::Executable;
pub use crate::results::{Committed, Past};
pub use crate::scratch::Scratch;
pub use crate::survey::Stats;
pub use crate::verify::Verified;

use crate::blobs::Blobs;
use crate::database::Database;
use crate::drafts::Ready;
use crate::layout::{Hash, Layout};
use crate::leases::Leases;
use crate::messages::Messages;
use crate::rows::RowKey;

/// A store: shared by threads by reference, and by processes by its directory.
#[derive(Debug)]
pub struct Cache {
    layout: Arc<Layout>,
    max_size_bytes: u64,
    database: Arc<Database>,
    leases: Arc<Leases>,
    blobs: Blobs,
    messages: Messages,
    known: Known,
    ready: Mutex<Ready>,
    /// Results that were used since the last commit.
    uses: Mutex<BTreeMap<RowKey, i64>>,
    /// Set when writes did not reach the disk: nothing of this run is recorded any more.
    unsynced: AtomicBool,
}

/// What this process has found to be good, by root.
#[derive(Debug, Default)]
struct Known {
    complete: Mutex<HashSet<Hash>>,
    assembled: Mutex<HashSet<Hash>>,
}

impl Cache {
    /// Makes a store of a directory, which need not exist. Nothing is read or written yet.
    pub fn at(dir: PathBuf, max_size_bytes: u64) -> Cache {
        let layout = Arc::new(Layout::new(dir));
        let database = Arc::new(Database::new(layout.clone()));
        let leases = Arc::new(Leases::new(layout.clone(), database.clone()));
        Cache {
            blobs: Blobs::new(layout.clone(), leases.clone()),
            messages: Messages::new(database.clone()),
            known: Known::default(),
            ready: Mutex::default(),
            uses: Mutex::default(),
            unsynced: AtomicBool::new(false),
            layout,
            max_size_bytes,
            database,
            leases,
        }
    }

    /// Returns the directory that it was made of.
    pub fn dir(&self) -> &Path {
        &self.layout.given
    }

    /// Stores bytes.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, CacheError> {
        self.blobs.put_bytes(bytes)
    }

    /// Stores what is read as a file that can, or cannot, be executed. A small one that is there already is not written.
    pub fn put_file(&self, from: &mut dyn Read, executable: Executable) -> Result<Digest, CacheError> {
        Ok(self.blobs.put_file(from, executable, None)?.0)
    }

    /// Stores a source file in one pass. Returns the digest, and the BLAKE3 of the same bytes.
    pub fn put_source(&self, from: &mut dyn Read) -> Result<(Digest, [u8; 32]), CacheError> {
        self.blobs.put_source(from)
    }

    /// Stores a directory's message. Its entries need not be there yet.
    pub fn put_directory(&self, directory: &Directory) -> Result<Digest, CacheError> {
        let digest = self.messages.put(directory.encode());
        self.flush_if_full()?;
        Ok(digest)
    }

    /// Returns for each digest whether a file of its size is there. Directories are not files.
    pub fn has(&self, digests: &[Digest]) -> Vec<bool> {
        self.leases.try_hold();
        digests.iter().map(|digest| self.blobs.is_present(digest)).collect()
    }

    /// Returns a path that may be read and, on the same file system, be hard-linked. The bytes are compared with
    /// the digest at the first use in a process; a file with other bytes goes to the trash and is lost.
    pub fn blob(&self, digest: &Digest, executable: Executable) -> Result<PathBuf, Lost> {
        self.leases.try_hold();
        self.blobs.path(digest, executable).map_err(|missing| self.lost_blob(digest, missing))
    }

    /// Returns a stored directory's message.
    pub fn directory(&self, digest: &Digest) -> Result<Directory, Lost> {
        self.messages.directory(digest).inspect_err(|_| self.complete().clear())
    }

    /// Roots below which everything was there when it was looked for.
    fn complete(&self) -> MutexGuard<'_, HashSet<Hash>> {
        self.known.complete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Roots of assembled directories that this process has made or compared.
    fn assembled(&self) -> MutexGuard<'_, HashSet<Hash>> {
        self.known.assembled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.flush_uses();
    }
}
