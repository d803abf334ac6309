//! What happens during a run, as it happens. Progress, JSON lines, JUnit and traces all consume these same events.

use graph::StepId;

use crate::StepReport;

/// One thing that happened. The receiver must not block.
#[derive(Debug)]
pub enum Event<'a> {
    /// The plan is known; comes first.
    Planned(Total),
    /// A step begins to execute (not sent for hits).
    Started {
        /// The step.
        step: StepId,
        /// Which attempt this is, from 1.
        attempt: u32,
    },
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
