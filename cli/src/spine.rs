//! The flow of architecture.md in a few lines for each command that reads the workspace.

use std::ffi::OsString;

use crate::doctor::Check;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{Request, TestOptions};
use crate::problem::Problem;

/// Builds what is asked for.
pub fn build(_request: &Request, _session: &Session) -> Result<Exit, Problem> {
    Err(not_there())
}

/// Builds and runs tests.
pub fn test(_request: &Request, _test: &TestOptions, _session: &Session) -> Result<Exit, Problem> {
    Err(not_there())
}

/// Builds a target and runs its program.
pub fn run(_request: &Request, _arguments: &[OsString], _session: &Session) -> Result<Exit, Problem> {
    Err(not_there())
}

/// Answers a query.
pub fn query(_expression: &str, _session: &Session) -> Result<Exit, Problem> {
    Err(not_there())
}

/// Prints the logs of a target.
pub fn log(_target: &str, _session: &Session) -> Result<Exit, Problem> {
    Err(not_there())
}

/// Looks at what rg needs of this machine.
pub fn checks(_session: &Session) -> Vec<Check> {
    Vec::new()
}

/// Opens the local store, with the size that the workspace gives it.
pub fn open_cache(_session: &Session) -> Result<cache::Cache, Problem> {
    Err(not_there())
}

fn not_there() -> Problem {
    Problem::new(Exit::Bug, "this command is not built into this program yet")
}
