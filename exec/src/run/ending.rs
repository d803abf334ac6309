//! The end of a run: the report, and what the next run has to know.

use std::collections::HashSet;
use std::time::Duration;

use graph::Known;
use model::{FileId, Purpose};

use super::Owner;
use crate::Failure;
use crate::report::{Log, Report, Status, StepReport};
use crate::scheduler::{Phase, Scheduler};

impl Owner<'_, '_> {
    /// Puts the report together.
    pub(super) fn finish(mut self, scheduler: &Scheduler) -> Report {
        let interrupted = self.machine.cancel.is_cancelled();
        let mut report = Report { interrupted, visited: self.visited, ..Report::default() };
        for index in 0..self.known.len() {
            let mut step_report = self.reports.remove(&index).unwrap_or_else(|| match scheduler.phase(index) {
                Phase::Known => settled(self.known[index].as_deref()),
                // Nobody told of a failure: it ran out of tries to get its inputs back.
                Phase::Failed => blank(Status::Failed(Failure::LostInputs)),
                _ => blank(Status::Skipped),
            });
            if let Some(known) = self.known[index].as_ref().filter(|_| self.purpose(index) == Purpose::Test) {
                step_report.left.clone_from(&known.outputs);
            }
            report.steps.insert(self.step(index), step_report);
        }
        for (position, delivery) in self.errand.plan.deliveries.iter().enumerate() {
            let index = self.known.len() + position;
            let lost = || (scheduler.phase(index) == Phase::Failed).then(|| Failure::LostInputs.to_string());
            if let Some(why) = self.undelivered.remove(&index).or_else(lost) {
                report.undelivered.insert(delivery.target.clone(), why);
            } else if scheduler.phase(index) == Phase::Known
                && let Some(delivered) = self.results.delivered.get(&delivery.target)
            {
                let listing = crate::deliver::listing(&delivery.directory, delivered);
                report.deliveries.insert(delivery.target.clone(), listing);
            }
        }
        self.retain();
        report.results = self.changed.then_some(self.results);
        report
    }

    fn retain(&mut self) {
        if !self.changed {
            return;
        }
        let graph = self.errand.graph;
        self.results.retain(graph, self.errand.keys);
        let current: HashSet<&FileId> = self.errand.ids.all().collect();
        self.results.digests.update(std::mem::take(&mut self.learned), &|id| current.contains(id));
    }
}

pub(super) fn blank(status: Status) -> StepReport {
    StepReport {
        status,
        key: None,
        duration: Duration::ZERO,
        peak_memory_bytes: 0,
        log: None,
        attempts: 0,
        failed_attempts: 0,
        asked_runs: None,
        left: Vec::new(),
    }
}

fn settled(known: Option<&Known>) -> StepReport {
    let mut report = blank(Status::Settled);
    if let Some(known) = known {
        report.key = Some(known.key);
        report.duration = known.duration;
        report.log = known.log.map(|digest| Log { digest, excerpt: String::new() });
    }
    report
}
