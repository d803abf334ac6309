//! Zip, as wheels are packed: the central list and the headers before the bodies have to say the same, and every byte
//! of the file belongs to one of them. So no two readers see two things.

mod fields;
mod list;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use self::fields::Fields;
use self::list::{DESCRIBED_AFTER, Listed, Method, Mode, SENSES, list};
use super::names::{Names, Seen};
use super::{ArchiveError, Budget, Duplicates, Entry, Kind, Limits, Visit};

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const LOCAL_BYTES: usize = 30;
const READ_AHEAD: u64 = 1 << 16;

/// Hands out the entries, in the order in which they are listed. Nothing is handed out before all headers were
/// compared.
pub(crate) fn read_zip<E: From<ArchiveError>>(file: &File, visit: &mut Visit<'_, E>) -> Result<(), E> {
    let (listed, starts) = compared(file)?;
    let mut unpacker = Unpacker { file, decoder: DeflateDecoder::new(section(file, 0, 0)) };
    for (entry, start) in listed.iter().zip(starts) {
        unpacker.hand_out(entry, start, visit)?;
    }
    Ok(())
}

/// Returns the bytes of the first file whose path is wanted, without unpacking others.
pub(crate) fn read_zip_file(file: &File, is_wanted: &dyn Fn(&str) -> bool) -> Result<Option<Vec<u8>>, ArchiveError> {
    let (listed, starts) = compared(file)?;
    let mut unpacker = Unpacker { file, decoder: DeflateDecoder::new(section(file, 0, 0)) };
    let mut found = listed.iter().zip(starts).filter(|(entry, _)| is_wanted(entry.path.as_str()));
    let Some((entry, start)) = found.next() else { return Ok(None) };
    let mut bytes = Vec::new();
    unpacker.hand_out(entry, start, &mut |entry: Entry<'_>| match entry.kind {
        Kind::File { body, .. } => body.read_to_end(&mut bytes).map(drop).map_err(ArchiveError::Read),
        Kind::Directory | Kind::Link => Ok(()),
    })?;
    Ok(Some(bytes))
}

/// Returns the entries with where their bodies start, once all headers were compared.
fn compared(file: &File) -> Result<(Vec<Listed>, Vec<u64>), ArchiveError> {
    let packed_bytes = file.metadata().map_err(ArchiveError::Read)?.len();
    let (listed, end_of_bodies) = list(file, packed_bytes)?;
    let mut budget = Budget::new(Limits::PACKAGE, packed_bytes);
    let mut names = Names::new(Duplicates::Refuse);
    for entry in &listed {
        budget.spend(entry.size_bytes)?;
        names.admit(&entry.path, if entry.mode == Mode::Directory { Seen::Directory } else { Seen::File })?;
    }
    let starts = locate(file, &listed, end_of_bodies)?;
    Ok((listed, starts))
}

/// Compares each header before a body with the list, and returns where the bodies start. The entries follow one
/// another without a gap.
fn locate(file: &File, listed: &[Listed], end_of_bodies: u64) -> Result<Vec<u64>, ArchiveError> {
    let mut order: Vec<usize> = (0..listed.len()).collect();
    order.sort_by_key(|&i| listed[i].offset);
    let mut starts = vec![0; listed.len()];
    let mut expected = 0;
    for (nth, &i) in order.iter().enumerate() {
        let entry = &listed[i];
        let next = order.get(nth + 1).map_or(end_of_bodies, |&next| listed[next].offset);
        match entry.offset.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(ArchiveError::Overlap(entry.offset)),
            std::cmp::Ordering::Greater => return Err(ArchiveError::Gap(expected)),
            std::cmp::Ordering::Equal => {}
        }
        starts[i] = check_local(file, entry)?;
        let end = starts[i].checked_add(entry.packed_bytes).ok_or(ArchiveError::Truncated)?;
        check_descriptor(file, entry, end, next)?;
        expected = next;
    }
    if expected == end_of_bodies { Ok(starts) } else { Err(ArchiveError::Gap(expected)) }
}

/// Returns where the body starts.
fn check_local(file: &File, entry: &Listed) -> Result<u64, ArchiveError> {
    let differ = |what| ArchiveError::HeadersDiffer { entry: entry.path.to_string(), what };
    let mut header = vec![0; LOCAL_BYTES + entry.name.len()];
    file.read_exact_at(&mut header, entry.offset).map_err(ArchiveError::reading)?;
    let fields = Fields(&header);
    if fields.u32(0)? != LOCAL {
        return Err(ArchiveError::BadHeader(entry.offset));
    }
    if usize::from(fields.u16(26)?) != entry.name.len() || header[LOCAL_BYTES..] != *entry.name {
        return Err(differ("their names"));
    }
    if fields.u16(6)? & SENSES != entry.flags & SENSES || fields.u16(8)? != entry.method as u16 {
        return Err(differ("how they are packed"));
    }
    let extra_start = entry.offset + header.len() as u64;
    let mut extra = vec![0; usize::from(fields.u16(28)?)];
    file.read_exact_at(&mut extra, extra_start).map_err(ArchiveError::reading)?;
    let sizes = fields::wide(&extra, &[fields.u32(22)?, fields.u32(18)?])?;
    let said = (fields.u32(14)?, sizes[0], sizes[1]);
    let unsaid = entry.flags & DESCRIBED_AFTER != 0 && said == (0, 0, 0);
    if !unsaid && said != (entry.crc, entry.size_bytes, entry.packed_bytes) {
        return Err(differ("their sizes or checksums"));
    }
    Ok(extra_start + extra.len() as u64)
}

