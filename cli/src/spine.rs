//! The spine of rg: from a call to what was done, through values alone.
//!
//! ```text
//! checkout ─workspace▶ Tree ─rules▶ Analysis ─graph▶ Graph ─▶ Plan ─exec▶ Report
//! ```
//! Each arrow is a function of the crate it is named after; nothing calls backwards. Images are pinned before the first
//! arrow, so that the pins are settings like others; commits of other repositories are pinned and opened with the tree. Remote stores, when they come, are inside the cache.

mod build;
mod load;
mod log;
mod machine;
mod open;
mod pins;
mod query;
mod repos;
mod run;
mod shell;

use std::ffi::OsString;

use crate::diagnose;
use crate::doctor::Check;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{LockTask, Request, TestOptions};
use crate::problem::Problem;
use crate::reporters::junit;
use open::Refused;

/// Builds what is asked for.
pub fn build(request: &Request, session: &Session) -> Result<Exit, Problem> {
    answer(build::build(request, session), session)
}

/// Builds what is asked for, and runs the tests among it.
pub fn test(request: &Request, tests: &TestOptions, session: &Session) -> Result<Exit, Problem> {
    let ended = build::test(request, tests, session);
    if let (Err(refused), Some(file)) = (&ended, &tests.junit) {
        // What an earlier run wrote there would be taken for this one's. That nothing can be written was told before.
        let _ = std::fs::write(file, junit::refusal(&told(refused)));
    }
    answer(ended, session)
}

/// Builds a target and becomes its program.
pub fn run(request: &Request, arguments: &[OsString], session: &Session) -> Result<Exit, Problem> {
    answer(run::run(request, arguments, session), session)
}

/// Opens a shell in the container of an action, or runs a command there, and ends as that does.
pub fn shell(request: &Request, words: &[OsString], session: &Session) -> Result<Exit, Problem> {
    match shell::shell(request, words, session) {
        Ok(0) => Ok(Exit::Done),
        Ok(code) => std::process::exit(code),
        Err(refused) => answer(Err(refused), session),
    }
}

/// Answers a query.
pub fn query(expression: &str, session: &Session) -> Result<Exit, Problem> {
    answer(query::query(expression, session), session)
}

/// Prints the logs of a target.
pub fn log(target: &str, session: &Session) -> Result<Exit, Problem> {
    answer(log::log(target, session), session)
}

/// Looks after rg.lock.
pub fn lock(task: &LockTask, session: &Session) -> Result<Exit, Problem> {
    answer(pins::lock(task, session), session)
}

/// Looks at what rg needs of this machine.
pub fn checks(session: &Session) -> Vec<Check> {
    machine::checks(session)
}

/// Opens the local store, with the size that the workspace gives it.
pub fn open_cache(session: &Session) -> Result<cache::Cache, Problem> {
    // Outside a workspace the store has its default size; what a broken one says of it is not guessed.
    let size = match crate::commands::root(&session.options.place) {
        Ok(root) => open::settings(&root, &session.options).map_err(|refused| match refused {
            Refused::Problem(problem) => *problem,
            Refused::Mistakes(..) => {
                Problem::new(Exit::Definition, "workspace.toml has mistakes").hint("`rg build` lists them")
            }
        })?,
        Err(problem) if session.options.place.workspace.is_some() => return Err(problem),
        Err(_) => rules::Settings::default(),
    };
    Ok(cache::Cache::at(crate::commands::cache_directory(&session.options.place)?, size.max_size_bytes))
}

/// Returns what is told of a refusal.
fn told(refused: &Refused) -> String {
    match refused {
        Refused::Problem(problem) => problem.render(),
        Refused::Mistakes(mistakes, texts) => diagnose::render(mistakes, &|file| texts.read(file)),
    }
}

/// Tells why a command was refused.
fn answer(ended: Result<Exit, Refused>, session: &Session) -> Result<Exit, Problem> {
    match ended {
        Ok(exit) => Ok(exit),
        Err(Refused::Problem(problem)) => Err(*problem),
        Err(Refused::Mistakes(mistakes, texts)) => session.refuse(&mistakes, &|file| texts.read(file)),
    }
}
