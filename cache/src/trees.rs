//! Assembled directories: a stored directory as hard links to blobs, read-only, kept by its digest. Made in a
//! temporary place and renamed, so a half-made one is never seen. Another process compares it with its messages; where
//! a directory looks as it did when that was last done, what it holds is not looked at again.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::reapi::{Directory, Message};
use model::{Digest, Lost};

use crate::Cache;
use crate::blobs::{Inode, Missing, inode, trash};
use crate::files::{self, Stamp};
use crate::layout::{Executable, Hash};
use crate::stamps::{Known, Seen};
use crate::threads::all_at_once;

/// The mode of a directory that is kept.
const READ_ONLY: u32 = 0o555;

impl Cache {
    /// Returns the directory as hard links, read-only. It stays as long as this process lives.
    pub fn assemble(&self, root: &Digest) -> Result<PathBuf, Lost> {
        self.leases.try_hold();
        let place = self.layout.tree(&root.hash);
        if self.is_assembled(root, &place) {
            return Ok(place);
        }
        let (made, known) = self.make_tree(root)?;
        self.publish(&made, &place, root, known).map_err(|_| Lost(*root))?;
        self.assembled().insert(root.hash);
        Ok(place)
    }

    /// Returns whether the directory is there; at the first use in a process it is compared with its messages.
    fn is_assembled(&self, root: &Digest, place: &Path) -> bool {
        if self.assembled().contains(&root.hash) {
            return place.is_dir();
        }
        // Touched before it is looked at: after that it is not collected any more.
        let touched = files::touch(place);
        if !place.is_dir() || touched.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return false;
        }
        let sound = self.is_as_known(place, root) || self.is_as_listed(place, root) || self.is_mended(place, root);
        if sound {
            self.assembled().insert(root.hash);
        }
        sound
    }

    /// Discards a damaged directory, unless somebody has put another in its place meanwhile.
    fn is_mended(&self, place: &Path, root: &Digest) -> bool {
        let mending = self.mending();
        if !mending.is_there(place) {
            return false;
        }
        let mended = self.is_as_listed(place, root);
        if !mended {
            mending.discard(place);
        }
        mended
    }

    /// Returns whether all directories look as they did when they were compared; those that were too young then are
    /// compared now, as the root always is.
    fn is_as_known(&self, place: &Path, root: &Digest) -> bool {
        let Some(known) = self.recall_tree(root) else { return false };
        let unchanged = |it: &Known| {
            let same = it.seen.is_none() || Seen::at(&place.join(&it.path)) == it.seen;
            same.then_some(()).ok_or(Lost(it.digest))
        };
        if all_at_once(&known, unchanged).is_err() {
            return false;
        }
        let (mut known, doubted): (Vec<Known>, Vec<Known>) = known.into_iter().partition(|it| it.seen.is_some());
        let is_news = doubted.len() > 1;
        let now = now(place);
        let listed = self.read_listed(doubted.into_iter().map(|it| (it.path, it.digest)).collect());
        let Some(compared) = listed.ok().and_then(|listed| compare(place, listed, &has_size)) else { return false };
        if is_news {
            known.extend(compared);
            self.remember_tree(root, known, now);
        }
        true
    }

    /// Returns whether an assembled directory has the names, modes, sizes and links of its messages.
    fn is_as_listed(&self, place: &Path, root: &Digest) -> bool {
        let now = now(place);
        let compared = self.list(root).ok().and_then(|listed| compare(place, listed, &has_size));
        compared.map(|known| self.remember_tree(root, known, now)).is_some()
    }

    fn make_tree(&self, root: &Digest) -> Result<(PathBuf, Vec<Known>), Lost> {
        let listed = self.list(root)?;
        let place = self.leases.hold().map_err(|_| Lost(*root))?.temporary();
        let made = self.make_directories(&place, listed);
        if made.is_err() {
            let _ = files::remove_tree(&place);
        }
        made.map(|known| (place, known))
    }

    /// Makes a directory that can still be moved; those below it are finished.
    fn make_directories(&self, place: &Path, listed: Vec<Listed>) -> Result<Vec<Known>, Lost> {
        let depth = |directory: &Listed| directory.path.components().count();
        let mut ready = BTreeSet::new();
        for level in listed.chunk_by(|a, b| depth(a) == depth(b)) {
            let level: Vec<&Listed> = level.iter().filter(|it| !is_in(&ready, &it.path)).collect();
            let made = all_at_once(&level, |directory| self.make_directory(&place.join(&directory.path), directory))?;
            ready.extend(level.into_iter().zip(made).filter(|(_, made)| *made == Made::Ready).map(|(it, _)| &*it.path));
        }
        // Nearly all of the time is the kernel's, which works in several directories at once.
        let seen = all_at_once(&listed, |directory| {
            let made = if is_in(&ready, &directory.path) { Made::Ready } else { Made::Empty };
            self.fill(&place.join(&directory.path), directory, made)
        })?;
        Ok(known(listed, seen))
    }

    /// Moves a directory that lies ready to its place, or makes an empty one there.
    fn make_directory(&self, place: &Path, directory: &Listed) -> Result<Made, Lost> {
        let ready = self.ready().take(directory.digest.hash);
        if ready.is_some_and(|from| fs::rename(from, place).is_ok()) {
            return Ok(Made::Ready);
        }
        fs::create_dir(place).map(|()| Made::Empty).map_err(|_| Lost(directory.digest))
    }

    /// Fills a directory. Returns what it looks like then: in its temporary place nobody else changes it.
    fn fill(&self, place: &Path, directory: &Listed, made: Made) -> Result<Option<Seen>, Lost> {
        let failed = |_| Lost(directory.digest);
        if made == Made::Empty {
            self.link_all(place, directory)?;
        }
        let is_root = directory.path.as_os_str().is_empty();
        if is_root {
            return Ok(None);
        }
        files::set_mode(place, READ_ONLY).map_err(failed)?;
        Ok(Seen::at(place))
    }

    fn link_all(&self, place: &Path, directory: &Listed) -> Result<(), Lost> {
        for file in &directory.message.files {
            self.link(&file.digest, Executable::from_bit(file.is_executable), &place.join(&file.name))?;
        }
        for link in &directory.message.symlinks {
            symlink(&link.target, place.join(&link.name)).map_err(|_| Lost(directory.digest))?;
        }
        Ok(())
    }

    /// Returns all directories of a tree, parents first; all of one depth are read at once.
    pub(crate) fn list(&self, root: &Digest) -> Result<Vec<Listed>, Lost> {
        let mut listed = Vec::new();
        let mut next = vec![(PathBuf::new(), *root)];
        while !next.is_empty() {
            let level = self.read_listed(std::mem::take(&mut next))?;
            for Listed { path, message, .. } in &level {
                next.extend(message.directories.iter().map(|node| (path.join(&node.name), node.digest)));
            }
            listed.extend(level);
        }
        Ok(listed)
    }

    /// Reads the messages of directories.
    fn read_listed(&self, directories: Vec<(PathBuf, Digest)>) -> Result<Vec<Listed>, Lost> {
        let hashes: Vec<Hash> = directories.iter().map(|(_, digest)| digest.hash).collect();
        let read = |((path, digest), bytes): ((PathBuf, Digest), Option<Arc<[u8]>>)| {
            let bytes = bytes.filter(|bytes| bytes.len() as u64 == digest.size_bytes).ok_or(Lost(digest))?;
            let message = Directory::decode(&bytes).map_err(|_| Lost(digest))?;
            children(&message).ok_or(Lost(digest))?;
            Ok(Listed { path, digest, message })
        };
        directories.into_iter().zip(self.messages.get(&hashes)).map(read).collect()
    }

    pub(crate) fn link(&self, digest: &Digest, executable: Executable, to: &Path) -> Result<(), Lost> {
        let from = self.blob(digest, executable)?;
        let linked = fs::hard_link(&from, to).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Err(error),
            // A file can have only so many names (65,000 on ext4): an empty `__init__.py` gets there.
            _ => fs::copy(&from, to).and_then(|_| files::set_mode(to, executable.mode())),
        });
        linked.map_err(|_| Lost(*digest))
    }

    /// Moves a made directory to its place. If another thread or process was faster, theirs is taken.
    fn publish(&self, made: &Path, place: &Path, root: &Digest, known: Vec<Known>) -> io::Result<()> {
        // While nobody else knows it: whatever is done to it under its name is not older.
        let _ = files::touch(made);
        let now = now(made);
        let moved = files::rename_new(made, place);
        if moved.is_ok() {
            self.remember_tree(root, known, now);
            // Only now: a directory that cannot be written cannot change its parent.
            return files::set_mode(place, READ_ONLY);
        }
        let _ = files::remove_tree(made);
        let _ = files::touch(place);
        if self.is_as_listed(place, root) { Ok(()) } else { moved }
    }

    /// Returns whether an assembled directory is what its messages say. `check` compares the files.
    pub(crate) fn tree_matches(&self, place: &Path, root: &Digest, check: &CheckFile<'_>) -> bool {
        self.list(root).is_ok_and(|listed| compare(place, listed, check).is_some())
    }

    /// Waits until nobody else discards directories.
    pub(crate) fn mending(&self) -> Mending<'_> {
        let lock = files::open_lock(&self.layout.mending_lock());
        Mending { cache: self, _lock: lock.and_then(|lock| lock.lock().map(|()| lock)).ok() }
    }

    /// Removes all assembled directories that hold a file with wrong bytes: they share it with the blob.
    pub(crate) fn discard_trees_with(&self, bad: &BTreeSet<Inode>) -> u64 {
        if bad.is_empty() {
            return 0;
        }
        self.ready().close();
        let mut discarded = 0;
        let mending = self.mending();
        for entry in fs::read_dir(&self.layout.trees).into_iter().flatten().flatten() {
            if holds(&entry.path(), bad) && mending.discard(&entry.path()) {
                discarded += 1;
            }
        }
        self.assembled().clear();
        discarded
    }

    /// Drops what holds wrong bytes, and tells that the blob is lost.
    pub(crate) fn lost_blob(&self, digest: &Digest, missing: Missing) -> Lost {
        if let Missing::Corrupt(Some(inode)) = missing {
            self.discard_trees_with(&BTreeSet::from([inode]));
        }
        // Directories that were found complete may not be so any more.
        self.complete().clear();
        Lost(*digest)
    }
}

