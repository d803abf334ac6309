//! Delivery: brings the outputs of requested targets into `rg-out`, whole or not at all.
//!
//! A target's directory is built beside its place, then swapped in with one rename, so nobody sees half of it and
//! files of an earlier build do not stay. Nothing in the checkout is hard-linked to the store.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cache::Cache;
use graph::{Delivered, DeliveredFile};
use model::{Content, RelPath};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::report::DeliveredOutput;
use crate::stage::{CopyError, copy_out};
use crate::stock::UNBORN;

/// The name of the output directory at the workspace root.
pub(crate) const OUT: &str = "rg-out";

/// The file that deliveries lock.
const LOCK: &str = ".lock";

/// The file that makes version control ignore `rg-out`; it also marks the directory as rg's own.
pub const MARKER: &str = "# made by rg; everything here can be made again\n*\n";

/// Whether everything that was delivered still lies there as it was left.
pub(crate) fn is_intact(root: &Path, directory: &RelPath, delivered: &Delivered) -> bool {
    are_intact(&root.join(directory), delivered.files.iter())
}

fn are_intact<'f>(top: &Path, mut files: impl Iterator<Item = &'f DeliveredFile>) -> bool {
    files.all(|file| state(&top.join(&file.path), &file.path).is_ok_and(|now| now == *file))
}

fn state(place: &Path, path: &RelPath) -> io::Result<DeliveredFile> {
    let data = fs::symlink_metadata(place)?;
    Ok(DeliveredFile {
        path: path.clone(),
        size_bytes: if data.is_dir() { 0 } else { data.len() },
        modified_ns: data.mtime() * 1_000_000_000 + data.mtime_nsec(),
        changed_ns: data.ctime() * 1_000_000_000 + data.ctime_nsec(),
        inode: data.ino(),
        mode: data.mode(),
    })
}

/// Puts outputs into a target's directory, replacing it whole. An output that lies there already is linked from where it
/// lies: the packages of a service are thousands of files, and hardly ever change with its code.
pub(crate) fn deliver(
    root: &Path,
    directory: &RelPath,
    outputs: &[(RelPath, Content)],
    before: Option<&Delivered>,
    cache: &Cache,
) -> Result<Delivered, CopyError> {
    let place = root.join(directory);
    let lock = prepare(root)?;
    lock.lock()?;
    let fresh = tempfile::Builder::new().prefix(UNBORN).tempdir_in(root.join(OUT))?;
    let being_made = File::open(fresh.path())?;
    being_made.lock()?;
    lock.unlock()?;
    let top = fresh.path().join("out");
    fs::create_dir(&top)?;
    for (name, content) in outputs {
        let made = top.join(name);
        if let Some(parent) = made.parent() {
            fs::create_dir_all(parent)?;
        }
        if !keep(name, content, &place, &top, before)? {
            copy_out(content, &made, cache)?;
        }
    }
    lock.lock()?;
    swap_in(&top, &place)?;
    // First what was there goes: a file that loses its other name has another ctime.
    let _ = fresh.close();
    let mut files = Vec::new();
    record(&place, &RelPath::root(), &mut files)?;
    drop(lock);
    Ok(Delivered { outputs: outputs.to_vec(), files })
}

/// Links an output that was delivered before from `place` to `top`, if all of it still lies there; says whether it did.
/// The old names are removed after the swap, so no file keeps two.
fn keep(
    name: &RelPath,
    content: &Content,
    place: &Path,
    top: &Path,
    before: Option<&Delivered>,
) -> Result<bool, CopyError> {
    let same = |(other, there): &(RelPath, Content)| other == name && there == content;
    let Some(before) = before.filter(|before| before.outputs.iter().any(same)) else { return Ok(false) };
    let files = || before.files.iter().filter(|file| file.path.starts_with(name));
    for file in files() {
        let (from, to) = (place.join(&file.path), top.join(&file.path));
        let linked = match file.mode & 0o170_000 {
            0o040_000 => fs::create_dir(&to),
            0o120_000 => fs::read_link(&from).and_then(|target| std::os::unix::fs::symlink(target, &to)),
            _ => fs::hard_link(&from, &to),
        };
        if linked.is_err() || !is_as_delivered(file, &from, &to) {
            // Somebody has changed it, took it away meanwhile, or the file system has no links: it is made anew.
            let made = top.join(name);
            let _ = fs::remove_file(&made).or_else(|_| fs::remove_dir_all(&made));
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether what was linked is what was delivered. It is asked after the link, so that nobody can change it in between;
/// the link itself has moved the ctime, but not the time of the last write.
fn is_as_delivered(file: &DeliveredFile, from: &Path, to: &Path) -> bool {
    if file.mode & 0o170_000 != 0o100_000 {
        return state(from, &file.path).is_ok_and(|now| now == *file);
    }
    let same = |now: DeliveredFile| {
        let of = |it: &DeliveredFile| (it.size_bytes, it.modified_ns, it.inode, it.mode);
        of(&now) == of(file)
    };
    state(to, &file.path).is_ok_and(same)
}

/// Makes `rg-out` with its marker, and opens the file that deliveries lock.
fn prepare(root: &Path) -> io::Result<File> {
    let out = root.join(OUT);
    let open = || File::options().create(true).truncate(false).write(true).open(out.join(LOCK));
    // A marker without text is one whose maker was killed.
    if fs::metadata(out.join(".gitignore")).is_ok_and(|data| data.len() > 0) {
        return open();
    }
    fs::create_dir_all(&out)?;
    // First what tells whose the directory is, if rg is killed before the marker is whole.
    let lock = open()?;
    fs::write(out.join(".gitignore"), MARKER)?;
    Ok(lock)
}

/// Returns whether outputs may be put into `rg-out`: it is not there, is empty or has been made by rg.
pub fn may_deliver(root: &Path) -> bool {
    let out = root.join(OUT);
    is_marked(&out)
        || out.join(LOCK).exists()
        || fs::read_dir(&out).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |mut it| it.next().is_none())
}

/// Returns whether the output directory holds rg's marker.
pub(crate) fn is_marked(out: &Path) -> bool {
    fs::read_to_string(out.join(".gitignore")).is_ok_and(|text| text == MARKER)
}

/// Renames `fresh` to `place`; what was there is left at `fresh`, to be deleted.
fn swap_in(fresh: &Path, place: &Path) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        make_directories(parent)?;
    }
    match renameat_with(CWD, fresh, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOENT) => fs::rename(fresh, place),
        Err(error) => Err(error.into()),
    }
}

