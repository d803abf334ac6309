//! What the headers before a body say, and that they say one thing only.

use std::borrow::Cow;

use ::tar::{EntryType, Header};

use super::pax::Pax;
use super::{BLOCK, TarError};

/// The largest size that a plain header holds in octal digits.
const LARGEST_OCTAL: u64 = 0o777_7777_7777;

/// One entry of an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name as it is written.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: u32,
    /// How long its body is.
    pub size_bytes: u64,
    /// Where in the archive its body begins.
    pub body_at: u64,
}

/// What an entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A plain file; the only kind that has a body.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// Another name of an entry, which is given from the top.
    HardLink(Vec<u8>),
    /// A device or a pipe.
    Device,
    /// Something that readers do not agree about.
    Unknown,
}

impl Member {
    /// Reads what all headers of an entry say.
    pub(super) fn of(header: &Header, extension: Extension, size_bytes: u64, at: u64) -> Result<Member, TarError> {
        let Extension { pax, long_name, long_link } = extension;
        let pax = pax.unwrap_or_default();
        let name = one(pax.path, long_name, at)?.unwrap_or_else(|| header.path_bytes().into_owned());
        let size_bytes = size(size_bytes, pax.size_bytes, &name)?;
        let kind = match header.entry_type() {
            EntryType::Directory => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => file(&name, size_bytes),
            EntryType::Symlink => Kind::Symlink(target(header, pax.link, long_link, at)?),
            EntryType::Link => Kind::HardLink(target(header, pax.link, long_link, at)?),
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Device,
            _ => Kind::Unknown,
        };
        if size_bytes > 0 && !matches!(kind, Kind::File | Kind::Unknown) {
            return Err(TarError::WrongSize(shown(&name)));
        }
        let mode = header.mode().map_err(|_| TarError::BadHeader(at))?;
        Ok(Member { name, kind, mode, size_bytes, body_at: 0 })
    }

    /// Returns its name for people.
    pub fn shown(&self) -> String {
        shown(&self.name)
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// An old archive marks a directory by a slash.
fn file(name: &[u8], size_bytes: u64) -> Kind {
    match (name.ends_with(b"/"), size_bytes) {
        (false, _) => Kind::File,
        (true, 0) => Kind::Directory,
        (true, _) => Kind::Unknown,
    }
}

/// Returns the one size: a header that has no room for it may leave it to the extended one.
fn size(plain: u64, extended: Option<u64>, name: &[u8]) -> Result<u64, TarError> {
    match extended {
        Some(extended) if extended != plain && !(plain == 0 && extended > LARGEST_OCTAL) => {
            Err(TarError::HeadersDiffer { entry: shown(name), what: "their sizes" })
        }
        extended => Ok(extended.unwrap_or(plain)),
    }
}

fn target(header: &Header, pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, at: u64) -> Result<Vec<u8>, TarError> {
    let named = one(pax, gnu, at)?.or_else(|| header.link_name_bytes().map(Cow::into_owned));
    named.filter(|target| !target.is_empty()).ok_or(TarError::BadHeader(at))
}

/// What extended headers say about the entry that follows.
#[derive(Default)]
pub(super) struct Extension {
    pub pax: Option<Pax>,
    pub long_name: Option<Vec<u8>>,
    pub long_link: Option<Vec<u8>>,
}

impl Extension {
    /// Whether no extended header was there.
    pub fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

/// Returns the one that is there: readers disagree about which counts.
fn one(pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, at: u64) -> Result<Option<Vec<u8>>, TarError> {
    match (pax, gnu) {
        (Some(_), Some(_)) => Err(TarError::BadPax { at, why: "an entry has two long names" }),
        (pax, gnu) => Ok(pax.or(gnu)),
    }
}

/// Keeps what an extended header says, which no other may have said.
pub(super) fn once<T>(place: &mut Option<T>, value: T, at: u64) -> Result<(), TarError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TarError::BadPax { at, why: "an entry has two of them" }),
    }
}

/// Whether a header has the checksum that it says.
pub(super) fn is_intact(block: &[u8; BLOCK], header: &Header) -> bool {
    let of_checksum = 148..156;
    let sum: u32 = (0..BLOCK).map(|i| if of_checksum.contains(&i) { 32 } else { u32::from(block[i]) }).sum();
    header.cksum().is_ok_and(|said| said == sum)
}
