//! The border to whoever runs commands: a job in, what became of it out.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use cache::Cache;
use model::{Content, Lost, Network, RelPath};

use crate::sandbox::{How, Mount};
use crate::tools::ToolView;
use crate::{Cancel, Failure};

/// Runs commands. Each way to do so is one file; an executor may never see a local tree.
pub trait Executor: Sync {
    /// Runs a job in `scratch`, an empty directory of its own inside the cache, and leaves the outputs in
    /// `scratch/out` and everything that was printed in `log`.
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped>;
    /// Returns the word that separates this executor's results from those of the others; empty if it shares them.
    fn domain(&self) -> &'static str;
}

/// A command with its inputs.
pub struct Job<'a> {
    /// The program and its arguments.
    pub argv: Vec<&'a str>,
    /// The whole environment.
    pub env: BTreeMap<&'a str, &'a str>,
    /// The working directory inside the input root.
    pub directory: &'a RelPath,
    /// The directory of the outputs inside the input root; it exists and is empty but for what the layout puts there.
    pub out: RelPath,
    /// What lies where in the input root, sorted by path, nothing inside another.
    pub layout: &'a [(RelPath, Content)],
    /// The tools.
    pub tools: ToolView,
    /// Whether it may use the network.
    pub network: Network,
    /// After this time it is ended.
    pub timeout: Option<Duration>,
    /// What else of the machine it is shown, for a fetch: the user's own client configuration.
    pub extra: Vec<Mount>,
    /// Where the bytes of the layout are.
    pub cache: &'a Cache,
}

/// What became of a job that was started.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How the program ended.
    pub how: How,
    /// How long it ran.
    pub wall: Duration,
    /// The most memory that one of its processes held.
    pub peak_memory_bytes: u64,
}

/// Why a job was not started.
#[derive(Debug, Clone)]
pub enum Stopped {
    /// Bytes of the input at this path are lost.
    Lost(RelPath, Lost),
    /// It cannot be run.
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Failed(failure)
    }
}
