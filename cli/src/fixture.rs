//! Hand-made graphs and reports for the tests of this crate. Only compiled for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exec::{Failure, Log, Report, Status, StepReport};
use graph::{Goal, Graph, StepId};
use model::{
    Action, Analysis, Dependency, Digest, Input, Kind, Label, Limits, Origin, Output, OutputKind, Platform, Provided,
    Purpose, RelPath, Target, TargetId, Work,
};

/// A graph with a report in which every step was executed.
pub struct Fixture {
    /// The graph.
    pub graph: Graph,
    /// The report.
    pub report: Report,
}

impl Fixture {
    /// Makes one target with one action for each label; each depends on none.
    pub fn new(targets: &[(&str, Purpose)]) -> Fixture {
        let edges: Vec<(&str, Purpose, &[&str])> = targets.iter().map(|(l, p)| (*l, *p, &[] as &[&str])).collect();
        Fixture::with_edges(&edges)
    }

    /// Makes one target with one action for each label; each takes the output `o` of those it depends on.
    pub fn with_edges(targets: &[(&str, Purpose, &[&str])]) -> Fixture {
        let mut made: Vec<Target> =
            targets.iter().map(|(label, purpose, deps)| target(label, *purpose, deps)).collect();
        made.sort_by(|a, b| a.id.cmp(&b.id));
        let (graph, mistakes) = graph::link(Arc::new(Analysis { targets: made, ..Analysis::default() }));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let steps = graph.steps().map(|step| (step, ended(Status::Executed))).collect();
        Fixture { graph, report: Report { steps, ..Report::default() } }
    }

    /// Says how the step of a target ended.
    pub fn set(&mut self, label: &str, report: StepReport) {
        let step = self.step(label);
        self.report.steps.insert(step, report);
    }

    /// Returns the step of a target.
    pub fn step(&self, label: &str) -> StepId {
        let target = self.graph.target_index(&id(label)).unwrap();
        self.graph.steps_of(target).next().unwrap()
    }

    /// Returns the goals to build all targets.
    pub fn build_goals(&self) -> Vec<Goal> {
        self.graph.analysis().targets.iter().map(|target| Goal::Build(target.id.clone())).collect()
    }

    /// Returns the goals to test all targets.
    pub fn test_goals(&self) -> Vec<Goal> {
        self.graph.analysis().targets.iter().map(|target| Goal::Test(target.id.clone())).collect()
    }
}

/// Returns the id of a label on the default platform.
pub fn id(label: &str) -> TargetId {
    TargetId { label: Label::parse(label, &RelPath::root()).unwrap(), platform: Platform::default() }
}

/// Returns the report of a step that ended so, after one attempt of 300 ms.
pub fn ended(status: Status) -> StepReport {
    let attempts = u32::from(matches!(status, Status::Executed | Status::Failed(_)));
    let failed_attempts = u32::from(matches!(status, Status::Failed(_)));
    StepReport {
        status,
        key: None,
        duration: Duration::from_millis(300),
        peak_memory_bytes: 1024,
        log: None,
        attempts,
        failed_attempts,
        asked_runs: None,
        left: Vec::new(),
    }
}

/// Returns the report of a step that failed.
pub fn failed(failure: Failure) -> StepReport {
    ended(Status::Failed(failure))
}

/// Returns the same report with a log.
pub fn logged(mut report: StepReport, text: &str) -> StepReport {
    report.log = Some(Log { digest: Digest::of(text.as_bytes()), excerpt: text.to_owned() });
    report
}

fn target(label: &str, purpose: Purpose, deps: &[&str]) -> Target {
    let id = id(label);
    let name = RelPath::new("o").unwrap();
    let tests = purpose == Purpose::Test;
    Target {
        rule: Arc::from(if tests { "test" } else { "command" }),
        kind: if tests { Kind::Test } else { Kind::Build },
        declared: None,
        provides: vec![Provided { name: name.clone(), from: Origin::Output(id.clone(), name.clone()) }],
        actions: vec![action(&id, purpose, deps)],
        deps: deps.iter().map(|dep| Dependency { target: self::id(dep), at: None }).collect(),
        visibility: Vec::new(),
        tags: Vec::new(),
        sources: Vec::new(),
        attributes: BTreeMap::new(),
        id,
    }
}

fn action(id: &TargetId, purpose: Purpose, deps: &[&str]) -> Action {
    let name = RelPath::new("o").unwrap();
    let at = id.out_dir(&Platform::default()).join(&name);
    let input = |dep: &&str| Input {
        at: RelPath::new("src").unwrap().join(&self::id(dep).out_dir(&Platform::default())).join(&name),
        from: Origin::Output(self::id(dep), name.clone()),
    };
    Action {
        name: Arc::from(""),
        work: Work::Tree(model::Assembly::Merge),
        purpose,
        inputs: deps.iter().map(input).collect(),
        outputs: vec![Output { name: name.clone(), at, kind: OutputKind::File }],
        needs: Vec::new(),
        limits: Limits::default(),
        grants: model::Grants::default(),
        rule_version: 1,
    }
}
