//! What is printed when a step has ended. Pure: text with colours out of a report.

use std::time::Duration;

use exec::{Failure, Status, StepReport};
use graph::{Graph, StepId};
use model::{Locked, Purpose, Work};

use super::go_test;
use super::last_line::{counts, short};
use crate::escape;
use crate::options::Verbosity;
use crate::problem::{ERROR, hints};

/// Lines of a failure's log that are shown: so many from its beginning, and so many from its end.
const SHOWN: (usize, usize) = (40, 200);

/// Returns hints for a failed step, given its log.
pub type Advise<'a> = &'a dyn Fn(StepId, &str) -> Vec<String>;

/// Returns what is printed when a step has ended; `None` if it is not worth a line.
pub fn finished(
    graph: &Graph,
    step: StepId,
    report: &StepReport,
    verbosity: Verbosity,
    advise: Advise<'_>,
) -> Option<String> {
    match &report.status {
        Status::Failed(Failure::Cancelled) | Status::Skipped => None,
        Status::Failed(failure) => Some(failed(graph, step, report, failure, advise)),
        _ if !counts(graph, step) => None,
        Status::Executed if verbosity >= Verbosity::Normal => Some(executed(graph, step, report, verbosity)),
        Status::Settled | Status::Hit if verbosity == Verbosity::Verbose => {
            Some(format!("{}  cached\n", title(graph, step)))
        }
        Status::Executed | Status::Settled | Status::Hit => None,
    }
}

fn title(graph: &Graph, step: StepId) -> String {
    escape::name(&graph.title(step)).into_owned()
}

fn executed(graph: &Graph, step: StepId, report: &StepReport, verbosity: Verbosity) -> String {
    let verb = match graph.action(step).purpose {
        Purpose::Test if report.failed_attempts > 0 => format!("flaky, passed at attempt {}", report.attempts),
        Purpose::Test if report.asked_runs.is_some() => format!("{}, the last took", runs(report)),
        Purpose::Test => "passed".to_owned(),
        Purpose::Fetch => "fetched".to_owned(),
        Purpose::Build | Purpose::Internal => "executed".to_owned(),
    };
    let log = report.log.as_ref().filter(|_| verbosity == Verbosity::Verbose);
    let log = log.map(|log| escape::log(&log.excerpt)).unwrap_or_default();
    format!("{}  {verb} {}\n{log}", title(graph, step), short(report.duration))
}

/// Says how many of the runs that were asked for passed.
fn runs(report: &StepReport) -> String {
    let passed = report.attempts - report.failed_attempts;
    format!("passed {passed} of {} runs", report.asked_runs.unwrap_or(report.attempts))
}

fn failed(graph: &Graph, step: StepId, report: &StepReport, failure: &Failure, advise: Advise<'_>) -> String {
    let excerpt = report.log.as_ref().map(|log| log.excerpt.as_str()).unwrap_or_default();
    let label = graph.target_of(step).id.label.to_string();
    let tries = match (report.asked_runs, report.attempts) {
        (Some(_), 1..) => format!("{}, the last took {}", runs(report), short(report.duration)),
        (_, 0 | 1) => short(report.duration),
        (None, many) => format!("{many} attempts, the last took {}", short(report.duration)),
    };
    let what = escape::name(&failure.to_string()).into_owned();
    let title = title(graph, step);
    let mut advice = advise(step, excerpt);
    let rule = &graph.target_of(step).rule;
    advice.extend(fetch_hint(failure, &graph.action(step).work).or_else(|| hint(failure, &label, rule)));
    let log = go_test::failures(excerpt).map_or_else(|| escape::log(excerpt), |failures| escape::log(&failures));
    let log = shortened(&log, &label);
    format!("{ERROR}error{ERROR:#}: {title} failed: {what} ({tries})\n{log}{}", hints(&advice))
}

/// Returns what is printed when an attempt has ended that is not the only one.
pub fn tried(
    graph: &Graph,
    step: StepId,
    attempt: u32,
    failure: Option<&Failure>,
    duration: Duration,
    verbosity: Verbosity,
) -> Option<String> {
    let (what, from) = match failure {
        Some(failure) => (format!("failed: {}", escape::name(&failure.to_string())), Verbosity::Normal),
        None => ("passed".to_owned(), Verbosity::Verbose),
    };
    let line = || format!("{}  run {attempt} {what} ({})\n", title(graph, step), short(duration));
    (verbosity >= from).then(line)
}

