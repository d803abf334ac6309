//! Asks the user's own clients for their settings: they know the files, the variables and the defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The user's clients, where they are installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Programs<'a> {
    /// npm.
    pub npm: Option<&'a Path>,
    /// The interpreter that has pip.
    pub python: Option<&'a Path>,
}

/// Why a client did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It cannot be started.
    #[error("`{program}` cannot be asked for its settings: {why}")]
    Start {
        /// The client.
        program: String,
        /// The system's reason.
        why: String,
    },
    /// It failed.
    #[error("`{program}` does not tell its settings: {said}")]
    Failed {
        /// The client with its arguments.
        program: String,
        /// The end of what it said.
        said: String,
    },
    /// It said something else than expected.
    #[error("`{program}` tells its settings in another way than expected: {why}")]
    Unreadable {
        /// The client with its arguments.
        program: String,
        /// What is wrong.
        why: String,
    },
}

/// Where and with what a client is asked.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub environment: &'a BTreeMap<String, String>,
    /// Settings of a project are looked up from here.
    pub directory: &'a Path,
}

impl Setting<'_> {
    /// Runs a client and returns what it prints. `name` is how it is told of.
    pub fn ask(&self, program: &Path, name: &str, arguments: &[&str]) -> Result<String, AskError> {
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.environment)
            .env("PATH", self.path_with(program))
            .current_dir(self.directory)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| AskError::Start { program: name.to_owned(), why: error.to_string() })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it fails without a word");
            return Err(AskError::Failed { program: name.to_owned(), said: said.to_owned() });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns PATH with the program's own directory first: a script needs the interpreter that lies beside it.
    fn path_with(&self, program: &Path) -> std::ffi::OsString {
        let path = self.environment.get("PATH").map(String::as_str).unwrap_or_default();
        let directories = program.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(path));
        std::env::join_paths(directories).unwrap_or_else(|_| path.into())
    }
}
