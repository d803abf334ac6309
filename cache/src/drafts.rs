//! Directories that lie ready: filled while their files are stored, so that a tree that holds them is assembled by moving
//! them into it. A link for each file would take as long again as to write the file.
//!
//! Nothing depends on them. What is not ready, or is not exactly what its digest says, is assembled from blobs.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use model::{Digest, RelPath};

use crate::Cache;
use crate::blobs::Named;
use crate::error::CacheError;
use crate::files;
use crate::layout::{Executable, Hash};
use crate::trees::{compare, has_size};

/// A directory that is being filled; no other thread or process knows it.
#[derive(Debug)]
pub struct Draft<'a> {
    cache: &'a Cache,
    /// Empty when it is somebody else's.
    place: PathBuf,
    /// What was made in it.
    made: RefCell<HashSet<PathBuf>>,
}

impl Cache {
    /// Begins a directory.
    pub fn draft(&self) -> Result<Draft<'_>, CacheError> {
        Ok(Draft { cache: self, place: self.leases.hold()?.temporary(), made: RefCell::default() })
    }

    pub(crate) fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft<'_> {
    /// Stores what is read as [`Cache::put_file`] does, for this path of the directory. The last file of a path counts.
    pub fn put_file(&self, at: &RelPath, from: &mut dyn Read, executable: Executable) -> Result<Digest, CacheError> {
        let place = self.make_room(at);
        let (digest, named) = self.cache.blobs.put_file(from, executable, Some(&place))?;
        if named == Named::InStore {
            let _ = self.cache.link(&digest, executable, &place);
        }
        Ok(digest)
    }

    /// Puts a file that is stored already at a path, in place of what is there.
    pub fn put_stored(&self, at: &RelPath, digest: &Digest, executable: Executable) {
        let _ = self.cache.link(digest, executable, &self.make_room(at));
    }

    /// Lets the directory lie ready for trees that hold it, or parts of it, if it is what `root` says.
    pub fn finish(mut self, root: &Digest) {
        let listed = self.cache.list(root).ok();
        let Some(known) = listed.and_then(|listed| compare(&self.place, listed, &has_size)) else { return };
        let place = std::mem::take(&mut self.place);
        let mut ready = self.cache.ready();
        known.into_iter().for_each(|it| ready.add(it.digest.hash, place.join(it.path)));
    }

    /// What goes wrong here shows when the directory is compared.
    fn make_room(&self, at: &RelPath) -> PathBuf {
        let (place, mut made) = (self.place.join(at.as_str()), self.made.borrow_mut());
        if let Some(parent) = place.parent().filter(|parent| !made.contains(*parent)) {
            let _ = fs::create_dir_all(parent);
            made.insert(parent.to_owned());
        }
        if !made.insert(place.clone()) {
            let _ = fs::remove_file(&place);
        }
        place
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.place.as_os_str().is_empty() {
            let _ = files::remove_tree(&self.place);
        }
    }
}

/// The directories that lie ready, by what they hold.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    places: HashMap<Hash, PathBuf>,
    hashes: BTreeMap<PathBuf, Hash>,
    is_closed: bool,
}

impl Ready {
    fn add(&mut self, hash: Hash, place: PathBuf) {
        if !self.is_closed && !self.places.contains_key(&hash) {
            self.hashes.insert(place.clone(), hash);
            self.places.insert(hash, place);
        }
    }

    /// Returns where such a directory is, for the caller to move away. What it is part of, or what is part of it, is ready no
    /// more.
    pub fn take(&mut self, hash: Hash) -> Option<PathBuf> {
        let place = self.places.get(&hash)?.clone();
        let below =
            self.hashes.range(place.clone()..).map(|(path, _)| path).take_while(|path| path.starts_with(&place));
        let around: Vec<PathBuf> = below.cloned().chain(place.ancestors().skip(1).map(Path::to_owned)).collect();
        for path in around {
            if let Some(hash) = self.hashes.remove(&path) {
                self.places.remove(&hash);
            }
        }
        Some(place)
    }

    /// Lets nothing be ready any more, also what is still being filled.
    pub fn close(&mut self) {
        *self = Ready { is_closed: true, ..Ready::default() };
    }
}
