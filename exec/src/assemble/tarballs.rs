//! Tarballs of npm, unpacked as npm does: without their first directory, files only, programs executable.
//!
//! npm skips links and lets the last of two files of one name win. Links are skipped here, too, and two files of one
//! name have to be equal: readers that take the other one would see another package.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;

use cache::{Cache, CacheError, Draft, Executable};
use model::{Content, Digest, RelPath};

use super::package_json::Programs;
use super::{Package, Refused, keep, packages};
use crate::Failure;
use crate::archive::{ArchiveError, Duplicates, Entry, Kind, read_tgz};
use crate::executor::Stopped;

/// How much of a program is looked at for its first line, as npm does.
const FIRST_LINE_BYTES: usize = 2048;

/// Unpacks the tarball of each input where it lies; links stay as they are.
pub(super) fn unpack_all(
    layout: &[(RelPath, Content)],
    cache: &Cache,
    draft: Option<Draft<'_>>,
) -> Result<Digest, Stopped> {
    let mut placed = Vec::new();
    for (at, content) in layout {
        if matches!(content, Content::Symlink(_)) {
            placed.push((at.clone(), content.clone()));
            continue;
        }
        for package in one(at, content, cache)? {
            let files = unpack(&package, &Place { draft: draft.as_ref(), at, cache })?;
            placed.extend(files.into_iter().map(|(path, content)| (at.join(&path), content)));
        }
    }
    let root = keep(placed, cache)?;
    if let Some(draft) = draft {
        draft.finish(&root);
    }
    Ok(root)
}

/// Where a tarball is unpacked to.
struct Place<'a> {
    cache: &'a Cache,
    draft: Option<&'a Draft<'a>>,
    at: &'a RelPath,
}

impl Place<'_> {
    fn put_file(&self, path: &RelPath, body: &mut dyn Read, executable: Executable) -> Result<Digest, CacheError> {
        match self.draft {
            Some(draft) => draft.put_file(&self.at.join(path), body, executable),
            None => self.cache.put_file(body, executable),
        }
    }
}

/// Returns the name of the package that lies at a place: the last segment, after its scope if it has one.
fn named(at: &RelPath) -> String {
    let scope = at.parent().map(|parent| parent.name().to_owned()).filter(|name| name.starts_with('@'));
    scope.map_or_else(|| at.name().to_owned(), |scope| format!("{scope}/{}", at.name()))
}

/// Returns the tarball of an input: more than one cannot be at one place.
fn one(at: &RelPath, content: &Content, cache: &Cache) -> Result<Vec<Package>, Stopped> {
    let found = packages(at, content, cache)?;
    if found.len() == 1 {
        return Ok(found);
    }
    let why = format!("{} files are there, and it has to be one tarball", found.len());
    Err(Failure::BadArchive { what: named(at), why }.into())
}

fn unpack(package: &Package, to: &Place<'_>) -> Result<BTreeMap<RelPath, Content>, Stopped> {
    let file = package.open(to.cache)?;
    unpack_file(&file, package.digest.size_bytes, to).map_err(|refused| refused.of(&named(&package.at), &package.at))
}

fn unpack_file(file: &File, packed_bytes: u64, to: &Place<'_>) -> Result<BTreeMap<RelPath, Content>, Refused> {
    let mut tarball = Tarball {
        to,
        files: BTreeMap::new(),
        ignores: BTreeSet::new(),
        renamed: BTreeSet::new(),
        programs: Vec::new(),
    };
    read_tgz(file, packed_bytes, Duplicates::Pass, &mut |entry| tarball.take(entry))?;
    tarball.mark_programs()?;
    Ok(tarball.files)
}

/// A tarball that is being unpacked.
struct Tarball<'a> {
    to: &'a Place<'a>,
    files: BTreeMap<RelPath, Content>,
    /// The `.npmignore` files that have been seen.
    ignores: BTreeSet<RelPath>,
    /// The `.npmignore` files that are `.gitignore` files in the tarball.
    renamed: BTreeSet<RelPath>,
    /// The programs of the package itself and of those that it bundles, with their directories.
    programs: Vec<(RelPath, Programs)>,
}

