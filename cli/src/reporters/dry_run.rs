//! What a dry run says: the actions that would run, as text or as the document of a build. Pure functions of a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exec::{Report, Status, StepReport};
use graph::{Goal, Graph, Plan, State, StepId};
use serde::Serialize;

use super::json::{self, Document};
use super::last_line::counts;
use crate::escape;
use crate::exit::Exit;

/// The actions that would run, by their titles.
#[derive(Serialize, Debug)]
pub struct WouldRun {
    /// Those that run whatever is known.
    would_run: BTreeSet<String>,
    /// Those that run unless the cache has their result.
    would_run_unless_cached: BTreeSet<String>,
}

/// Returns what a dry run would do as text: a line for each action.
pub fn text(graph: &Graph, plan: &Plan) -> String {
    let line = |(step, words): (&StepId, &&str)| format!("{}  {words}\n", escape::name(&graph.title(*step)));
    let words = would_run(graph, plan).into_iter().map(|(step, state)| match state {
        State::Force => (step, "would run"),
        State::Ask | State::Settled(_) => (step, "would run, unless the cache has its result"),
    });
    words.collect::<BTreeMap<_, _>>().iter().map(line).collect()
}

/// Returns the document `rg.build/v1` of a dry run: what would run is skipped, and named under `dry_run`.
pub fn document(graph: &Graph, goals: &[Goal], plan: &Plan, duration: Duration) -> Document {
    let steps = plan.steps.iter().map(|planned| (planned.step, untried(&planned.state))).collect();
    let report = Report { steps, ..Report::default() };
    let titles = |is_meant: fn(&State) -> bool| {
        let meant = would_run(graph, plan).into_iter().filter(|(_, state)| is_meant(state));
        meant.map(|(step, _)| graph.title(step)).collect()
    };
    let would_run = WouldRun {
        would_run: titles(|state| matches!(state, State::Force)),
        would_run_unless_cached: titles(|state| matches!(state, State::Ask)),
    };
    json::document(graph, goals, &report, Exit::Done, duration).of_dry_run(would_run)
}

fn would_run<'p>(graph: &Graph, plan: &'p Plan) -> BTreeMap<StepId, &'p State> {
    let counted = plan.steps.iter().filter(|planned| counts(graph, planned.step));
    let open = counted.filter(|planned| !matches!(planned.state, State::Settled(_)));
    open.map(|planned| (planned.step, &planned.state)).collect()
}

fn untried(state: &State) -> StepReport {
    let status = match state {
        State::Settled(_) => Status::Settled,
        State::Ask | State::Force => Status::Skipped,
    };
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
