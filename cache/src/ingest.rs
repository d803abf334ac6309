//! Outputs come in: files are moved out of reach of whoever made them, and hashed after the move.

use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use model::Digest;
use model::reapi::{Directory, DirectoryNode, FileNode, Message, SymlinkNode};

use crate::Cache;
use crate::blobs::{discard, hash_file};
use crate::error::{CacheError, Unusable};
use crate::files;
use crate::layout::Executable;

/// Whether a link at a path from the top of a directory may have a target. To the store, a target is only text.
pub type MayLink<'a> = &'a dyn Fn(&Path, &str) -> bool;

impl Cache {
    /// Moves an output file into the store, and returns the digest of its bytes. Mode and owner become the store's.
    pub fn take_file(&self, path: &Path) -> Result<Digest, CacheError> {
        let metadata = look(path)?;
        if !metadata.is_file() {
            return Err(CacheError::entry(path, Unusable::NotAFile));
        }
        self.take(path, &metadata)
    }

    /// Moves an output directory into the store with all that it holds, and returns the digest of its root.
    /// Sockets, devices, fifos and names that are not UTF-8 are refused, and so are links that `may_link` says no to.
    pub fn take_directory(&self, path: &Path, may_link: MayLink<'_>) -> Result<Digest, CacheError> {
        if !look(path)?.is_dir() {
            return Err(CacheError::entry(path, Unusable::NotADirectory));
        }
        // Out of reach first. To change its parent, a directory has to be writable.
        let _ = files::set_mode(path, 0o700);
        let inside = self.leases.hold()?.temporary();
        fs::rename(path, &inside).map_err(CacheError::io("move", path))?;
        let taken = self.take_entries(&inside, Path::new(""), may_link);
        // What is left is empty directories, or what an error left; the lease's end removes what resists.
        let _ = files::remove_tree(&inside);
        let digest = taken?;
        self.flush_if_full()?;
        Ok(digest)
    }

    /// Takes all entries of a directory; `shown` is its path for messages.
    fn take_entries(&self, directory: &Path, shown: &Path, may_link: MayLink<'_>) -> Result<Digest, CacheError> {
        let _ = files::set_mode(directory, 0o700);
        let entries = fs::read_dir(directory).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut message = Directory::default();
        for entry in entries.map_err(CacheError::io("read", directory))? {
            self.take_entry(&entry, shown, &mut message, may_link)?;
        }
        message.files.sort_by(|a, b| a.name.cmp(&b.name));
        message.directories.sort_by(|a, b| a.name.cmp(&b.name));
        message.symlinks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.messages.put(message.encode()))
    }

    fn take_entry(
        &self,
        entry: &DirEntry,
        shown: &Path,
        into: &mut Directory,
        may_link: MayLink<'_>,
    ) -> Result<(), CacheError> {
        let (path, shown) = (entry.path(), shown.join(entry.file_name()));
        let refuse = |what| CacheError::entry(&shown, what);
        let name = entry.file_name().into_string().map_err(|_| refuse(Unusable::NotUtf8))?;
        let metadata = look(&path)?;
        if metadata.is_dir() {
            into.directories.push(DirectoryNode { name, digest: self.take_entries(&path, &shown, may_link)? });
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(CacheError::io("read", &path))?;
            let target = target.into_os_string().into_string().map_err(|_| refuse(Unusable::NotUtf8))?;
            if !may_link(&shown, &target) {
                return Err(refuse(Unusable::Link));
            }
            into.symlinks.push(SymlinkNode { name, target });
        } else if metadata.is_file() {
            let is_executable = executable(&metadata) == Executable::Yes;
            into.files.push(FileNode { name, digest: self.take(&path, &metadata)?, is_executable });
        } else {
            return Err(refuse(Unusable::Special));
        }
        Ok(())
    }

    /// Moves a plain file in; one that cannot become the store's own is copied.
    fn take(&self, path: &Path, metadata: &Metadata) -> Result<Digest, CacheError> {
        let executable = executable(metadata);
        let Some(inside) = self.move_inside(path, metadata)? else {
            let digest = files::open(path)
                .map_err(CacheError::io("read", path))
                .and_then(|mut file| self.blobs.put(&mut file, executable, |_| {}))?;
            discard(path);
            return Ok(digest);
        };
        let digest = hash_file(&inside).map_err(CacheError::io("read", &inside)).inspect_err(|_| discard(&inside))?;
        self.blobs.keep(&inside, &digest, executable)?;
        Ok(digest)
    }

    /// Moves a file to a name that only this process uses. `None` if it has other names, which would share its mode
    /// and its bytes (an output may be a link to an input), or if it belongs to somebody else.
    fn move_inside(&self, path: &Path, metadata: &Metadata) -> Result<Option<PathBuf>, CacheError> {
        if metadata.nlink() > 1 || !own(path, metadata) || files::set_mode(path, 0o600).is_err() {
            return Ok(None);
        }
        let inside = self.leases.hold()?.temporary();
        match fs::rename(path, &inside) {
            Ok(()) => Ok(Some(inside)),
            Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => Ok(None),
            Err(error) => Err(CacheError::io("move", path)(error)),
        }
    }
}

fn look(path: &Path) -> Result<Metadata, CacheError> {
    fs::symlink_metadata(path).map_err(CacheError::io("read", path))
}

fn executable(metadata: &Metadata) -> Executable {
    Executable::from_bit(metadata.permissions().mode() & 0o100 != 0)
}

/// Makes this user the owner of a file. Returns whether it is.
fn own(path: &Path, metadata: &Metadata) -> bool {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    metadata.uid() == user.as_raw()
        || rustix::fs::chownat(rustix::fs::CWD, path, Some(user), Some(group), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .is_ok()
}
