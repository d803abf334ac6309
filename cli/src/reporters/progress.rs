//! Progress of a run on stderr, and its event streams: takes every event of the run and passes it to whoever shows it.

use std::collections::BTreeSet;
use std::time::Duration;

use exec::{Event, Failure, Report, Status, StepReport};
use graph::Graph;

use super::events::EventLog;
use super::last_line;
use super::live::Live;
use super::step_text::{self, Advise};
use crate::exit::Exit;
use crate::options::{Display, ProgressStyle, Verbosity};
use crate::problem;

/// Shows a run while it happens.
pub struct Progress<'a> {
    graph: &'a Graph,
    display: Display,
    advise: Advise<'a>,
    logs: Vec<EventLog>,
    live: Option<Live>,
    warned: BTreeSet<String>,
    told_store: bool,
}

impl<'a> Progress<'a> {
    /// Begins; `advise` gives hints for failed steps.
    pub fn begin(graph: &'a Graph, display: Display, logs: Vec<EventLog>, advise: Advise<'a>) -> Progress<'a> {
        let draws = display.progress == ProgressStyle::Live && display.verbosity > Verbosity::Quiet;
        let live = draws.then(Live::begin);
        Progress { graph, display, advise, logs, live, warned: BTreeSet::new(), told_store: false }
    }

    /// Shows what happened. Does not block.
    pub fn on(&mut self, event: &Event<'_>) {
        for log in &mut self.logs {
            log.on(self.graph, event);
        }
        if let Some(text) = self.text(event) {
            let console = self.display.console;
            match &self.live {
                Some(live) => live.print(|| console.tell(&text)),
                None => console.tell(&text),
            }
        }
        if let Some(live) = &mut self.live {
            live.on(self.graph, event);
        }
    }

    /// Ends what is shown, and the event streams. What was settled before the run began is told of now.
    pub fn end(mut self, report: &Report, exit: Exit, duration: Duration) {
        if let Some(live) = self.live.take() {
            live.end();
        }
        let wanted = !self.logs.is_empty() || self.display.verbosity == Verbosity::Verbose;
        let settled = report.steps.iter().filter(|(_, ended)| wanted && matches!(ended.status, Status::Settled));
        for (step, ended) in settled.filter(|(step, _)| last_line::counts(self.graph, **step)) {
            self.on(&Event::Finished { step: *step, report: ended });
        }
        for log in self.logs {
            if let Err(error) = log.end(self.graph, report, exit, duration) {
                let text = format!("the event stream could not be written whole: {error}");
                self.display.console.tell(&problem::warning(&text));
            }
        }
    }

    fn text(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            // Whatever else would be stored fails the same way; how many those were is told at the end.
            Event::Finished { report: StepReport { status: Status::Failed(Failure::Store(_)), .. }, .. }
                if std::mem::replace(&mut self.told_store, true) =>
            {
                None
            }
            Event::Finished { step, report } => {
                step_text::finished(self.graph, *step, report, self.display.verbosity, self.advise)
            }
            Event::Tried { step, attempt, failure, duration } => {
                step_text::tried(self.graph, *step, *attempt, *failure, *duration, self.display.verbosity)
            }
            Event::Waiting(steps) if self.display.verbosity > Verbosity::Quiet => {
                Some(step_text::waiting(self.graph, steps))
            }
            Event::Visits { resumes: true, .. } if self.display.verbosity > Verbosity::Quiet => Some(
                "this is the sandbox in which it failed; what is written here stays until it runs again\n".to_owned(),
            ),
            Event::Warning(text) if self.display.verbosity > Verbosity::Quiet => {
                self.warned.insert((*text).to_owned()).then(|| problem::warning(text))
            }
            Event::Warning(_)
            | Event::Waiting(_)
            | Event::Planned(_)
            | Event::Expected { .. }
            | Event::Started { .. }
            | Event::Receives { .. }
            | Event::Visits { .. }
            | Event::Tick => None,
        }
    }
}
