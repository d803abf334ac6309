//! Packages of Python and npm, which `fetch` brings over HTTP, and what becomes of them in the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetch::{FetchError, HttpError, Patience, Programs, Registries, User};
use model::{Content, Locked, Need};

use super::{Fetcher, identity, name};
use crate::Failure;
use crate::machine::Machine;
use crate::tools::{ToolView, which_all};

impl Fetcher {
    /// Brings a package: a tarball of npm as a file, that of a Python distribution in a directory, under its own name,
    /// because the name says what it is.
    pub(super) fn bring_package(
        &self,
        locked: &Locked,
        machine: &Machine<'_>,
        needs: &[Need],
        on_progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<Content, Failure> {
        let scratch = machine.cache.scratch().map_err(|error| Failure::store(&error))?;
        let out = scratch.path().join("out");
        fs::create_dir(&out).map_err(|error| Failure::store(&error))?;
        let tools = machine.tools.view(needs);
        let (npm, python) = (self.npm(&tools), self.python(&tools));
        let programs = Programs { npm: npm.as_deref(), python: python.as_deref() };
        let brought = self.registries(machine).bring(locked, programs, &out, on_progress);
        let file = brought.map_err(|error| failure(locked, error))?;
        identity::check(locked, &file)?;
        let taken = match locked {
            Locked::NpmPackage { .. } => {
                machine.cache.take_file(&file).map(|digest| Content::File { digest, executable: false })
            }
            _ => machine.cache.take_directory(&out, &|_, _| false).map(Content::Directory),
        };
        taken.map_err(|error| Failure::store(&error))
    }

    /// Returns where npm lies: beside node, if the action only needs that. If the toolchain is an image, the user's
    /// settings are those of whatever is on PATH.
    fn npm(&self, tools: &ToolView) -> Option<PathBuf> {
        let beside = || Some(Path::new(tools.links.get("node")?).with_file_name("npm")).filter(|npm| npm.exists());
        tools.links.get("npm").map(PathBuf::from).or_else(beside).or_else(|| self.on_path("npm"))
    }

    fn python(&self, tools: &ToolView) -> Option<PathBuf> {
        let own = ["python3", "python"].iter().find_map(|name| tools.links.get(*name)).map(PathBuf::from);
        own.or_else(|| self.on_path("python3"))
    }

    fn on_path(&self, program: &str) -> Option<PathBuf> {
        which_all(program, self.environment.get("PATH")?.as_ref()).into_iter().next()
    }

    fn registries(&self, machine: &Machine<'_>) -> &Registries {
        self.registries.get_or_init(|| {
            let user = User {
                environment: self.environment.clone(),
                home: self.home.clone(),
                extra_ca: self.extra_ca.clone(),
                root: machine.root.clone(),
            };
            let cancel = machine.cancel.clone();
            Registries::new(user, Patience::default(), Arc::new(move || cancel.is_cancelled()))
        })
    }
}

fn failure(locked: &Locked, error: FetchError) -> Failure {
    let what = name(locked);
    match error {
        FetchError::WrongHash { got, wanted } => Failure::WrongHash { what, got, wanted },
        FetchError::Http(HttpError::Cancelled) => Failure::Cancelled,
        FetchError::Http(HttpError::Write(error)) => Failure::store(&error),
        FetchError::NoneFits { .. } | FetchError::OnlySource { .. } | FetchError::NoSource { .. } => {
            Failure::Unfit { what, why: error.to_string() }
        }
        FetchError::OtherVersion { .. } => Failure::Mislocked { what, why: error.to_string() },
        other => Failure::Fetch { what, why: other.to_string() },
    }
}
