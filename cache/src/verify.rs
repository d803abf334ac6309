//! Looks at everything, and removes what is bad.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use model::{ActionKey, Digest};

use crate::Cache;
use crate::blobs::{Inode, hash_file, inode, is_damage, trash};
use crate::database::Soundness;
use crate::error::CacheError;
use crate::gc::Patience;
use crate::layout::{Executable, Hash, hex, parse_blob, parse_hash};
use crate::leases::names;
use crate::messages;
use crate::results;
use crate::rows::{self, ResultRow};
use crate::survey::each_entry;

/// What a look at everything found; what was bad is removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// How many blobs were looked at, each variant for itself.
    pub blobs: u64,
    /// How many results were looked at.
    pub results: u64,
    /// Blobs whose bytes were not what their name said, with the size that was found.
    pub corrupt: Vec<Digest>,
    /// Results that were damaged, or named something that is missing.
    pub bad_results: Vec<ActionKey>,
    /// How many messages were damaged.
    pub bad_messages: u64,
    /// How many assembled directories were not what their messages say.
    pub bad_trees: u64,
    /// How many files lay among the blobs or assembled directories and were neither.
    pub strangers: u64,
    /// Whether the database was broken: then all results are lost.
    pub database_replaced: bool,
}

/// Files by what their bytes are known to be.
#[derive(Default)]
struct Checked {
    good: BTreeSet<(Inode, Hash)>,
    bad: BTreeSet<Inode>,
}

impl Verified {
    /// Returns whether nothing bad was found.
    pub fn is_clean(&self) -> bool {
        *self == Verified { blobs: self.blobs, results: self.results, ..Verified::default() }
    }
}

impl Cache {
    /// Hashes every blob, checks every result, message and assembled directory, and removes what is bad.
    pub fn verify(&self) -> Result<Verified, CacheError> {
        let mut verified = Verified::default();
        if !self.layout.root.exists() {
            return Ok(verified);
        }
        // Nothing that is being looked at is collected, whenever it was used last.
        self.leases.try_hold();
        let _collecting = self.gc_lock(Patience::Wait)?;
        verified.database_replaced = self.database.check()? == Soundness::Replaced;
        let mut checked = Checked::default();
        self.verify_blobs(&mut verified, &mut checked)?;
        verified.bad_trees = self.discard_trees_with(&checked.bad);
        self.verify_messages(&mut verified)?;
        self.complete().clear();
        self.verify_results(&mut verified)?;
        self.verify_trees(&mut verified, &mut checked)?;
        Ok(verified)
    }

    fn verify_blobs(&self, verified: &mut Verified, checked: &mut Checked) -> Result<(), CacheError> {
        each_entry(&self.layout.blobs, |shard| {
            let name = shard.file_name();
            if !shard.path().is_dir() {
                return self.discard_stranger(&shard.path(), verified);
            }
            each_entry(&shard.path(), |entry| match parse_blob(&entry.file_name()) {
                Some((hash, executable)) if name == hex(&hash)[..2] => {
                    self.verify_blob(hash, executable, verified, checked)
                }
                _ => self.discard_stranger(&entry.path(), verified),
            })
        })
    }

    fn verify_blob(
        &self,
        hash: Hash,
        executable: Executable,
        verified: &mut Verified,
        checked: &mut Checked,
    ) -> Result<(), CacheError> {
        let path = self.layout.blob(&hash, executable);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(()) };
        verified.blobs += 1;
        match hash_file(&path) {
            Ok(digest) if digest.hash == hash => {
                checked.good.insert((inode(&metadata), hash));
                if metadata.mode() & 0o7777 != executable.mode() {
                    crate::files::set_mode(&path, executable.mode()).map_err(CacheError::io("protect", &path))?;
                }
                return Ok(());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if !is_damage(&error) => return Err(CacheError::io("read", &path)(error)),
            Ok(_) | Err(_) => {}
        }
        verified.corrupt.push(Digest { hash, size_bytes: metadata.len() });
        checked.bad.insert(inode(&metadata));
        self.blobs.discard_corrupt(hash, executable);
        Ok(())
    }

    fn discard_stranger(&self, path: &std::path::Path, verified: &mut Verified) -> Result<(), CacheError> {
        verified.strangers += 1;
        trash(&self.layout, path).map(drop).map_err(CacheError::io("move", path))
    }

    fn verify_messages(&self, verified: &mut Verified) -> Result<(), CacheError> {
        let bad: BTreeSet<Hash> = self.database.with(|c| {
            let mut bad = BTreeSet::new();
            rows::each_message(c, |hash, bytes| {
                if Digest::of(bytes).hash != hash {
                    bad.insert(hash);
                }
            })?;
            bad.iter().try_for_each(|hash| rows::drop_message(c, hash))?;
            Ok(bad)
        })?;
        verified.bad_messages = bad.len() as u64;
        Ok(())
    }

    fn verify_results(&self, verified: &mut Verified) -> Result<(), CacheError> {
        let all = self.database.with(|c| rows::all_results(c))?;
        verified.results = all.len() as u64;
        let bad: Vec<ResultRow> = all.into_iter().filter(|row| !self.is_whole(row)).collect();
        self.database.with(|c| bad.iter().try_for_each(|row| rows::drop_result(c, row)))?;
        verified.bad_results = bad.iter().map(|row| rows::action_key(&row.key)).collect();
        Ok(())
    }

    /// Returns whether a result has all that it names. Nothing is touched: looking is not using.
    fn is_whole(&self, row: &ResultRow) -> bool {
        let Some(result) = results::decode(row) else { return false };
        let Some(reach) = self.messages.reach(messages::roots(&result)) else { return false };
        reach.files.iter().copied().chain(messages::own_files(&result)).all(|file| {
            let has_size = |executable: &Executable| {
                let path = self.layout.blob(&file.hash, *executable);
                fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == file.size_bytes)
            };
            Executable::BOTH.iter().any(has_size)
        })
    }

    fn verify_trees(&self, verified: &mut Verified, checked: &mut Checked) -> Result<(), CacheError> {
        for name in names(&self.layout.trees) {
            let place = self.layout.trees.join(&name);
            let Some(root) = parse_hash(&name) else {
                self.discard_stranger(&place, verified)?;
                continue;
            };
            let mending = self.mending();
            if !mending.is_there(&place) {
                continue;
            }
            let Some(root) = self.root_digest(root) else {
                // Its messages were never committed: a killed run was about to. Nobody can ask for it.
                mending.discard(&place);
                continue;
            };
            let sound = self.tree_matches(&place, &root, &|path, metadata, file| {
                // Most files are links to blobs whose bytes were just looked at.
                let known = (inode(metadata), file.hash);
                checked.good.contains(&known) || hash_file(path).is_ok_and(|digest| digest == *file)
            });
            if !sound && mending.discard(&place) {
                verified.bad_trees += 1;
            }
        }
        self.assembled().clear();
        Ok(())
    }

    fn root_digest(&self, root: Hash) -> Option<Digest> {
        let bytes = self.messages.get(&[root]).pop().flatten()?;
        Some(Digest { hash: root, size_bytes: bytes.len() as u64 })
    }
}
