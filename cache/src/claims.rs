//! Claims: who runs an action. A fixed number of lock files shared by all keys, because one for each would grow
//! for ever and a lock file is never deleted. So a worker holds at most one claim at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::thread;
use std::time::Duration;

use model::ActionKey;

use crate::Cache;
use crate::files;

/// How often a taken claim is tried again: at first soon, then at this distance.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// The right to run an action; dropping it gives it back.
#[derive(Debug)]
pub struct Claim {
    /// Nothing, if the store cannot be written: then nobody else can be told.
    _locked: Option<File>,
}

impl Cache {
    /// Waits until nobody else runs the action (or one that shares its lock file). `None` if it was cancelled.
    /// The caller looks the result up again before it runs the action.
    pub fn claim(&self, key: &ActionKey, cancelled: &dyn Fn() -> bool) -> Option<Claim> {
        let Ok(file) = self.open_claim(key) else { return Some(Claim { _locked: None }) };
        let mut wait = Duration::from_millis(1);
        loop {
            if cancelled() {
                return None;
            }
            match file.try_lock() {
                Ok(()) => return Some(Claim { _locked: Some(file) }),
                Err(TryLockError::WouldBlock) => thread::sleep(wait),
                Err(TryLockError::Error(_)) => return Some(Claim { _locked: None }),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn open_claim(&self, key: &ActionKey) -> io::Result<File> {
        // Ten bits: 1,024 files.
        let stripe = (u16::from(key.0.hash[0]) << 2) | u16::from(key.0.hash[1] >> 6);
        let path = self.layout.claims.join(format!("{stripe:03x}"));
        match files::open_lock(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.layout.claims)?;
                files::open_lock(&path)
            }
            done => done,
        }
    }
}
