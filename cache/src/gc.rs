//! Garbage collection. First it decides what stays, newest first, then it lets go of the rest: rows, then files.
//! What a living invocation has touched stays; a file that is touched while it goes is brought back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use model::reapi::{Action, ActionResult, Message};
use rusqlite::TransactionBehavior;

use crate::Cache;
use crate::error::CacheError;
use crate::files::{self, Stamp};
use crate::layout::Hash;
use crate::leases::{self, Living, names};
use crate::messages::{self, Reach};
use crate::results;
use crate::rows::{self, ResultRow};
use crate::survey::BlobFiles;

/// What garbage collection removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collected {
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many results.
    pub results: u64,
    /// How many assembled directories.
    pub trees: u64,
    /// The bytes of the blobs that stayed.
    pub kept_bytes: u64,
}

/// What was there when the collection began. The order in which this is read matters: the time before the leases,
/// so that a lease which is missed began after it.
struct Before {
    /// A blob that was touched at this time or later is in use.
    horizon: Stamp,
    /// A row with this number or a later one is in use.
    limit: i64,
    /// Tells whether another connection has committed since; `None` if that cannot be told.
    data_version: Option<i64>,
    blobs: BTreeMap<Hash, BlobFiles>,
    results: Vec<ResultRow>,
}

/// What stays.
#[derive(Default)]
struct Kept {
    bytes: u64,
    blobs: BTreeSet<Hash>,
    /// Directories below results that stay or below assembled ones in use.
    directories: BTreeSet<Hash>,
    /// Keys of results that stay.
    actions: Vec<Hash>,
    evicted: Vec<ResultRow>,
}

impl Cache {
    /// Removes what was used least recently until the blobs take at most `to` bytes, but nothing that a living
    /// invocation uses.
    pub fn gc(&self, to: u64) -> Result<Collected, CacheError> {
        let Some(_locked) = self.gc_lock(Patience::Wait)? else { return Ok(Collected::default()) };
        self.collect(to, to)
    }

    /// Removes garbage if this process has stored something and the store is larger than it may be, down to 80 %.
    /// Does nothing if another process is at it.
    pub fn collect_if_needed(&self) {
        self.flush_uses();
        if self.leases.counter().is_none() {
            return;
        }
        let stored = self.database.with_open(|c| rows::stored_bytes(c)).flatten();
        if stored.is_some_and(|bytes| bytes.cast_unsigned() <= self.max_size_bytes) {
            return;
        }
        if let Ok(Some(_locked)) = self.gc_lock(Patience::None) {
            // What cannot be collected now is collected another time.
            let _ = self.collect(self.max_size_bytes, self.max_size_bytes / 5 * 4);
        }
    }

    pub(crate) fn gc_lock(&self, patience: Patience) -> Result<Option<File>, CacheError> {
        if !self.layout.root.exists() {
            return Ok(None);
        }
        let path = self.layout.gc_lock();
        let lock = files::open_lock(&path).map_err(CacheError::io("open", &path))?;
        match patience {
            Patience::Wait => lock.lock().map_err(CacheError::io("lock", &path))?,
            Patience::None if lock.try_lock().is_err() => return Ok(None),
            Patience::None => {}
        }
        Ok(Some(lock))
    }

    /// Collects down to `to` bytes if there are more than `above`. The lock is held by the caller.
    fn collect(&self, above: u64, to: u64) -> Result<Collected, CacheError> {
        self.flush_uses();
        let mut before = self.look_before()?;
        let total = before.blobs.values().map(BlobFiles::bytes).sum();
        if total <= above {
            // Only an estimate for later.
            let _ = self.database.with(|c| rows::set_stored_bytes(c, total));
            return Ok(Collected { kept_bytes: total, ..Collected::default() });
        }
        let kept = self.decide(&before, to);
        let evicted = self.evict_rows(&before, &kept);
        let trees = self.collect_trees(&before, &kept);
        self.sweep_stamps();
        let (blobs, bytes) = self.collect_blobs(&before, &kept);
        let results = evicted.or_else(|_| {
            // The disk was full, and is not any more. Rows without files were misses meanwhile.
            self.database.close();
            before.data_version = None;
            self.evict_rows(&before, &kept)
        })?;
        Ok(Collected { blobs, bytes, results, trees, kept_bytes: total - bytes })
    }

    fn look_before(&self) -> Result<Before, CacheError> {
        let now = self.empty_trash()?;
        let (data_version, counter) = self.database.with(|c| Ok((rows::data_version(c)?, rows::counter(c)?)))?;
        let Living { start, counter: oldest } = leases::sweep(&self.layout);
        self.sweep_memory();
        Ok(Before {
            horizon: start.map_or(now, |start| start.min(now)),
            limit: oldest.map_or(counter + 1, |oldest| oldest.min(counter + 1)),
            data_version: Some(data_version),
            results: self.database.with(|c| rows::all_results(c))?,
            blobs: self.survey_blobs()?,
        })
    }

