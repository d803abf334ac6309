//! The files of a layer below one directory. None is written outside of it: a name is normal, and each of its parents
//! is a directory that was made here before, never a link. Only one writer is in the directory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, XattrFlags, chmodat, fchmod, fsetxattr,
    futimens, linkat, makedev, mkdirat, mknodat, openat, openat2, statat, symlinkat, utimensat,
};
use rustix::io::Errno;

use super::LayerError;
use super::name::Name;
use crate::tar::TarError;

/// The time of everything: 1980-01-01, since 0 breaks archives that are made of the files.
const TIME: Timespec = Timespec { tv_sec: 315_532_800, tv_nsec: 0 };
const TIMES: Timestamps = Timestamps { last_access: TIME, last_modification: TIME };

/// What overlayfs reads from a directory that hides all below it: for mounts of plain users, and for those of root.
const OPAQUE: [&str; 2] = ["user.overlay.opaque", "trusted.overlay.opaque"];

/// Why a body could not be written.
pub(super) enum Broken {
    /// It could not be read.
    Read(TarError),
    /// It could not be written.
    Write(io::Error),
}

/// What was made so far.
pub(super) struct Tree {
    root: OwnedFd,
    directories: BTreeSet<Name>,
    hidden: BTreeSet<Name>,
    opaque: BTreeSet<Name>,
}

