//! What happens during a run, as it happens. Progress, JSON lines, JUnit and traces all consume these same events.

use std::collections::BTreeMap;
use std::time::Duration;

use graph::StepId;

use crate::{Failure, StepReport};

/// One thing that happened. The receiver must not block.
#[derive(Debug)]
pub enum Event<'a> {
    /// The plan is known; comes first.
    Planned(Total),
    /// How long the steps to come may take; comes second, if anything is to come.
    Expected {
        /// How long each counted step that is not settled took when it ran last, if that is known.
        durations: &'a BTreeMap<StepId, Option<Duration>>,
        /// How many execute at once.
        jobs: usize,
    },
    /// A step begins to execute (not sent for hits).
    Started {
        /// The step.
        step: StepId,
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// More of a package that is fetched has come; sent a few times a second.
    Receives {
        /// The step.
        step: StepId,
        /// How many bytes have come.
        bytes: u64,
        /// How many there are, if that is known.
        of: Option<u64>,
    },
    /// An attempt of a step has ended; sent for attempts that are not the only one.
    Tried {
        /// The step.
        step: StepId,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// Why it failed; `None` if it passed.
        failure: Option<&'a Failure>,
        /// How long it ran.
        duration: Duration,
    },
    /// Something else runs in the container of a step in its place, with the terminal, until it has ended.
    Visits {
        /// The step.
        step: StepId,
        /// Whether it is the sandbox that a failed run has left.
        resumes: bool,
    },
    /// Something failed, so nothing new executes, and the run ends when these steps have; sent once at most.
    Waiting(&'a [StepId]),
    /// A step that was not settled has ended: executed, hit, failed or skipped.
    Finished {
        /// The step.
        step: StepId,
        /// How it ended.
        report: &'a StepReport,
    },
    /// Something that slows the run down or loses a comfort, but makes nothing wrong; each text is sent once.
    Warning(&'a str),
    /// Time passes: sent about ten times a second while something executes, so that a live view can redraw.
    Tick,
}

/// How much there is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Total {
    /// Counted steps in the plan.
    pub steps: usize,
    /// Counted steps that need nothing in this run.
    pub settled: usize,
}

impl Event<'_> {
    /// Returns the step that it is about, if it is about one.
    pub fn step(&self) -> Option<StepId> {
        match self {
            Event::Started { step, .. }
            | Event::Receives { step, .. }
            | Event::Tried { step, .. }
            | Event::Visits { step, .. }
            | Event::Finished { step, .. } => Some(*step),
            Event::Planned(_) | Event::Expected { .. } | Event::Waiting(_) | Event::Warning(_) | Event::Tick => None,
        }
    }
}
