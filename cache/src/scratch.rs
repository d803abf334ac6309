//! Scratch directories: where an action runs and leaves its outputs, on the file system of the store, so that
//! outputs come in by a rename.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Cache;
use crate::error::CacheError;
use crate::files;
use crate::leases::Lease;

/// A fresh private directory, removed when it is dropped. What resists, or was left by a killed process, is removed
/// by a later invocation.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lease: Arc<Lease>,
}

impl Scratch {
    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = files::remove_tree(&self.path);
    }
}

impl Cache {
    /// Returns a directory that actions share by name and keep: made if it is not there, and never collected.
    pub fn shared_directory(&self, name: &str) -> Result<PathBuf, CacheError> {
        let path = self.layout.shared.join(name);
        fs::create_dir_all(&path).map_err(CacheError::io("make", &path))?;
        Ok(path)
    }

    /// Makes a fresh private directory on the file system of the store.
    pub fn scratch(&self) -> Result<Scratch, CacheError> {
        let lease = self.leases.hold()?;
        let path = lease.temporary();
        fs::create_dir(&path).map_err(CacheError::io("make", &path))?;
        Ok(Scratch { path, _lease: lease })
    }
}