impl Tarball<'_> {
    fn take(&mut self, entry: Entry<'_>) -> Result<(), Refused> {
        let Kind::File { executable, body } = entry.kind else { return Ok(()) };
        let Some((_, below)) = entry.path.as_str().split_once('/') else { return Ok(()) };
        let path = RelPath::new(below).expect("the rest of a normal path is normal");
        let Some(path) = self.renamed_by_npm(path) else { return Ok(()) };
        let executable = Executable::from_bit(executable);
        let digest = if path.name() == "package.json" && is_package(&parent(&path)) {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
            self.programs.push((parent(&path), Programs::parse(&bytes)));
            self.to.put_file(&path, &mut &*bytes, executable)?
        } else {
            self.to.put_file(&path, body, executable)?
        };
        let content = Content::File { digest, executable: executable == Executable::Yes };
        match self.files.insert(path.clone(), content.clone()) {
            Some(other) if other != content && !self.renamed.contains(&path) => {
                Err(ArchiveError::Duplicate(path.to_string()).into())
            }
            _ => Ok(()),
        }
    }

    /// npm makes a `.gitignore` an `.npmignore`, if there is none yet. Returns `None` if the file is left out.
    fn renamed_by_npm(&mut self, path: RelPath) -> Option<RelPath> {
        match path.name() {
            ".npmignore" => drop(self.ignores.insert(path.clone())),
            ".gitignore" => {
                let renamed = parent(&path).child(".npmignore").expect("a normal name");
                if self.ignores.contains(&renamed) {
                    return None;
                }
                self.renamed.insert(renamed.clone());
                return Some(renamed);
            }
            _ => {}
        }
        Some(path)
    }

    /// Programs are executable, and their first line ends as the kernel wants it.
    fn mark_programs(&mut self) -> Result<(), Refused> {
        for (directory, programs) in &self.programs {
            for (path, content) in &mut self.files {
                let is_program = path.strip_prefix(directory).is_some_and(|below| programs.has(&below));
                if let (true, Content::File { digest, .. }) = (is_program, &*content) {
                    let digest = with_plain_first_line(digest, self.to.cache)?;
                    if let Some(draft) = self.to.draft {
                        draft.put_stored(&self.to.at.join(path), &digest, Executable::Yes);
                    }
                    *content = Content::File { digest, executable: true };
                }
            }
        }
        Ok(())
    }
}

/// Stores a program again if its first line ends as on Windows: the kernel would look for `node\r`.
fn with_plain_first_line(digest: &Digest, cache: &Cache) -> Result<Digest, Refused> {
    let either = cache.blob(digest, Executable::Yes)?;
    let mut file = File::open(either).map_err(ArchiveError::Read)?;
    let mut bytes = Vec::new();
    file.by_ref().take(FIRST_LINE_BYTES as u64).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    let end = bytes.iter().position(|&byte| byte == b'\n').filter(|_| bytes.starts_with(b"#!"));
    match end {
        Some(end) if end > 3 && bytes[end - 1] == b'\r' => {
            file.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
            bytes.remove(end - 1);
            Ok(cache.put_file(&mut &*bytes, Executable::Yes)?)
        }
        _ => Ok(*digest),
    }
}

/// Whether a directory of a tarball is that of a package: the top, and what is bundled below `node_modules`.
fn is_package(directory: &RelPath) -> bool {
    let mut segments = directory.segments();
    while let Some(segment) = segments.next() {
        let name = if segment == "node_modules" { segments.next() } else { None };
        let whole = match name {
            Some(scope) if scope.starts_with('@') => segments.next(),
            name => name,
        };
        if whole.is_none() {
            return false;
        }
    }
    true
}

fn parent(path: &RelPath) -> RelPath {
    path.parent().unwrap_or_else(RelPath::root)
}