/// The right to discard damaged directories, which one process at a time has. Nothing is ever put over a directory: one
/// that is there is the same until it is discarded, or collected, which whoever looks has to rule out (by a touch, or by
/// the collector's lock). Where none is, somebody may put a sound one at any moment, so that a look at nothing must not end
/// in discarding.
pub(crate) struct Mending<'a> {
    cache: &'a Cache,
    _lock: Option<File>,
}

impl Mending<'_> {
    /// Returns whether something is there, and so stays to be looked at.
    pub(crate) fn is_there(&self, place: &Path) -> bool {
        fs::symlink_metadata(place).is_ok()
    }

    /// Removes an assembled directory that was looked at. Returns whether it is gone from its place.
    pub(crate) fn discard(&self, place: &Path) -> bool {
        self.cache.forget_tree(place.file_name().unwrap_or_default());
        let _ = files::set_mode(place, 0o700);
        let Ok(moved) = trash(&self.cache.layout, place) else { return false };
        let _ = files::remove_tree(moved.parent().unwrap_or(&moved));
        true
    }
}

/// Compares a file of an assembled directory with its digest.
pub(crate) type CheckFile<'a> = dyn Fn(&Path, &Metadata, &Digest) -> bool + Sync + 'a;

/// One directory of a tree.
pub(crate) struct Listed {
    /// Where it is, from the root.
    path: PathBuf,
    digest: Digest,
    message: Directory,
}

