//! What of a stat says that an entry is still what it was. Knows no paths.

use model::FileKind;
use rustix::fs::{FileType, Statx};

/// The part of a stat that moves whenever the content does.
///
/// A write moves the times; setting the modification time back moves the change time; a replacement by rename moves
/// the inode. Only a second write within one tick of the clock moves nothing: see [`StatKey::is_older_than`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct StatKey {
    pub size_bytes: u64,
    pub modified_ns: i64,
    pub changed_ns: i64,
    pub inode: u64,
    /// Major and minor number in 12 and 20 bits, as the kernel keeps them.
    pub device: u32,
}

impl StatKey {
    /// The key that equals none of a real entry: what carries it is looked at again.
    pub const UNKNOWN: StatKey = StatKey { size_bytes: 0, modified_ns: 0, changed_ns: 0, inode: 0, device: 0 };

    /// Whether the entry last changed before `instant_ns`. An entry that changed later may change again within the
    /// same tick of the clock, which no stat would show.
    pub fn is_older_than(&self, instant_ns: i64) -> bool {
        self.modified_ns < instant_ns && self.changed_ns < instant_ns
    }
}

/// What an entry is, as far as a scan cares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    File,
    Executable,
    Symlink,
    Directory,
    /// A directory that is a workspace of its own.
    Workspace,
    /// Nothing that could be an input: a device, a socket, a pipe, a name that is not UTF-8.
    Unusable,
    /// A directory that vanished between the listing of its parent and its own.
    Gone,
}

impl Kind {
    /// Returns the kind of file, for what has content.
    pub fn of_file(self) -> Option<FileKind> {
        match self {
            Kind::File => Some(FileKind::File),
            Kind::Executable => Some(FileKind::Executable),
            Kind::Symlink => Some(FileKind::Symlink),
            Kind::Directory | Kind::Workspace | Kind::Unusable | Kind::Gone => None,
        }
    }

    /// Whether it is a directory on disk, border or not.
    pub fn is_directory(self) -> bool {
        matches!(self, Kind::Directory | Kind::Workspace)
    }

    /// Returns the type that a directory listing gives for it; `None` if that does not tell.
    pub fn file_type(self) -> Option<FileType> {
        match self {
            Kind::File | Kind::Executable => Some(FileType::RegularFile),
            Kind::Symlink => Some(FileType::Symlink),
            Kind::Directory | Kind::Workspace => Some(FileType::Directory),
            Kind::Unusable | Kind::Gone => None,
        }
    }
}

/// A stat, reduced to what counts. Of the mode only the owner's executable bit does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stat {
    pub kind: Kind,
    pub key: StatKey,
}

impl From<Statx> for Stat {
    fn from(statx: Statx) -> Stat {
        let mode = u32::from(statx.stx_mode);
        let kind = match FileType::from_raw_mode(mode) {
            FileType::RegularFile if mode & 0o100 != 0 => Kind::Executable,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Symlink,
            FileType::Directory => Kind::Directory,
            _ => Kind::Unusable,
        };
        Stat { kind, key: key(&statx) }
    }
}

/// Returns the key of a stat.
fn key(statx: &Statx) -> StatKey {
    StatKey {
        size_bytes: statx.stx_size,
        modified_ns: nanoseconds(statx.stx_mtime.tv_sec, statx.stx_mtime.tv_nsec),
        changed_ns: nanoseconds(statx.stx_ctime.tv_sec, statx.stx_ctime.tv_nsec),
        inode: statx.stx_ino,
        device: (statx.stx_dev_major << 20) | (statx.stx_dev_minor & 0xf_ffff),
    }
}

/// Returns a time in nanoseconds since 1970; times beyond 1677 and 2262 wrap, which still tells them apart.
pub(crate) fn nanoseconds(seconds: i64, nanoseconds: u32) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(nanoseconds))
}
