//! Reads a file or a symlink as it is now, and says which stat that content had. Remembers nothing.

use std::io::{self, Cursor, Read};
use std::os::fd::OwnedFd;

use model::FileId;
use rustix::io::Errno;

use crate::disk::{Disk, link_target, stat_handle};
use crate::stat::{Kind, Stat};

/// The most that is read at once.
const BUFFER_BYTES: u64 = 256 * 1024;

/// Opens what is at the path now: a file's bytes, or a symlink's target text.
pub(crate) fn open(disk: &Disk, path: &str, expected: Kind) -> io::Result<Box<dyn Read>> {
    match open_either(disk, path, expected)? {
        Opened::File(handle, _) => Ok(Box::new(std::fs::File::from(handle))),
        Opened::Symlink(handle, _) => Ok(Box::new(Cursor::new(link_target(handle)?))),
    }
}

/// Returns the id of what is at the path now, and its stat if that did not move while it was read.
pub(crate) fn identify(disk: &Disk, path: &str, expected: Kind) -> io::Result<(FileId, Option<Stat>)> {
    let (handle, before, hash) = match open_either(disk, path, expected)? {
        Opened::File(handle, stat) => {
            let hash = hash_file(&handle, stat.key.size_bytes)?;
            (handle, stat, hash)
        }
        Opened::Symlink(handle, stat) => {
            let hash = blake3::hash(&link_target(&handle)?);
            (handle, stat, hash)
        }
    };
    let kind = before.kind.of_file().ok_or(Errno::INVAL)?;
    let steady = stat_handle(&handle)? == before;
    Ok((FileId { kind, hash: *hash.as_bytes() }, steady.then_some(before)))
}

/// An open entry with its stat.
enum Opened {
    File(OwnedFd, Stat),
    Symlink(OwnedFd, Stat),
}

/// Opens a file or a symlink, whichever is there; `expected` only saves a system call.
fn open_either(disk: &Disk, path: &str, expected: Kind) -> io::Result<Opened> {
    if expected != Kind::Symlink {
        match disk.open_file(path) {
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {}
            opened => return usable_file(opened?),
        }
    }
    let handle = disk.open_entry(path)?;
    let stat = stat_handle(&handle)?;
    if stat.kind == Kind::Symlink {
        return Ok(Opened::Symlink(handle, stat));
    }
    usable_file(disk.open_file(path)?)
}

fn usable_file(handle: OwnedFd) -> io::Result<Opened> {
    let stat = stat_handle(&handle)?;
    match stat.kind {
        Kind::File | Kind::Executable => Ok(Opened::File(handle, stat)),
        Kind::Directory | Kind::Workspace => Err(io::ErrorKind::IsADirectory.into()),
        Kind::Symlink | Kind::Unusable | Kind::Gone => Err(Errno::INVAL.into()),
    }
}

/// Hashes an open file with a buffer that fits it: most files take one read, and one that finds the end.
fn hash_file(handle: &OwnedFd, size_bytes: u64) -> io::Result<blake3::Hash> {
    let len = size_bytes.saturating_add(1).min(BUFFER_BYTES);
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(1)];
    let mut hasher = blake3::Hasher::new();
    loop {
        match rustix::io::read(handle, &mut buffer[..]) {
            Ok(0) => return Ok(hasher.finalize()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
    }
}
