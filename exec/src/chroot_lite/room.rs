//! Root directories without mounts: an image as hard links, and in it, as copies and links, what a container shows.
//!
//! To link an image takes longer than most actions, so a room serves one action after the other. What an action may
//! write to is made for it alone and taken out after it, as a whole; the rest belongs to root.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Component, Path, PathBuf};

use cache::Scratch;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat, stat};

use super::copy::{As, put};
use crate::left::{is_plain, put_back};
use crate::sandbox::{DEVICES, INSIDE_ID, Mount, Spec, standard_mounts};

/// How many links a path may lead through.
const MOST_LINKS: u32 = 40;
/// What programs call their outputs: links into /proc elsewhere, here one fifo, since /proc is empty.
const OUTPUTS: [&str; 2] = ["/dev/stdout", "/dev/stderr"];

/// What a room has to show.
pub(super) struct Wanted {
    image: PathBuf,
    /// What stays in a room.
    standing: Vec<Mount>,
    /// What is put in for one action, and where it lies: in places that hold nothing else.
    passing: Vec<Mount>,
    places: BTreeSet<String>,
}

impl Wanted {
    /// Sorts what a container shows. `staged` is the tree of the inputs.
    pub fn of(spec: &Spec, staged: &Path) -> io::Result<Wanted> {
        let image = spec.root.clone().ok_or(io::ErrorKind::InvalidInput)?;
        let mounts: Vec<Mount> = standard_mounts().into_iter().chain(spec.mounts.iter().cloned()).collect();
        let mut places = BTreeSet::new();
        for entry in fs::read_dir(staged)? {
            places.insert(format!("/{}", entry?.file_name().to_string_lossy()));
        }
        places.extend(mounts.iter().filter(|mount| matches!(mount, Mount::Tmpfs { .. })).map(|it| at(it).into_owned()));
        // One that lies in another goes with it.
        let outermost = |place: &&String| !places.iter().any(|it| it != *place && Path::new(place).starts_with(it));
        let places: BTreeSet<String> = places.iter().filter(outermost).cloned().collect();
        let is_passing = |mount: &Mount| places.iter().any(|place| Path::new(&*at(mount)).starts_with(place));
        let (passing, standing) = mounts.into_iter().partition(is_passing);
        Ok(Wanted { image, standing, passing, places })
    }
}

/// Returns the directory of the root that a path leads through.
fn top(path: &str) -> Option<&str> {
    path.trim_start_matches('/').split('/').next()
}

/// Returns where a mount appears.
fn at(mount: &Mount) -> std::borrow::Cow<'_, str> {
    match mount {
        Mount::Bind { at, .. }
        | Mount::BindWritable { at, .. }
        | Mount::Overlay { at, .. }
        | Mount::Tmpfs { at, .. }
        | Mount::Symlink { at, .. }
        | Mount::File { at, .. }
        | Mount::Directory { at } => at.as_str().into(),
        Mount::Device { name } => format!("/dev/{name}").into(),
    }
}

/// A root directory, without what passes.
pub(super) struct Room {
    scratch: Scratch,
    image: PathBuf,
    standing: Vec<Mount>,
    /// Whatever the image has there is not in the room.
    places: BTreeSet<String>,
}

impl Room {
    /// Makes a room; what lies below `store` is linked.
    pub fn make(wanted: &Wanted, scratch: Scratch, store: &Path) -> io::Result<Room> {
        let (image, standing) = (wanted.image.clone(), wanted.standing.clone());
        let room = Room { scratch, image, standing, places: wanted.places.clone() };
        put(&room.image, &room.root(), As::Links)?;
        fs::set_permissions(room.root(), Permissions::from_mode(0o755))?;
        let tops = room.places.iter().map(String::as_str).chain(["/dev", "/proc"]).filter_map(top);
        tops.map(|top| room.root().join(top)).filter(|top| top.is_symlink()).try_for_each(fs::remove_file)?;
        for place in &room.places {
            remove(&room.resolve(Path::new(place))?)?;
        }
        room.standing.iter().try_for_each(|mount| room.show(mount, store))?;
        Ok(room)
    }

