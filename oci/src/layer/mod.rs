//! Unpacks one layer into an empty directory, as overlayfs wants a lower one, without being root.
//!
//! A layer that is not as it should be is refused as a whole: what lies in the directory then is worthless, and nothing
//! outside of it was touched, because every file is opened below the directory and through no link. Owners, times and
//! the bits that give a program its owner's rights are dropped; devices and pipes are skipped.

mod decompress;
mod error;
mod name;
mod tree;

use std::io::{BufReader, Read};
use std::path::Path;

use self::decompress::{Hashed, decompressed};
use self::name::{Name, Whiteout};
use self::tree::Tree;
use crate::digest::Digest;
use crate::spec::LayerType;
use crate::tar::{Kind, Member, Reader, TarError};

pub use self::error::LayerError;

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

/// What was unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unpacked {
    /// The number of entries in the archive.
    pub entries: u64,
    /// The bytes of all files.
    pub size_bytes: u64,
    /// How many entries were skipped, as devices and pipes are.
    pub skipped: u64,
}

/// Unpacks a layer as it is stored into an empty directory, and compares what it unpacks to with its digest.
pub fn unpack(blob: impl Read, layer_type: LayerType, diff_id: Digest, into: &Path) -> Result<Unpacked, LayerError> {
    unpack_within(blob, layer_type, diff_id, into, Limits::LAYER)
}

/// Unpacks a layer that may not grow beyond some limits.
pub fn unpack_within(
    blob: impl Read,
    layer_type: LayerType,
    diff_id: Digest,
    into: &Path,
    limits: Limits,
) -> Result<Unpacked, LayerError> {
    let stored = BufReader::with_capacity(BUFFER, blob);
    let hashed = Hashed::new(decompressed(stored, layer_type.compression()));
    let mut archive = Reader::new(BufReader::with_capacity(BUFFER, hashed));
    let mut unpacking = Unpacking { tree: Tree::open(into)?, limits, unpacked: Unpacked::default() };
    while let Some(member) = archive.next_member()? {
        unpacking.take(&member, &mut archive)?;
    }
    let got = archive.finish()?.into_inner().finish();
    if got != diff_id {
        return Err(LayerError::WrongDiffId { got, wanted: diff_id });
    }
    unpacking.tree.finish()?;
    Ok(unpacking.unpacked)
}

struct Unpacking {
    tree: Tree,
    limits: Limits,
    unpacked: Unpacked,
}

impl Unpacking {
    fn take(&mut self, member: &Member, archive: &mut Reader<impl Read>) -> Result<(), LayerError> {
        self.count(member)?;
        let name = Name::parse(&member.name)?;
        match name.whiteout()? {
            Some(Whiteout::Ignored) => self.skip(),
            Some(_) if !is_mark(member) => Err(LayerError::Whiteout(name.shown())),
            Some(Whiteout::Hidden(hidden)) => self.tree.hide(&hidden),
            Some(Whiteout::Opaque) => self.tree.hide_all(&name),
            None => self.place(&name, member, archive),
        }
    }

    fn place(&mut self, name: &Name, member: &Member, archive: &mut Reader<impl Read>) -> Result<(), LayerError> {
        if name.is_top() && member.kind != Kind::Directory {
            return Err(LayerError::Name { name: member.shown(), why: "it is the directory of the layer itself" });
        }
        match &member.kind {
            Kind::Directory => self.tree.directory(name, member.mode),
            Kind::File => self.tree.file(name, member.mode, |file| write(archive, file)),
            Kind::Symlink(target) => self.tree.symlink(name, target),
            Kind::HardLink(target) => self.tree.hard_link(name, &Name::parse_target(name, target)?),
            Kind::Device => self.skip(),
            Kind::Unknown => Err(LayerError::Special(name.shown())),
        }
    }

    fn skip(&mut self) -> Result<(), LayerError> {
        self.unpacked.skipped += 1;
        Ok(())
    }

    fn count(&mut self, member: &Member) -> Result<(), LayerError> {
        let Unpacked { entries, size_bytes, .. } = &mut self.unpacked;
        *entries += 1;
        *size_bytes = size_bytes.saturating_add(member.size_bytes);
        if *entries > self.limits.entries {
            return Err(LayerError::TooManyEntries(self.limits.entries));
        }
        if size_bytes.saturating_add(512 * *entries) > self.limits.size_bytes {
            return Err(LayerError::TooLarge(self.limits.size_bytes));
        }
        Ok(())
    }
}

/// Whether an entry can be a mark, which has neither a body nor anything below it. AUFS made them hard links.
fn is_mark(member: &Member) -> bool {
    member.size_bytes == 0 && matches!(member.kind, Kind::File | Kind::HardLink(_) | Kind::Device)
}

/// Writes the body of a file.
fn write(archive: &mut Reader<impl Read>, file: &mut impl std::io::Write) -> Result<(), tree::Broken> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match archive.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => file.write_all(&buffer[..length]).map_err(tree::Broken::Write)?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(tree::Broken::Read(TarError::reading(error))),
        }
    }
}
