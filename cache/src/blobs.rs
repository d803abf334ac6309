//! Files by digest. A file gets its name only after its bytes were hashed, and is hashed again at its first use
//! in a process. It knows nothing of results: what a file is kept for is the garbage collector's question.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Digest;

use crate::error::CacheError;
use crate::files;
use crate::layout::{Executable, Hash, Layout};
use crate::leases::Leases;
use crate::stamps;

/// Up to this length a file is hashed in memory, so that one which is there already is not written again.
const SMALL_BYTES: u64 = 1 << 20;

/// The blobs of a store.
#[derive(Debug)]
pub(crate) struct Blobs {
    layout: Arc<Layout>,
    leases: Arc<Leases>,
    seen: Mutex<Seen>,
    /// How much this process has added since the last commit.
    added_bytes: AtomicU64,
}

/// What this process has done with blobs already.
#[derive(Debug, Default)]
struct Seen {
    /// Their files were touched, so the garbage collector leaves them to this process.
    touched: HashSet<(Hash, Executable)>,
    /// Their bytes were compared with their names.
    verified: HashSet<(Hash, Executable)>,
}

/// What identifies a file on this file system, whatever its names.
pub(crate) type Inode = (u64, u64);

pub(crate) fn inode(metadata: &fs::Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// Which names a file has that was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// That in the store.
    InStore,
    /// The one that was asked for, too.
    Twice,
}

/// A blob that cannot be had.
pub(crate) enum Missing {
    Absent,
    /// Its bytes were wrong, and it is in the trash now. Assembled directories that hold the inode are wrong too.
    Corrupt(Option<Inode>),
}

