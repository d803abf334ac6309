//! Builds the root of a sandbox and moves into it.
//!
//! One tmpfs serves all: the root is its directory `root`, or an overlay of an image whose mount points go there; beside
//! it, out of sight after the move, lie the layers of overlays. Directories that a program may write to are plain
//! directories of it where they can be, because every mount costs time twice, when it is made and when it goes.

use std::cell::RefCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, symlinkat, unlinkat,
};
use rustix::io::{Errno, write};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_move, move_mount, open_tree, unmount,
};
use rustix::process::{chdir, chroot, fchdir, pivot_root};

use super::kernel::{MountAttributes, Reach, set_mount_attributes};
use super::left::Layers;
use super::sources::{READ_ONLY, Sources};
use super::wire::{Fault, Named};
use super::{Mount, Spec};

/// Devices that every container has.
pub(crate) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Returns what every container shows before the mounts of its spec.
pub(crate) fn standard_mounts() -> Vec<Mount> {
    let directory = |at: &str| Mount::Directory { at: at.to_owned() };
    let tmpfs = |at: &str, mode| Mount::Tmpfs { at: at.to_owned(), mode };
    let link = |at: &str, to: &str| Mount::Symlink { at: at.to_owned(), to: to.to_owned() };
    let mut mounts = vec![directory("/proc"), directory("/dev")];
    mounts.extend(DEVICES.map(|name| Mount::Device { name: name.to_owned() }));
    mounts.extend([
        link("/dev/fd", "/proc/self/fd"),
        link("/dev/stdin", "/proc/self/fd/0"),
        link("/dev/stdout", "/proc/self/fd/1"),
        link("/dev/stderr", "/proc/self/fd/2"),
        tmpfs("/dev/shm", 0o1777),
        tmpfs("/tmp", 0o1777),
        tmpfs("/tmp/home", 0o755),
    ]);
    mounts
}

/// Builds the root that the spec describes and makes it the root of this process.
///
/// Returns the layers that overlays write to.
pub(super) fn build(spec: &Spec, sources: Sources) -> Result<Layers, Fault> {
    let root = Root::new(spec, sources.root.as_ref(), sources.scribble)?;
    for (mount, source) in spec.mounts.iter().zip(sources.mounts) {
        root.show(mount, source)?;
    }
    root.attach(&proc()?, "/proc", FileType::Directory)?;
    if sources.root.is_some() {
        root.make_read_only()?;
    }
    root.enter()?;
    Ok(Layers { memory: root.scratch, disk: root.scribble })
}

struct Root {
    /// The tmpfs.
    scratch: OwnedFd,
    /// The new root: a mount of the tmpfs' directory of that name, or of an overlay there.
    root: OwnedFd,
    /// A directory of the machine for layers, used where a tmpfs is refused, or if they are there already.
    scribble: Option<OwnedFd>,
    resumes: bool,
    kind: Kind,
    /// The places that are covered by empty directories.
    hidden: RefCell<Vec<String>>,
    /// The directory in which something was made last: what is made next often lies there, too.
    latest: RefCell<Option<(String, Rc<OwnedFd>)>>,
}

/// What a root begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Empty,
    /// An image, which becomes read-only in the end: what can be written to is a mount of its own.
    Image,
}

impl Root {
    fn new(spec: &Spec, image: Option<&OwnedFd>, scribble: Option<OwnedFd>) -> Result<Root, Fault> {
        let scratch = new_file_system("tmpfs", &[("mode", "0755")], &[])?;
        // Any directory does: it is hidden only from this process, and all sources are open already.
        let place = if Path::new("/tmp").is_dir() { "/tmp" } else { "/usr" };
        move_mount(&scratch, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).named("move_mount", place)?;
        mkdirat(&scratch, "root", Mode::from_raw_mode(0o555)).named("mkdir", "root")?;
        let scribble = scribble.map(|tree| attach_named(&tree, &scratch, "scribble").map(|()| tree)).transpose()?;
        let root = match image {
            None => self_mount(&scratch, "root")?,
            Some(image) => {
                attach_named(image, &scratch, "image")?;
                match (overlay_of(image, &scratch, "/"), &scribble) {
                    (Err(_), Some(scribble)) => overlay_of(image, scribble, "/")?,
                    (overlay, _) => overlay?,
                }
            }
        };
        attach_at(&root, &scratch, "root")?;
        let kind = if image.is_some() { Kind::Image } else { Kind::Empty };
        Ok(Root {
            scratch,
            root,
            scribble,
            resumes: spec.resumes,
            kind,
            hidden: RefCell::default(),
            latest: RefCell::default(),
        })
    }

