//! What a run may use, and when it ends early.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache::Cache;
use graph::StepId;

use crate::tools::{Pins, Tools};
use crate::{Executor, Images, Secrets};

/// Everything of this machine that a run may use.
pub struct Machine<'a> {
    /// The store.
    pub cache: &'a Cache,
    /// Who runs commands.
    pub executor: &'a dyn Executor,
    /// Who runs fetches: they need a network, and the user's own clients.
    pub fetcher: &'a crate::Fetcher,
    /// The workspace root, where outputs are delivered.
    pub root: PathBuf,
    /// What the needs were found to be.
    pub pins: Pins,
    /// Where the tools lie.
    pub tools: Tools,
    /// The images that toolchains are.
    pub images: &'a Images,
    /// The secrets of the workspace.
    pub secrets: &'a Secrets,
    /// How many actions execute at once.
    pub jobs: usize,
    /// What happens to the rest when a step fails.
    pub on_failure: OnFailure,
    /// What is special about the tests of this run.
    pub trial: Trial,
    /// The action in whose container something else runs.
    pub visit: Option<Visit>,
    /// Whether results are stored and taken.
    pub storing: Storing,
    /// Asks the run to end.
    pub cancel: Cancel,
}

/// What is special about the tests of a run: results of special tests are neither taken nor stored.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Trial {
    /// More arguments for each test program.
    pub arguments: Vec<Arc<str>>,
    /// How often each test runs, if it is to run more often than once; all must pass.
    pub runs: Option<u32>,
}

impl Trial {
    /// Whether tests run just as they always do.
    pub fn is_ordinary(&self) -> bool {
        *self == Trial::default()
    }
}

/// What runs in the container of an action in its place, with the terminal of rg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// The action.
    pub step: StepId,
    /// The program and its arguments; a shell if there are none.
    pub argv: Vec<String>,
    /// What is added to the environment: what a terminal is called.
    pub env: Vec<(String, String)>,
}

/// Whether results are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storing {
    /// Results are looked up and stored.
    Results,
    /// The cache only holds the bytes of this run.
    Nothing,
}

/// Asks a run to end: everything that it started is ended, nothing new starts.
#[derive(Clone, Default, Debug)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the run has been asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns the flag, for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

/// What happens to the rest when a step fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// Nothing new starts; what runs, ends.
    Stop,
    /// Whatever does not depend on the failure goes on.
    KeepGoing,
}