    /// Whether it is what is wanted.
    pub fn fits(&self, wanted: &Wanted) -> bool {
        self.image == wanted.image && self.standing == wanted.standing && self.places == wanted.places
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// Puts in what passes.
    pub fn furnish(self, wanted: &Wanted, store: &Path) -> io::Result<Furnished> {
        make_outputs(&self.root())?;
        wanted.passing.iter().try_for_each(|mount| self.show(mount, store))?;
        Ok(Furnished { passing: wanted.passing.clone(), room: self })
    }

    fn show(&self, mount: &Mount, store: &Path) -> io::Result<()> {
        let place = self.resolve(Path::new(&*at(mount)))?;
        if !matches!(mount, Mount::Directory { .. }) {
            remove(&place)?;
        }
        match mount {
            Mount::Bind { from, .. } => put(from, &place, if from.starts_with(store) { As::Links } else { As::Copies }),
            Mount::Overlay { lower, .. } => put(lower, &place, As::Own),
            Mount::BindWritable { from, .. } => {
                fs::rename(from, &place)?;
                give_all(&place)
            }
            Mount::Tmpfs { mode, .. } => {
                fs::create_dir(&place)?;
                fs::set_permissions(&place, Permissions::from_mode(*mode))?;
                lchown(&place, Some(INSIDE_ID), Some(INSIDE_ID))
            }
            // Links that lead through /proc lead nowhere here.
            Mount::Symlink { to, .. } if to.starts_with("/proc/") => Ok(()),
            Mount::Symlink { to, .. } => symlink(to, &place),
            Mount::File { content, .. } => {
                fs::write(&place, content)?;
                fs::set_permissions(&place, Permissions::from_mode(0o444))
            }
            Mount::Directory { .. } if place.is_dir() => Ok(()),
            Mount::Directory { .. } => make_directory(&place),
            Mount::Device { name } => make_device(&place, name),
        }
    }

    /// Follows a path as a program inside would, and makes the directories that it leads through.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let root = self.root();
        let mut here = PathBuf::new();
        let mut rest: Vec<_> = path.components().rev().map(|it| it.as_os_str().to_owned()).collect();
        let mut links_left = MOST_LINKS;
        while let Some(name) = rest.pop() {
            match Path::new(&name).components().next() {
                Some(Component::RootDir) => here = PathBuf::new(),
                Some(Component::ParentDir) => drop(here.pop()),
                Some(Component::Normal(name)) => {
                    here.push(name);
                    let place = root.join(&here);
                    match place.symlink_metadata() {
                        Ok(data) if data.is_symlink() => {
                            links_left = links_left.checked_sub(1).ok_or(rustix::io::Errno::LOOP)?;
                            here.pop();
                            rest.extend(fs::read_link(place)?.components().rev().map(|it| it.as_os_str().to_owned()));
                        }
                        Ok(_) => {}
                        Err(_) if rest.is_empty() => {}
                        Err(_) => make_directory(&place)?,
                    }
                }
                Some(Component::CurDir | Component::Prefix(_)) | None => {}
            }
        }
        Ok(root.join(here))
    }
}

/// A root directory with all that an action sees.
pub(super) struct Furnished {
    room: Room,
    passing: Vec<Mount>,
}

impl Furnished {
    /// Returns its path.
    pub fn root(&self) -> PathBuf {
        self.room.root()
    }

    /// Returns where a path inside leads to, inside.
    pub fn real_path(&self, path: &str) -> io::Result<PathBuf> {
        let real = self.room.resolve(Path::new(path))?;
        Ok(Path::new("/").join(real.strip_prefix(self.root()).unwrap_or(&real)))
    }

