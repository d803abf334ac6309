//! The verdict on a test and on a target, from how their steps ended.

use std::collections::BTreeSet;

use exec::{Failure, Report, Status, StepReport};
use graph::{Goal, Graph, StepId};
use model::{Kind, Purpose, Target, TargetId};
use serde::Serialize;

/// The verdict on a test, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It passed, now or when its result was made.
    Passed,
    /// It failed, then passed on a retry. A remembered pass is never flaky.
    Flaky,
    /// It was not tried, because the run ended before.
    Skipped,
    /// There is no verdict: what it needs failed to build, or it could not be run.
    NoStatus,
    /// It ran for too long.
    Timeout,
    /// It failed.
    Failed,
}

/// The verdict on a target, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetStatus {
    /// Everything it needs was known.
    Cached,
    /// Something of it ran.
    Executed,
    /// Something of it was not tried.
    Skipped,
    /// Something of it failed.
    Failed,
}

/// Returns the verdict on one test step.
pub fn test_status(graph: &Graph, report: &Report, step: StepId) -> TestStatus {
    let Some(ended) = report.steps.get(&step) else { return TestStatus::Skipped };
    match &ended.status {
        Status::Settled | Status::Hit => TestStatus::Passed,
        Status::Executed if ended.failed_attempts > 0 => TestStatus::Flaky,
        Status::Executed => TestStatus::Passed,
        Status::Failed(failure) => of_failure(failure),
        Status::Skipped if depends_on_failure(graph, report, step) => TestStatus::NoStatus,
        Status::Skipped => TestStatus::Skipped,
    }
}

fn of_failure(failure: &Failure) -> TestStatus {
    match failure {
        Failure::TimedOut(_) => TestStatus::Timeout,
        Failure::Exit(_)
        | Failure::Signal(_)
        | Failure::MissingOutputs(_)
        | Failure::BadOutput { .. }
        | Failure::OutOfMemory { .. }
        | Failure::Program { .. } => TestStatus::Failed,
        Failure::Edited(_)
        | Failure::Unreadable { .. }
        | Failure::Conflict(_)
        | Failure::Sandbox(_)
        | Failure::Secret { .. }
        | Failure::Unable(_)
        | Failure::Thread(_)
        | Failure::Fetch { .. }
        | Failure::Image { .. }
        | Failure::Unfit { .. }
        | Failure::Mislocked { .. }
        | Failure::WrongHash { .. }
        | Failure::BadArchive { .. }
        | Failure::TwoOwners { .. }
        | Failure::Store(_)
        | Failure::LostInputs
        | Failure::Cancelled => TestStatus::NoStatus,
    }
}

fn depends_on_failure(graph: &Graph, report: &Report, step: StepId) -> bool {
    let failed = |step: &StepId| report.steps.get(step).is_some_and(|ended| matches!(ended.status, Status::Failed(_)));
    graph.closure(&BTreeSet::from([step])).iter().any(failed)
}

/// Whether the result of a step was known before.
pub fn is_cached(ended: &StepReport) -> bool {
    matches!(ended.status, Status::Settled | Status::Hit)
}

/// Returns the targets whose tests the goals ask for, suites opened, sorted, each once.
pub fn tested<'a>(graph: &'a Graph, goals: &[Goal]) -> Vec<&'a Target> {
    let mut queue: Vec<TargetId> = goals
        .iter()
        .filter_map(|goal| match goal {
            Goal::Test(id) => Some(id.clone()),
            Goal::Build(_) => None,
        })
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        let Some(target) = graph.target(&id) else { continue };
        if seen.insert(id) && target.kind == Kind::Suite {
            queue.extend(target.deps.iter().map(|dependency| dependency.target.clone()));
        }
    }
    let targets = seen.iter().filter_map(|id| graph.target(id));
    targets.filter(|target| test_steps(graph, target).next().is_some()).collect()
}

/// Returns the test steps of a target.
pub fn test_steps(graph: &Graph, target: &Target) -> impl Iterator<Item = StepId> {
    let index = graph.target_index(&target.id);
    let steps = index.map(|index| graph.steps_of(index).collect::<Vec<_>>()).unwrap_or_default();
    steps.into_iter().filter(|step| graph.action(*step).purpose == Purpose::Test)
}

/// Returns the verdict on the target of a goal: the worst of the steps that the goal asks for by name.
pub fn target_status(graph: &Graph, report: &Report, goal: &Goal) -> TargetStatus {
    let (Goal::Build(id) | Goal::Test(id)) = goal;
    if report.undelivered.contains_key(id) {
        return TargetStatus::Failed;
    }
    let steps = graph.goal_steps(std::slice::from_ref(goal));
    let verdict = |step: &StepId| match report.steps.get(step).map(|ended| &ended.status) {
        Some(Status::Settled | Status::Hit) => TargetStatus::Cached,
        Some(Status::Executed) => TargetStatus::Executed,
        Some(Status::Skipped | Status::Failed(Failure::Cancelled)) | None => TargetStatus::Skipped,
        Some(Status::Failed(_)) => TargetStatus::Failed,
    };
    steps.iter().map(verdict).max().unwrap_or(TargetStatus::Cached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended, failed};

    fn check(report: StepReport, want: TestStatus) {
        let mut fixture = Fixture::new(&[("//a:t", Purpose::Test)]);
        fixture.set("//a:t", report.clone());
        assert_eq!(test_status(&fixture.graph, &fixture.report, fixture.step("//a:t")), want, "{report:?}");
    }

    #[test]
    fn only_a_pass_of_this_run_can_be_flaky() {
        check(ended(Status::Executed), TestStatus::Passed);
        check(StepReport { attempts: 2, failed_attempts: 1, ..ended(Status::Executed) }, TestStatus::Flaky);
        check(StepReport { attempts: 2, ..ended(Status::Executed) }, TestStatus::Passed);
        check(StepReport { attempts: 2, ..ended(Status::Hit) }, TestStatus::Passed);
        check(StepReport { attempts: 3, ..failed(Failure::Exit(1)) }, TestStatus::Failed);
        check(failed(Failure::TimedOut(std::time::Duration::from_secs(1))), TestStatus::Timeout);
        check(failed(Failure::LostInputs), TestStatus::NoStatus);
        check(ended(Status::Skipped), TestStatus::Skipped);
    }

    #[test]
    fn a_test_whose_dependency_failed_to_build_has_no_status() {
        let mut fixture = Fixture::with_edges(&[("//a:b", Purpose::Build, &[]), ("//a:t", Purpose::Test, &["//a:b"])]);
        fixture.set("//a:b", failed(Failure::Exit(1)));
        fixture.set("//a:t", ended(Status::Skipped));
        let step = fixture.step("//a:t");
        assert_eq!(test_status(&fixture.graph, &fixture.report, step), TestStatus::NoStatus);
        let goal = Goal::Test(crate::fixture::id("//a:t"));
        assert_eq!(target_status(&fixture.graph, &fixture.report, &goal), TargetStatus::Skipped);
    }
}
