//! What surrounds a call of rg: arguments, environment, current directory, terminals. Read once, here and nowhere
//! else; everything after this is a function of values.

#![expect(clippy::disallowed_methods, reason = "this is the one module that reads the environment and the wall clock")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The values that a call of rg starts with.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The name it was started by.
    pub program: OsString,
    /// The words after the name.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub environment: Environment,
    /// The current directory, absolute.
    pub directory: PathBuf,
    /// Where the answer goes.
    pub stdout: Stream,
    /// Where progress and errors go.
    pub stderr: Stream,
    /// When the call began, in milliseconds since the epoch.
    pub unix_time_ms: u64,
}

/// What a stream is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// A terminal: somebody looks.
    Terminal,
    /// A pipe or a file.
    Other,
}

/// The environment variables of the call.
#[derive(Clone, Default, Debug)]
pub struct Environment(pub BTreeMap<OsString, OsString>);

impl Surroundings {
    /// Reads them from the process.
    pub fn read() -> std::io::Result<Surroundings> {
        let mut words = std::env::args_os();
        Ok(Surroundings {
            program: words.next().unwrap_or_else(|| OsString::from("rg")),
            arguments: words.collect(),
            environment: Environment(std::env::vars_os().collect()),
            directory: std::env::current_dir()?,
            stdout: Stream::of(&std::io::stdout()),
            stderr: Stream::of(&std::io::stderr()),
            unix_time_ms: unix_time_ms(),
        })
    }
}

fn unix_time_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Stream {
    fn of(stream: &impl IsTerminal) -> Stream {
        if stream.is_terminal() { Stream::Terminal } else { Stream::Other }
    }
}

impl Environment {
    /// Returns the value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns the value of a variable as an absolute path.
    pub fn directory(&self, name: &str) -> Option<&Path> {
        self.get(name).map(Path::new).filter(|path| path.is_absolute())
    }

    /// Returns those of some variables that are set.
    pub fn named(&self, names: &[&str]) -> BTreeMap<String, String> {
        let value = |name: &&str| Some(((*name).to_owned(), self.get(name)?.to_str()?.to_owned()));
        names.iter().filter_map(value).collect()
    }

    /// Returns all variables that are UTF-8.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let text = |word: &OsString| word.to_str().map(str::to_owned);
        self.0.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
    }

    /// Whether a variable is set to something other than nothing, `0` or `false`.
    pub fn says_yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0" && value != "false")
    }
}
