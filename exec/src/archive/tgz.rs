//! Tar in gzip, as npm packs it: one member, no byte after it, an end that is marked.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use model::RelPath;
use oci::tar::{self, Member, Reader};

use super::names::{self, Names, Seen};
use super::{ArchiveError, Budget, Duplicates, Entry, Kind, Limits, Visit};

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
    let mut tar = Reader::new(decoder);
    let mut budget = Budget::new(Limits::PACKAGE, packed_bytes);
    let mut names = Names::new(duplicates);
    while let Some(member) = tar.next_member().map_err(ArchiveError::from)? {
        let (path, seen) = place(&member)?;
        budget.spend(member.size_bytes)?;
        names.admit(&path, seen)?;
        hand_out(path, seen, member.mode, &mut tar, visit)?;
    }
    let mut decoder = tar.finish().map_err(ArchiveError::from)?;
    let left = decoder.get_mut().fill_buf().map_err(ArchiveError::Read)?;
    if left.is_empty() { Ok(()) } else { Err(ArchiveError::Trailing.into()) }
}

/// Returns where an entry belongs, and what it is.
fn place(member: &Member) -> Result<(RelPath, Seen), ArchiveError> {
    let path = names::parse(&member.name)?;
    let seen = match &member.kind {
        tar::Kind::Directory => Seen::Directory,
        tar::Kind::File => Seen::File,
        tar::Kind::Symlink(target) => {
            let directory = path.parent().unwrap_or_else(RelPath::root);
            names::check_link(&path, &directory, target)?;
            Seen::Link
        }
        tar::Kind::HardLink(target) => {
            // Another name of an entry is given from the top.
            names::check_link(&path, &RelPath::root(), target)?;
            Seen::Link
        }
        tar::Kind::Device | tar::Kind::Unknown => return Err(ArchiveError::Special(member.shown())),
    };
    if path.is_root() && seen != Seen::Directory {
        return Err(ArchiveError::NoName);
    }
    Ok((path, seen))
}

fn hand_out<E: From<ArchiveError>>(
    path: RelPath,
    seen: Seen,
    mode: u32,
    tar: &mut Reader<impl Read>,
    visit: &mut Visit<'_, E>,
) -> Result<(), E> {
    let kind = match seen {
        Seen::Directory => Kind::Directory,
        Seen::Link => Kind::Link,
        Seen::File => Kind::File { executable: mode & 0o111 != 0, body: tar },
    };
    let visited = visit(Entry { path, kind });
    tar.end_body().map_err(ArchiveError::from)?;
    visited
}