/// Returns what is printed when something has failed and other actions still run.
pub fn waiting(graph: &Graph, steps: &[StepId]) -> String {
    let titles: Vec<String> = steps.iter().map(|step| title(graph, *step)).collect();
    format!("nothing new starts after the failure (-k goes on); waiting for {}\n", titles.join(", "))
}

/// Leaves out the middle of a long log.
fn shortened(log: &str, label: &str) -> String {
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let left_out = lines.len().saturating_sub(SHOWN.0 + SHOWN.1);
    if left_out == 0 {
        return log.to_owned();
    }
    let (head, tail) = (lines[..SHOWN.0].concat(), lines[SHOWN.0 + left_out..].concat());
    // Of a large log only an excerpt is here, so its lines cannot be counted.
    format!("{head}… the middle is left out; `rg log {label}` prints all of it …\n{tail}")
}

/// Returns what helps when a package cannot be fetched: who tells the registry, and who writes the lock.
fn fetch_hint(failure: &Failure, work: &Work) -> Option<String> {
    let Work::Fetch(locked) = work else { return None };
    let (asked, lock) = match locked {
        Locked::GoModule { .. } => ("go env GOPROXY", "let `go mod tidy` write the lock again"),
        Locked::PythonFile { .. } | Locked::PythonAny { .. } => ("pip config list", "lock it again"),
        Locked::NpmPackage { .. } => ("npm config get registry", "lock it again"),
    };
    match failure {
        Failure::Fetch { .. } => {
            Some(format!("`{asked}` shows which registry is asked; what is in the cache needs no network"))
        }
        Failure::Unfit { .. } => Some(match locked {
            Locked::PythonFile { name, .. } | Locked::PythonAny { name, .. } => format!(
                "lock it again: a version that has a wheel for this, or its source distribution, which `--no-binary {name}` builds"
            ),
            Locked::GoModule { .. } | Locked::NpmPackage { .. } => "lock another version".to_owned(),
        }),
        Failure::Mislocked { .. } => {
            Some("write the version that the hash is of in the lock, or lock it again".to_owned())
        }
        Failure::WrongHash { what, .. } => {
            Some(format!("find out who changed {what}; if what the registry sends is right, {lock}"))
        }
        _ => None,
    }
}

