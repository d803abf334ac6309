//! The files below one directory, by relative paths, through one open handle of it. Symlinks are never followed
//! once something is opened. Knows nothing of what a scan remembers.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use crate::stat::Stat;

/// The open root of a checkout.
#[derive(Debug)]
pub(crate) struct Disk {
    root: OwnedFd,
}

/// One name in a directory, as the disk lists it.
pub(crate) struct Found {
    pub name: OsString,
    /// What the listing says it is; some file systems do not say.
    pub file_type: FileType,
}

impl Disk {
    /// Opens the root, which may itself be reached through symlinks.
    pub fn open_root(root: &Path) -> io::Result<Disk> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Disk { root: rustix::fs::openat(CWD, root, flags, Mode::empty())? })
    }

    /// Stats an entry; the empty path is the root. The hot call of a warm run: one system call.
    pub fn stat(&self, path: &str) -> io::Result<Stat> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
        Ok(rustix::fs::statx(&self.root, path, flags, wanted())?.into())
    }

    /// Reads a directory: all its names but `.` and `..`, in no order.
    pub fn list(&self, dir: &str) -> io::Result<Vec<Found>> {
        let handle = self.open(dir, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut found = Vec::new();
        for entry in Dir::new(handle)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                found.push(Found { name: OsString::from_vec(name.to_vec()), file_type: entry.file_type() });
            }
        }
        Ok(found)
    }

    /// Opens a file for reading. A pipe that took its place does not block.
    pub fn open_file(&self, path: &str) -> io::Result<OwnedFd> {
        self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
    }

    /// Opens an entry that may be a symlink, without the right to read it.
    pub fn open_entry(&self, path: &str) -> io::Result<OwnedFd> {
        self.open(path, OFlags::PATH)
    }

    /// Opens beneath the root, through no symlink.
    fn open(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.root, path, flags, Mode::empty(), resolve) {
            // Kernels before 5.6, and filters of system calls that do not know it.
            Err(Errno::NOSYS | Errno::PERM) => Ok(rustix::fs::openat(&self.root, path, flags, Mode::empty())?),
            opened => Ok(opened?),
        }
    }
}

/// Stats what is open.
pub(crate) fn stat_handle(handle: impl AsFd) -> io::Result<Stat> {
    Ok(rustix::fs::statx(handle, "", AtFlags::EMPTY_PATH, wanted())?.into())
}

/// Returns the target text of an open symlink.
pub(crate) fn link_target(handle: impl AsFd) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(handle, "", Vec::new())?.into_bytes())
}

/// Whether the error says that there is no such entry (any more): nothing at the path, or no directory above it.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    let absences = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::XDEV];
    absences.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns the fields that are asked for.
fn wanted() -> StatxFlags {
    StatxFlags::TYPE | StatxFlags::MODE | StatxFlags::INO | StatxFlags::SIZE | StatxFlags::MTIME | StatxFlags::CTIME
}
