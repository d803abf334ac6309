//! The strict reader of archives: what is not as it should be refuses the whole archive.
//!
//! A packer's mistake and an attack look the same: two readers that see different things in one archive. So a reader
//! here never guesses. It hands out entries one by one; whoever takes them keeps nothing of an archive that is refused
//! later. It knows nothing of stores, packages or directories.

mod error;
mod names;
mod tgz;
mod zip;

use std::io::Read;

use model::RelPath;

pub(crate) use error::ArchiveError;
pub(crate) use names::Duplicates;
pub(crate) use tgz::read_tgz;
pub(crate) use zip::{read_zip, read_zip_file};

/// One entry.
pub(crate) struct Entry<'a> {
    /// Where it belongs.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What an entry is. Owners, times, and bits of the mode other than those for execution are dropped.
pub(crate) enum Kind<'a> {
    /// A directory.
    Directory,
    /// A plain file.
    File {
        /// Whether anybody may execute it.
        executable: bool,
        /// Its bytes; they are checked while they are read.
        body: &'a mut dyn Read,
    },
    /// A symbolic link or another name of an entry, which stays inside the archive.
    Link,
}

/// Takes the entries, in the order of the archive.
pub(crate) type Visit<'a, E> = dyn FnMut(Entry<'_>) -> Result<(), E> + 'a;

/// What an archive may grow to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The number of entries.
    pub entries: u64,
    /// The bytes of all files.
    pub size_bytes: u64,
    /// Up to here it does not matter how dense an archive is packed.
    pub small_bytes: u64,
    /// How often the archive's own size all files may be.
    pub ratio: u64,
}

impl Limits {
    /// What packages may grow to: several times of the largest that there are.
    pub(crate) const PACKAGE: Limits =
        Limits { entries: 1_000_000, size_bytes: 16 << 30, small_bytes: 64 << 20, ratio: 200 };
}

/// Counts entries and bytes of one archive against the limits, before any of them is unpacked.
struct Budget {
    limits: Limits,
    packed_bytes: u64,
    entries: u64,
    size_bytes: u64,
}

impl Budget {
    fn new(limits: Limits, packed_bytes: u64) -> Budget {
        Budget { limits, packed_bytes, entries: 0, size_bytes: 0 }
    }

    fn spend(&mut self, size_bytes: u64) -> Result<(), ArchiveError> {
        let Limits { entries, size_bytes: most, small_bytes, ratio } = self.limits;
        self.entries += 1;
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
        if self.entries > entries {
            return Err(ArchiveError::TooManyEntries(entries));
        }
        if self.size_bytes > most {
            return Err(ArchiveError::TooLarge(most));
        }
        if self.size_bytes > small_bytes.max(self.packed_bytes.saturating_mul(ratio)) {
            return Err(ArchiveError::TooDense(ratio));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
