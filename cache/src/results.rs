//! Results by action key. A result is handed out only if all that it names is there, and is stored only after
//! all that it names has reached the disk.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::reapi::{ActionResult, Message};
use model::{ActionKey, Digest};
use rusqlite::{Connection, TransactionBehavior};

use crate::Cache;
use crate::error::CacheError;
use crate::layout::Hash;
use crate::leases::Lease;
use crate::messages::{self, Pending};
use crate::rows::{self, ResultRow, RowKey};
use crate::stamps;

/// How an action ran last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    /// How long it ran.
    pub duration: Duration,
    /// The most memory that it held.
    pub peak_memory_bytes: u64,
}

/// A finished action with its result.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its key.
    pub key: ActionKey,
    /// What it left. A result with an exit code other than zero is never stored.
    pub result: ActionResult,
    /// Its Action and Command messages, and the Directory messages of its input root.
    pub messages: Vec<(Digest, Vec<u8>)>,
    /// Its name for people: `//a:b` or `//a:b compile x`.
    pub name: String,
    /// How long it ran.
    pub duration: Duration,
    /// The most memory that it used.
    pub peak_memory_bytes: u64,
}

impl Cache {
    /// Returns the results that are known and whole. One that names something which is missing is dropped:
    /// a miss. A broken database is made of misses, never an error.
    pub fn lookup(&self, asked: &[ActionKey]) -> Vec<Option<ActionResult>> {
        self.leases.try_hold();
        let keys: Vec<RowKey> = asked.iter().map(rows::row_key).collect();
        let mut found = self.database.with(|c| rows::results(c, &keys)).unwrap_or_default();
        found.resize_with(asked.len(), || None);
        let mut spoilt = Vec::new();
        let results = found.into_iter().map(|row| {
            let row = row?;
            let result = self.whole(&row);
            match &result {
                Some(_) => self.note_use(&row),
                None => spoilt.push(row),
            }
            result
        });
        let results = results.collect();
        if !spoilt.is_empty() {
            self.database.with_open(|c| spoilt.iter().try_for_each(|row| rows::drop_result(c, row)));
        }
        results
    }

    /// Stores results: first everything written so far reaches the disk, then one transaction tells of it.
    pub fn commit(&self, done: &[Committed]) -> Result<(), CacheError> {
        let lease = self.leases.hold()?;
        self.sync(&lease)?;
        let rows: Vec<ResultRow> = done.iter().filter_map(|done| row_of(done, lease.counter)).collect();
        self.store(&lease, done, &rows)
    }

    /// Returns how actions ran last, by name.
    pub fn history(&self) -> std::collections::HashMap<String, Past> {
        self.database.with(|c| rows::history(c)).unwrap_or_default()
    }

    /// Stores waiting messages when there are many.
    pub(crate) fn flush_if_full(&self) -> Result<(), CacheError> {
        if self.messages.is_full() { self.store(&*self.leases.hold()?, &[], &[]) } else { Ok(()) }
    }

    /// Tells the database which results were used; only if it is open anyway.
    pub(crate) fn flush_uses(&self) {
        let uses = self.take_uses();
        if !uses.is_empty() {
            self.database.with_open(|c| {
                let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
                store_uses(&transaction, &uses)?;
                transaction.commit()
            });
        }
    }

    fn store(&self, lease: &Lease, done: &[Committed], results: &[ResultRow]) -> Result<(), CacheError> {
        let (pending, uses, added) = (self.messages.pending(), self.take_uses(), self.blobs.take_added_bytes());
        self.database.with(|c| {
            let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
            store_all(&transaction, lease.counter, &pending, done, results)?;
            store_uses(&transaction, &uses)?;
            rows::add_stored_bytes(&transaction, added)?;
            transaction.commit()
        })?;
        self.messages.stored(&pending);
        Ok(())
    }

    /// Waits until all files written so far are on the disk. After a failure they may be gone, and a second try
    /// would claim the contrary: nothing is recorded any more.
    fn sync(&self, lease: &Lease) -> Result<(), CacheError> {
        let unsynced = || CacheError::Unsynced { path: self.layout.root.clone() };
        if self.unsynced.load(Ordering::Relaxed) {
            return Err(unsynced());
        }
        rustix::fs::syncfs(&lease.root).map_err(|error| {
            self.unsynced.store(true, Ordering::Relaxed);
            self.blobs.doubt();
            self.ready().close();
            stamps::forget_all(&self.layout);
            CacheError::io("sync", &self.layout.root)(error.into())
        })
    }

    /// Decodes a row, if it is unharmed and all that it names is there.
    fn whole(&self, row: &ResultRow) -> Option<ActionResult> {
        let result = decode(row)?;
        let present = messages::own_files(&result).all(|digest| self.blobs.is_present(&digest))
            && messages::roots(&result).all(|root| self.is_complete(root));
        present.then_some(result)
    }

    /// Returns whether a directory and all below it is there. The answer is remembered until something is lost.
    fn is_complete(&self, root: Hash) -> bool {
        if self.complete().contains(&root) {
            return true;
        }
        let Some(reach) = self.messages.reach([root]) else { return false };
        let present = reach.files.iter().all(|digest| self.blobs.is_present(digest));
        if present {
            self.complete().insert(root);
        }
        present
    }

    fn note_use(&self, row: &ResultRow) {
        let Some(counter) = self.leases.counter() else { return };
        if row.last_use < counter {
            self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(row.key, counter);
        }
    }

    fn take_uses(&self) -> BTreeMap<RowKey, i64> {
        std::mem::take(&mut self.uses.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Decodes a row that is unharmed and tells of a success.
pub(crate) fn decode(row: &ResultRow) -> Option<ActionResult> {
    if row.seal != rows::seal(&row.key, &row.bytes) {
        return None;
    }
    ActionResult::decode(&row.bytes).ok().filter(|result| result.exit_code == 0)
}

fn row_of(done: &Committed, counter: i64) -> Option<ResultRow> {
    if done.result.exit_code != 0 {
        return None;
    }
    let (key, bytes) = (rows::row_key(&done.key), done.result.encode());
    Some(ResultRow { key, seal: rows::seal(&key, &bytes).to_vec(), bytes, last_use: counter })
}

fn store_all(
    c: &Connection,
    counter: i64,
    pending: &Pending,
    done: &[Committed],
    results: &[ResultRow],
) -> rusqlite::Result<()> {
    rows::raise_counter(c, counter)?;
    messages::store(c, pending, counter)?;
    for done in done.iter().filter(|done| done.result.exit_code == 0) {
        for (digest, bytes) in &done.messages {
            rows::put_message(c, &digest.hash, bytes, counter)?;
        }
        rows::put_history(c, &done.name, done.duration, done.peak_memory_bytes)?;
    }
    results.iter().try_for_each(|row| rows::put_result(c, row))
}

fn store_uses(c: &Connection, uses: &BTreeMap<RowKey, i64>) -> rusqlite::Result<()> {
    uses.iter().try_for_each(|(key, counter)| rows::use_result(c, key, *counter))
}
