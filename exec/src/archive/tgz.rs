//! Tar in gzip, as npm packs it: one member, no byte after it, an end that is marked.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use model::RelPath;
use tar::{EntryType, Header};

use super::names::{self, Names, Seen};
use super::pax::{self, Pax};
use super::{ArchiveError, Budget, Duplicates, Entry, Kind, Limits, Visit};

const BLOCK: usize = 512;
/// The longest extended header that is read.
const LONGEST_HEADER: u64 = 1 << 20;
/// The most zeros after the end: tapes were written in blocks.
const LONGEST_PADDING: u64 = 1 << 20;

/// Hands out the entries of a compressed tar archive of `packed_bytes`.
pub(crate) fn read_tgz<E: From<ArchiveError>>(
    file: impl Read,
    packed_bytes: u64,
    duplicates: Duplicates,
    visit: &mut Visit<'_, E>,
) -> Result<(), E> {
    let decoder = GzDecoder::new(BufReader::with_capacity(1 << 16, file));
    if decoder.header().is_none() {
        return Err(ArchiveError::Not("compressed by gzip").into());
    }
    let mut tar = Tar { source: decoder, at: 0, extension: Extension::default() };
    let mut budget = Budget::new(Limits::PACKAGE, packed_bytes);
    let mut names = Names::new(duplicates);
    while let Some(member) = tar.next()? {
        budget.spend(member.size_bytes)?;
        names.admit(&member.path, member.seen())?;
        tar.hand_out(member, visit)?;
    }
    Ok(tar.finish()?)
}

/// The archive and how far it was read.
struct Tar<R> {
    source: GzDecoder<R>,
    at: u64,
    extension: Extension,
}

/// What extended headers say about the entry that follows.
#[derive(Default)]
struct Extension {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Extension {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

/// An entry whose body comes next.
struct Member {
    path: RelPath,
    what: What,
    size_bytes: u64,
}

#[derive(Clone, Copy)]
enum What {
    Directory,
    Plain,
    Executable,
    Link,
}

impl Member {
    fn seen(&self) -> Seen {
        match self.what {
            What::Directory => Seen::Directory,
            What::Plain | What::Executable => Seen::File,
            What::Link => Seen::Link,
        }
    }
}

impl<R: BufRead> Tar<R> {
    /// Returns the next entry; `None` at the marked end.
    fn next(&mut self) -> Result<Option<Member>, ArchiveError> {
        loop {
            let at = self.at;
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block == [0; BLOCK] {
                return if self.extension.is_empty() { Ok(None) } else { Err(ArchiveError::Truncated) };
            }
            let header = Header::from_byte_slice(&block);
            if !is_intact(&block, header) {
                return Err(ArchiveError::BadHeader(at));
            }
            let size_bytes = header.entry_size().map_err(|_| ArchiveError::BadHeader(at))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.extra(size_bytes, at)?;
                    once(&mut self.extension.pax, pax::parse(&records, at)?, at)?;
                }
                EntryType::XGlobalHeader => self.skip_global(size_bytes, at)?,
                EntryType::GNULongName => {
                    let name = self.text(size_bytes, at)?;
                    once(&mut self.extension.long_name, name, at)?;
                }
                EntryType::GNULongLink => {
                    let link = self.text(size_bytes, at)?;
                    once(&mut self.extension.long_link, link, at)?;
                }
                _ => return self.member(header, size_bytes, at).map(Some),
            }
        }
    }

    /// A global header may say what it likes about times and owners, and nothing about names and sizes.
    fn skip_global(&mut self, size_bytes: u64, at: u64) -> Result<(), ArchiveError> {
        let records = self.extra(size_bytes, at)?;
        if pax::parse(&records, at)? == Pax::default() {
            return Ok(());
        }
        Err(ArchiveError::BadPax { at, why: "it names or measures all entries that follow" })
    }

    fn member(&mut self, header: &Header, size_bytes: u64, at: u64) -> Result<Member, ArchiveError> {
        let Extension { pax, long_name, long_link } = std::mem::take(&mut self.extension);
        let pax = pax.unwrap_or_default();
        let name = one(pax.path, long_name, at)?.unwrap_or_else(|| header.path_bytes().into_owned());
        let shown = || String::from_utf8_lossy(&name).into_owned();
        if pax.size_bytes.is_some_and(|other| other != size_bytes) {
            return Err(ArchiveError::HeadersDiffer { entry: shown(), what: "their sizes" });
        }
        let (path, slash) = path(&name)?;
        let what = match header.entry_type() {
            EntryType::Directory => What::Directory,
            EntryType::Regular | EntryType::Continuous if slash == Slash::Yes && size_bytes == 0 => What::Directory,
            EntryType::Regular | EntryType::Continuous if slash == Slash::No => plain(header, at)?,
            EntryType::Symlink => {
                let directory = path.parent().unwrap_or_else(RelPath::root);
                names::check_link(&path, &directory, &target(header, pax.link, long_link, at)?)?;
                What::Link
            }
            EntryType::Link => {
                // Another name of an entry is given from the top.
                names::check_link(&path, &RelPath::root(), &target(header, pax.link, long_link, at)?)?;
                What::Link
            }
            _ => return Err(ArchiveError::Special(shown())),
        };
        if size_bytes > 0 && matches!(what, What::Directory | What::Link) {
            return Err(ArchiveError::WrongSize(shown()));
        }
        Ok(Member { path, what, size_bytes })
    }