/// How a directory came to its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Empty,
    /// With all that it holds.
    Ready,
}

/// Whether one of the directories is, or holds, that of a path.
fn is_in(directories: &BTreeSet<&Path>, path: &Path) -> bool {
    path.ancestors().any(|above| directories.contains(above))
}

/// Compares directories with their messages. Returns what they looked like before that, or `None` if one differs.
pub(crate) fn compare(place: &Path, listed: Vec<Listed>, check: &CheckFile<'_>) -> Option<Vec<Known>> {
    let look = |directory: &Listed| {
        let path = place.join(&directory.path);
        let seen = Seen::at(&path);
        directory_matches(&path, &directory.message, check).then_some(seen).ok_or(Lost(directory.digest))
    };
    let seen = all_at_once(&listed, look).ok()?;
    Some(known(listed, seen))
}

fn known(listed: Vec<Listed>, seen: Vec<Option<Seen>>) -> Vec<Known> {
    let known = |(it, seen): (Listed, Option<Seen>)| Known { path: it.path, digest: it.digest, seen };
    listed.into_iter().zip(seen).map(known).collect()
}

pub(crate) fn has_size(_: &Path, metadata: &Metadata, file: &Digest) -> bool {
    metadata.len() == file.size_bytes
}

/// Returns the time at which a directory was touched: the file system's now, or an earlier time if it cannot be.
fn now(touched: &Path) -> Option<Stamp> {
    fs::symlink_metadata(touched).ok().map(|metadata| Stamp::of(&metadata))
}

