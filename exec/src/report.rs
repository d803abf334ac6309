//! What a run did.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::time::Duration;

use graph::{Results, StepId};

use crate::sandbox::How;
use model::{ActionKey, Content, Digest, RelPath, TargetId, TreeError};

/// What a run did.
#[derive(Debug, Default)]
pub struct Report {
    /// How each step of the plan ended.
    pub steps: BTreeMap<StepId, StepReport>,
    /// What lies in `rg-out` for each requested target, or why it does not.
    pub deliveries: BTreeMap<TargetId, Vec<DeliveredOutput>>,
    /// Deliveries that failed, with the reason.
    pub undelivered: BTreeMap<TargetId, String>,
    /// How what ran in the container of an action in its place ended, if that was the errand.
    pub visited: Option<How>,
    /// Whether the run was cancelled from outside.
    pub interrupted: bool,
    /// What the next run has to know; `None` if that is what this one knew.
    pub results: Option<Results>,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// The verdict.
    pub status: Status,
    /// The action key, once known.
    pub key: Option<ActionKey>,
    /// How long the program ran, now or when the result was made.
    pub duration: Duration,
    /// The most memory that it held, if it ran now.
    pub peak_memory_bytes: u64,
    /// What it printed.
    pub log: Option<Log>,
    /// How often it was tried in this run.
    pub attempts: u32,
    /// How many of these failed: a test that passed after a failure is flaky.
    pub failed_attempts: u32,
    /// How many runs were asked for, if it was to run whatever each run comes to; all of them have to pass.
    pub asked_runs: Option<u32>,
    /// What it left, for a test: its outputs, or the reports that it made before it failed.
    pub left: Vec<(RelPath, Content)>,
}

/// What an action printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The whole of it, in the cache.
    pub digest: Digest,
    /// The beginning and the end, at most 256 KiB, with invalid UTF-8 replaced; empty for settled steps and hits.
    pub excerpt: String,
}

/// The verdict on a step.
#[derive(Debug, Clone)]
pub enum Status {
    /// Nothing was done: the remembered result holds.
    Settled,
    /// The result was in the local cache.
    Hit,
    /// It ran and succeeded.
    Executed,
    /// It ran, or was about to, and failed.
    Failed(Failure),
    /// It was not tried, because something it depends on failed or the run ended before.
    Skipped,
}

/// Why a step failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The program ended with another code than 0.
    #[error("exit code {0}")]
    Exit(i32),
    /// The program was ended by a signal.
    #[error("ended by signal {0}")]
    Signal(i32),
    /// The program ran for too long.
    #[error("timed out after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Declared outputs were not made.
    #[error("{}", not_made(.0))]
    MissingOutputs(Vec<RelPath>),
    /// An output is not what it was declared to be, or cannot be stored.
    #[error("the output `{name}` cannot be kept: {why}")]
    BadOutput {
        /// The output.
        name: RelPath,
        /// What is wrong with it.
        why: String,
    },
    /// A source file changed while the build was running; nothing was stored.
    #[error("`{0}` was edited while the build was running")]
    Edited(RelPath),
    /// A source file cannot be read.
    #[error("cannot read `{file}`: {why}")]
    Unreadable {
        /// The file.
        file: RelPath,
        /// The system's reason.
        why: String,
    },
    /// Two inputs want the same place.
    #[error("two inputs want the path `{0}`")]
    Conflict(RelPath),
    /// The program is not there.
    #[error("the program `{program}` cannot be started: {why}")]
    Program {
        /// The first word of the command line.
        program: String,
        /// The system's reason.
        why: String,
        /// The image that does not have it, as workspace.toml names it.
        image: Option<String>,
    },
    /// The system has no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(String),
    /// It wanted more memory than it may have.
    #[error("out of memory: it wanted more than its `memory` of {}", in_mebibytes(*.limit_bytes))]
    OutOfMemory {
        /// The most that it may have.
        limit_bytes: u64,
    },
    /// A secret has no value here.
    #[error("the secret {name} has no value: {why}")]
    Secret {
        /// Its name.
        name: String,
        /// What is missing.
        why: String,
    },
    /// Whoever runs actions cannot do what this one asks for.
    #[error("{0}")]
    Unable(String),
    /// The container could not be made, or was lost.
    #[error("the sandbox failed: {0}")]
    Sandbox(String),
    /// A package could not be fetched.
    #[error("cannot fetch {what}: {why}")]
    Fetch {
        /// The lock entry.
        what: String,
        /// What the client said.
        why: String,
    },
    /// An image could not be had.
    #[error("the image {image} cannot be had: {why}")]
    Image {
        /// As workspace.toml names it.
        image: String,
        /// What is wrong with it, or with the place that it comes from.
        why: String,
        /// What helps, if that is known.
        fix: Option<String>,
    },
    /// The lock allows no file of a package that can be used here.
    #[error("nothing of {what} can be installed: {why}")]
    Unfit {
        /// The lock entry.
        what: String,
        /// What there is.
        why: String,
    },
    /// The hash in the lock file is that of something else than the entry names.
    #[error("nothing of {what} can be installed: {why}")]
    Mislocked {
        /// The lock entry.
        what: String,
        /// What the hash is of.
        why: String,
    },
    /// What the registry sent is not what the lock file says.
    #[error("{what} is not what the lock says: its hash is {got}, and the lock has {wanted}")]
    WrongHash {
        /// The lock entry.
        what: String,
        /// The hash of what came.
        got: String,
        /// The hash in the lock file.
        wanted: String,
    },
    /// A package is not made as a package has to be; nothing of it is kept.
    #[error("{what} cannot be unpacked: {why}")]
    BadArchive {
        /// The package: its file name, or where it belongs.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two packages, or outputs, that come together have different files of one name.
    #[error("`{first}` and `{second}` both have `{path}`, and the two differ")]
    TwoOwners {
        /// The path in the tree.
        path: RelPath,
        /// One package.
        first: String,
        /// The other package.
        second: String,
    },
    /// The cache could not be written, so that what the action takes or makes cannot be kept.
    #[error("the cache cannot be written: {0}")]
    Store(String),
    /// Outputs that this step takes are lost again and again.
    #[error("the cache lost the inputs of this action three times")]
    LostInputs,
    /// The run was cancelled while it was running.
    #[error("cancelled")]
    Cancelled,
}