/// Returns what helps against a failure, where the failure itself says it.
pub fn hint(failure: &Failure, label: &str, rule: &str) -> Option<String> {
    Some(match failure {
        Failure::TimedOut(limit) => {
            format!("raise `timeout = {}` of {label}, or make it faster", limit.as_secs())
        }
        Failure::MissingOutputs(outputs) if rule == "frontend" => {
            let output = &outputs[0];
            format!("the script has to make the directory `{output}`; if it makes another, name that: `out` of {label}")
        }
        Failure::MissingOutputs(outputs) if let [output] = outputs.as_slice() => {
            format!("write it to \"$OUT/{output}\", or take it out of the `outputs` of {label}")
        }
        Failure::MissingOutputs(_) => {
            format!("write them below \"$OUT\", or take them out of the `outputs` of {label}")
        }
        Failure::Program { image: Some(image), program, .. } => {
            format!("name the program that {image} has, or another image: one with `{program}` in it")
        }
        Failure::Program { program, .. } if program.contains('/') => {
            format!(
                "look whether `{program}` is there, may be executed, and names a program that is there in its first line"
            )
        }
        Failure::Program { program, .. } => {
            format!("install `{program}`, or name a `toolchain` in {label} that has it; `rg doctor` lists toolchains")
        }
        Failure::OutOfMemory { .. } => format!("raise `memory` of {label}, or make it need less"),
        Failure::Secret { name, .. } => {
            format!("set it, or say in [secrets.{name}] of workspace.toml where its value is")
        }
        Failure::Image { fix, .. } => return fix.clone(),
        Failure::Unable(_) => "`rg doctor` says what this machine can do".to_owned(),
        Failure::Sandbox(_) => "`rg doctor` says what this machine lacks".to_owned(),
        Failure::Thread(_) => "end other programs, or raise the limit of processes: `ulimit -u`".to_owned(),
        Failure::BadArchive { what, .. } => {
            format!("lock another version of {what}, and tell its author; nothing of it was kept")
        }
        Failure::TwoOwners { first, second, .. } => {
            format!(
                "only one of {first} and {second} can be installed: take one out of the lock, or lock another version"
            )
        }
        Failure::Edited(_) => "build again: nothing was stored".to_owned(),
        Failure::Store(_) => {
            "give `rg cache path` room and leave to write, or name another place: RG_CACHE_DIR=DIR".to_owned()
        }
        Failure::Unreadable { file, .. } => format!("look at who may read it: `ls -l {file}`"),
        Failure::LostInputs => "`rg cache verify` removes what is damaged".to_owned(),
        Failure::Exit(_)
        | Failure::Signal(_)
        | Failure::Fetch { .. }
        | Failure::Unfit { .. }
        | Failure::Mislocked { .. }
        | Failure::WrongHash { .. }
        | Failure::BadOutput { .. }
        | Failure::Conflict(_)
        | Failure::Cancelled => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended, failed as failed_report, logged};

    fn check(purpose: Purpose, report: StepReport, verbosity: Verbosity, want: Option<&str>) {
        let fixture = Fixture::new(&[("//a:a", purpose)]);
        let advise =
            |_: StepId, log: &str| if log.contains("gone") { vec!["declare it".to_owned()] } else { Vec::new() };
        let text = finished(&fixture.graph, fixture.step("//a:a"), &report, verbosity, &advise);
        let plain = text.map(|text| anstream::adapter::strip_str(&text).to_string());
        assert_eq!(plain.as_deref(), want, "{report:?}");
    }

    #[test]
    fn what_ran_is_a_line_and_what_was_cached_is_silent() {
        check(Purpose::Build, ended(Status::Executed), Verbosity::Normal, Some("//a:a  executed 0.3s\n"));
        check(Purpose::Test, ended(Status::Executed), Verbosity::Normal, Some("//a:a  passed 0.3s\n"));
        let runs = StepReport { attempts: 3, asked_runs: Some(3), ..ended(Status::Executed) };
        check(Purpose::Test, runs, Verbosity::Normal, Some("//a:a  passed 3 of 3 runs, the last took 0.3s\n"));
        let flaky = StepReport { attempts: 3, failed_attempts: 2, ..ended(Status::Executed) };
        check(Purpose::Test, flaky, Verbosity::Normal, Some("//a:a  flaky, passed at attempt 3 0.3s\n"));
        check(Purpose::Build, ended(Status::Hit), Verbosity::Normal, None);
        check(Purpose::Build, ended(Status::Hit), Verbosity::Verbose, Some("//a:a  cached\n"));
        check(Purpose::Build, ended(Status::Executed), Verbosity::Quiet, None);
        check(Purpose::Internal, ended(Status::Executed), Verbosity::Verbose, None);
    }

    #[test]
    fn a_failure_is_shown_with_its_log_and_what_helps() {
        check(
            Purpose::Build,
            logged(failed_report(Failure::Exit(7)), "file is gone"),
            Verbosity::Quiet,
            Some("error: //a:a failed: exit code 7 (0.3s)\nfile is gone\nhint: declare it\n"),
        );
        let runs =
            StepReport { attempts: 3, failed_attempts: 2, asked_runs: Some(3), ..failed_report(Failure::Exit(7)) };
        let text = "error: //a:a failed: exit code 7 (passed 1 of 3 runs, the last took 0.3s)\n";
        check(Purpose::Test, runs, Verbosity::Quiet, Some(text));
        check(Purpose::Build, failed_report(Failure::Cancelled), Verbosity::Verbose, None);
    }

    #[test]
    fn the_middle_of_a_long_log_is_left_out() {
        let log: String = (0..1000).map(|line| format!("{line}\n")).collect();
        let text = shortened(&log, "//a:a");
        assert_eq!(text.lines().count(), SHOWN.0 + SHOWN.1 + 1);
        assert!(text.contains("… the middle is left out") && text.ends_with("999\n"), "{text}");
    }
}
