//! Reads one layer, strictly: what it has, what it hides, and that it is what the image says.
//!
//! A layer that is not as it should be is refused as a whole. Nothing here writes: bodies are given to whoever keeps
//! them, by digest, and a path is only a name. Owners, times and all of a mode but whether a file can be executed are
//! dropped; devices and pipes are skipped.

mod ahead;
mod decompress;
mod entries;
mod error;
mod name;

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use self::ahead::ahead;
use self::decompress::{Hashed, decompressed};
use self::entries::Entries;
use self::name::{Name, Whiteout};
use crate::Digest;
use crate::spec::LayerType;
use crate::tar::{Kind, Member, Reader};

pub use self::error::{LayerError, Unread};

/// How much is read at once.
const BUFFER: usize = 1 << 17;

/// What a layer may grow to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The number of entries.
    pub entries: u64,
    /// The bytes of all files, with a header for each.
    pub size_bytes: u64,
}

impl Limits {
    /// Several times of the largest layer that anybody pushes.
    pub const LAYER: Limits = Limits { entries: 4_000_000, size_bytes: 128 << 30 };
}

/// What a layer has at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A file, by the digest of its body.
    File {
        /// The digest.
        digest: model::Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A link with its target, which may lead anywhere.
    Symlink(String),
    /// Nothing: the name, which begins with `.wh.`, says what of the layers below is hidden.
    Mark,
}

/// Keeps the body of a file that can, or cannot, be executed; returns its digest.
pub type Keep<'a, E> = &'a dyn Fn(&mut dyn Read, bool) -> Result<model::Digest, E>;

/// Reads a layer as it is stored, and compares what it unpacks to with its digest. Returns what it has by path, each
/// directory among it.
pub fn read<E>(
    blob: impl Read + Send,
    layer_type: LayerType,
    diff_id: Digest,
    keep: Keep<'_, E>,
) -> Result<BTreeMap<String, Entry>, Unread<E>> {
    read_within(blob, layer_type, diff_id, Limits::LAYER, keep)
}

/// Reads a layer that may not grow beyond some limits.
pub fn read_within<E>(
    blob: impl Read + Send,
    layer_type: LayerType,
    diff_id: Digest,
    limits: Limits,
    keep: Keep<'_, E>,
) -> Result<BTreeMap<String, Entry>, Unread<E>> {
    let stored = BufReader::with_capacity(BUFFER, blob);
    let hashed = Hashed::new(decompressed(stored, layer_type.compression()));
    let (entries, hashed) = ahead(hashed, |bytes| entries(bytes, limits, keep)).map_err(LayerError::Thread)?;
    let (entries, got) = (entries?, hashed.finish());
    if got != diff_id {
        return Err(LayerError::WrongDiffId { got, wanted: diff_id }.into());
    }
    Ok(entries)
}

fn entries<E>(bytes: impl Read, limits: Limits, keep: Keep<'_, E>) -> Result<BTreeMap<String, Entry>, Unread<E>> {
    let mut archive = Reader::new(bytes);
    let mut reading = Reading { entries: Entries::default(), limits, count: 0, size_bytes: 0, keep };
    while let Some(member) = archive.next_member()? {
        reading.take(&member, &mut archive)?;
    }
    archive.finish()?;
    Ok(reading.entries.finish())
}

struct Reading<'a, E> {
    entries: Entries,
    limits: Limits,
    count: u64,
    size_bytes: u64,
    keep: Keep<'a, E>,
}

impl<E> Reading<'_, E> {
    fn take(&mut self, member: &Member, archive: &mut Reader<impl Read>) -> Result<(), Unread<E>> {
        self.count(member)?;
        let name = Name::parse(&member.name)?;
        match name.whiteout()? {
            Some(Whiteout::Ignored) => {}
            Some(_) if !is_mark(member) => return Err(LayerError::Whiteout(name.shown()).into()),
            Some(Whiteout::Hidden | Whiteout::Opaque) => self.entries.mark(name)?,
            None => self.place(name, member, archive)?,
        }
        Ok(())
    }

    fn place(&mut self, name: Name, member: &Member, archive: &mut Reader<impl Read>) -> Result<(), Unread<E>> {
        if name.is_top() && member.kind != Kind::Directory {
            let why = "it is the directory of the layer itself";
            return Err(LayerError::Name { name: member.shown(), why }.into());
        }
        match &member.kind {
            Kind::Directory => self.entries.directory(name)?,
            Kind::File => {
                let executable = member.mode & 0o100 != 0;
                let kept = (self.keep)(archive, executable);
                // What a body is refused for may have been wrapped by whoever kept it.
                archive.end_body().map_err(|source| LayerError::Body { entry: name.shown(), source })?;
                self.entries.file(name, Entry::File { digest: kept.map_err(Unread::Kept)?, executable })?;
            }
            Kind::Symlink(target) => self.entries.symlink(name, target)?,
            Kind::HardLink(target) => {
                let target = Name::parse_target(&name, target)?;
                self.entries.hard_link(name, &target)?;
            }
            Kind::Device => {}
            Kind::Unknown => return Err(LayerError::Special(name.shown()).into()),
        }
        Ok(())
    }

    fn count(&mut self, member: &Member) -> Result<(), LayerError> {
        self.count += 1;
        self.size_bytes = self.size_bytes.saturating_add(member.size_bytes);
        if self.count > self.limits.entries {
            return Err(LayerError::TooManyEntries(self.limits.entries));
        }
        if self.size_bytes.saturating_add(512 * self.count) > self.limits.size_bytes {
            return Err(LayerError::TooLarge(self.limits.size_bytes));
        }
        Ok(())
    }
}

/// Whether an entry can be a mark, which has neither a body nor anything below it. AUFS made them hard links.
fn is_mark(member: &Member) -> bool {
    member.size_bytes == 0 && matches!(member.kind, Kind::File | Kind::HardLink(_) | Kind::Device)
}
