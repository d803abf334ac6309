//! Assembled directories: a stored directory as hard links to blobs, read-only, kept by its digest. Made in a
//! temporary place and renamed, so a half-made one is never seen.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use model::reapi::{Directory, Message};
use model::{Digest, Lost};

use crate::Cache;
use crate::blobs::{Inode, Missing, inode, trash};
use crate::files;
use crate::layout::{Executable, Hash};

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
        let made = self.make_tree(root)?;
        self.publish(&made, &place, root).map_err(|_| Lost(*root))?;
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
        let sound = self.has_sizes(place, root);
        if sound {
            self.assembled().insert(root.hash);
        } else {
            self.discard_tree(place);
        }
        sound
    }

    fn make_tree(&self, root: &Digest) -> Result<PathBuf, Lost> {
        let listed = self.list(root)?;
        let place = self.leases.hold().map_err(|_| Lost(*root))?.temporary();
        let made = self.make_directories(&place, &listed);
        if made.is_err() {
            let _ = files::remove_tree(&place);
        }
        made.map(|()| place)
    }

    /// Makes a directory that can still be moved; those below it are finished.
    fn make_directories(&self, place: &Path, listed: &[Listed]) -> Result<(), Lost> {
        let depth = |directory: &Listed| directory.path.components().count();
        for level in listed.chunk_by(|a, b| depth(a) == depth(b)) {
            let make =
                |directory: &Listed| fs::create_dir(place.join(&directory.path)).map_err(|_| Lost(directory.digest));
            all_at_once(level, make)?;
        }
        // Nearly all of the time is the kernel's, which works in several directories at once.
        all_at_once(listed, |directory| self.fill(&place.join(&directory.path), directory))
    }

    fn fill(&self, place: &Path, directory: &Listed) -> Result<(), Lost> {
        let failed = |_| Lost(directory.digest);
        for file in &directory.message.files {
            self.link(&file.digest, Executable::from_bit(file.is_executable), &place.join(&file.name))?;
        }
        for link in &directory.message.symlinks {
            symlink(&link.target, place.join(&link.name)).map_err(failed)?;
        }
        let is_root = directory.path.as_os_str().is_empty();
        if is_root { Ok(()) } else { files::set_mode(place, READ_ONLY).map_err(failed) }
    }

    /// Returns all directories of a tree, parents first; all of one depth are read at once.
    fn list(&self, root: &Digest) -> Result<Vec<Listed>, Lost> {
        let mut listed = Vec::new();
        let mut next = vec![(PathBuf::new(), *root)];
        while !next.is_empty() {
            let hashes: Vec<Hash> = next.iter().map(|(_, digest)| digest.hash).collect();
            let level = std::mem::take(&mut next);
            for ((path, digest), bytes) in level.into_iter().zip(self.messages.get(&hashes)) {
                let bytes = bytes.filter(|bytes| bytes.len() as u64 == digest.size_bytes).ok_or(Lost(digest))?;
                let message = Directory::decode(&bytes).map_err(|_| Lost(digest))?;
                children(&message).ok_or(Lost(digest))?;
                next.extend(message.directories.iter().map(|node| (path.join(&node.name), node.digest)));
                listed.push(Listed { path, digest, message });
            }
        }
        Ok(listed)
    }

    fn link(&self, digest: &Digest, executable: Executable, to: &Path) -> Result<(), Lost> {
        let from = self.blob(digest, executable)?;
        let linked = fs::hard_link(&from, to).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Err(error),
            // A file can have only so many names (65,000 on ext4): an empty `__init__.py` gets there.
            _ => fs::copy(&from, to).and_then(|_| files::set_mode(to, executable.mode())),
        });
        linked.map_err(|_| Lost(*digest))
    }

    /// Moves a made directory to its place. If another thread or process was faster, theirs is taken.
    fn publish(&self, made: &Path, place: &Path, root: &Digest) -> io::Result<()> {
        let moved = files::rename_new(made, place);
        if moved.is_ok() {
            // Only now: a directory that cannot be written cannot change its parent.
            return files::set_mode(place, READ_ONLY);
        }
        let _ = files::remove_tree(made);
        let _ = files::touch(place);
        if self.has_sizes(place, root) { Ok(()) } else { moved }
    }

    fn has_sizes(&self, place: &Path, root: &Digest) -> bool {
        self.tree_matches(place, root, &|_, metadata, file| metadata.len() == file.size_bytes)
    }

    /// Returns whether an assembled directory is what its messages say. `check` compares the files.
    pub(crate) fn tree_matches(&self, place: &Path, root: &Digest, check: &CheckFile<'_>) -> bool {
        let Ok(listed) = self.list(root) else { return false };
        let matches = |directory: &Listed| {
            let same = directory_matches(&place.join(&directory.path), &directory.message, check);
            same.then_some(()).ok_or(Lost(directory.digest))
        };
        all_at_once(&listed, matches).is_ok()
    }

    /// Removes an assembled directory. Returns whether it is gone from its place.
    pub(crate) fn discard_tree(&self, place: &Path) -> bool {
        let _ = files::set_mode(place, 0o700);
        let Ok(moved) = trash(&self.layout, place) else { return false };
        let _ = files::remove_tree(moved.parent().unwrap_or(&moved));
        true
    }

    /// Removes all assembled directories that hold a file with wrong bytes: they share it with the blob.
    pub(crate) fn discard_trees_with(&self, bad: &BTreeSet<Inode>) -> u64 {
        if bad.is_empty() {
            return 0;
        }
        let mut discarded = 0;
        for entry in fs::read_dir(&self.layout.trees).into_iter().flatten().flatten() {
            if holds(&entry.path(), bad) && self.discard_tree(&entry.path()) {
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

/// Compares a file of an assembled directory with its digest.
pub(crate) type CheckFile<'a> = dyn Fn(&Path, &Metadata, &Digest) -> bool + Sync + 'a;

/// One directory of a tree.
struct Listed {
    /// Where it is, from the root.
    path: PathBuf,
    digest: Digest,
    message: Directory,
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

/// Up to here one thread is quicker than two.
const FEW: usize = 32;

/// Does the work for all directories, in several threads if they are many. Returns one of the losses.
fn all_at_once(listed: &[Listed], work: impl Fn(&Listed) -> Result<(), Lost> + Sync) -> Result<(), Lost> {
    if listed.len() <= FEW {
        return listed.iter().try_for_each(work);
    }
    let next = AtomicUsize::new(0);
    let take = || -> Result<(), Lost> {
        while let Some(directory) = listed.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Whoever fails, the others need not go on.
            work(directory).inspect_err(|_| next.store(listed.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let own = take();
        others.into_iter().fold(own, |all, other| all.and(other.join().unwrap_or_else(|panic| resume_unwind(panic))))
    })
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