/// Returns whether a directory has the entries of its message; what is in those that are directories is not looked at.
fn directory_matches(place: &Path, message: &Directory, check: &CheckFile<'_>) -> bool {
    let (Some(mut expected), Ok(entries)) = (children(message), fs::read_dir(place)) else { return false };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name();
        let Some(child) = name.to_str().and_then(|name| expected.remove(name)) else { return false };
        // From the open directory: a path would be walked once more for each file.
        if !entry.metadata().is_ok_and(|metadata| child_matches(&entry.path(), &metadata, child, check)) {
            return false;
        }
    }
    expected.is_empty()
}

fn child_matches(path: &Path, metadata: &Metadata, child: Child<'_>, check: &CheckFile<'_>) -> bool {
    match child {
        Child::Directory => metadata.is_dir(),
        Child::Symlink(target) => fs::read_link(path).is_ok_and(|found| found.as_os_str() == target),
        Child::File(file, executable) => {
            let same_mode = metadata.permissions().mode() & 0o111 == executable.mode() & 0o111;
            metadata.is_file() && same_mode && check(path, metadata, file)
        }
    }
}

/// One entry of a directory message.
enum Child<'a> {
    File(&'a Digest, Executable),
    Directory,
    Symlink(&'a str),
}

/// Returns all entries by name; `None` if one is no name, or there twice. Messages may come from a stranger one day.
fn children(message: &Directory) -> Option<BTreeMap<&str, Child<'_>>> {
    let files = message.files.iter().map(|file| {
        let executable = Executable::from_bit(file.is_executable);
        (file.name.as_str(), Child::File(&file.digest, executable))
    });
    let directories = message.directories.iter().map(|node| (node.name.as_str(), Child::Directory));
    let symlinks = message.symlinks.iter().map(|link| (link.name.as_str(), Child::Symlink(&link.target)));
    let mut children = BTreeMap::new();
    for (name, child) in files.chain(directories).chain(symlinks) {
        let is_name = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
        if !is_name || children.insert(name, child).is_some() {
            return None;
        }
    }
    Some(children)
}

/// Returns whether a directory holds one of the inodes.
fn holds(path: &Path, bad: &BTreeSet<Inode>) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    if !metadata.is_dir() {
        return metadata.nlink() > 1 && bad.contains(&inode(&metadata));
    }
    fs::read_dir(path).into_iter().flatten().flatten().any(|entry| holds(&entry.path(), bad))
}
