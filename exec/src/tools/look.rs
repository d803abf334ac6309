//! Looks at files and writes down what it saw, so that a later run can tell by stats alone that it would see the same.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ToolError;

/// How many links are followed before a path is taken for a loop.
const MOST_LINKS: u32 = 40;

/// For so long a file is young: longer than a tick of any file system's clock.
const YOUNG_SECONDS: i64 = 2;

/// What a path was when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Seen {
    Absent,
    /// A directory on the way to something else: what else is in it does not count.
    Directory,
    Stamp(Stamp),
}

/// The stats that tell whether something changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    mode: u32,
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a write in the same clock tick could have left the same stats.
    fn is_young(&self, now_seconds: i64) -> bool {
        self.modified.0.max(self.changed.0) + YOUNG_SECONDS >= now_seconds
    }
}

/// A record of looks.
#[derive(Default)]
pub(super) struct Look {
    seen: BTreeMap<PathBuf, Seen>,
}

impl Look {
    /// Returns what was seen, or `None` if something of it is too young to be trusted.
    pub(super) fn into_trusted(self, now_seconds: i64) -> Option<Vec<(PathBuf, Seen)>> {
        let young = |seen: &Seen| match seen {
            Seen::Absent | Seen::Directory => false,
            Seen::Stamp(stamp) => stamp.is_young(now_seconds),
        };
        let trusted = !self.seen.values().any(young);
        trusted.then(|| self.seen.into_iter().collect())
    }

    /// Returns whether everything is as it was seen.
    pub(super) fn is_unchanged(seen: &[(PathBuf, Seen)]) -> bool {
        seen.iter().all(|(path, seen)| match (fs::symlink_metadata(path), seen) {
            (Err(_), Seen::Absent) => true,
            (Ok(metadata), Seen::Directory) => metadata.is_dir(),
            (Ok(metadata), Seen::Stamp(stamp)) => Stamp::of(&metadata) == *stamp,
            (Err(_), Seen::Directory | Seen::Stamp(_)) | (Ok(_), Seen::Absent) => false,
        })
    }

    /// Returns the stats of a path itself, not of what it links to.
    fn metadata(&mut self, path: &Path) -> Option<Metadata> {
        let metadata = fs::symlink_metadata(path).ok();
        let seen = match &metadata {
            None => Seen::Absent,
            Some(metadata) if metadata.is_dir() => Seen::Directory,
            Some(metadata) => Seen::Stamp(Stamp::of(metadata)),
        };
        // A directory that was listed stays so.
        self.seen.entry(path.to_owned()).or_insert(seen);
        metadata
    }

    /// Returns the path without links, or `None` if it leads nowhere.
    pub(super) fn real(&mut self, path: &Path) -> Option<PathBuf> {
        self.real_within(path, &mut { MOST_LINKS })
    }

    fn real_within(&mut self, path: &Path, links_left: &mut u32) -> Option<PathBuf> {
        let mut real = PathBuf::new();
        for component in path.components() {
            match component {
                Component::ParentDir => {
                    real.pop();
                }
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => real.push(component),
                Component::Normal(name) => {
                    let link = real.join(name);
                    if !self.metadata(&link)?.is_symlink() {
                        real = link;
                        continue;
                    }
                    *links_left = links_left.checked_sub(1)?;
                    let target = real.join(fs::read_link(&link).ok()?);
                    real = self.real_within(&target, links_left)?;
                }
            }
        }
        Some(real)
    }

    /// Returns whether a path leads to a file that can be executed.
    pub(super) fn is_program(&mut self, path: &Path) -> bool {
        let metadata = self.real(path).and_then(|real| self.metadata(&real));
        metadata.is_some_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
    }

    /// Returns whether a path leads to a file.
    pub(super) fn is_file(&mut self, path: &Path) -> bool {
        self.real(path).and_then(|real| self.metadata(&real)).is_some_and(|metadata| metadata.is_file())
    }

    /// Returns whether a path leads to a directory.
    pub(super) fn is_directory(&mut self, path: &Path) -> bool {
        self.real(path).and_then(|real| self.metadata(&real)).is_some_and(|metadata| metadata.is_dir())
    }

    /// Returns the text of a small file, if it is there.
    pub(super) fn text(&mut self, path: &Path) -> Option<String> {
        let real = self.real(path)?;
        self.metadata(&real)?;
        fs::read_to_string(real).ok()
    }

    /// Returns the names in a directory, sorted; none if it is not there.
    pub(super) fn list(&mut self, path: &Path) -> Vec<String> {
        let Some(real) = self.real(path) else { return Vec::new() };
        let Ok(metadata) = fs::symlink_metadata(&real) else { return Vec::new() };
        let entries = fs::read_dir(&real).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        self.seen.insert(real, Seen::Stamp(Stamp::of(&metadata)));
        names.sort();
        names
    }

    /// Hashes the content of a file.
    pub(super) fn hash(&mut self, path: &Path) -> Result<blake3::Hash, ToolError> {
        let failed = |source| ToolError::Unreadable { path: path.to_owned(), source };
        let real = self.real(path).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        self.metadata(&real);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(real).map_err(failed)?).map_err(failed)?;
        Ok(hasher.finalize())
    }
}
