//! `rg shell`: what the action of a target needs is built, then a shell runs in the action's container in its place.

use std::collections::BTreeSet;
use std::ffi::OsString;

use exec::sandbox::How;
use exec::{Failure, Status, Visit};
use graph::{Goal, StepId};
use model::{Kind, Purpose, TargetId, Work};

use super::build::Building;
use super::load::actual;
use super::open::Refused;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::Request;
use crate::problem::Problem;
use crate::reporters::step_text::hint;

/// What shells exit with where there is no such program.
const NOT_FOUND: i32 = 127;

/// Looks for a better shell, since few images have one.
const SHELL: [&str; 3] = ["/bin/sh", "-c", "if command -v bash > /dev/null; then exec bash; else exec /bin/sh; fi"];

/// Opens a shell in the container of a target's last action, or runs words there. Returns what it exited with.
pub fn shell(request: &Request, words: &[OsString], session: &Session) -> Result<i32, Refused> {
    let mut building = Building::begin(session)?;
    let selected = building.select(&request.patterns, rules::Caller::Shell)?;
    let [target] = selected.as_slice() else {
        let message = format!("`{}` names {} targets; rg shell takes one", request.patterns.join(" "), selected.len());
        let hint = "name one of them: `rg query 'PATTERN'` lists what a pattern names";
        return Err(Problem::new(Exit::Definition, message).hint(hint).into());
    };
    let target = &actual(&building.loaded.graph, target.clone());
    let step = action_of(&building, target)?;
    let argv = words.iter().map(text).collect::<Result<Vec<String>, Problem>>()?;
    let argv = if argv.is_empty() { SHELL.map(str::to_owned).to_vec() } else { argv };
    let environment = &session.surroundings.environment;
    let env = environment.named(&["TERM", "COLORTERM"]).into_iter().collect();
    let report = building.visit(request, &goals(&building, target), Visit { step, argv, env })?;
    match (report.visited, report.steps.get(&step).map(|ended| &ended.status)) {
        (Some(How::Exited(code)), _) => Ok(code),
        (Some(How::Signalled(signal)), _) => Ok(128 + signal),
        (Some(How::OutOfMemory), _) => {
            let message = format!("what ran in the container of {} wanted more memory than it may have", target.label);
            Err(Problem::new(Exit::BuildFailed, message).hint("the limit is the `memory` of the target").into())
        }
        (Some(How::TimedOut | How::Cancelled), _) => Ok(i32::from(Exit::Interrupted.code())),
        (_, Some(Status::Failed(failure))) => {
            let (label, rule) = (target.label.to_string(), &*building.loaded.graph.target_of(step).rule);
            let message = format!("no container of {label} can be visited");
            let problem = Problem::new(Exit::of_failure(failure), message).because(failure.to_string());
            let problem = hint(failure, &label, rule).into_iter().fold(problem, Problem::hint);
            if !matches!(failure, Failure::Program { .. }) {
                return Err(problem.into());
            }
            session.options.display.console.tell(&problem.render());
            Ok(NOT_FOUND)
        }
        // What it needs could not be built, and that has been told.
        _ => Ok(i32::from(Exit::of_report(&building.loaded.graph, &report).code())),
    }
}

fn goals(building: &Building<'_>, target: &TargetId) -> [Goal; 1] {
    let kind = building.loaded.graph.target(target).map(|target| target.kind);
    [if kind == Some(Kind::Test) { Goal::Test(target.clone()) } else { Goal::Build(target.clone()) }]
}

/// Returns the action that is visited: the last one that runs a program.
fn action_of(building: &Building<'_>, target: &TargetId) -> Result<StepId, Problem> {
    let graph = &building.loaded.graph;
    let steps: BTreeSet<StepId> =
        graph.target_index(target).map(|index| graph.steps_of(index).collect()).unwrap_or_default();
    let runs = |step: &&StepId| matches!(graph.action(**step).work, Work::Command(_));
    let is_test = |step: &&StepId| graph.action(**step).purpose == Purpose::Test;
    let last = || steps.iter().rev().find(runs);
    steps.iter().rev().filter(runs).find(is_test).or_else(last).copied().ok_or_else(|| {
        Problem::new(Exit::Definition, format!("{} has no action that runs a program", target.label))
            .hint(format!("`rg query 'deps({})'` lists what it is made of", target.label))
    })
}

fn text(word: &OsString) -> Result<String, Problem> {
    let wrong = || Problem::new(Exit::Definition, format!("the argument {word:?} is not UTF-8"));
    word.to_str().map(str::to_owned).ok_or_else(wrong)
}