    /// Removes what earlier collections and repairs left in the trash. Returns the file system's time.
    fn empty_trash(&self) -> Result<Stamp, CacheError> {
        let trash = &self.layout.trash;
        for name in names(trash) {
            let _ = files::remove_tree(&trash.join(name));
        }
        // The time of a file that is there already: a full disk has no room for another.
        let probe = self.layout.gc_lock();
        let touched = files::touch(&probe).and_then(|()| fs::symlink_metadata(&probe));
        Ok(Stamp::of(&touched.map_err(CacheError::io("touch", &probe))?))
    }

    /// Decides what stays: what is in use, then results by their last use, then single blobs by theirs.
    fn decide(&self, before: &Before, to: u64) -> Kept {
        let mut kept = Kept::default();
        for (hash, blob) in before.blobs.iter().filter(|(_, blob)| before.uses(blob)) {
            kept.add_blob(*hash, blob);
        }
        for root in self.survey_trees().into_iter().filter(|root| self.tree_in_use(root, before)) {
            if let Some(reach) = self.messages.reach([root]) {
                kept.add(before, reach);
            }
        }
        let mut room = Room::Left;
        for row in self.results_by_use(before) {
            match self.need(before, row) {
                Some((Use::Now, reach)) => kept.add_result(before, row, reach),
                Some((Use::Past, reach)) if room == Room::Left && kept.bytes + kept.more(before, &reach) <= to => {
                    kept.add_result(before, row, reach);
                }
                // Strictly by age: what is older than the first that does not fit goes too.
                Some((Use::Past, _)) => {
                    room = Room::None;
                    kept.evicted.push(row.clone());
                }
                None => kept.evicted.push(row.clone()),
            }
        }
        kept.fill(before, to);
        kept
    }

    /// Returns all results: those in use first, then by their last use. What each needs is looked up again when
    /// it is its turn: all of it at once would not fit into memory.
    fn results_by_use<'a>(&self, before: &'a Before) -> Vec<&'a ResultRow> {
        let mut all: Vec<&ResultRow> = before.results.iter().collect();
        all.sort_by_cached_key(|row| self.need(before, row).map_or(Use::Past, |(when, _)| when));
        all
    }

    /// Returns when a result is used, and what it needs. A result that is not whole needs nothing: it is a miss
    /// already.
    fn need(&self, before: &Before, row: &ResultRow) -> Option<(Use, Reach)> {
        let result: ActionResult = results::decode(row)?;
        let mut reach = self.messages.reach(messages::roots(&result))?;
        reach.files.extend(messages::own_files(&result));
        let blobs: Option<Vec<&BlobFiles>> = reach
            .files
            .iter()
            .map(|file| before.blobs.get(&file.hash).filter(|blob| blob.has_size(file.size_bytes)))
            .collect();
        let blobs = blobs?;
        let in_use = row.last_use >= before.limit || blobs.iter().any(|blob| before.uses(blob));
        Some((if in_use { Use::Now } else { Use::Past }, reach))
    }

    fn tree_in_use(&self, root: &Hash, before: &Before) -> bool {
        fs::symlink_metadata(self.layout.tree(root)).is_ok_and(|found| Stamp::of(&found) >= before.horizon)
    }

    /// Deletes rows: results that do not stay, and messages that no result needs which stays.
    fn evict_rows(&self, before: &Before, kept: &Kept) -> Result<u64, CacheError> {
        let needed = self.needed_messages(kept);
        let deleted = self.database.with(|c| {
            let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut deleted = 0;
            for row in &kept.evicted {
                deleted += rows::evict_result(&transaction, row)?;
            }
            // A result that was stored meanwhile may need a message that nothing needed before.
            if before.data_version == Some(rows::data_version(&transaction)?) {
                for hash in rows::messages_before(&transaction, before.limit)? {
                    if !needed.contains(&hash) {
                        rows::drop_message(&transaction, &hash)?;
                    }
                }
            }
            rows::set_stored_bytes(&transaction, kept.bytes)?;
            transaction.commit()?;
            Ok(deleted)
        })?;
        Ok(deleted as u64)
    }

    /// Returns the messages of the results that stay: their keys', and those of the directories they read and left.
    fn needed_messages(&self, kept: &Kept) -> BTreeSet<Hash> {
        let mut needed = kept.directories.clone();
        needed.extend(&kept.actions);
        for bytes in self.messages.get(&kept.actions).into_iter().flatten() {
            let Ok(action) = Action::decode(&bytes) else { continue };
            needed.insert(action.command_digest.hash);
            self.messages.mark(action.input_root_digest.hash, &mut needed);
        }
        needed
    }

    /// Removes assembled directories that are neither in use nor below a result that stays.
    fn collect_trees(&self, before: &Before, kept: &Kept) -> u64 {
        let gone = self.survey_trees().into_iter().filter(|root| {
            !kept.directories.contains(root) && !self.tree_in_use(root, before) && self.collect_tree(root, before)
        });
        gone.count() as u64
    }

    fn collect_tree(&self, root: &Hash, before: &Before) -> bool {
        let place = self.layout.tree(root);
        let _ = files::set_mode(&place, 0o700);
        let room = self.trash_room().ok();
        let goes = go(&[place], room.as_deref(), before.horizon);
        if let Some(room) = room {
            let _ = files::remove_tree(&room);
        }
        goes
    }

    /// Removes blobs that do not stay. Returns how many, and their bytes.
    fn collect_blobs(&self, before: &Before, kept: &Kept) -> (u64, u64) {
        let room = self.trash_room().ok();
        let (mut count, mut bytes) = (0, 0);
        for (hash, blob) in before.blobs.iter().filter(|(hash, _)| !kept.blobs.contains(*hash)) {
            let paths: Vec<PathBuf> =
                blob.variants.iter().map(|(executable, _)| self.layout.blob(hash, *executable)).collect();
            if go(&paths, room.as_deref(), before.horizon) {
                (count, bytes) = (count + 1, bytes + blob.bytes());
            }
        }
        if let Some(room) = room {
            let _ = files::remove_tree(&room);
        }
        (count, bytes)
    }

    fn trash_room(&self) -> std::io::Result<PathBuf> {
        Ok(tempfile::Builder::new().prefix("gc-").tempdir_in(&self.layout.trash)?.keep())
    }
}

