//! Actions: one cached step, described so that nothing outside the description matters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FileSetId, RelPath, TargetId};

/// One cached step of a target.
///
/// Its inputs lie in one *input root*, which is laid over the root of the container: sources at `src/<path>`,
/// outputs of other targets at `src/rg-out/<package>/<target>/…`, and what a language rule brings beside `src`
/// (`gomod`, `gocache`, `deps`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What tells it apart inside its target, for people: empty if it is the only one, else `compile ./lib/log`.
    pub name: Arc<str>,
    /// What is done.
    pub work: Work,
    /// What it is done for.
    pub purpose: Purpose,
    /// What it sees.
    pub inputs: Vec<Input>,
    /// What it leaves, sorted by name.
    pub outputs: Vec<Output>,
    /// What it needs of the machine, sorted.
    pub needs: Vec<Need>,
    /// Its limits.
    pub limits: Limits,
    /// The version of the rule that lowered it: a part of the key.
    pub rule_version: u32,
}

/// What an action does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Work {
    /// Runs a program in a container.
    Command(Command),
    /// Brings a locked package from its registry; keyed by the lock entry alone.
    Fetch(Locked),
    /// Merges the inputs into one tree, which is the only output; done inside rg.
    Tree,
}

/// A program with its arguments and surroundings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<Arc<str>>,
    /// The whole environment.
    pub env: BTreeMap<Arc<str>, Arc<str>>,
    /// The working directory inside the input root: `src/<package>`.
    pub directory: RelPath,
    /// Whether it may use the network.
    pub network: Network,
}

/// Whether an action may use the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Network {
    /// Only loopback.
    None,
    /// The machine's network.
    Host,
}

/// What an action is done for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Purpose {
    /// It makes something.
    Build,
    /// It passes or fails; only `rg test` runs it.
    Test,
    /// It brings something.
    Fetch,
    /// It is rg's own work on trees; it is not counted.
    Internal,
}

/// An entry of a lock file: what is fetched, by name, version and hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Locked {
    /// A Go module.
    GoModule {
        /// Its path, `github.com/google/uuid`.
        path: Arc<str>,
        /// Its version, `v1.6.0`.
        version: Arc<str>,
        /// The `h1:` hash of its zip, from go.sum; empty if only its go.mod is in use, to choose versions.
        sum: Arc<str>,
        /// The `h1:` hash of its go.mod, from go.sum.
        mod_sum: Option<Arc<str>>,
    },
}

/// One input: where it appears is independent of where it comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Input {
    /// The path inside the input root; for [`Origin::Files`] the directory below which each file appears
    /// at its path from the workspace root. Directories that appear at one place are merged.
    pub at: RelPath,
    /// Where it comes from.
    pub from: Origin,
}

/// Where an input comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// A source file.
    File(RelPath),
    /// A set of source files.
    Files(FileSetId),
    /// A plain file with this text, made by analysis.
    Text(Arc<str>),
    /// An output of an action of a target, by the output's name.
    Output(TargetId, RelPath),
}

/// One output.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Output {
    /// Its name, unique among all outputs of the target: where it is delivered below the target's output directory.
    pub name: RelPath,
    /// Where the action leaves it, inside the input root: `src/rg-out/<package>/<target>/<name>`.
    pub at: RelPath,
    /// What it has to be.
    pub kind: OutputKind,
}

/// What an output has to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum OutputKind {
    /// A file or a symlink; without it the action fails.
    File,
    /// A directory; without it the action fails.
    Directory,
    /// A file that is kept if it is there (a test's report).
    OptionalFile,
    /// A directory that is kept if it is there.
    OptionalDirectory,
}

/// Something of the machine that an action runs on: resolved to a fingerprint before it runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Need {
    /// The base system: loader, C library, and the programs of `/usr`.
    Base,
    /// The compile cache server for Go that rg ships; its protocol version counts, its bytes do not.
    GoCache,
    /// A host toolchain: its name in workspace.toml and the programs that it is made of.
    Host {
        /// The name of its table, `go`.
        toolchain: Arc<str>,
        /// The programs, as they are looked up on PATH.
        programs: Vec<Arc<str>>,
    },
}

/// Limits of an action.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Limits {
    /// After this time it is ended and has failed; a part of the key.
    pub timeout: Option<Duration>,
    /// How much later it is ended, if it ends itself at that time and says where it hangs; a part of the key.
    pub grace: Duration,
    /// How often a failed test is tried again; not a part of the key.
    pub retries: u32,
    /// Runs while nothing else does.
    pub exclusive: Exclusive,
}

impl Limits {
    /// Returns the time after which an action is ended by whoever runs it.
    pub fn end(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout.saturating_add(self.grace))
    }
}

/// Whether an action may run beside others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Exclusive {
    /// It may.
    #[default]
    No,
    /// It runs alone.
    Yes,
}
