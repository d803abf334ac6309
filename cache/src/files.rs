//! Small work on files that several modules share. It knows nothing of digests' meaning or of the layout.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use model::Digest;
use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use sha2::{Digest as _, Sha256};

/// A modification time as the file system gives it. Only compared with others of the same file system:
/// no clock is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Stamp(pub(crate) i64, pub(crate) i64);

impl Stamp {
    pub(crate) fn of(metadata: &fs::Metadata) -> Stamp {
        Stamp(metadata.mtime(), metadata.mtime_nsec())
    }
}

/// Sets the modification time to the file system's now; the last name of the path is not followed.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Opens a plain file for reading; a symlink is refused, a fifo does not block.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Makes a file that did not exist.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Makes a file that did not exist, with a mode that the user's mask does not change.
pub(crate) fn create_with_mode(path: &Path, mode: u32) -> io::Result<File> {
    let file = create(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Opens a lock file, making it if need be. It is never deleted.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Moves `from` to a name that must be free; `AlreadyExists` if it is not.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems have no such flag.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        done => Ok(done?),
    }
}

/// Removes a file or a directory with all below it, opening up directories that cannot be written.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let remove = || match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    let done = remove().or_else(|_| {
        open_up(path);
        remove()
    });
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Lets the owner write all directories of a tree, as far as possible: removing tells what was not.
fn open_up(path: &Path) {
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return;
    }
    let _ = set_mode(path, 0o700);
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

/// Copies all of `from` to `to`, and returns the digest of what passed; `on` sees every piece.
pub(crate) fn copy(from: &mut dyn Read, to: &mut dyn Write, mut on: impl FnMut(&[u8])) -> io::Result<Digest> {
    let mut buffer = vec![0; 1 << 16];
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = &buffer[..length];
        hasher.update(piece);
        size_bytes += length as u64;
        on(piece);
        to.write_all(piece)?;
    }
    Ok(Digest { hash: hasher.finalize().into(), size_bytes })
}

/// Returns the digest of a file's bytes.
pub(crate) fn digest_of(file: &mut dyn Read) -> io::Result<Digest> {
    copy(file, &mut io::sink(), |_| {})
}
