//! Names of entries: each is a normal relative path, there once, and lies below directories only.

use std::collections::HashMap;

use model::RelPath;

use super::ArchiveError;

/// The longest name that file systems take.
const LONGEST_NAME: usize = 255;
/// The longest path that the kernel takes, less what it may lie below.
const LONGEST_PATH: usize = 3500;

/// What becomes of a second file of the same name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duplicates {
    /// It refuses the archive.
    Refuse,
    /// It is handed out like the first: whoever takes it compares them.
    Pass,
}

/// What lies where in an archive so far.
pub(super) struct Names {
    seen: HashMap<Box<str>, Seen>,
    duplicates: Duplicates,
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Directory,
    File,
    Link,
}

impl Names {
    pub(super) fn new(duplicates: Duplicates) -> Names {
        Names { seen: HashMap::new(), duplicates }
    }

    /// Takes one more entry.
    pub(super) fn admit(&mut self, path: &RelPath, what: Seen) -> Result<(), ArchiveError> {
        let text = path.as_str();
        for (end, _) in text.match_indices('/') {
            self.admit_parent(&text[..end], text)?;
        }
        match self.seen.insert(text.into(), what) {
            None => Ok(()),
            Some(Seen::Directory) if what == Seen::Directory => Ok(()),
            Some(Seen::File) if what == Seen::File && self.duplicates == Duplicates::Pass => Ok(()),
            Some(_) => Err(ArchiveError::Duplicate(text.to_owned())),
        }
    }

    fn admit_parent(&mut self, parent: &str, entry: &str) -> Result<(), ArchiveError> {
        match self.seen.get(parent) {
            Some(Seen::Directory) => {}
            None => drop(self.seen.insert(parent.into(), Seen::Directory)),
            Some(Seen::File) => {
                return Err(ArchiveError::BelowFile { entry: entry.to_owned(), file: parent.to_owned() });
            }
            Some(Seen::Link) => {
                return Err(ArchiveError::ThroughLink { entry: entry.to_owned(), link: parent.to_owned() });
            }
        }
        Ok(())
    }
}

/// Parses a name, which is the root if it names the top itself. `./a`, `a//b` and `a/` are what some clients of
/// registries pack; they mean to npm and pip what they mean to the kernel.
pub(super) fn parse(bytes: &[u8]) -> Result<RelPath, ArchiveError> {
    let lossy = || String::from_utf8_lossy(bytes).into_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| ArchiveError::NotUtf8(lossy()))?;
    if text.is_empty() {
        return Err(ArchiveError::NoName);
    }
    if text.contains('\\') {
        return Err(ArchiveError::Backslash(lossy()));
    }
    let needless = |segment: &&str| matches!(*segment, "" | ".");
    let path = if text.starts_with('/') {
        RelPath::new(text)?
    } else {
        RelPath::new(&text.split('/').filter(|segment| !needless(segment)).collect::<Vec<_>>().join("/"))?
    };
    if text.len() > LONGEST_PATH || path.segments().any(|segment| segment.len() > LONGEST_NAME) {
        return Err(ArchiveError::LongName(lossy()));
    }
    Ok(path)
}

/// Checks that a link, whose target counts from a directory, stays inside.
pub(super) fn check_link(entry: &RelPath, directory: &RelPath, target: &[u8]) -> Result<(), ArchiveError> {
    let inside = std::str::from_utf8(target).ok().filter(|text| !text.contains('\\'));
    match inside.map(|text| directory.resolve(text)) {
        Some(Ok(_)) => Ok(()),
        _ => {
            let target = String::from_utf8_lossy(target).into_owned();
            Err(ArchiveError::EscapingLink { entry: entry.to_string(), target })
        }
    }
}