    /// Returns the places that the user inside may write to.
    pub fn writable(&self) -> Vec<String> {
        let keeps =
            |mount: &&Mount| matches!(mount, Mount::Overlay { .. } | Mount::Tmpfs { .. } | Mount::BindWritable { .. });
        self.passing.iter().filter(keeps).map(|mount| at(mount).into_owned()).collect()
    }

    /// Takes away the fifo for outputs that go elsewhere: without a reader it would hold up whoever writes.
    pub fn without_outputs(&self) -> io::Result<()> {
        OUTPUTS.iter().try_for_each(|name| remove(&self.root().join(name.trim_start_matches('/'))))
    }

    /// Puts what [`Furnished::clear`] took out of a room like this, and the outputs, in the place of what passes.
    pub fn go_on(&self, left: &Path) -> io::Result<()> {
        for (number, place) in self.room.places.iter().enumerate() {
            let from = left.join(number.to_string());
            // A failure that left too much left its outputs alone.
            if from.symlink_metadata().is_ok() {
                let place = self.room.resolve(Path::new(place))?;
                remove(&place)?;
                fs::rename(from, place)?;
            }
        }
        let outputs = |mount: &&Mount| matches!(mount, Mount::BindWritable { .. });
        self.passing.iter().filter(outputs).try_for_each(|mount| put_back(left, &self.root(), &at(mount)))
    }

    /// Takes out what passed: directories that were given to the action back to where they came from, the rest to
    /// `left`. No process of the action may be left.
    pub fn clear(self, left: &Path) -> io::Result<Room> {
        for mount in &self.passing {
            let Mount::BindWritable { from, at } = mount else { continue };
            if is_plain(&self.root(), at) {
                fs::rename(self.root().join(at.trim_start_matches('/')), from)?;
            } else {
                fs::create_dir(from)?;
            }
        }
        fs::create_dir_all(left)?;
        for (number, place) in self.room.places.iter().enumerate() {
            let place = self.room.resolve(Path::new(place))?;
            if place.symlink_metadata().is_ok() {
                fs::rename(place, left.join(number.to_string()))?;
            }
        }
        Ok(self.room)
    }
}

/// Makes the devices of a root directory.
pub(super) fn make_devices(root: &Path) -> io::Result<()> {
    make_directory(&root.join("dev"))?;
    make_outputs(root)?;
    DEVICES.iter().try_for_each(|name| make_device(&root.join("dev").join(name), name))
}

/// Makes a device of the number that the machine's own has.
fn make_device(place: &Path, name: &str) -> io::Result<()> {
    let number = stat(Path::new("/dev").join(name).as_path())?.st_rdev;
    mknodat(CWD, place, FileType::CharacterDevice, Mode::from_raw_mode(0o666), number)?;
    fs::set_permissions(place, Permissions::from_mode(0o666))
}

/// Makes the fifo that a program's output goes through.
fn make_outputs(root: &Path) -> io::Result<()> {
    let [first, second] = OUTPUTS.map(|name| root.join(name.trim_start_matches('/')));
    remove(&first)?;
    remove(&second)?;
    mknodat(CWD, &first, FileType::Fifo, Mode::from_raw_mode(0o666), makedev(0, 0))?;
    fs::set_permissions(&first, Permissions::from_mode(0o666))?;
    fs::hard_link(first, second)
}

/// Gives a tree to the user inside.
fn give_all(place: &Path) -> io::Result<()> {
    lchown(place, Some(INSIDE_ID), Some(INSIDE_ID))?;
    if place.symlink_metadata()?.is_dir() {
        fs::read_dir(place)?.try_for_each(|entry| give_all(&entry?.path()))?;
    }
    Ok(())
}

/// Makes a directory of root's, whatever the mask of the process is.
fn make_directory(place: &Path) -> io::Result<()> {
    fs::create_dir(place)?;
    fs::set_permissions(place, Permissions::from_mode(0o755))
}

fn remove(place: &Path) -> io::Result<()> {
    match place.symlink_metadata() {
        Ok(data) if data.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(_) => Ok(()),
    }
}
