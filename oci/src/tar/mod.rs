//! The strict reader of tar: what is not as it should be refuses the whole archive.
//!
//! Two readers that see different things in one archive are an attack, so this one never guesses. It knows headers and
//! bodies; where an entry may lie, and what becomes of it, whoever reads decides.

mod body;
mod error;
mod header;
mod pax;

use std::io::Read;

use ::tar::{EntryType, Header};

use self::body::Body;
use self::header::{Extension, is_intact, once};
use self::pax::Pax;

pub use self::error::TarError;
pub use self::header::{Kind, Member};

const BLOCK: usize = 512;
/// The longest extended header that is read.
const LONGEST_HEADER: u64 = 1 << 20;
/// The most zeros after the end: tapes were written in blocks.
const LONGEST_PADDING: u64 = 1 << 20;

/// An archive, and how far it was read. Reading from it reads the body of the member that came last.
pub struct Reader<R> {
    source: R,
    at: u64,
    extension: Extension,
    body: Body,
}

impl<R: Read> Reader<R> {
    /// Makes a reader at the beginning of an archive.
    pub fn new(source: R) -> Reader<R> {
        Reader { source, at: 0, extension: Extension::default(), body: Body::default() }
    }

    /// Returns the next member; `None` at the marked end. What was left of the last body is skipped.
    pub fn next_member(&mut self) -> Result<Option<Member>, TarError> {
        self.end_body()?;
        loop {
            let at = self.at;
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block == [0; BLOCK] {
                return if self.extension.is_empty() { Ok(None) } else { Err(TarError::Truncated) };
            }
            let header = Header::from_byte_slice(&block);
            if !is_intact(&block, header) {
                return Err(TarError::BadHeader(at));
            }
            let size_bytes = header.entry_size().map_err(|_| TarError::BadHeader(at))?;
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

    /// Skips what is left of the body, and tells whether any of it could not be read: an error that came to whoever
    /// read the body may have been wrapped.
    pub fn end_body(&mut self) -> Result<(), TarError> {
        let size_bytes = self.body.size_bytes();
        self.body.skip(&mut self.source)?;
        self.at += size_bytes;
        self.pad(size_bytes)
    }

    /// Reads to the end, where only zeros may follow; returns the source.
    pub fn finish(mut self) -> Result<R, TarError> {
        let mut padding = Vec::new();
        self.source.by_ref().take(LONGEST_PADDING + 1).read_to_end(&mut padding).map_err(TarError::reading)?;
        if padding.len() as u64 > LONGEST_PADDING || padding.iter().any(|&byte| byte != 0) {
            return Err(TarError::Trailing);
        }
        Ok(self.source)
    }

    fn member(&mut self, header: &Header, size_bytes: u64, at: u64) -> Result<Member, TarError> {
        let extension = std::mem::take(&mut self.extension);
        let member = Member::of(header, extension, size_bytes, at)?;
        self.body = Body::of(member.size_bytes);
        Ok(Member { body_at: self.at, ..member })
    }

    /// A global header may say what it likes about times and owners, and nothing about names and sizes.
    fn skip_global(&mut self, size_bytes: u64, at: u64) -> Result<(), TarError> {
        let records = self.extra(size_bytes, at)?;
        if pax::parse(&records, at)? == Pax::default() {
            return Ok(());
        }
        Err(TarError::BadPax { at, why: "it names or measures all entries that follow" })
    }

    /// Reads the body of an extended header.
    fn extra(&mut self, size_bytes: u64, at: u64) -> Result<Vec<u8>, TarError> {
        if size_bytes > LONGEST_HEADER {
            return Err(TarError::BadPax { at, why: "it is too long" });
        }
        let mut body = vec![0; usize::try_from(size_bytes).expect("it is below a limit")];
        self.fill(&mut body)?;
        self.pad(size_bytes)?;
        Ok(body)
    }

    /// Reads a long name as GNU tar writes it, with a zero at the end.
    fn text(&mut self, size_bytes: u64, at: u64) -> Result<Vec<u8>, TarError> {
        let mut name = self.extra(size_bytes, at)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    fn pad(&mut self, size_bytes: u64) -> Result<(), TarError> {
        let rest = (size_bytes % BLOCK as u64) as usize;
        let mut padding = [0; BLOCK];
        if rest > 0 { self.fill(&mut padding[rest..]) } else { Ok(()) }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        self.source.read_exact(buffer).map_err(TarError::reading)?;
        self.at += buffer.len() as u64;
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.body.read(&mut self.source, buffer)
    }
}
