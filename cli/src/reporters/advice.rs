//! Hints for a failed step: files of the workspace that its log names and that it does not declare.

use graph::{Graph, StepId};
use model::RelPath;

/// Returns a hint for each undeclared file that the log of a failed step names.
pub fn undeclared(graph: &Graph, step: StepId, log: &str, exists: &dyn Fn(&RelPath) -> bool) -> Vec<String> {
    let label = &graph.target_of(step).id.label;
    let missed = exec::undeclared(graph, step, log, exists);
    let hint = |missed: exec::Undeclared| {
        let holder = missed.owner.map(|owner| format!(" ({owner} holds it)")).unwrap_or_default();
        format!("`{}` is in the workspace{holder}, but {label} does not declare it: add {}", missed.file, missed.line)
    };
    missed.into_iter().map(hint).collect()
}