/// Whether to wait for another collection.
pub(crate) enum Patience {
    Wait,
    None,
}

/// When a result is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Now,
    Past,
}

/// Whether older results can still stay.
#[derive(PartialEq, Eq)]
enum Room {
    Left,
    None,
}

/// Moves files or directories into a room of the trash, and all of them back if one was touched meanwhile: somebody
/// has found it before it went. Then removes them. Without a room (the disk is full) they are removed where they are,
/// and whoever has just found them finds them lost. Returns whether they are gone.
fn go(paths: &[PathBuf], room: Option<&Path>, horizon: Stamp) -> bool {
    let touched = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| Stamp::of(&found) >= horizon);
    let in_room = |path: &Path| room.map(|room| room.join(path.file_name().unwrap_or_default()));
    let moved: Vec<(&PathBuf, PathBuf)> = paths
        .iter()
        .filter_map(|path| {
            let to = in_room(path).filter(|to| fs::rename(path, to).is_ok());
            let stays_until_removed = || (room.is_none() && path.exists()).then(|| path.clone());
            Some((path, to.or_else(stays_until_removed)?))
        })
        .collect();
    if moved.iter().any(|(_, now)| touched(now)) {
        for (path, now) in moved.iter().filter(|(path, now)| *path != now) {
            // If the name is taken, somebody has stored the same again.
            let _ = files::rename_new(now, path);
        }
        return false;
    }
    !moved.is_empty() && moved.iter().all(|(_, now)| files::remove_tree(now).is_ok())
}

impl Before {
    fn uses(&self, blob: &BlobFiles) -> bool {
        blob.last_use.is_some_and(|last_use| last_use >= self.horizon)
    }
}

impl Kept {
    fn add_blob(&mut self, hash: Hash, blob: &BlobFiles) {
        if self.blobs.insert(hash) {
            self.bytes += blob.bytes();
        }
    }

    fn add(&mut self, before: &Before, reach: Reach) {
        for file in &reach.files {
            if let Some(blob) = before.blobs.get(&file.hash) {
                self.add_blob(file.hash, blob);
            }
        }
        self.directories.extend(reach.directories);
    }

    fn add_result(&mut self, before: &Before, row: &ResultRow, reach: Reach) {
        self.actions.push(rows::action_key(&row.key).0.hash);
        self.add(before, reach);
    }

    /// Returns how many bytes would stay for this that do not stay yet.
    fn more(&self, before: &Before, reach: &Reach) -> u64 {
        let hashes: BTreeSet<Hash> = reach.files.iter().map(|file| file.hash).collect();
        hashes.difference(&self.blobs).filter_map(|hash| before.blobs.get(hash)).map(BlobFiles::bytes).sum()
    }

    /// Adds blobs that nothing kept needs, the last used first, while there is room.
    fn fill(&mut self, before: &Before, to: u64) {
        let mut rest: Vec<_> = before.blobs.iter().filter(|(hash, _)| !self.blobs.contains(*hash)).collect();
        rest.sort_by_key(|(hash, blob)| (std::cmp::Reverse(blob.last_use), **hash));
        for (hash, blob) in rest {
            if self.bytes + blob.bytes() > to {
                break;
            }
            self.add_blob(*hash, blob);
        }
    }
}
