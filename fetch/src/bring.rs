//! From a lock entry to a file: asks each client of the user once, when the first of its packages is wanted; npm once
//! for each directory with settings of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Locked, RelPath, SeenAt};

use crate::FetchError;
use crate::asked::{AskError, Programs};
use crate::http::{Client, Patience};
use crate::npm;
use crate::python::{self, AnyFile, Index, OneFile, Unsettled};
use crate::user::{Destination, User};

/// What npm answered in one directory, once it was asked.
type OfNpm = Arc<OnceLock<Result<npm::Settings, AskError>>>;

/// The registries of a user, for one run.
pub struct Registries {
    user: User,
    client: Client,
    npm: Mutex<BTreeMap<RelPath, OfNpm>>,
    python: OnceLock<Result<Index, Unsettled>>,
}

impl Registries {
    /// Makes the registries of a user; nothing is asked before it is needed. `cancelled` says whether the run was asked
    /// to end, and is called often.
    pub fn new(user: User, patience: Patience, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Registries {
        let client = Client::new(patience, cancelled);
        Registries { user, client, npm: Mutex::default(), python: OnceLock::new() }
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
            Locked::NpmPackage { name, version, integrity, seen_at: SeenAt(seen_at), locked_in } => {
                let (seen_at, asked_in) = (seen_at.as_deref(), self.asked_in(locked_in));
                let answer = self.npm(&asked_in);
                let settings = answer.get_or_init(|| npm::Settings::ask(programs.npm, &self.user_in(&asked_in)));
                let settings = settings.as_ref().map_err(AskError::clone)?;
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

    /// Returns the directory whose settings count: that of a lock with an `.npmrc` beside it, or the root.
    fn asked_in(&self, locked_in: &[RelPath]) -> RelPath {
        let has_settings = |dir: &&RelPath| dir.is_root() || self.user.root.join(dir.as_str()).join(".npmrc").is_file();
        locked_in.iter().find(has_settings).cloned().unwrap_or_else(RelPath::root)
    }

    /// Returns the user as npm sees it in a directory.
    fn user_in(&self, directory: &RelPath) -> User {
        User { root: self.user.root.join(directory.as_str()), ..self.user.clone() }
    }

    fn npm(&self, directory: &RelPath) -> OfNpm {
        let mut answers = self.npm.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(directory.clone()).or_default().clone()
    }

    fn index(&self, programs: Programs<'_>) -> Result<&Index, FetchError> {
        let index = self.python.get_or_init(|| {
            let settings = python::Settings::ask(programs.python, &self.user)?;
            Ok(Index::new(settings))
        });
        index.as_ref().map_err(|error| error.clone().into())
    }
}
