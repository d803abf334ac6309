//! What lies in the store, by looking. It judges nothing.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::path::Path;

use crate::Cache;
use crate::error::CacheError;
use crate::files::Stamp;
use crate::layout::{Executable, Hash, parse_blob, parse_hash};
use crate::leases::names;
use crate::rows;

/// How much a store holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    /// How many blobs.
    pub blobs: u64,
    /// The bytes of all blobs, with both variants of those that have two.
    pub bytes: u64,
    /// How many results.
    pub results: u64,
    /// How many assembled directories.
    pub trees: u64,
    /// Above this, garbage is collected.
    pub max_size_bytes: u64,
}

/// The files of one blob: one or both variants.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlobFiles {
    pub(crate) variants: Vec<(Executable, u64)>,
    pub(crate) last_use: Option<Stamp>,
}

impl BlobFiles {
    /// Returns the bytes of all variants.
    pub(crate) fn bytes(&self) -> u64 {
        self.variants.iter().map(|(_, length)| length).sum()
    }

    /// Returns whether a variant has the size.
    pub(crate) fn has_size(&self, size_bytes: u64) -> bool {
        self.variants.iter().any(|(_, length)| *length == size_bytes)
    }
}

impl Cache {
    /// Counts what is there.
    pub fn stats(&self) -> Result<Stats, CacheError> {
        let blobs = self.survey_blobs()?;
        let results =
            if self.layout.database().exists() { self.database.with(|c| rows::count_results(c))? } else { 0 };
        Ok(Stats {
            blobs: blobs.len() as u64,
            bytes: blobs.values().map(BlobFiles::bytes).sum(),
            results: results.cast_unsigned(),
            trees: self.survey_trees().len() as u64,
            max_size_bytes: self.max_size_bytes,
        })
    }

    /// Returns all blobs with what the file system says of them.
    pub(crate) fn survey_blobs(&self) -> Result<BTreeMap<Hash, BlobFiles>, CacheError> {
        let mut blobs: BTreeMap<Hash, BlobFiles> = BTreeMap::new();
        each_entry(&self.layout.blobs, |shard| {
            each_entry(&shard.path(), |entry| {
                let Some((hash, executable)) = parse_blob(&entry.file_name()) else { return Ok(()) };
                // It may be gone by now: that is no error.
                let Ok(metadata) = entry.metadata() else { return Ok(()) };
                let blob = blobs.entry(hash).or_default();
                blob.variants.push((executable, metadata.len()));
                blob.last_use = blob.last_use.max(Some(Stamp::of(&metadata)));
                Ok(())
            })
        })?;
        Ok(blobs)
    }

    /// Returns the roots of all assembled directories.
    pub(crate) fn survey_trees(&self) -> Vec<Hash> {
        names(&self.layout.trees).iter().filter_map(|name| parse_hash(name)).collect()
    }
}

/// Calls `on` for each entry of a directory; one that does not exist has none.
pub(crate) fn each_entry(
    directory: &Path,
    mut on: impl FnMut(&DirEntry) -> Result<(), CacheError>,
) -> Result<(), CacheError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(CacheError::io("read", directory))?,
    };
    entries.into_iter().try_for_each(|entry| on(&entry.map_err(CacheError::io("read", directory))?))
}