/// One thing that lies in `rg-out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredOutput {
    /// The path from the workspace root.
    pub path: RelPath,
    /// What it is.
    pub content: Content,
    /// The size in bytes of a file; of a directory, the sum of its files.
    pub size_bytes: u64,
}

/// The numbers of the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Steps that ran, failed ones too.
    pub executed: usize,
    /// Steps whose result was known here.
    pub cached: usize,
    /// Steps that failed.
    pub failed: usize,
    /// Steps that were not tried.
    pub skipped: usize,
}

impl Failure {
    /// Whether what it befalls had not begun to run.
    fn comes_before_running(&self) -> bool {
        matches!(self, Failure::Image { .. } | Failure::Secret { .. } | Failure::Unable(_))
    }

    /// Makes the failure of a store that cannot be written, with all that is known of why.
    pub(crate) fn store(error: &dyn std::error::Error) -> Failure {
        Failure::Store(with_causes(error))
    }

    /// Makes the failure of a source that cannot be read.
    pub(crate) fn unreadable(file: &RelPath, error: &TreeError) -> Failure {
        let why = match error {
            TreeError::Io { source, .. } => source.to_string(),
            TreeError::Absent(_) | TreeError::Ignored { .. } => error.to_string(),
        };
        Failure::Unreadable { file: file.clone(), why }
    }

    /// Makes the failure of a container, with all that is known of why. Where there is no room for it, the cache has none.
    pub(crate) fn sandbox(error: &(dyn std::error::Error + 'static)) -> Failure {
        let causes = std::iter::successors(Some(error), |cause| cause.source());
        let is_full = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).any(has_no_room);
        if is_full { Failure::store(error) } else { Failure::Sandbox(with_causes(error)) }
    }

    /// Makes the failure of a step on the way to a container.
    pub(crate) fn preparing(what: &str, error: &io::Error) -> Failure {
        let why = format!("{what}: {error}");
        if has_no_room(error) { Failure::Store(why) } else { Failure::Sandbox(why) }
    }
}

fn has_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem)
}

fn not_made(outputs: &[RelPath]) -> String {
    let names: Vec<String> = outputs.iter().map(|output| format!("`{output}`")).collect();
    match names.as_slice() {
        [name] => format!("the declared output {name} was not made"),
        names => format!("the declared outputs {} were not made", names.join(", ")),
    }
}

/// Returns what an error says, and what its causes say.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}"))
}

impl Report {
    /// Counts the steps for which `counted` says so, and whatever failed: nobody reads `0 failed` of a run that did.
    pub fn counts(&self, counted: impl Fn(StepId) -> bool) -> Counts {
        let mut counts = Counts::default();
        for (step, report) in &self.steps {
            match &report.status {
                Status::Failed(_) if !counted(*step) => counts.failed += 1,
                _ if !counted(*step) => {}
                Status::Settled | Status::Hit => counts.cached += 1,
                Status::Executed => counts.executed += 1,
                Status::Failed(failure) if report.attempts > 0 && !failure.comes_before_running() => {
                    counts.executed += 1;
                    counts.failed += 1;
                }
                Status::Failed(_) => counts.failed += 1,
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }
}

fn in_mebibytes(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}