    /// Once all mount points are made, nobody can write to the root of an image; what is mounted in it stays as it is.
    fn make_read_only(&self) -> Result<(), Fault> {
        let attributes = MountAttributes { set: READ_ONLY, ..MountAttributes::default() };
        set_mount_attributes(self.root.as_fd(), &attributes, Reach::Mount).named("mount_setattr", "/")
    }

    fn show(&self, mount: &Mount, source: Option<OwnedFd>) -> Result<(), Fault> {
        match (mount, source) {
            (Mount::Bind { at, .. } | Mount::BindWritable { at, .. }, Some(tree)) => self.attach_like(&tree, at),
            (Mount::Device { name }, Some(tree)) => self.attach_like(&tree, &format!("/dev/{name}")),
            (Mount::Overlay { at, .. }, Some(tree)) => {
                let overlay = self.overlay(&tree, at)?;
                self.attach(&overlay, at, FileType::Directory)
            }
            (Mount::Tmpfs { at, mode }, _) => self.make_writable(at, Mode::from_raw_mode(*mode)),
            (Mount::Symlink { at, to }, _) => {
                let (parent, name) = self.parent(at)?;
                symlinkat(to.as_str(), &parent, name).named("symlink", at)
            }
            (Mount::File { at, content }, _) => {
                let (parent, name) = self.parent(at)?;
                let made = make_file(&parent, name, content).or_else(|errno| match errno {
                    // The image has one: /etc/hosts, in some.
                    Errno::EXIST => {
                        unlinkat(&parent, name, AtFlags::empty())?;
                        make_file(&parent, name, content)
                    }
                    errno => Err(errno),
                });
                made.map(drop).named("open", at)
            }
            (Mount::Directory { at }, _) => self.directory(at).map(|_| ()),
            (
                Mount::Bind { at, .. }
                | Mount::BindWritable { at, .. }
                | Mount::Overlay { at, .. }
                | Mount::Device { name: at },
                None,
            ) => Err(Errno::INVAL).named("open_tree", at),
        }
    }

    fn attach_like(&self, tree: &OwnedFd, at: &str) -> Result<(), Fault> {
        let kind = FileType::from_raw_mode(fstat(tree).named("fstat", at)?.st_mode);
        self.attach(tree, at, kind)
    }

    /// Attaches a mount, at a directory if it shows one, else at a file.
    fn attach(&self, tree: &OwnedFd, at: &str, kind: FileType) -> Result<(), Fault> {
        let place = match kind {
            FileType::Directory => {
                // What was open there, or below, is covered now.
                self.latest.take();
                self.directory(at)?
            }
            _ => self.file(at)?,
        };
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(tree, "", &place, "", flags).named("move_mount", at)
    }

    fn make_writable(&self, at: &str, mode: Mode) -> Result<(), Fault> {
        let (parent, name) = self.parent(at)?;
        let is_below_hidden = || self.hidden.borrow().iter().any(|hidden| Path::new(at).starts_with(hidden));
        match mkdirat(&parent, name, mode) {
            Ok(()) if self.kind == Kind::Empty || is_below_hidden() => Ok(()),
            Ok(()) => self.hide(at, mode),
            Err(_) if self.open(at).is_ok() => self.hide(at, mode),
            Err(errno) => Err(errno).named("mkdir", at),
        }
    }

    /// Lays an empty directory over one that is there already.
    fn hide(&self, at: &str, mode: Mode) -> Result<(), Fault> {
        let name = layer_name("empty", at);
        mkdirat(&self.scratch, &name, mode).named("mkdir", at)?;
        self.hidden.borrow_mut().push(at.to_owned());
        self.attach(&self_mount(&self.scratch, &name)?, at, FileType::Directory)
    }

    /// Mounts an overlay of which the lower directory keeps what it has.
    fn overlay(&self, tree: &OwnedFd, at: &str) -> Result<OwnedFd, Fault> {
        attach_named(tree, &self.scratch, &layer_name("lower", at))?;
        if let Some(scribble) = self.scribble.as_ref().filter(|_| self.resumes) {
            return overlay_of(tree, scribble, at);
        }
        let upper = overlay_of(tree, &self.scratch, at);
        match (upper, &self.scribble) {
            (Err(_), Some(scribble)) => overlay_of(tree, scribble, at),
            (result, _) => result,
        }
    }

    fn open(&self, path: &str) -> Result<OwnedFd, Errno> {
        openat2(&self.root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT)
    }