    fn hand_out<E: From<ArchiveError>>(&mut self, member: Member, visit: &mut Visit<'_, E>) -> Result<(), E> {
        let Member { path, what, size_bytes } = member;
        let mut body = Body { source: &mut self.source, left: size_bytes, problem: None };
        let kind = match what {
            What::Directory => Kind::Directory,
            What::Link => Kind::Link,
            What::Plain => Kind::File { executable: false, body: &mut body },
            What::Executable => Kind::File { executable: true, body: &mut body },
        };
        let visited = visit(Entry { path, kind });
        let drained = io::copy(&mut body, &mut io::sink());
        if let Some(problem) = body.problem.take() {
            return Err(ArchiveError::reading(problem).into());
        }
        drained.map_err(ArchiveError::reading)?;
        visited?;
        self.at += size_bytes;
        Ok(self.pad(size_bytes)?)
    }

    /// Reads the body of an extended header.
    fn extra(&mut self, size_bytes: u64, at: u64) -> Result<Vec<u8>, ArchiveError> {
        if size_bytes > LONGEST_HEADER {
            return Err(ArchiveError::BadPax { at, why: "it is too long" });
        }
        let mut body = vec![0; usize::try_from(size_bytes).expect("it is below a limit")];
        self.fill(&mut body)?;
        self.pad(size_bytes)?;
        Ok(body)
    }

    /// Reads a long name as GNU tar writes it, with a zero at the end.
    fn text(&mut self, size_bytes: u64, at: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut name = self.extra(size_bytes, at)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    fn pad(&mut self, size_bytes: u64) -> Result<(), ArchiveError> {
        let rest = (size_bytes % BLOCK as u64) as usize;
        let mut padding = [0; BLOCK];
        if rest > 0 { self.fill(&mut padding[rest..]) } else { Ok(()) }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        self.source.read_exact(buffer).map_err(ArchiveError::reading)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    /// Reads to the end, so that the checksum is compared: only zeros may follow, and nothing after the compressed
    /// bytes.
    fn finish(mut self) -> Result<(), ArchiveError> {
        let mut padding = Vec::new();
        self.source.by_ref().take(LONGEST_PADDING + 1).read_to_end(&mut padding).map_err(ArchiveError::reading)?;
        if padding.len() as u64 > LONGEST_PADDING || padding.iter().any(|&byte| byte != 0) {
            return Err(ArchiveError::Trailing);
        }
        let left = self.source.get_mut().fill_buf().map_err(ArchiveError::Read)?;
        if left.is_empty() { Ok(()) } else { Err(ArchiveError::Trailing) }
    }
}

/// The bytes of one entry. An error is kept, because whoever reads may wrap it.
struct Body<'a, R> {
    source: &'a mut R,
    left: u64,
    problem: Option<io::Error>,
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = match self.source.read(&mut buffer[..most]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        match read {
            Ok(length) => {
                self.left -= length as u64;
                Ok(length)
            }
            Err(error) => {
                self.problem = Some(io::Error::new(error.kind(), error.to_string()));
                self.left = 0;
                Err(error)
            }
        }
    }
}

/// Whether a name ends as directories do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Yes,
    No,
}

/// Parses a name as packers write it: with `./` before it, or a slash after it.
fn path(name: &[u8]) -> Result<(RelPath, Slash), ArchiveError> {
    let inner = name.strip_prefix(b"./").unwrap_or(name);
    match inner.strip_suffix(b"/") {
        // The top itself.
        Some(b"" | b".") => Ok((RelPath::root(), Slash::Yes)),
        Some(directory) => Ok((names::parse(directory)?, Slash::Yes)),
        None if inner.is_empty() && !name.is_empty() => Ok((RelPath::root(), Slash::Yes)),
        None => Ok((names::parse(inner)?, Slash::No)),
    }
}

fn plain(header: &Header, at: u64) -> Result<What, ArchiveError> {
    let mode = header.mode().map_err(|_| ArchiveError::BadHeader(at))?;
    Ok(if mode & 0o111 == 0 { What::Plain } else { What::Executable })
}

fn target(header: &Header, pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, at: u64) -> Result<Vec<u8>, ArchiveError> {
    let named = one(pax, gnu, at)?.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
    named.filter(|target| !target.is_empty()).ok_or(ArchiveError::BadHeader(at))
}

/// Returns the one that is there: readers disagree about which counts.
fn one(pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, at: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
    match (pax, gnu) {
        (Some(_), Some(_)) => Err(ArchiveError::BadPax { at, why: "an entry has two long names" }),
        (pax, gnu) => Ok(pax.or(gnu)),
    }
}

fn once<T>(place: &mut Option<T>, value: T, at: u64) -> Result<(), ArchiveError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ArchiveError::BadPax { at, why: "an entry has two of them" }),
    }
}

/// Whether a header has the checksum that it says.
fn is_intact(block: &[u8; BLOCK], header: &Header) -> bool {
    let of_checksum = 148..156;
    let sum: u32 = (0..BLOCK).map(|i| if of_checksum.contains(&i) { 32 } else { u32::from(block[i]) }).sum();
    header.cksum().is_ok_and(|said| said == sum)
}
