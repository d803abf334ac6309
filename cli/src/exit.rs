//! Exit codes: the one table of what the number means that a script sees, and how a run's report leads to it.
//! Does not know how a run is shown.

use exec::{Failure, Report, Status, StepReport};
use graph::{Graph, StepId};
use model::{Mistake, Purpose};

/// How a call of rg ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done: 0.
    Done,
    /// An action failed to build: 1.
    BuildFailed,
    /// A bad command line, definition or graph: 2.
    Definition,
    /// Built, but tests failed or timed out: 3.
    TestsFailed,
    /// No test was found though one was asked for: 4.
    NothingFound,
    /// `--locked`, and rg.lock is stale: 5.
    Stale,
    /// The evaluation of a query failed: 7.
    Query,
    /// Interrupted, and everything it started is gone: 8.
    Interrupted,
    /// A visibility or policy rule is broken: 10.
    Policy,
    /// This machine: no usable executor, no cache directory: 36.
    Machine,
    /// A bug in rg: 37.
    Bug,
    /// A fetch failed: 48.
    Fetch,
}

impl Exit {
    /// Returns the number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::BuildFailed => 1,
            Exit::Definition => 2,
            Exit::TestsFailed => 3,
            Exit::NothingFound => 4,
            Exit::Stale => 5,
            Exit::Query => 7,
            Exit::Interrupted => 8,
            Exit::Policy => 10,
            Exit::Machine => 36,
            Exit::Bug => 37,
            Exit::Fetch => 48,
        }
    }

    /// All of them, by their numbers.
    pub const ALL: [Exit; 12] = [
        Exit::Done,
        Exit::BuildFailed,
        Exit::Definition,
        Exit::TestsFailed,
        Exit::NothingFound,
        Exit::Stale,
        Exit::Query,
        Exit::Interrupted,
        Exit::Policy,
        Exit::Machine,
        Exit::Bug,
        Exit::Fetch,
    ];

    /// Returns what it means in a few words, and what to do.
    pub fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Exit::Done => ("done", "What was asked for is there, and the tests that were asked for passed."),
            Exit::BuildFailed => (
                "an action failed to build",
                "A program failed, or did not make what it declares. The error names the action, and `rg log TARGET` prints what it said.",
            ),
            Exit::Definition => (
                "a bad command line, definition or graph",
                "Nothing was run. All mistakes are listed with their places, and `rg explain RG0102` says what a code means.",
            ),
            Exit::TestsFailed => (
                "it was built, and tests failed or timed out",
                "All else is well. `rg log TARGET` prints what a test said, and `--junit FILE` has every case.",
            ),
            Exit::NothingFound => (
                "no test was found though asked",
                "The patterns stand for targets that are no tests. `rg query 'tests(//...)'` lists all tests.",
            ),
            Exit::Stale => (
                "rg.lock is stale",
                "A build pins what rg.lock lacks, unless `--locked` forbids it; `rg lock --check` compares. `rg lock` updates it: commit what it writes.",
            ),
            Exit::Query => (
                "the evaluation of a query failed",
                "The expression is well-formed, and names something that is not there.",
            ),
            Exit::Interrupted => (
                "interrupted",
                "Everything that the run started is gone. What was finished before is known to the next run.",
            ),
            Exit::Policy => (
                "a visibility or policy rule is broken",
                "A target names one that it may not see. Change the dependency, or the `visibility` of what it names.",
            ),
            Exit::Machine => (
                "this machine cannot do it",
                "No sandbox, no toolchain, no room or no leave to write. `rg doctor` says what is amiss, and what mends it.",
            ),
            Exit::Bug => ("a bug in rg", "What was being done is printed. Nothing that was stored before is lost."),
            Exit::Fetch => (
                "a fetch failed",
                "A locked package, image or repository did not come, or is not what the lock says. The error names it; what failed for the network alone may come when it is asked for again.",
            ),
        }
    }

    /// Returns the exit of what fails, unless it is the verdict of a test.
    pub fn of_failure(failure: &Failure) -> Exit {
        match failure {
            Failure::Cancelled => Exit::Interrupted,
            Failure::Fetch { .. }
            | Failure::Image { .. }
            | Failure::Unfit { .. }
            | Failure::Mislocked { .. }
            | Failure::WrongHash { .. }
            | Failure::BadArchive { .. } => Exit::Fetch,
            Failure::Sandbox(_)
            | Failure::Store(_)
            | Failure::Thread(_)
            | Failure::Secret { .. }
            | Failure::Unable(_) => Exit::Machine,
            _ => Exit::BuildFailed,
        }
    }

    /// Returns the exit of a call that is refused for its mistakes: a bad definition wins over a broken policy.
    pub fn of_mistakes(mistakes: &[Mistake]) -> Exit {
        match mistakes.iter().map(|mistake| mistake.exit).min() {
            None => Exit::Done,
            Some(model::Exit::Definition) => Exit::Definition,
            Some(model::Exit::Policy) => Exit::Policy,
        }
    }

    /// Returns the exit of a run. What only the author can repair wins: a build that fails would fail again, so it
    /// wins over a machine or a network that may recover, and these win over tests, since not all of them could run.
    pub fn of_report(graph: &Graph, report: &Report) -> Exit {
        if report.interrupted {
            return Exit::Interrupted;
        }
        let undelivered = (!report.undelivered.is_empty()).then_some(Exit::Machine);
        let failed = report.steps.iter().filter_map(|(step, ended)| of_step(graph, *step, ended));
        failed.chain(undelivered).min_by_key(|exit| weight(*exit)).unwrap_or(Exit::Done)
    }
}

