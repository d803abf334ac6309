//! The central list of a zip archive, which ends the file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use model::RelPath;

use super::super::{ArchiveError, names};
use super::fields::{Fields, wide};

const END: u32 = 0x0605_4b50;
const END_BYTES: u64 = 22;
const WIDE_LOCATOR: u32 = 0x0706_4b50;
const WIDE_LOCATOR_BYTES: u64 = 20;
const WIDE_END: u32 = 0x0606_4b50;
const WIDE_END_BYTES: u64 = 56;
const CENTRAL: u32 = 0x0201_4b50;
const CENTRAL_BYTES: usize = 46;
/// The longest comment that the end can have.
const LONGEST_COMMENT: u64 = 0xffff;
/// The longest list that is read: a million entries with long names.
const LONGEST_LIST: u64 = 256 << 20;

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const UTF8: u16 = 1 << 11;
/// Sizes and checksum follow the body.
pub(super) const DESCRIBED_AFTER: u16 = 1 << 3;
/// The flags that have to be the same in both headers.
pub(super) const SENSES: u16 = ENCRYPTED | UTF8 | DESCRIBED_AFTER;

/// One entry of the list.
pub(super) struct Listed {
    pub path: RelPath,
    /// The name as it is in the headers.
    pub name: Vec<u8>,
    pub mode: Mode,
    pub method: Method,
    pub flags: u16,
    pub crc: u32,
    pub packed_bytes: u64,
    pub size_bytes: u64,
    /// Where the header before the body is.
    pub offset: u64,
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Directory,
    Plain,
    Executable,
    Link,
}

/// How an entry is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored = 0,
    Deflated = 8,
}

/// Where the list lies.
struct Place {
    entries: u64,
    start: u64,
    length: u64,
}

/// Reads the list. Returns it with where it starts, which is where the bodies end.
pub(super) fn list(file: &File, length: u64) -> Result<(Vec<Listed>, u64), ArchiveError> {
    let place = find(file, length)?;
    if place.length > LONGEST_LIST {
        return Err(ArchiveError::BadList("it is too long"));
    }
    let mut bytes = vec![0; place.length as usize];
    file.read_exact_at(&mut bytes, place.start).map_err(ArchiveError::reading)?;
    let (mut rest, mut listed) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let (entry, after) = entry(rest)?;
        listed.push(entry);
        rest = after;
    }
    if listed.len() as u64 != place.entries {
        return Err(ArchiveError::BadList("it has not as many entries as its end says"));
    }
    Ok((listed, place.start))
}

/// Finds the end of the archive, which says where the list is.
fn find(file: &File, length: u64) -> Result<Place, ArchiveError> {
    let tail_length = length.min(END_BYTES + LONGEST_COMMENT);
    let tail_start = length - tail_length;
    let mut tail = vec![0; tail_length as usize];
    file.read_exact_at(&mut tail, tail_start).map_err(ArchiveError::reading)?;
    let at = position(&tail).ok_or(ArchiveError::Not("a zip archive"))?;
    let end = Fields(&tail[at..]);
    let comment = u64::from(end.u16(20)?);
    let end_start = tail_start + at as u64;
    match (end_start + END_BYTES + comment).cmp(&length) {
        std::cmp::Ordering::Less => return Err(ArchiveError::Trailing),
        std::cmp::Ordering::Greater => return Err(ArchiveError::Truncated),
        std::cmp::Ordering::Equal => {}
    }
    let narrow = [u32::from(end.u16(10)?), end.u32(12)?, end.u32(16)?];
    if end.u16(4)? != 0 || end.u16(6)? != 0 || end.u16(8)? != end.u16(10)? {
        return Err(ArchiveError::SeveralParts);
    }
    let is_wide = narrow[0] == 0xffff || narrow[1..].contains(&u32::MAX);
    let (place, list_end) = match is_wide {
        true => find_wide(file, end_start)?,
        false => {
            let [entries, length, start] = narrow.map(u64::from);
            (Place { entries, start, length }, end_start)
        }
    };
    match place.start.checked_add(place.length) {
        Some(end) if end == list_end => Ok(place),
        _ => Err(ArchiveError::BadList("it does not end where the end of the archive begins")),
    }
}

/// Returns where the last end of an archive is that a comment cannot hide.
fn position(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES as usize)?;
    (0..=last).rev().find(|&at| tail[at..].starts_with(&END.to_le_bytes()))
}

