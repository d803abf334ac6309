//! One wheel: its files where an installer puts them, checked against the hashes of its RECORD.
//!
//! The tree is the one that pip makes with `--target`, without what pip adds for itself: INSTALLER, REQUESTED, its own
//! rows in RECORD. No path of an interpreter is in it, so that it is the same everywhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use cache::{Cache, Executable};
use model::{Content, Digest, RelPath};

use super::{Refused, entry_points, record};
use crate::archive::{ArchiveError, Entry, Kind, read_zip};

/// The first line of all scripts: the interpreter is found by PATH, as for any other action.
pub(super) const INTERPRETER: &str = "#!/usr/bin/env python3\n";

/// Why a wheel is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum WheelError {
    #[error("it is a source distribution, and only wheels are unpacked; it has to be built first")]
    Source,
    #[error("its name does not end with .whl")]
    NotAWheel,
    #[error("its name is not that of a wheel: name-version-python-abi-platform.whl")]
    BadName,
    #[error("it has {0} .dist-info directories, and has to have one")]
    DistInfo(usize),
    #[error("its .dist-info directory is that of another distribution, `{}`", .0.escape_debug())]
    OtherDistInfo(String),
    #[error("its .dist-info directory has no {0}")]
    Missing(&'static str),
    #[error("it has the format {}, which is not known", .0.escape_debug())]
    Version(String),
    #[error("`{}` is a link", .0.escape_debug())]
    Link(String),
    #[error("`{}` is of a kind that is not known", .0.escape_debug())]
    Scheme(String),
    #[error("two of its files are installed as `{}`", .0.escape_debug())]
    Twice(String),
    #[error("row {0} of its RECORD cannot be read")]
    BadRecord(usize),
    #[error("`{}` is not what its RECORD says", .0.escape_debug())]
    WrongHash(String),
    #[error("its RECORD has a hash of a kind that protects nothing, `{}`", .0.escape_debug())]
    WeakHash(String),
    #[error("the entry point `{}` cannot be made a script", .0.escape_debug())]
    BadEntryPoint(String),
}

/// Unpacks a wheel of this file name into the store. Returns where its files belong.
pub(super) fn unpack(name: &str, file: &File, cache: &Cache) -> Result<BTreeMap<RelPath, Content>, Refused> {
    let distribution = distribution(name)?;
    let mut wheel =
        Wheel { distribution, cache, files: BTreeMap::new(), packed: BTreeMap::new(), metadata: BTreeMap::new() };
    read_zip(file, &mut |entry| wheel.take(entry))?;
    let info = wheel.dist_info()?;
    check_version(wheel.text(&info, "WHEEL").ok_or(WheelError::Missing("WHEEL"))?)?;
    let record = wheel.text(&info, "RECORD").ok_or(WheelError::Missing("RECORD"))?;
    record::verify(&record, &wheel.packed, cache)?;
    if let Some(text) = wheel.text(&info, "entry_points.txt") {
        wheel.make_scripts(&text)?;
    }
    Ok(wheel.files)
}

/// Returns the name of the distribution that a wheel's file name begins with.
fn distribution(file: &str) -> Result<String, WheelError> {
    let Some(stem) = file.strip_suffix(".whl") else {
        let is_source = [".tar.gz", ".zip", ".tar.bz2", ".tgz"].iter().any(|ending| file.ends_with(ending));
        return Err(if is_source { WheelError::Source } else { WheelError::NotAWheel });
    };
    let parts: Vec<&str> = stem.split('-').collect();
    match parts[..] {
        [name, _, _, _, _] | [name, _, _, _, _, _] if !name.is_empty() => Ok(name.replace('_', "-")),
        _ => Err(WheelError::BadName),
    }
}

/// A wheel that is being unpacked.
struct Wheel<'a> {
    distribution: String,
    cache: &'a Cache,
    /// What is installed where.
    files: BTreeMap<RelPath, Content>,
    /// All entries of the archive, as RECORD names them.
    packed: BTreeMap<RelPath, Digest>,
    /// The texts that say what is to be done, by their path in the archive.
    metadata: BTreeMap<RelPath, String>,
}

/// The names of the texts that are read.
const METADATA: [&str; 3] = ["WHEEL", "RECORD", "entry_points.txt"];