/// Returns the position in the order of precedence; the smallest wins.
fn weight(exit: Exit) -> u8 {
    match exit {
        Exit::Interrupted => 0,
        Exit::BuildFailed => 1,
        Exit::Machine => 2,
        Exit::Fetch => 3,
        _ => 4,
    }
}

fn of_step(graph: &Graph, step: StepId, ended: &StepReport) -> Option<Exit> {
    let Status::Failed(failure) = &ended.status else { return None };
    Some(match failure {
        Failure::Exit(_) | Failure::Signal(_) | Failure::TimedOut(_) | Failure::OutOfMemory { .. }
            if graph.action(step).purpose == Purpose::Test =>
        {
            Exit::TestsFailed
        }
        failure => Exit::of_failure(failure),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, failed};

    fn check(ended: &[(&str, Failure)], want: Exit) {
        let mut fixture = Fixture::new(&[("//a:build", Purpose::Build), ("//a:test", Purpose::Test)]);
        for (label, failure) in ended {
            fixture.set(label, failed(failure.clone()));
        }
        assert_eq!(Exit::of_report(&fixture.graph, &fixture.report), want, "{ended:?}");
    }

    fn fetch() -> Failure {
        Failure::Fetch { what: "x".to_owned(), why: "y".to_owned() }
    }

    #[test]
    fn the_worst_thing_that_the_author_can_repair_names_the_exit() {
        check(&[], Exit::Done);
        check(&[("//a:test", Failure::Exit(1))], Exit::TestsFailed);
        check(&[("//a:test", Failure::TimedOut(std::time::Duration::from_secs(1)))], Exit::TestsFailed);
        check(&[("//a:test", Failure::LostInputs)], Exit::BuildFailed);
        let bad = Failure::BadArchive { what: "x".to_owned(), why: "y".to_owned() };
        check(&[("//a:build", bad)], Exit::Fetch);
        check(&[("//a:build", Failure::Exit(1)), ("//a:test", Failure::Exit(1))], Exit::BuildFailed);
        check(&[("//a:build", fetch())], Exit::Fetch);
        check(&[("//a:build", fetch()), ("//a:test", Failure::Signal(9))], Exit::Fetch);
        check(&[("//a:build", Failure::Sandbox("no".to_owned()))], Exit::Machine);
        check(&[("//a:build", Failure::Store("full".to_owned()))], Exit::Machine);
    }

    #[test]
    fn an_interrupted_run_says_so_whatever_else_failed() {
        let mut fixture = Fixture::new(&[("//a:build", Purpose::Build)]);
        fixture.set("//a:build", failed(Failure::Exit(1)));
        fixture.report.interrupted = true;
        assert_eq!(Exit::of_report(&fixture.graph, &fixture.report), Exit::Interrupted);
    }

    #[test]
    fn a_bad_definition_wins_over_a_broken_policy() {
        let (bad, policy) = (Mistake::new("RG0100", "x"), Mistake::new("RG0302", "y").policy());
        assert_eq!(Exit::of_mistakes(&[policy.clone(), bad]), Exit::Definition);
        assert_eq!(Exit::of_mistakes(&[policy]), Exit::Policy);
        assert_eq!(Exit::of_mistakes(&[]), Exit::Done);
    }

    #[test]
    fn the_page_of_exit_codes_says_the_same() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exit-codes.md")).unwrap();
        let rows: Vec<&str> =
            page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| code")).collect();
        let row = |exit: Exit| format!("| {} | {} | {} |", exit.code(), exit.meaning().0, exit.meaning().1);
        assert_eq!(rows, Exit::ALL.map(row));
    }
}
