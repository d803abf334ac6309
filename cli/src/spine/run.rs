//! `rg run`: builds a target, then becomes its program.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use graph::Goal;
use model::Content;

use super::build::Building;
use super::open::Refused;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{Mode, Request};
use crate::problem::Problem;

/// Builds the target, then runs its program in the current directory with the caller's environment.
pub fn run(request: &Request, arguments: &[OsString], session: &Session) -> Result<Exit, Refused> {
    let mut building = Building::begin(session)?;
    let selected = building.select(&request.patterns, rules::Caller::Run)?;
    let [target] = selected.as_slice() else {
        let message = format!("`{}` names {} targets; rg run takes one", request.patterns.join(" "), selected.len());
        return Err(Problem::new(Exit::Definition, message)
            .hint("`rg query 'kind(go_binary, //...)'` lists programs")
            .into());
    };
    let built = building.perform(request, &[Goal::Build(target.clone())], None)?;
    if built.exit != Exit::Done || session.options.execution.mode == Mode::DryRun {
        return Ok(built.exit);
    }
    let outputs = built.report.iter().flat_map(|report| report.deliveries.values().flatten());
    let programs: Vec<_> =
        outputs.filter(|output| matches!(output.content, Content::File { executable: true, .. })).collect();
    let [program] = programs.as_slice() else {
        let message = format!("{} has {} executable outputs; rg run needs exactly one", target.label, programs.len());
        return Err(Problem::new(Exit::Definition, message)
            .hint("`rg query 'kind(go_binary, //...)'` lists programs")
            .into());
    };
    let path = building.opened.root.join(&program.path);
    let error = std::process::Command::new(&path).args(arguments).exec();
    Err(Problem::new(Exit::Machine, format!("cannot start {}", program.path)).because(error.to_string()).into())
}