/// Reads the end of a large archive. Returns where it starts, too.
fn find_wide(file: &File, end_start: u64) -> Result<(Place, u64), ArchiveError> {
    let missing = || ArchiveError::BadList("its end for large archives is missing");
    let locator_start = end_start.checked_sub(WIDE_LOCATOR_BYTES).ok_or_else(missing)?;
    let start = locator_start.checked_sub(WIDE_END_BYTES).ok_or_else(missing)?;
    let mut bytes = vec![0; (WIDE_END_BYTES + WIDE_LOCATOR_BYTES) as usize];
    file.read_exact_at(&mut bytes, start).map_err(ArchiveError::reading)?;
    let (end, locator) = (Fields(&bytes), Fields(&bytes[WIDE_END_BYTES as usize..]));
    let is_whole = end.u32(0)? == WIDE_END && end.u64(4)? == WIDE_END_BYTES - 12 && locator.u32(0)? == WIDE_LOCATOR;
    if !is_whole || locator.u64(8)? != start {
        return Err(missing());
    }
    if end.u32(16)? != 0 || end.u32(20)? != 0 || locator.u32(4)? != 0 || end.u64(24)? != end.u64(32)? {
        return Err(ArchiveError::SeveralParts);
    }
    Ok((Place { entries: end.u64(32)?, start: end.u64(48)?, length: end.u64(40)? }, start))
}

/// Reads one entry, and returns what follows.
fn entry(bytes: &[u8]) -> Result<(Listed, &[u8]), ArchiveError> {
    let fields = Fields(bytes);
    if fields.u32(0)? != CENTRAL {
        return Err(ArchiveError::BadList("an entry does not begin as it should"));
    }
    let lengths = [fields.u16(28)?, fields.u16(30)?, fields.u16(32)?].map(usize::from);
    let name_end = CENTRAL_BYTES + lengths[0];
    let extra_end = name_end + lengths[1];
    let end = extra_end + lengths[2];
    let body = bytes.get(..end).ok_or(ArchiveError::BadList("an entry ends too early"))?;
    let name = &body[CENTRAL_BYTES..name_end];
    let shown = || String::from_utf8_lossy(name).into_owned();
    let flags = fields.u16(8)?;
    if flags & ENCRYPTED != 0 {
        return Err(ArchiveError::Encrypted(shown()));
    }
    if flags & UTF8 == 0 && !name.is_ascii() {
        return Err(ArchiveError::NotUtf8(shown()));
    }
    if fields.u16(34)? != 0 {
        return Err(ArchiveError::SeveralParts);
    }
    let method = match fields.u16(10)? {
        0 => Method::Stored,
        8 => Method::Deflated,
        method => return Err(ArchiveError::Method { entry: shown(), method }),
    };
    let numbers = wide(&body[name_end..extra_end], &[fields.u32(24)?, fields.u32(20)?, fields.u32(42)?])?;
    let (path, mode) = kind(name, fields.u32(38)?)?;
    let (size_bytes, packed_bytes, offset) = (numbers[0], numbers[1], numbers[2]);
    let has_body = size_bytes > 0;
    if (mode == Mode::Directory && has_body) || (method == Method::Stored && size_bytes != packed_bytes) {
        return Err(ArchiveError::WrongSize(shown()));
    }
    let crc = fields.u32(16)?;
    let listed = Listed { path, name: name.to_vec(), mode, method, flags, crc, packed_bytes, size_bytes, offset };
    Ok((listed, &bytes[end..]))
}

/// Returns the path and what lies there: by its name, and by the mode of Unix in the attributes.
fn kind(name: &[u8], attributes: u32) -> Result<(RelPath, Mode), ArchiveError> {
    const KIND: u32 = 0o170_000;
    let mode = attributes >> 16;
    if let Some(directory) = name.strip_suffix(b"/") {
        return Ok((names::parse(directory)?, Mode::Directory));
    }
    let path = names::parse(name)?;
    if path.is_root() {
        return Err(ArchiveError::NoName);
    }
    match mode & KIND {
        0o100_000 if mode & 0o111 != 0 => Ok((path, Mode::Executable)),
        // Without a kind the rest means nothing: installers take it so, too.
        0 | 0o100_000 => Ok((path, Mode::Plain)),
        0o120_000 => Ok((path, Mode::Link)),
        _ => Err(ArchiveError::Special(path.to_string())),
    }
}
