//! What a sandbox shows of the machine, opened before privileges go: each mount's source as a detached mount.
//!
//! A read-only source is made read-only before it is attached anywhere, so it never exists writable.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, chownat, open};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::set_thread_groups;

use super::kernel::{MountAttributes, Reach, set_mount_attributes, while_parked};
use super::wire::{Fault, Named};
use super::{Mount, Spec};

/// The user and group that root's sandboxes run as, seen from outside.
const NOBODY: u32 = 65534;

pub(super) const READ_ONLY: u64 = 0x1;
const NO_SETUID: u64 = 0x2;
const NO_DEVICES: u64 = 0x4;
const MAPPED_IDS: u64 = 0x0010_0000;

/// Returns the user and group outside that the sandbox's own user is.
pub(super) fn outside_ids() -> (u32, u32) {
    if geteuid().is_root() { (NOBODY, NOBODY) } else { (geteuid().as_raw(), getegid().as_raw()) }
}

/// The opened sources of a spec.
pub(super) struct Sources {
    /// One for each mount of the spec, in its order; `None` for those that come from nowhere.
    pub mounts: Vec<Option<OwnedFd>>,
    /// The root directory, if the spec has one.
    pub root: Option<OwnedFd>,
    /// The directory for what is written to overlays, if the spec has one.
    pub scribble: Option<OwnedFd>,
    overlays: Vec<usize>,
}

impl Sources {
    /// Opens the sources with root's rights, which reach below closed directories, and gives writable directories to
    /// the inside user. Returns `None` if this root may not mount: then process 1 opens them.
    pub(super) fn open_as_root(spec: &Spec) -> Result<Option<Sources>, Fault> {
        // A root in a container may lack the right to change groups; the sandbox then keeps them.
        let _ = set_thread_groups(&[]);
        for mount in &spec.mounts {
            if let Mount::BindWritable { from, .. } = mount {
                give_to_nobody(from)?;
            }
        }
        if let Some(scribble) = &spec.scribble {
            give_to_nobody(scribble)?;
        }
        match Sources::open(spec) {
            Err(fault) if fault.errno == Errno::PERM.raw_os_error() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Opens the sources.
    pub(super) fn open(spec: &Spec) -> Result<Sources, Fault> {
        let mounts = spec.mounts.iter().map(open_mount).collect::<Result<Vec<_>, _>>()?;
        let root = spec.root.as_deref().map(|path| detached(path, NO_SETUID | NO_DEVICES | READ_ONLY)).transpose()?;
        let scribble = spec.scribble.as_deref().map(|path| detached(path, NO_SETUID | NO_DEVICES)).transpose()?;
        let overlay = |mount: &Mount| matches!(mount, Mount::Overlay { .. });
        let overlays = (0..mounts.len()).filter(|&index| overlay(&spec.mounts[index])).collect();
        Ok(Sources { mounts, root, scribble, overlays })
    }

    /// Lets root's files below overlays appear as the inside user's own, as they are for a plain user: else it could
    /// not scribble. Where the file system cannot do that, they stay root's.
    pub(super) fn give_overlays_to_inside_user(&self, root_map: &io::Result<OwnedFd>) -> Result<(), Fault> {
        let overlays = self.overlays.iter().filter_map(|&index| self.mounts[index].as_ref());
        let trees: Vec<_> = overlays.chain(&self.root).collect();
        if trees.is_empty() {
            return Ok(());
        }
        let refused = |error| Errno::from_io_error(error).unwrap_or(Errno::IO);
        let namespace = root_map.as_ref().map_err(refused).named("clone", "user namespace")?;
        let namespace = u64::try_from(namespace.as_raw_fd()).unwrap_or_default();
        for tree in trees {
            let mapped = MountAttributes { set: MAPPED_IDS, user_namespace: namespace, ..MountAttributes::default() };
            let _ = set_mount_attributes(tree.as_fd(), &mapped, Reach::Below);
        }
        Ok(())
    }
}

fn give_to_nobody(path: &Path) -> Result<(), Fault> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let result = chownat(CWD, path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW);
    result.named("chown", &path.to_string_lossy())
}

fn open_mount(mount: &Mount) -> Result<Option<OwnedFd>, Fault> {
    let harmless = NO_SETUID | NO_DEVICES;
    match mount {
        Mount::Bind { from, .. } => detached(from, harmless | READ_ONLY).map(Some),
        Mount::BindWritable { from, .. } => detached(from, harmless).map(Some),
        Mount::Overlay { lower, .. } => detached(lower, harmless | READ_ONLY).map(Some),
        Mount::Device { name } => detached(&Path::new("/dev").join(name), NO_SETUID).map(Some),
        Mount::Tmpfs { .. } | Mount::Symlink { .. } | Mount::File { .. } | Mount::Directory { .. } => Ok(None),
    }
}

fn detached(path: &Path, attributes: u64) -> Result<OwnedFd, Fault> {
    let name = path.to_string_lossy();
    // `AT_RECURSIVE` as `open_tree` knows it.
    let recursive = OpenTreeFlags::AT_RECURSIVE;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | recursive;
    let tree = open_tree(CWD, path, flags).named("open_tree", &name)?;
    let propagation = u64::from(rustix::mount::MountPropagationFlags::PRIVATE.bits());
    let attributes = MountAttributes { set: attributes, propagation, ..MountAttributes::default() };
    set_mount_attributes(tree.as_fd(), &attributes, Reach::Below).named("mount_setattr", &name)?;
    Ok(tree)
}

/// Makes a user namespace that maps root to the inside user, by a child that lives only until it is mapped and open.
pub(super) fn map_of_root() -> io::Result<OwnedFd> {
    let (user, group) = outside_ids();
    while_parked(libc::CLONE_NEWUSER, |pid| {
        let proc = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
        std::fs::write(proc("uid_map"), format!("0 {user} 1"))?;
        std::fs::write(proc("gid_map"), format!("0 {group} 1"))?;
        Ok(open(proc("ns/user"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
    })?
}