impl Wheel<'_> {
    fn take(&mut self, entry: Entry<'_>) -> Result<(), Refused> {
        let Entry { path, kind } = entry;
        match kind {
            Kind::Directory => Ok(()),
            Kind::Link => Err(WheelError::Link(path.to_string()).into()),
            Kind::File { executable, body } => self.take_file(path, Executable::from_bit(executable), body),
        }
    }

    fn take_file(&mut self, path: RelPath, mode: Executable, body: &mut dyn Read) -> Result<(), Refused> {
        let to = destination(&path, &self.distribution)?;
        let (packed, content) = match to.what {
            What::Script => self.take_script(body)?,
            What::File if is_metadata(&path) => {
                let bytes = read(body)?;
                self.metadata.insert(path.clone(), String::from_utf8_lossy(&bytes).into_owned());
                self.store(&mut &*bytes, mode)?
            }
            What::File => self.store(body, mode)?,
        };
        self.packed.insert(path, packed);
        match self.files.insert(to.path.clone(), content.clone()) {
            Some(other) if other != content => Err(WheelError::Twice(to.path.to_string()).into()),
            _ => Ok(()),
        }
    }

    fn store(&self, body: &mut dyn Read, mode: Executable) -> Result<(Digest, Content), Refused> {
        let digest = self.cache.put_file(body, mode)?;
        Ok((digest, Content::File { digest, executable: mode == Executable::Yes }))
    }

    /// Stores a script, whose first line names no interpreter of the machine that packed it. Returns the digest of
    /// what was packed, too.
    fn take_script(&self, body: &mut dyn Read) -> Result<(Digest, Content), Refused> {
        let bytes = read(body)?;
        let rest = bytes.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &bytes[end + 1..]);
        let script = match bytes.starts_with(b"#!python") {
            true => [INTERPRETER.as_bytes(), rest].concat(),
            false => bytes.clone(),
        };
        let (_, content) = self.store(&mut &*script, Executable::Yes)?;
        Ok((Digest::of(&bytes), content))
    }

    /// Returns the one directory of metadata.
    fn dist_info(&self) -> Result<RelPath, WheelError> {
        let tops: std::collections::BTreeSet<&str> =
            self.packed.keys().filter_map(|path| path.segments().next()).collect();
        let infos: Vec<&str> = tops.into_iter().filter(|top| top.ends_with(".dist-info")).collect();
        let [info] = infos[..] else { return Err(WheelError::DistInfo(infos.len())) };
        let name = info.split('-').next().unwrap_or_default();
        if normalized(name) != normalized(&self.distribution) {
            return Err(WheelError::OtherDistInfo(info.to_owned()));
        }
        Ok(RelPath::new(info).expect("it is a segment of a normal path"))
    }

    fn text(&self, info: &RelPath, name: &str) -> Option<String> {
        self.metadata.get(&info.child(name).ok()?).cloned()
    }

    /// Makes a script of each entry point, in place of what the packer may have made.
    fn make_scripts(&mut self, text: &str) -> Result<(), Refused> {
        let bin = RelPath::new("bin").expect("a normal path");
        let scripts = entry_points::scripts(text)?;
        self.files.retain(|path, _| match path.strip_prefix(&bin) {
            Some(name) => !scripts.contains_key(entry_points::wrapped(name.as_str())),
            None => true,
        });
        for (name, text) in scripts {
            let path = bin.child(&name).map_err(|_| WheelError::BadEntryPoint(name))?;
            let (_, content) = self.store(&mut text.as_bytes(), Executable::Yes)?;
            self.files.insert(path, content);
        }
        Ok(())
    }
}

/// Where an entry is installed.
struct Destination {
    path: RelPath,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    File,
    Script,
}

fn destination(path: &RelPath, distribution: &str) -> Result<Destination, WheelError> {
    let text = path.as_str();
    let Some((top, below)) = text.split_once('/').filter(|(top, _)| top.ends_with(".data")) else {
        return Ok(Destination { path: path.clone(), what: What::File });
    };
    let unknown = || WheelError::Scheme(format!("{top}/{below}"));
    let (scheme, rest) = below.split_once('/').ok_or_else(unknown)?;
    let (to, what) = match scheme {
        "purelib" | "platlib" | "data" => (rest.to_owned(), What::File),
        "headers" => (format!("include/python/{distribution}/{rest}"), What::File),
        "scripts" => (format!("bin/{rest}"), What::Script),
        _ => return Err(unknown()),
    };
    Ok(Destination { path: RelPath::new(&to).map_err(|_| unknown())?, what })
}

/// Whether an entry is one of the texts that say what is to be done.
fn is_metadata(path: &RelPath) -> bool {
    let parts: Vec<&str> = path.segments().collect();
    matches!(parts[..], [top, name] if top.ends_with(".dist-info") && METADATA.contains(&name))
}

fn check_version(wheel: String) -> Result<(), WheelError> {
    let version = wheel.lines().find_map(|line| line.strip_prefix("Wheel-Version:")).unwrap_or_default().trim();
    match version.split('.').next() {
        Some("1") => Ok(()),
        _ => Err(WheelError::Version(version.to_owned())),
    }
}

/// Returns the name as indexes compare it.
fn normalized(name: &str) -> String {
    let pieces: Vec<&str> = name.split(['-', '_', '.']).filter(|piece| !piece.is_empty()).collect();
    pieces.join("-").to_lowercase()
}

fn read(body: &mut dyn Read) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    Ok(bytes)
}