/// Compares what follows a body, up to the next entry, with the list: its sizes again, or nothing.
fn check_descriptor(file: &File, entry: &Listed, end: u64, next: u64) -> Result<(), ArchiveError> {
    let length = next.checked_sub(end).ok_or(ArchiveError::Overlap(end))?;
    if entry.flags & DESCRIBED_AFTER == 0 {
        return if length == 0 { Ok(()) } else { Err(ArchiveError::Gap(end)) };
    }
    if !matches!(length, 12 | 16 | 20 | 24) {
        return Err(ArchiveError::Gap(end));
    }
    let mut after = vec![0; length as usize];
    file.read_exact_at(&mut after, end).map_err(ArchiveError::reading)?;
    let signed = matches!(length, 16 | 24);
    let fields = Fields(&after[if signed { 4 } else { 0 }..]);
    let (packed, size) = match length {
        12 | 16 => (u64::from(fields.u32(4)?), u64::from(fields.u32(8)?)),
        _ => (fields.u64(4)?, fields.u64(12)?),
    };
    let is_signed = !signed || Fields(&after).u32(0)? == DESCRIPTOR;
    if is_signed && (fields.u32(0)?, packed, size) == (entry.crc, entry.packed_bytes, entry.size_bytes) {
        return Ok(());
    }
    Err(ArchiveError::HeadersDiffer { entry: entry.path.to_string(), what: "their sizes or checksums" })
}

type Section<'a> = BufReader<io::Take<At<'a>>>;

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

fn section(file: &File, at: u64, length: u64) -> Section<'_> {
    BufReader::with_capacity(length.min(READ_AHEAD) as usize, At { file, at }.take(length))
}

/// Unpacks one body after another with the same tables.
struct Unpacker<'a> {
    file: &'a File,
    decoder: DeflateDecoder<Section<'a>>,
}

impl Unpacker<'_> {
    fn hand_out<E: From<ArchiveError>>(
        &mut self,
        entry: &Listed,
        start: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let executable = match entry.mode {
            Mode::Directory => return visit(Entry { path: entry.path.clone(), kind: Kind::Directory }),
            Mode::Link => return visit(Entry { path: entry.path.clone(), kind: Kind::Link }),
            Mode::Executable => true,
            Mode::Plain => false,
        };
        let mut stored = section(self.file, start, entry.packed_bytes);
        let source: &mut dyn Read = match entry.method {
            Method::Stored => &mut stored,
            Method::Deflated => {
                self.decoder.reset(stored);
                &mut self.decoder
            }
        };
        let mut body = Body { source, left: entry.size_bytes, crc: Crc::new(), problem: None };
        let visited = visit(Entry { path: entry.path.clone(), kind: Kind::File { executable, body: &mut body } });
        let problem = io::copy(&mut body, &mut io::sink()).err().map(|error| body.problem.take().unwrap_or(error));
        if let Some(why) = problem {
            return Err(damaged(entry, why).into());
        }
        if body.crc.sum() != entry.crc {
            return Err(ArchiveError::WrongChecksum(entry.path.to_string()).into());
        }
        if entry.method == Method::Deflated && self.decoder.total_in() != entry.packed_bytes {
            return Err(ArchiveError::WrongSize(entry.path.to_string()).into());
        }
        visited
    }
}

fn damaged(entry: &Listed, why: io::Error) -> ArchiveError {
    match why.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::FileTooLarge => ArchiveError::WrongSize(entry.path.to_string()),
        _ => ArchiveError::Damaged { entry: entry.path.to_string(), why },
    }
}

/// The bytes of one entry: as many as the list says. An error is kept, because whoever reads may wrap it.
struct Body<'a> {
    source: &'a mut dyn Read,
    left: u64,
    crc: Crc,
    problem: Option<io::Error>,
}

impl Body<'_> {
    fn piece(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        match self.left.checked_sub(length as u64) {
            None => return Err(io::ErrorKind::FileTooLarge.into()),
            Some(left) if left > 0 && length == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(left) => self.left = left,
        }
        self.crc.update(&buffer[..length]);
        Ok(length)
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.piece(buffer).inspect_err(|error| {
            self.problem.get_or_insert_with(|| io::Error::new(error.kind(), error.to_string()));
        })
    }
}
