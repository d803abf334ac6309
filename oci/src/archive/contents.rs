//! Where in a tar its files lie. Nothing of it is unpacked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::Problem;
use crate::layout::read_up_to;
use crate::tar::{Kind, Reader};

/// How much is read at once.
const BUFFER: usize = 1 << 17;
/// The most files that an archive of images has.
const MOST_FILES: usize = 1 << 20;
/// How many links may lead to a file.
const LINKS: usize = 4;

/// The files of an archive by their names.
pub(super) struct Contents<'a> {
    pub file: &'a File,
    path: PathBuf,
    files: BTreeMap<String, What>,
}

enum What {
    File(Stretch),
    /// Docker stores a layer that two images share once.
    Link(String),
}

/// The bytes of one file within another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub at: u64,
    pub size_bytes: u64,
}

impl Stretch {
    /// Returns a reader of the bytes.
    pub fn of(self, file: &File) -> impl Read {
        At { file, at: self.at }.take(self.size_bytes)
    }
}

/// A place in a file, without moving the place of others.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

impl<'a> Contents<'a> {
    /// Reads the headers of an archive.
    pub fn of(file: &'a File, path: &Path) -> Result<Contents<'a>, Problem> {
        let mut contents = Contents { file, path: path.to_owned(), files: BTreeMap::new() };
        contents.refuse_compressed()?;
        let mut reader = Reader::new(BufReader::with_capacity(BUFFER, At { file, at: 0 }));
        while let Some(member) = reader.next_member().map_err(|error| contents.damaged(&error))? {
            let Some(name) = name(&member.name) else { continue };
            let what = match member.kind {
                Kind::File => What::File(Stretch { at: member.body_at, size_bytes: member.size_bytes }),
                Kind::Symlink(target) => What::Link(resolved(&name, &String::from_utf8_lossy(&target))),
                Kind::HardLink(target) => What::Link(resolved("", &String::from_utf8_lossy(&target))),
                Kind::Directory | Kind::Device | Kind::Unknown => continue,
            };
            if contents.files.len() >= MOST_FILES {
                return Err(contents.no_archive("it holds too many files"));
            }
            if contents.files.insert(name.clone(), what).is_some() {
                return Err(contents.no_archive(&format!("`{}` is there twice", name.escape_debug())));
            }
        }
        Ok(contents)
    }

    /// Returns where a file lies.
    pub fn find(&self, name: &str) -> Result<Stretch, Problem> {
        let mut at = name.to_owned();
        for _ in 0..=LINKS {
            match self.files.get(&at) {
                Some(What::File(stretch)) => return Ok(*stretch),
                Some(What::Link(target)) => at = target.clone(),
                None => break,
            }
        }
        Err(self.no_archive(&format!("it has no `{}`", name.escape_debug())))
    }

    /// Returns a file of at most so many bytes.
    pub fn small(&self, name: &str, document: &'static str, limit: u64) -> Result<Vec<u8>, Problem> {
        let stretch = self.find(name)?;
        read_up_to(stretch.of(self.file), &self.path, document, limit)
    }

    /// Returns the archive itself.
    pub fn into_file(self) -> Result<File, Problem> {
        self.file.try_clone().map_err(|source| self.unreadable(source))
    }

    /// Says that the file cannot be read.
    pub fn unreadable(&self, source: io::Error) -> Problem {
        Problem::Read { path: self.path.clone(), source }
    }

    fn refuse_compressed(&self) -> Result<(), Problem> {
        let mut start = [0; 4];
        let length = self.file.read_at(&mut start, 0).map_err(|source| self.unreadable(source))?;
        match start[..length] {
            [0x1f, 0x8b, ..] => Err(self.no_archive("it is compressed: write what `gzip -d` makes of it")),
            [0x28, 0xb5, 0x2f, 0xfd] => Err(self.no_archive("it is compressed: write what `zstd -d` makes of it")),
            _ => Ok(()),
        }
    }

    fn damaged(&self, error: &crate::tar::TarError) -> Problem {
        self.no_archive(&error.to_string())
    }

    fn no_archive(&self, why: &str) -> Problem {
        Problem::NoArchive { path: self.path.clone(), why: why.to_owned() }
    }
}

/// Returns a name as the list has it; none for what the list cannot name.
fn name(written: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(written).ok()?;
    let text = text.strip_prefix("./").unwrap_or(text);
    Some(text.trim_end_matches('/').to_owned()).filter(|text| !text.is_empty())
}

/// Returns the name that a link leads to. It is only ever looked up, so it may be nonsense.
fn resolved(link: &str, target: &str) -> String {
    let mut segments: Vec<&str> = link.split('/').collect();
    segments.pop();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.join("/")
}