impl Tree {
    /// Opens an empty directory.
    pub fn open(into: &Path) -> Result<Tree, LayerError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, into, flags, Mode::empty()).map_err(|error| LayerError::Into(error.into()))?;
        let directories = BTreeSet::from([Name::top()]);
        Ok(Tree { root, directories, hidden: BTreeSet::new(), opaque: BTreeSet::new() })
    }

    /// Makes a directory, or gives one that is there another mode.
    pub fn directory(&mut self, name: &Name, mode: u32) -> Result<(), LayerError> {
        let mode = Mode::from_raw_mode(mode & 0o1777 | 0o700);
        if name.is_top() {
            return fchmod(&self.root, mode).map_err(written(name));
        }
        self.make_parents(name)?;
        if !self.directories.contains(name) {
            self.make_directory(name).map_err(|error| refused(name, error))?;
        }
        chmodat(&self.root, name.bytes(), mode, AtFlags::empty()).map_err(written(name))
    }

    /// Makes a file of what `fill` writes.
    pub fn file(
        &mut self,
        name: &Name,
        mode: u32,
        fill: impl FnOnce(&mut File) -> Result<(), Broken>,
    ) -> Result<(), LayerError> {
        self.make_parents(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = openat2(&self.root, name.bytes(), flags, Mode::from_raw_mode(0o600), beneath);
        let mut file = File::from(opened.map_err(|error| refused(name, error))?);
        fill(&mut file).map_err(|broken| match broken {
            Broken::Read(source) => LayerError::Body { entry: name.shown(), source },
            Broken::Write(source) => LayerError::Write { entry: name.shown(), source },
        })?;
        let mode = Mode::from_raw_mode(mode & 0o777 | 0o400);
        fchmod(&file, mode).and_then(|()| futimens(&file, &TIMES)).map_err(written(name))
    }

    /// Makes a symbolic link, wherever it leads: nothing here follows it.
    pub fn symlink(&mut self, name: &Name, target: &[u8]) -> Result<(), LayerError> {
        self.make_parents(name)?;
        symlinkat(target, &self.root, name.bytes()).map_err(|error| refused(name, error))?;
        self.set_time(name)
    }

    /// Makes another name of a file that this layer has.
    pub fn hard_link(&mut self, name: &Name, target: &Name) -> Result<(), LayerError> {
        let wrong = |why| LayerError::HardLink { entry: name.shown(), target: target.shown(), why };
        self.make_parents(name)?;
        if self.directories.contains(target) {
            return Err(wrong("that is a directory"));
        }
        // A parent that is not among the directories may be a link that leads outside.
        if !self.directories.contains(&target.split().0) {
            return Err(wrong("the layer has no such file before it"));
        }
        match linkat(&self.root, target.bytes(), &self.root, name.bytes(), AtFlags::empty()) {
            Err(Errno::NOENT) => Err(wrong("the layer has no such file before it")),
            linked => linked.map_err(|error| refused(name, error)),
        }
    }

    /// Hides a name of the layers below. One of the same layer is not hidden.
    pub fn hide(&mut self, name: &Name) -> Result<(), LayerError> {
        self.make_parents(name)?;
        if self.hidden.insert(name.clone()) { Ok(()) } else { Err(LayerError::Duplicate(name.shown())) }
    }

    /// Hides all names of the layers below in the directory of a mark.
    pub fn hide_all(&mut self, mark: &Name) -> Result<(), LayerError> {
        self.make_parents(mark)?;
        if self.opaque.insert(mark.split().0) { Ok(()) } else { Err(LayerError::Duplicate(mark.shown())) }
    }

    /// Makes the marks, and then sets the times of directories, which change with what is made in them.
    pub fn finish(mut self) -> Result<(), LayerError> {
        for name in &std::mem::take(&mut self.hidden) {
            self.mark(name)?;
        }
        for name in &self.opaque {
            self.set_opaque(name)?;
        }
        self.directories.iter().filter(|name| !name.is_top()).try_for_each(|name| self.set_time(name))?;
        futimens(&self.root, &TIMES).map_err(written(&Name::top()))
    }

    /// A directory that replaces what it hides shows nothing of it; a file hides it anyway.
    fn mark(&mut self, name: &Name) -> Result<(), LayerError> {
        if self.directories.contains(name) {
            self.opaque.insert(name.clone());
            return Ok(());
        }
        match mknodat(&self.root, name.bytes(), FileType::CharacterDevice, Mode::empty(), makedev(0, 0)) {
            Ok(()) => self.set_time(name),
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(LayerError::Mark { entry: name.shown(), source: error.into() }),
        }
    }

    fn set_opaque(&self, name: &Name) -> Result<(), LayerError> {
        let path = if name.is_top() { b"." } else { name.bytes() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(&self.root, path, flags, Mode::empty()).map_err(written(name))?;
        for attribute in OPAQUE {
            match fsetxattr(&directory, attribute, b"y", XattrFlags::empty()) {
                // Only root may say it to the mounts of root.
                Err(Errno::PERM) if attribute.starts_with("trusted.") => {}
                set => set.map_err(|error| LayerError::Mark { entry: name.shown(), source: error.into() })?,
            }
        }
        Ok(())
    }

    /// Makes the directories above a name that no entry made before.
    fn make_parents(&mut self, name: &Name) -> Result<(), LayerError> {
        let directory = name.split().0;
        if self.directories.contains(&directory) {
            return Ok(());
        }
        for parent in directory.prefixes() {
            if !self.directories.contains(&parent) {
                self.make_directory(&parent).map_err(|error| self.obstacle(name, &parent, error))?;
                chmodat(&self.root, parent.bytes(), Mode::from_raw_mode(0o755), AtFlags::empty())
                    .map_err(written(&parent))?;
            }
        }
        Ok(())
    }

    fn make_directory(&mut self, name: &Name) -> Result<(), Errno> {
        mkdirat(&self.root, name.bytes(), Mode::from_raw_mode(0o700))?;
        self.directories.insert(name.clone());
        Ok(())
    }

    /// Says what stands in the way of a directory.
    fn obstacle(&self, entry: &Name, parent: &Name, error: Errno) -> LayerError {
        let found = statat(&self.root, parent.bytes(), AtFlags::SYMLINK_NOFOLLOW);
        match found.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Symlink) => LayerError::ThroughLink { entry: entry.shown(), link: parent.shown() },
            Ok(_) => LayerError::BelowFile { entry: entry.shown(), file: parent.shown() },
            Err(_) => written(parent)(error),
        }
    }

    fn set_time(&self, name: &Name) -> Result<(), LayerError> {
        utimensat(&self.root, name.bytes(), &TIMES, AtFlags::SYMLINK_NOFOLLOW).map_err(written(name))
    }
}

fn written(name: &Name) -> impl Fn(Errno) -> LayerError {
    move |error| LayerError::Write { entry: name.shown(), source: error.into() }
}

fn refused(name: &Name, error: Errno) -> LayerError {
    match error {
        Errno::EXIST => LayerError::Duplicate(name.shown()),
        error => written(name)(error),
    }
}
