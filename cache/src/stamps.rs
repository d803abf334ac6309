//! What the directories of an assembled tree looked like when they were known to be what their messages say. An
//! entry that is added, removed or replaced moves the times of its directory, so that another process need not look
//! at the files again. It knows nothing of messages: who compares, and when, is the tree's question.
//!
//! Form: the magic, the kernel's boot id, a record for each directory, and the BLAKE3 of all that. It holds for one
//! boot: after a power loss a directory may have its old times and its files other bytes. A file that is anything
//! else counts as none: the tree is compared in full.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::Digest;

use crate::Cache;
use crate::blobs::discard;
use crate::files::{self, Stamp};
use crate::layout::Layout;
use crate::leases::names;

/// The name and version of the form.
const MAGIC: [u8; 16] = *b"rg stamps 1\n\0\0\0\0";
/// A UUID as text.
const BOOT_ID_BYTES: usize = 36;
const SEAL_BYTES: usize = 32;

/// Device, inode, time of modification and time of change of a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen([i64; 6]);

impl Seen {
    pub(crate) fn at(path: &Path) -> Option<Seen> {
        fs::symlink_metadata(path).ok().map(|metadata| Seen::of(&metadata))
    }

    fn of(it: &Metadata) -> Seen {
        let (device, inode) = (it.dev().cast_signed(), it.ino().cast_signed());
        Seen([device, inode, it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()])
    }

    /// Returns whether the last change was before a time: a change since then has left another time.
    fn is_before(&self, time: Stamp) -> bool {
        Stamp(self.0[4], self.0[5]) < time
    }
}

/// A directory of a tree.
#[derive(Debug)]
pub(crate) struct Known {
    /// Where it is, from the root.
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
    /// What it looked like; `None` if only a comparison can tell whether it has changed.
    pub(crate) seen: Option<Seen>,
}

impl Known {
    fn is_root(&self) -> bool {
        self.path.as_os_str().is_empty()
    }
}

impl Cache {
    /// Returns what was known of a tree's directories in this boot. The root is always to be compared.
    pub(crate) fn recall_tree(&self, root: &Digest) -> Option<Vec<Known>> {
        let bytes = fs::read(self.layout.stamps(&root.hash)).ok()?;
        let known = decode(&bytes, boot_id()?)?;
        known.iter().any(|it| it.is_root() && it.digest == *root && it.seen.is_none()).then_some(known)
    }

    /// Remembers directories that were what their messages say after they had been looked at. `now` is a time of the
    /// file system that was not later when that began, or when somebody else could first have changed them.
    pub(crate) fn remember_tree(&self, root: &Digest, mut known: Vec<Known>, now: Option<Stamp>) {
        let (Some(now), Some(boot_id), Ok(lease)) = (now, boot_id(), self.leases.hold()) else { return };
        for it in &mut known {
            // Each use touches the root. Two changes in one tick of the clock leave one time.
            if it.is_root() || it.seen.is_some_and(|seen| !seen.is_before(now)) {
                it.seen = None;
            }
        }
        let path = lease.temporary();
        let written = files::create(&path).and_then(|mut file| file.write_all(&encode(&known, boot_id)));
        if written.and_then(|()| fs::rename(&path, self.layout.stamps(&root.hash))).is_err() {
            discard(&path);
        }
    }

    /// Forgets what was known of the tree with a file name.
    pub(crate) fn forget_tree(&self, name: &OsStr) {
        let _ = fs::remove_file(self.layout.stamps.join(name));
    }

    /// Forgets trees that are not there any more.
    pub(crate) fn sweep_stamps(&self) {
        for name in names(&self.layout.stamps) {
            if fs::symlink_metadata(self.layout.trees.join(&name)).is_err() {
                self.forget_tree(OsStr::new(&name));
            }
        }
    }
}

/// Forgets all trees: a file was found changed in place, which no directory tells.
pub(crate) fn forget_all(layout: &Layout) {
    for name in names(&layout.stamps) {
        let _ = fs::remove_file(layout.stamps.join(name));
    }
}

/// Returns what names the time since the kernel started.
fn boot_id() -> Option<[u8; BOOT_ID_BYTES]> {
    let text = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    text.trim_ascii_end().try_into().ok()
}

fn encode(known: &[Known], boot_id: [u8; BOOT_ID_BYTES]) -> Vec<u8> {
    let mut out = [MAGIC.as_slice(), &boot_id].concat();
    for it in known {
        let path = it.path.as_os_str().as_bytes();
        out.extend((path.len() as u64).to_le_bytes());
        out.extend(path);
        out.extend(it.digest.hash);
        out.extend(it.digest.size_bytes.to_le_bytes());
        out.push(u8::from(it.seen.is_some()));
        out.extend(it.seen.iter().flat_map(|seen| seen.0).flat_map(i64::to_le_bytes));
    }
    out.extend(blake3::hash(&out).as_bytes());
    out
}

fn decode(bytes: &[u8], boot_id: [u8; BOOT_ID_BYTES]) -> Option<Vec<Known>> {
    let (sealed, seal) = bytes.split_last_chunk::<SEAL_BYTES>()?;
    let mut rest = sealed.strip_prefix(&MAGIC)?.strip_prefix(&boot_id)?;
    if blake3::hash(sealed) != *seal {
        return None;
    }
    let mut known = Vec::new();
    while !rest.is_empty() {
        known.push(take_known(&mut rest)?);
    }
    Some(known)
}

fn take_known(from: &mut &[u8]) -> Option<Known> {
    let length = usize::try_from(u64::from_le_bytes(*take(from)?)).ok()?;
    let (path, rest) = from.split_at_checked(length)?;
    *from = rest;
    let digest = Digest { hash: *take(from)?, size_bytes: u64::from_le_bytes(*take(from)?) };
    let seen = match take(from)? {
        [0] => None,
        [_] => Some(take_seen(from)?),
    };
    Some(Known { path: PathBuf::from(OsStr::from_bytes(path)), digest, seen })
}

fn take_seen(from: &mut &[u8]) -> Option<Seen> {
    let mut seen = [0; 6];
    for number in &mut seen {
        *number = i64::from_le_bytes(*take(from)?);
    }
    Some(Seen(seen))
}

fn take<'a, const N: usize>(from: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(taken)
}