    /// Returns a directory, which is made with those above it if it is not there.
    fn directory(&self, at: &str) -> Result<OwnedFd, Fault> {
        match self.open(at) {
            Err(Errno::NOENT) => {
                let (parent, name) = self.parent(at)?;
                mkdirat(&parent, name, Mode::from_raw_mode(0o555)).named("mkdir", at)?;
                self.open(at).named("openat2", at)
            }
            other => other.named("openat2", at),
        }
    }

    /// Returns a file, which is made if nothing is there.
    fn file(&self, at: &str) -> Result<OwnedFd, Fault> {
        let (parent, name) = self.parent(at)?;
        match make_file(&parent, name, b"") {
            Err(Errno::EXIST) => self.open(at).named("openat2", at),
            made => made.named("open", at),
        }
    }

    /// Returns the directory above a path, and the name in it.
    fn parent<'path>(&self, at: &'path str) -> Result<(Rc<OwnedFd>, &'path str), Fault> {
        let (parent, name) = at.rsplit_once('/').ok_or(Errno::INVAL).named("openat2", at)?;
        let parent = if parent.is_empty() { "/" } else { parent };
        if let Some((_, directory)) = self.latest.borrow().as_ref().filter(|(path, _)| path == parent) {
            return Ok((directory.clone(), name));
        }
        let directory = Rc::new(self.directory(parent)?);
        self.latest.replace(Some((parent.to_owned(), directory.clone())));
        Ok((directory, name))
    }

    fn enter(&self) -> Result<(), Fault> {
        fchdir(&self.root).named("fchdir", "/")?;
        if pivot_root(".", ".").is_ok() {
            unmount(".", UnmountFlags::DETACH).named("umount2", "old root")?;
        } else {
            // An initial ramdisk cannot be pivoted away, but covered.
            mount_move(".", "/").named("mount", "/")?;
            chroot(".").named("chroot", "/")?;
        }
        chdir("/").named("chdir", "/")
    }
}

/// Returns the name of the directory that is a layer of what is mounted there.
pub(super) fn layer_name(kind: &str, at: &str) -> String {
    format!("{kind}{}", at.replace('/', "@"))
}

/// Makes a file that is not there, and returns it.
fn make_file(parent: &OwnedFd, name: &str, content: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(parent, name, flags, Mode::from_raw_mode(0o444))?;
    let mut rest = content;
    while !rest.is_empty() {
        rest = &rest[write(&file, rest)?..];
    }
    Ok(file)
}

/// Returns a detached mount of one directory of a file system.
fn self_mount(of: &OwnedFd, name: &str) -> Result<OwnedFd, Fault> {
    open_tree(of, name, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC).named("open_tree", name)
}

fn attach_at(tree: &OwnedFd, directory: &OwnedFd, name: &str) -> Result<(), Fault> {
    move_mount(tree, "", directory, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).named("move_mount", name)
}

fn attach_named(tree: &OwnedFd, directory: &OwnedFd, name: &str) -> Result<(), Fault> {
    mkdirat(directory, name, Mode::from_raw_mode(0o755)).named("mkdir", name)?;
    attach_at(tree, directory, name)
}

/// Makes an overlay whose upper layer lies in `layers`.
fn overlay_of(lower: &OwnedFd, layers: &OwnedFd, at: &str) -> Result<OwnedFd, Fault> {
    let layer = |kind: &str| {
        let name = layer_name(kind, at);
        match mkdirat(layers, &name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => {}
            made => made?,
        }
        openat(layers, &name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    };
    let (upper, work) = (layer("upper").named("mkdir", at)?, layer("work").named("mkdir", at)?);
    // Links to the open files, because the kernel takes 255 characters at most.
    let link = |fd: BorrowedFd<'_>| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let (lower, upper, work) = (link(lower.as_fd()), link(upper.as_fd()), link(work.as_fd()));
    new_file_system("overlay", &[("lowerdir", &lower), ("upperdir", &upper), ("workdir", &work)], &["userxattr"])
}

fn new_file_system(kind: &str, options: &[(&str, &str)], flags: &[&str]) -> Result<OwnedFd, Fault> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).named("fsopen", kind)?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, *value).named("fsconfig", &format!("{kind} {name}"))?;
    }
    for name in flags {
        fsconfig_set_flag(&context, *name).named("fsconfig", &format!("{kind} {name}"))?;
    }
    fsconfig_create(&context).named("fsconfig", kind)?;
    let harmless = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, harmless).named("fsmount", kind)
}

/// Returns a fresh /proc, or the machine's where a container around this one forbids a fresh one.
fn proc() -> Result<OwnedFd, Fault> {
    new_file_system("proc", &[], &[]).or_else(|_| {
        let recursive = OpenTreeFlags::AT_RECURSIVE;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | recursive;
        open_tree(CWD, "/proc", flags).named("open_tree", "/proc")
    })
}
