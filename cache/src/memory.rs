//! The memory file: what the last run knew, in one file that is written by one rename and read in one go.
//! It knows the sections' sizes, not what is in them.
//!
//! Form: the magic, the sizes of five sections as little-endian `u64`, the sections, and the BLAKE3 of all that.
//! A file that is anything else counts as empty: the run is slower, never wronger.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use model::Memory;

use crate::Cache;
use crate::error::CacheError;
use crate::leases::names;

/// The name and version of the form.
const MAGIC: [u8; 16] = *b"rg memory 2\n\0\0\0\0";
const SECTIONS: usize = 5;
const HEADER_BYTES: usize = MAGIC.len() + 8 * SECTIONS;
const SEAL_BYTES: usize = 32;
/// What a file is called while it is written.
const UNBORN: &str = ".new-";

impl Cache {
    /// Returns what was remembered under a name; nothing if there is none, or it is damaged.
    pub fn recall(&self, name: &str) -> Memory {
        self.memory_path(name).ok().and_then(|path| read(&path)).unwrap_or_default()
    }

    /// Remembers it under a name, in place of what was there.
    pub fn remember(&self, name: &str, memory: &Memory) -> Result<(), CacheError> {
        let path = self.memory_path(name)?;
        fs::create_dir_all(&self.layout.memory).map_err(CacheError::io("make", &self.layout.memory))?;
        write(&path, memory).map_err(CacheError::io("write", &path))
    }

    fn memory_path(&self, name: &str) -> Result<PathBuf, CacheError> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(CacheError::Name { name: name.to_owned() });
        }
        Ok(self.layout.memory.join(name))
    }

    /// Removes what a killed process was writing: whoever still writes holds the lock of the file.
    pub(crate) fn sweep_memory(&self) {
        for name in names(&self.layout.memory).iter().filter(|name| name.starts_with(UNBORN)) {
            let path = self.layout.memory.join(name);
            if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

fn read(path: &Path) -> Option<Memory> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).ok()?;
    let (magic, sizes) = header.split_at(MAGIC.len());
    let mut seal = blake3::Hasher::new();
    seal.update(&header);
    // The sizes are checked against the file before anything is allocated for them.
    let sizes: Vec<u64> =
        sizes.chunks_exact(8).map(|size| u64::from_le_bytes(size.try_into().expect("a chunk of eight"))).collect();
    let total = sizes.iter().try_fold((HEADER_BYTES + SEAL_BYTES) as u64, |sum, size| sum.checked_add(*size))?;
    if magic != MAGIC || total != length {
        return None;
    }
    let mut section = |size: u64| -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        file.read_exact(&mut bytes).ok()?;
        seal.update(&bytes);
        Some(bytes)
    };
    let [stats, analysis, results, digests, tools] =
        [section(sizes[0])?, section(sizes[1])?, section(sizes[2])?, section(sizes[3])?, section(sizes[4])?];
    let mut want = [0; SEAL_BYTES];
    file.read_exact(&mut want).ok()?;
    (seal.finalize() == want).then_some(Memory { stats, analysis, results, digests, tools })
}

fn write(path: &Path, memory: &Memory) -> io::Result<()> {
    let directory = path.parent().expect("a memory file lies in a directory");
    let mut file = tempfile::Builder::new().prefix(UNBORN).tempfile_in(directory)?;
    file.as_file().lock()?;
    let sections: [&[u8]; SECTIONS] =
        [&memory.stats, &memory.analysis, &memory.results, &memory.digests, &memory.tools];
    let mut header = MAGIC.to_vec();
    for section in sections {
        header.extend_from_slice(&(section.len() as u64).to_le_bytes());
    }
    let mut seal = blake3::Hasher::new();
    for bytes in std::iter::once(header.as_slice()).chain(sections) {
        seal.update(bytes);
        file.write_all(bytes)?;
    }
    file.write_all(seal.finalize().as_bytes())?;
    file.persist(path)?;
    Ok(())
}
