//! The border to whoever runs commands: a job in, what became of it out.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cache::Cache;
use model::{Content, DEFAULT_PATH, Lost, Network, RelPath};

use crate::images::ImageRoot;
use crate::sandbox::{How, Mount};
use crate::secrets::Secret;
use crate::tools::{TOOLCHAIN_BIN, ToolView};
use crate::{Cancel, Failure};

/// Runs commands. Each way to do so is one file; an executor may never see a local tree.
pub trait Executor: Sync {
    /// Runs a job in `scratch`, an empty directory of its own inside the cache, and leaves the outputs in
    /// `scratch/out` and everything that was printed in `log`.
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped>;
    /// Runs a job with the standard streams of rg, without outputs. It may take the terminal. If a failed run has left its
    /// sandbox, the job runs in that one.
    fn visit(&self, job: &Job<'_>, scratch: &Path, cancel: &Cancel) -> Result<How, Stopped>;
    /// Returns its name. What failed jobs left is the executor's own.
    fn name(&self) -> &'static str;
    /// Returns the word that separates this executor's results from those of the others; empty if it shares them.
    fn domain(&self) -> &'static str;
    /// Whether it shows directories of the store as they are, so that assembling them in advance is no waste.
    fn shows_the_store(&self) -> bool {
        false
    }
    /// Finds out whether this machine lets it run anything.
    fn check(&self) -> Result<(), Unusable>;
}

/// Why an executor can run nothing here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Unusable {
    /// What fails.
    pub why: String,
    /// What mends it, as something that can be typed.
    pub fix: String,
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
    /// What lies around the input root.
    pub ground: Ground,
    /// The tools.
    pub tools: ToolView,
    /// Whether it may use the network.
    pub network: Network,
    /// The secrets that it is shown.
    pub secrets: Vec<Secret>,
    /// Directories that actions share and keep: by name, the place inside.
    pub cache_mounts: &'a BTreeMap<Arc<str>, Arc<str>>,
    /// The most memory that all of its processes may use together, in bytes.
    pub memory_bytes: Option<u64>,
    /// After this time it is ended.
    pub timeout: Option<Duration>,
    /// What a failed run left, as [`Ran::left`]; only a visit has it.
    pub left: Option<&'a Path>,
    /// What else of the machine it is shown, for a fetch: the user's own client configuration.
    pub extra: Vec<Mount>,
    /// Where the bytes of the layout are.
    pub cache: &'a Cache,
}

impl Job<'_> {
    /// Returns the environment of the program: what an image declares, below what the action does. Of `PATH` the
    /// image knows more than an action that asks for nothing special.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut env = match &self.ground {
            Ground::Machine => BTreeMap::new(),
            Ground::Image(image) => image.env.clone(),
        };
        let path = env.get("PATH").map(|path| format!("{TOOLCHAIN_BIN}:{path}"));
        env.extend(self.env.iter().map(|(&name, &value)| (name.to_owned(), value.to_owned())));
        match path {
            Some(path) if self.env.get("PATH").is_none_or(|own| *own == DEFAULT_PATH) => {
                env.insert("PATH".to_owned(), path);
            }
            _ => {}
        }
        env
    }

    /// Returns the root directory of an image on this machine.
    pub(crate) fn root(&self, image: &ImageRoot) -> Result<PathBuf, Stopped> {
        // It is brought again in the next run.
        let lost = |_| Failure::Image {
            image: image.name.clone(),
            why: "the cache has lost a part of it, or has no room for it".to_owned(),
            fix: Some(
                "look at the room where `rg cache path` is, and try again: what was lost is brought anew".to_owned(),
            ),
        };
        Ok(self.cache.assemble(&image.tree).map_err(lost)?)
    }
}

/// What a container's root directory is, but for the input root that is laid over it.
#[derive(Clone, Debug)]
pub enum Ground {
    /// The base system of this machine.
    Machine,
    /// An image.
    Image(Arc<ImageRoot>),
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
    /// A directory in `scratch` from which a visit by the same executor goes on, once the outputs lie in it as `out`.
    pub left: Option<PathBuf>,
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
