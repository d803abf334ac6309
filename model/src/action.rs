//! Actions: one cached step, described so that nothing outside the description matters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Content, Digest, FileSetId, ImageDigest, Platform, PythonEnvironment, RelPath, TargetId};

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
    /// What its container holds besides.
    pub grants: Grants,
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
    /// Makes a tree of the inputs, which is the only output; done inside rg.
    Tree(Assembly),
}

/// How a tree is made of inputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Assembly {
    /// Each input appears at its path.
    Merge,
    /// The inputs are files of Python wheels: each is unpacked as an installer does, into one tree.
    Wheels,
    /// The inputs are tarballs of npm: each is unpacked where it lies, without its first directory.
    NpmTarballs,
    /// The inputs are unpacked npm packages where they belong below `node_modules`: the links of `.bin` are added.
    NodeModules,
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

/// The `PATH` of every action that asks for no other: programs of toolchains before those of the base system.
pub const DEFAULT_PATH: &str = "/toolchain/bin:/usr/local/bin:/usr/bin:/bin";

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
    /// One file of a distribution of Python: a wheel or a source distribution.
    PythonFile {
        /// The normalized name of the distribution, `python-dateutil`.
        name: Arc<str>,
        /// Its version.
        version: Arc<str>,
        /// The name of the file, as the index has it.
        file: Arc<str>,
        /// The SHA-256 of the file, in hexadecimal digits.
        sha256: Arc<str>,
        /// Where the lock has seen it.
        seen_at: SeenAt,
    },
    /// A distribution of Python by the hashes of its files, without their names: the index knows those, and the file
    /// that fits best is taken.
    PythonAny {
        /// The normalized name of the distribution.
        name: Arc<str>,
        /// Its version.
        version: Arc<str>,
        /// The SHA-256 of each file that may be taken, in hexadecimal digits, sorted.
        sha256: Vec<Arc<str>>,
        /// What kind of file is taken.
        distribution: Distribution,
        /// The interpreter that it has to fit.
        environment: PythonEnvironment,
        /// The platform that it has to fit.
        platform: Platform,
    },
    /// A package of an npm registry, as a tarball.
    NpmPackage {
        /// Its name, `@scope/name`.
        name: Arc<str>,
        /// Its version.
        version: Arc<str>,
        /// Its hash as the lock has it: `sha512-…` in base64, several separated by spaces.
        integrity: Arc<str>,
        /// Where the lock has seen it.
        seen_at: SeenAt,
        /// The directories of the locks that name it, sorted: an `.npmrc` there says where it comes from. As the hash
        /// decides, they are in no key.
        locked_in: Vec<RelPath>,
    },
}

/// A URL at which a lock has seen a package: a hint. Mirrors have others, and the hash decides, so it is in no key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct SeenAt(pub Option<Arc<str>>);

/// What kind of file of a Python distribution is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Distribution {
    /// A wheel, which is unpacked as it is.
    Wheel,
    /// A source distribution, which is built.
    Source,
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
    /// A text made by analysis.
    Text(Text),
    /// An output of an action of a target, by the output's name.
    Output(TargetId, RelPath),
}

/// A text made by analysis, and what it becomes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Text {
    /// A plain file.
    Plain(Arc<str>),
    /// A file that can be executed.
    Script(Arc<str>),
    /// The target of a symbolic link.
    Link(Arc<str>),
}

impl Text {
    /// Returns what it becomes.
    pub fn content(&self) -> Content {
        match self {
            Text::Plain(text) => Content::File { digest: Digest::of(text.as_bytes()), executable: false },
            Text::Script(text) => Content::File { digest: Digest::of(text.as_bytes()), executable: true },
            Text::Link(target) => Content::Symlink(target.clone()),
        }
    }
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
    /// An image that is the root directory of the container: there is no base system of the machine then.
    Image {
        /// The name of its table, `go`.
        toolchain: Arc<str>,
        /// What rg.lock pins it to.
        digest: ImageDigest,
    },
}

impl Need {
    /// Returns what a container with this need stands on: an image, or else the base system of the machine.
    pub fn ground(&self) -> Need {
        match self {
            Need::Image { .. } => self.clone(),
            Need::Base | Need::GoCache | Need::Host { .. } => Need::Base,
        }
    }

    /// Returns some needs, sorted, with what a container stands on that has them.
    pub fn grounded(needs: impl IntoIterator<Item = Need>) -> Vec<Need> {
        let mut needs: Vec<Need> = needs.into_iter().collect();
        needs.push(needs.iter().map(Need::ground).max().unwrap_or(Need::Base));
        needs.sort();
        needs.dedup();
        needs
    }
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
    /// The most memory that all of its processes may use together, in bytes; not a part of the key, because an action
    /// that needs more fails.
    pub memory_bytes: Option<u64>,
    /// How many processors it is meant to keep busy; 0 is one. Not a part of the key.
    pub cpus: u32,
}

/// What a container holds beside the toolchains and the input root.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    /// Secrets by name, sorted: files in `/run/secrets`. The names are a part of the key, and no value ever is.
    pub secrets: Vec<Arc<str>>,
    /// Directories that actions share and keep, by name, with the place inside; not a part of the key.
    pub cache_mounts: BTreeMap<Arc<str>, Arc<str>>,
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
