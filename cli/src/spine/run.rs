//! `rg run`: builds a target, then becomes its program, or serves its pages.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

use exec::DeliveredOutput;
use graph::Goal;
use model::Content;

use super::build::Building;
use super::open::Refused;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{Mode, Request};
use crate::problem::Problem;
use crate::serve;

/// Builds the target, then runs its program in the current directory with the caller's environment.
pub fn run(request: &Request, arguments: &[OsString], session: &Session) -> Result<Exit, Refused> {
    let mut building = Building::begin(session)?;
    let selected = building.select(&request.patterns, rules::Caller::Run)?;
    let [target] = selected.as_slice() else {
        let message = format!("`{}` names {} targets; rg run takes one", request.patterns.join(" "), selected.len());
        return Err(Problem::new(Exit::Definition, message).hint(PROGRAMS).into());
    };
    let built = building.perform(request, &[Goal::Build(target.clone())], None)?;
    if built.exit != Exit::Done || session.options.execution.mode == Mode::DryRun {
        return Ok(built.exit);
    }
    let outputs: Vec<&DeliveredOutput> =
        built.report.iter().flat_map(|report| report.deliveries.values().flatten()).collect();
    let programs: Vec<&&DeliveredOutput> =
        outputs.iter().filter(|output| matches!(output.content, Content::File { executable: true, .. })).collect();
    let root = &building.opened.root;
    match (programs.as_slice(), outputs.as_slice()) {
        ([program], _) => {
            let path = root.join(&program.path);
            // What it holds is let go of by its end alone.
            drop(building);
            Err(become_program(&path, arguments))
        }
        ([], [page]) if root.join(&page.path).join("index.html").is_file() => {
            serve_page(&root.join(&page.path), arguments, session)
        }
        (programs, _) => {
            let message =
                format!("{} has {} executable outputs; rg run needs exactly one", target.label, programs.len());
            Err(Problem::new(Exit::Definition, message).hint(PROGRAMS).into())
        }
    }
}

const PROGRAMS: &str = "`rg query 'kind(\"go_binary|_service|frontend\", //...)'` lists what can be run";

fn become_program(path: &Path, arguments: &[OsString]) -> Refused {
    let error = std::process::Command::new(path).args(arguments).exec();
    Problem::new(Exit::Machine, format!("cannot start {}", path.display())).because(error.to_string()).into()
}

/// Serves what a frontend made, until it is interrupted: that is how it ends, so it is no failure.
fn serve_page(directory: &Path, arguments: &[OsString], session: &Session) -> Result<Exit, Refused> {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let address = serve::address(&words)
        .map_err(|wrong| Problem::new(Exit::Definition, wrong).hint("rg run TARGET -- --host 127.0.0.1 --port 8080"))?;
    let console = &session.options.display.console;
    let mut listening = |url: &str| console.tell(&format!("serving at {url} until Ctrl-C\n"));
    serve::serve(directory, &address, &session.cancel, &mut listening).map_err(|why| {
        let place = format!("{}:{}", address.host, address.port);
        Problem::new(Exit::Machine, format!("cannot serve at {place}: {why}")).hint("choose another --port")
    })?;
    Ok(Exit::Done)
}
