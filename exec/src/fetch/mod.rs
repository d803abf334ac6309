//! Fetching locked packages from where the user's own clients take them: they know the mirrors, the proxies and the
//! credentials.
//!
//! A fetch is keyed by its lock entry alone. Which registry answers, and with whose certificate, is not a part of it:
//! the hash in the lock decides whether the bytes are right.

mod go;
mod identity;
mod packages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use model::{Content, Locked, Need};

use crate::Failure;
use crate::executor::Stopped;
use crate::images::OnProgress;
use crate::machine::Machine;

/// Whether packages may be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// They may.
    Online,
    /// What is not in the cache is an error.
    Offline,
}

/// Fetches with the user's clients and settings, in one run.
pub struct Fetcher {
    /// The user's environment.
    pub environment: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The file of certificates to trust, in place of the system's.
    pub extra_ca: Option<PathBuf>,
    /// Whether there is a network to be used.
    pub connection: Connection,
    go_settings: OnceLock<BTreeMap<String, String>>,
    registries: OnceLock<fetch::Registries>,
}

impl Fetcher {
    /// Makes a fetcher for a user; nothing is asked before it is needed.
    pub fn new(
        environment: BTreeMap<String, String>,
        home: Option<PathBuf>,
        extra_ca: Option<PathBuf>,
        connection: Connection,
    ) -> Fetcher {
        let (go_settings, registries) = (OnceLock::new(), OnceLock::new());
        Fetcher { environment, home, extra_ca, connection, go_settings, registries }
    }

    /// Fetches a locked package into the store. `on_progress` is told how many bytes have come, and how many there are,
    /// if that is known.
    pub(crate) fn fetch(
        &self,
        locked: &Locked,
        machine: &Machine<'_>,
        needs: &[Need],
        on_progress: OnProgress<'_>,
    ) -> Result<Content, Stopped> {
        if self.connection == Connection::Offline {
            let why = "it is not in the cache, and --offline forbids the network".to_owned();
            return Err(Failure::Fetch { what: name(locked), why }.into());
        }
        match locked {
            Locked::GoModule { .. } => self.bring_module(locked, machine, needs, on_progress),
            Locked::PythonFile { .. } | Locked::PythonAny { .. } | Locked::NpmPackage { .. } => {
                Ok(self.bring_package(locked, machine, needs, on_progress)?)
            }
        }
    }
}

/// Returns the name of a lock entry for people.
fn name(locked: &Locked) -> String {
    match locked {
        Locked::GoModule { path: name, version, .. }
        | Locked::PythonFile { name, version, .. }
        | Locked::PythonAny { name, version, .. }
        | Locked::NpmPackage { name, version, .. } => format!("{name} {version}"),
    }
}
