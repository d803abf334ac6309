//! Assembled directories: a stored directory as hard links to blobs, read-only, kept by its digest. Made in a
//! temporary place and renamed, so a half-made one is never seen.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use model::reapi::Directory;
use model::{Digest, Lost};

use crate::Cache;
use crate::blobs::{Inode, Missing, inode, trash};
use crate::files;
use crate::layout::Executable;

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
        let place = self.leases.hold().map_err(|_| Lost(*root))?.temporary();
        let made = self.make_directory(root, &place);
        if made.is_err() {
            let _ = files::remove_tree(&place);
        }
        made.map(|()| place)
    }

    /// Makes a directory that can still be moved; those below it are finished.
    fn make_directory(&self, digest: &Digest, place: &Path) -> Result<(), Lost> {
        let message = self.messages.directory(digest)?;
        let failed = |_| Lost(*digest);
        let children = children(&message).ok_or(Lost(*digest))?;
        fs::create_dir(place).map_err(failed)?;
        for (name, child) in children {
            let path = place.join(name);
            match child {
                Child::File(file, executable) => self.link(file, executable, &path)?,
                Child::Symlink(target) => symlink(target, &path).map_err(failed)?,
                Child::Directory(below) => {
                    self.make_directory(below, &path)?;
                    files::set_mode(&path, READ_ONLY).map_err(failed)?;
                }
            }
        }
        Ok(())
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
        self.tree_matches(place, root, &mut |_, metadata, file| metadata.len() == file.size_bytes)
    }

    /// Returns whether an assembled directory is what its messages say. `check` compares the files.
    pub(crate) fn tree_matches(&self, place: &Path, root: &Digest, check: &mut CheckFile<'_>) -> bool {
        let Ok(message) = self.messages.directory(root) else { return false };
        let (Some(mut expected), Ok(entries)) = (children(&message), fs::read_dir(place)) else { return false };
        for entry in entries {
            let Ok(entry) = entry else { return false };
            let (path, name) = (entry.path(), entry.file_name());
            let Some(child) = name.to_str().and_then(|name| expected.remove(name)) else { return false };
            if !self.child_matches(&path, child, check) {
                return false;
            }
        }
        expected.is_empty()
    }

    fn child_matches(&self, path: &Path, child: Child<'_>, check: &mut CheckFile<'_>) -> bool {
        let Ok(metadata) = fs::symlink_metadata(path) else { return false };
        match child {
            Child::Directory(below) => metadata.is_dir() && self.tree_matches(path, below, check),
            Child::Symlink(target) => fs::read_link(path).is_ok_and(|found| found.as_os_str() == target),
            Child::File(file, executable) => {
                let same_mode = metadata.permissions().mode() & 0o111 == executable.mode() & 0o111;
                metadata.is_file() && same_mode && check(path, &metadata, file)
            }
        }
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
pub(crate) type CheckFile<'a> = dyn FnMut(&Path, &Metadata, &Digest) -> bool + 'a;

/// One entry of a directory message.
enum Child<'a> {
    File(&'a Digest, Executable),
    Directory(&'a Digest),
    Symlink(&'a str),
}

/// Returns all entries by name; `None` if one is no name, or there twice. Messages may come from a stranger one day.
fn children(message: &Directory) -> Option<BTreeMap<&str, Child<'_>>> {
    let files = message.files.iter().map(|file| {
        let executable = Executable::from_bit(file.is_executable);
        (file.name.as_str(), Child::File(&file.digest, executable))
    });
    let directories = message.directories.iter().map(|node| (node.name.as_str(), Child::Directory(&node.digest)));
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
