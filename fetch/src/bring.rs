//! From a lock entry to a file: asks each client of the user once, when the first of its packages is wanted.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use model::{Locked, SeenAt};

use crate::FetchError;
use crate::asked::{AskError, Programs};
use crate::http::{Client, Patience};
use crate::npm;
use crate::python::{self, AnyFile, Index, OneFile, Unsettled};
use crate::user::{Destination, User};

/// The registries of a user, for one run.
pub struct Registries {
    user: User,
    client: Client,
    npm: OnceLock<Result<npm::Settings, AskError>>,
    python: OnceLock<Result<Index, Unsettled>>,
}

impl Registries {
    /// Makes the registries of a user; nothing is asked before it is needed. `cancelled` says whether the run was asked
    /// to end, and is called often.
    pub fn new(user: User, patience: Patience, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Registries {
        let client = Client::new(patience, cancelled);
        Registries { user, client, npm: OnceLock::new(), python: OnceLock::new() }
    }

    /// Brings a locked package into an empty directory, and verifies it; returns the file. That of a Python distribution
    /// has its own name, by which installers know what it is. `on_progress` is told how many bytes have come, and how
    /// many there are, if that is known.
    pub fn bring(
        &self,
        locked: &Locked,
        programs: Programs<'_>,
        directory: &Path,
        on_progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<PathBuf, FetchError> {
        let to = Destination { directory, on_progress };
        let client = &self.client;
        match locked {
            Locked::GoModule { .. } => Err(FetchError::NotHere),
            Locked::NpmPackage { name, version, integrity, seen_at: SeenAt(seen_at) } => {
                let settings = self.npm(programs)?;
                let seen_at = seen_at.as_deref();
                npm::Package { name, version, integrity, seen_at, settings, client }.bring(&to)
            }
            Locked::PythonFile { name, file, sha256, seen_at: SeenAt(seen_at), version: _ } => {
                let index = self.index(programs)?;
                OneFile { name, file, sha256, seen_at: seen_at.as_deref(), index, client }.bring(&to)
            }
            Locked::PythonAny { name, version, sha256, distribution, environment, platform } => {
                let index = self.index(programs)?;
                let (sha256, distribution) = (sha256.iter().map(|hash| &**hash).collect(), *distribution);
                AnyFile { name, version, sha256, distribution, environment, platform, index, client }.bring(&to)
            }
        }
    }

    fn npm(&self, programs: Programs<'_>) -> Result<&npm::Settings, FetchError> {
        let settings = self.npm.get_or_init(|| npm::Settings::ask(programs.npm, &self.user));
        settings.as_ref().map_err(|error| error.clone().into())
    }

    fn index(&self, programs: Programs<'_>) -> Result<&Index, FetchError> {
        let index = self.python.get_or_init(|| {
            let settings = python::Settings::ask(programs.python, &self.user)?;
            Ok(Index::new(settings))
        });
        index.as_ref().map_err(|error| error.clone().into())
    }
}