/// Makes a directory and its parents; a file in the way is an output of a target that is gone.
fn make_directories(directory: &Path) -> io::Result<()> {
    match fs::create_dir_all(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists) => {
            let in_the_way =
                directory.ancestors().find(|place| place.symlink_metadata().is_ok_and(|data| !data.is_dir()));
            if let Some(file) = in_the_way {
                fs::remove_file(file)?;
            }
            fs::create_dir_all(directory)
        }
        made => made,
    }
}

/// Notes the state of all that lies at a place.
pub(crate) fn record(place: &Path, path: &RelPath, files: &mut Vec<DeliveredFile>) -> io::Result<()> {
    let here = state(place, path)?;
    let is_directory = here.mode & 0o170_000 == 0o040_000;
    files.push(here);
    if !is_directory {
        return Ok(());
    }
    let mut names: Vec<_> =
        fs::read_dir(place)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    for name in names {
        // Everything here was made from names of the store, which are UTF-8.
        let below = name.to_str().and_then(|name| path.child(name).ok());
        if let Some(below) = below {
            record(&place.join(&name), &below, files)?;
        }
    }
    Ok(())
}

/// Locks `rg-out`, so that no other process delivers meanwhile; `None` if there is nothing to lock.
pub(crate) fn lock_out(root: &Path) -> Option<File> {
    let lock = File::open(root.join(OUT).join(".lock")).ok()?;
    lock.lock().ok()?;
    Some(lock)
}

/// Deletes what was delivered for a target that is gone, unless somebody has touched it since.
pub(crate) fn withdraw(root: &Path, directory: &RelPath, delivered: &Delivered) -> io::Result<()> {
    let Some(_lock) = lock_out(root) else { return Ok(()) };
    if !is_intact(root, directory, delivered) {
        return Ok(());
    }
    let place = root.join(directory);
    fs::remove_dir_all(&place)?;
    let out = root.join(OUT);
    let empty = |directory: &&Path| fs::remove_dir(directory).is_ok();
    place.ancestors().skip(1).take_while(|above| *above != out).take_while(empty).for_each(drop);
    Ok(())
}

/// Returns what lies at the place of a delivery, for the report.
pub(crate) fn listing(directory: &RelPath, delivered: &Delivered) -> Vec<DeliveredOutput> {
    let sized = |name: &RelPath| {
        let below = delivered.files.iter().filter(|file| file.path.starts_with(name));
        below.filter(|file| file.mode & 0o170_000 == 0o100_000).map(|file| file.size_bytes).sum()
    };
    let outputs = delivered.outputs.iter();
    outputs
        .map(|(name, content)| DeliveredOutput {
            path: directory.join(name),
            content: content.clone(),
            size_bytes: sized(name),
        })
        .collect()
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> CopyError {
        CopyError::Io(error)
    }
}

/// Deletes `rg-out`, if it is rg's own: its marker says so.
pub fn clean(root: &Path) -> io::Result<Cleaned> {
    let out: PathBuf = root.join(OUT);
    if !out.exists() {
        return Ok(Cleaned::NothingThere);
    }
    if !is_marked(&out) && !out.join(LOCK).exists() {
        return Ok(Cleaned::NotOurs);
    }
    fs::remove_dir_all(&out)?;
    Ok(Cleaned::Removed)
}

/// What cleaning did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleaned {
    /// The outputs are gone.
    Removed,
    /// There were none.
    NothingThere,
    /// The directory has not been made by rg, and was left alone.
    NotOurs,
}
