//! What failed actions left in their sandboxes, for a while: nothing of it is ever a result.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use model::ActionKey;

use crate::Cache;
use crate::error::CacheError;
use crate::files;

/// So many stay, the latest.
const KEPT: usize = 10;

/// The sandbox that the last failed run of an action left. Nobody else has it meanwhile.
#[derive(Debug)]
pub struct FailedSandbox {
    /// Where it lies.
    pub path: PathBuf,
    _locked: File,
}

impl Cache {
    /// Returns what the last failed run of an action left, if `executor` ran it. `Ok(None)` if it left nothing, or has
    /// succeeded since; an error if somebody else is in it.
    pub fn failed_sandbox(&self, key: &ActionKey, executor: &str) -> Result<Option<FailedSandbox>, CacheError> {
        let place = self.layout.failed(key);
        let path = place.join(executor);
        let Some(directory) = File::open(&place).ok().filter(|_| path.is_dir()) else { return Ok(None) };
        directory.try_lock().map_err(std::io::Error::from).map_err(CacheError::io("lock", &place))?;
        Ok(Some(FailedSandbox { path, _locked: directory }))
    }

    /// Moves what a failed run of an action has left to where it is looked for. Only the executor that made it can go on
    /// with it. What could not be kept is lost.
    pub fn keep_failed_sandbox(&self, key: &ActionKey, executor: &str, left: &Path) {
        let place = self.layout.failed(key);
        // Whoever is in an older one stays there, and this one goes with its scratch directory.
        if self.forget_failed_sandbox(key) && fs::create_dir_all(&place).is_ok() {
            let _ = fs::rename(left, place.join(executor));
            self.forget_old_ones();
        }
    }

    /// Forgets what an action left. Returns whether nothing is there any more.
    pub fn forget_failed_sandbox(&self, key: &ActionKey) -> bool {
        remove(&self.layout.failed(key))
    }

    fn forget_old_ones(&self) {
        let entries = fs::read_dir(&self.layout.failed).into_iter().flatten().flatten();
        let time =
            |path: &Path| fs::symlink_metadata(path).and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut kept: Vec<_> = entries.map(|entry| (time(&entry.path()), entry.path())).collect();
        kept.sort();
        let old = kept.len().saturating_sub(KEPT);
        for (_, path) in &kept[..old] {
            remove(path);
        }
    }
}

/// Removes a sandbox unless somebody is in it, and returns whether it is gone.
fn remove(path: &Path) -> bool {
    match File::open(path) {
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        Ok(directory) => directory.try_lock().is_ok() && files::remove_tree(path).is_ok(),
    }
}
