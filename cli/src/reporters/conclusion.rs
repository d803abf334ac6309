//! The end of build and test: what could not be delivered, JUnit, the JSON document, and the last line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use exec::{Failure, Report, Status};
use graph::{Goal, Graph};
use model::TargetId;

use super::json;
use super::junit::{self, ReadText};
use super::last_line::{counts, last_line, skipped_line};
use crate::args::Output;
use crate::escape;
use crate::exit::Exit;
use crate::options::{Display, Verbosity};
use crate::problem::{ERROR, Problem};

/// A run that has ended.
pub struct Conclusion<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// What was asked for.
    pub goals: &'a [Goal],
    /// What was done.
    pub report: &'a Report,
    /// How it ended.
    pub exit: Exit,
    /// How long it took, from the start of the process.
    pub duration: Duration,
}

impl Conclusion<'_> {
    /// Writes JUnit XML to a file.
    pub fn write_junit(&self, file: &PathBuf, read: ReadText<'_>) -> Result<(), Problem> {
        let text = junit::xml(self.graph, self.goals, self.report, read);
        std::fs::write(file, text).map_err(|error| {
            Problem::new(Exit::Machine, format!("cannot write `{}`", file.display())).because(error.to_string())
        })
    }

    /// Prints the answer on stdout, and the last line on stderr.
    pub fn print(&self, display: Display) -> Result<(), Problem> {
        let answered = match display.output {
            Output::Json => display.console.answer(&self.document().to_line()),
            _ => Ok(()),
        };
        display.console.tell(&self.closing_lines(display.verbosity));
        answered
    }

    /// Returns the document `rg.build/v1`.
    pub fn document(&self) -> json::Document {
        json::document(self.graph, self.goals, self.report, self.exit, self.duration)
    }

    /// Returns what stands at the end of stderr: failed deliveries, what was skipped, the last line.
    pub fn closing_lines(&self, verbosity: Verbosity) -> String {
        let numbers = self.report.counts(|step| counts(self.graph, step));
        let mut lines: Vec<String> = self.report.undelivered.iter().map(|(id, why)| undelivered(id, why)).collect();
        if self.exit == Exit::Interrupted {
            lines.push(format!("{ERROR}error{ERROR:#}: interrupted; everything it started is gone"));
        }
        lines.extend(unstored_line(self.report));
        lines.extend(skipped_line(numbers).filter(|_| verbosity > Verbosity::Quiet));
        let requested: BTreeSet<&TargetId> = self.goals.iter().map(|(Goal::Build(id) | Goal::Test(id))| id).collect();
        lines.push(last_line(requested.len(), numbers, 0, self.duration));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Returns the line about actions that failed because the cache cannot be written, beside the one that was told of.
fn unstored_line(report: &Report) -> Option<String> {
    let unstored = report.steps.values().filter(|ended| matches!(ended.status, Status::Failed(Failure::Store(_))));
    match unstored.count() {
        0 | 1 => None,
        2 => Some("1 more action failed because the cache cannot be written".to_owned()),
        many => Some(format!("{} more actions failed because the cache cannot be written", many - 1)),
    }
}

fn undelivered(id: &TargetId, why: &str) -> String {
    let why = escape::lines(why);
    format!(
        "{ERROR}error{ERROR:#}: the outputs of {} cannot be put into rg-out: {why}\nhint: give the workspace room and leave to write; they are in the cache, and nothing runs again",
        id.label
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended, failed, id};
    use model::Purpose;

    #[test]
    fn the_last_line_is_the_last() {
        let mut fixture = Fixture::with_edges(&[
            ("//a:a", Purpose::Build, &[]),
            ("//a:b", Purpose::Build, &["//a:a"]),
            ("//a:i", Purpose::Internal, &[]),
        ]);
        fixture.set("//a:a", failed(Failure::Exit(1)));
        fixture.set("//a:b", ended(Status::Skipped));
        fixture.report.undelivered.insert(id("//a:i"), "no space\nleft".to_owned());
        let (goals, duration) = (fixture.build_goals(), Duration::from_millis(2400));
        let exit = Exit::of_report(&fixture.graph, &fixture.report);
        let end = Conclusion { graph: &fixture.graph, goals: &goals, report: &fixture.report, exit, duration };
        let plain = anstream::adapter::strip_str(&end.closing_lines(Verbosity::Normal)).to_string();
        assert_eq!(
            plain,
            "error: the outputs of //a:i cannot be put into rg-out: no space\nleft\n\
             hint: give the workspace room and leave to write; they are in the cache, and nothing runs again\n\
             1 action was skipped: something it depends on failed, or the run ended before\n\
             3 targets: 1 executed, 0 cached (0 local, 0 remote), 1 failed in 2.4s\n"
        );
    }
}