impl Blobs {
    pub(crate) fn new(layout: Arc<Layout>, leases: Arc<Leases>) -> Blobs {
        Blobs { layout, leases, seen: Mutex::default(), added_bytes: AtomicU64::new(0) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, CacheError> {
        self.leases.hold()?;
        let digest = Digest::of(bytes);
        if !self.is_present(&digest) {
            self.put(&mut &*bytes, Executable::No, |_| {})?;
        }
        Ok(digest)
    }

    /// Stores what is read as a file with the given mode. One that is written now gets a second name, if one is given.
    pub(crate) fn put_file(
        &self,
        from: &mut dyn Read,
        executable: Executable,
        second: Option<&Path>,
    ) -> Result<(Digest, Named), CacheError> {
        let lease = self.leases.hold()?;
        let mut head = Vec::new();
        let read = from.take(SMALL_BYTES).read_to_end(&mut head);
        read.map_err(CacheError::io("read what goes to", &self.layout.blobs))?;
        if head.len() as u64 == SMALL_BYTES {
            return Ok((self.put(&mut head.chain(from), executable, |_| {})?, Named::InStore));
        }
        let digest = Digest::of(&head);
        if self.is_usable(&digest, executable) {
            return Ok((digest, Named::InStore));
        }
        let to = self.layout.blob(&digest.hash, executable);
        let write =
            |path: &Path| files::create_with_mode(path, executable.mode()).and_then(|mut file| file.write_all(&head));
        // The file is new: its time is the file system's now, and nobody else has changed its mode.
        if let Some(second) = second {
            if write(second).and_then(|()| link_into(second, &to)).is_ok() {
                self.note_added(&digest, executable);
                return Ok((digest, Named::Twice));
            }
            discard(second);
        }
        let path = lease.temporary();
        let moved = write(&path).and_then(|()| self.give_name(&path, &to, &digest, executable));
        moved.map_err(CacheError::io("write", &to)).inspect_err(|_| discard(&path))?;
        self.note_added(&digest, executable);
        Ok((digest, Named::InStore))
    }

    pub(crate) fn put_source(&self, from: &mut dyn Read) -> Result<(Digest, [u8; 32]), CacheError> {
        let mut changed = blake3::Hasher::new();
        let digest = self.put(from, Executable::No, |piece| {
            changed.update(piece);
        })?;
        Ok((digest, *changed.finalize().as_bytes()))
    }

    /// Copies bytes into the store.
    pub(crate) fn put(
        &self,
        from: &mut dyn Read,
        executable: Executable,
        on: impl FnMut(&[u8]),
    ) -> Result<Digest, CacheError> {
        let path = self.leases.hold()?.temporary();
        let copied = files::create(&path).and_then(|mut file| files::copy(from, &mut file, on));
        let digest = copied.map_err(CacheError::io("write", &path)).inspect_err(|_| discard(&path))?;
        self.keep(&path, &digest, executable)?;
        Ok(digest)
    }

    /// Gives a hashed file of this invocation its name in the store.
    pub(crate) fn keep(&self, path: &Path, digest: &Digest, executable: Executable) -> Result<(), CacheError> {
        let to = self.layout.blob(&digest.hash, executable);
        if self.is_usable(digest, executable) {
            discard(path);
            return Ok(());
        }
        let moved = files::set_mode(path, executable.mode())
            // An output may come with a time of its own; the garbage collector wants the time of the last use.
            .and_then(|()| files::touch(path))
            .and_then(|()| self.give_name(path, &to, digest, executable));
        moved.map_err(CacheError::io("write", &to)).inspect_err(|_| discard(path))?;
        self.note_added(digest, executable);
        Ok(())
    }

    /// Moves a file to its name. One that another thread or process has just stored stays: whoever is about to link it
    /// would find that its last name is gone.
    fn give_name(&self, path: &Path, to: &Path, digest: &Digest, executable: Executable) -> io::Result<()> {
        match rename_into(path, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            moved => return moved,
        }
        if self.is_usable(digest, executable) {
            discard(path);
            return Ok(());
        }
        fs::rename(path, to)
    }

    fn note_added(&self, digest: &Digest, executable: Executable) {
        let mut seen = self.seen();
        seen.touched.insert((digest.hash, executable));
        seen.verified.insert((digest.hash, executable));
        self.added_bytes.fetch_add(digest.size_bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes were added since the last call.
    pub(crate) fn take_added_bytes(&self) -> u64 {
        self.added_bytes.swap(0, Ordering::Relaxed)
    }

    /// Returns whether there is a file of the right size, and protects it from the garbage collector.
    pub(crate) fn is_present(&self, digest: &Digest) -> bool {
        Executable::BOTH.iter().any(|&executable| self.is_usable(digest, executable))
    }

    fn is_usable(&self, digest: &Digest, executable: Executable) -> bool {
        let path = self.layout.blob(&digest.hash, executable);
        if !self.touch_once(digest, executable, &path) {
            return false;
        }
        let Ok(found) = fs::symlink_metadata(&path) else { return false };
        let is_whole = found.is_file() && found.len() == digest.size_bytes;
        if !is_whole {
            // Assembled directories that hold the same inode look as they did.
            stamps::forget_all(&self.layout);
        }
        is_whole
    }

    /// Touches a file before it is looked at: after that, whoever collects garbage sees that it is in use.
    fn touch_once(&self, digest: &Digest, executable: Executable, path: &Path) -> bool {
        let name = (digest.hash, executable);
        if self.seen().touched.contains(&name) {
            return true;
        }
        match files::touch(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            // A store that cannot be written is read all the same.
            Err(_) | Ok(()) => {}
        }
        self.seen().touched.insert(name);
        true
    }

    /// Returns a path to the verified bytes.
    pub(crate) fn path(&self, digest: &Digest, executable: Executable) -> Result<PathBuf, Missing> {
        let path = self.layout.blob(&digest.hash, executable);
        match self.find(digest, executable, &path) {
            Err(Missing::Absent) => {}
            found => return found.map(|()| path),
        }
        let twin = self.layout.blob(&digest.hash, executable.other());
        self.find(digest, executable.other(), &twin)?;
        self.duplicate(&twin, digest, executable).map_err(|_| Missing::Absent)?;
        Ok(path)
    }

    /// Makes the other variant of a verified blob: a copy, because the mode belongs to the inode.
    fn duplicate(&self, from: &Path, digest: &Digest, executable: Executable) -> Result<(), CacheError> {
        let path = self.leases.hold()?.temporary();
        let copied = files::open(from).and_then(|mut from| {
            let mut to = files::create(&path)?;
            // In the kernel, sharing the blocks where the file system can.
            io::copy(&mut from, &mut to)
        });
        copied.map_err(CacheError::io("write", &path)).inspect_err(|_| discard(&path))?;
        self.keep(&path, digest, executable)
    }

    /// Looks at a file, and compares its bytes with its name if this process has not done so yet.
    fn find(&self, digest: &Digest, executable: Executable, path: &Path) -> Result<(), Missing> {
        if !self.touch_once(digest, executable, path) {
            return Err(Missing::Absent);
        }
        let Ok(metadata) = fs::symlink_metadata(path) else { return Err(Missing::Absent) };
        let of_size = metadata.is_file() && metadata.len() == digest.size_bytes;
        let name = (digest.hash, executable);
        if of_size && self.seen().verified.contains(&name) {
            return Ok(());
        }
        match hash_file(path) {
            Ok(hashed) if hashed == *digest => {}
            // The bytes are what the name says, and the asked size is wrong.
            Ok(hashed) if hashed.hash == digest.hash => return Err(Missing::Absent),
            // Too many open files, no memory, no permission: the file may be good.
            Err(error) if !is_damage(&error) => return Err(Missing::Absent),
            Ok(_) | Err(_) => {
                self.discard_corrupt(digest.hash, executable);
                return Err(Missing::Corrupt((metadata.nlink() > 1).then(|| inode(&metadata))));
            }
        }
        if metadata.permissions().mode() & 0o7777 != executable.mode() {
            let _ = files::set_mode(path, executable.mode());
        }
        self.seen().verified.insert(name);
        Ok(())
    }

    /// Moves a file that is not what its name says into the trash.
    pub(crate) fn discard_corrupt(&self, hash: Hash, executable: Executable) {
        let path = self.layout.blob(&hash, executable);
        if trash(&self.layout, &path).is_err() {
            let _ = fs::remove_file(&path);
        }
        let mut seen = self.seen();
        seen.verified.remove(&(hash, executable));
        seen.touched.remove(&(hash, executable));
    }

    /// Forgets what was verified: after a failed sync, what was read back may not be what the disk holds.
    pub(crate) fn doubt(&self) {
        self.seen().verified.clear();
    }
}

/// Returns whether an error says that the file itself is bad.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    error.kind() == io::ErrorKind::InvalidData
        || matches!(errno, Some(rustix::io::Errno::IO | rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR))
}

/// Removes a temporary file; if that fails it goes with the lease.
pub(crate) fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Moves a file to a name that is free, and makes its directory if need be.
fn rename_into(from: &Path, to: &Path) -> io::Result<()> {
    in_shard(to, || files::rename_new(from, to))
}

/// Gives a file another name, which is free, and makes its directory if need be.
fn link_into(from: &Path, to: &Path) -> io::Result<()> {
    in_shard(to, || fs::hard_link(from, to))
}

fn in_shard(to: &Path, name: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match name() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(to.parent().expect("a blob lies in a shard"))?;
            name()
        }
        done => done,
    }
}

/// Hashes a plain file.
pub(crate) fn hash_file(path: &Path) -> io::Result<Digest> {
    let mut file: File = files::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    files::digest_of(&mut file)
}

/// Moves something into a directory of its own in the trash, and returns where it is now.
pub(crate) fn trash(layout: &Layout, path: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(&layout.trash)?;
    let room = tempfile::Builder::new().prefix("lost-").tempdir_in(&layout.trash)?.keep();
    let to = room.join(path.file_name().unwrap_or_default());
    match fs::rename(path, &to) {
        Ok(()) => Ok(to),
        Err(error) => {
            let _ = fs::remove_dir(&room);
            Err(error)
        }
    }
}
