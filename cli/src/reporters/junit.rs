//! JUnit XML: a suite for each test target, a case for each of its steps, or for each test that a step's log reports.

use std::time::Duration;

use exec::{Report, Status, StepReport};
use graph::{Goal, Graph, StepId};
use model::{Content, Digest, RelPath, Target};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::go_test::{self, Verdict};
use super::verdict::{self, TestStatus};
use crate::escape;

/// How an output of a test is called that is JUnit XML itself.
const REPORT: &str = "junit.xml";

/// Returns the whole text of a blob; `None` if the cache has lost it.
pub type ReadText<'a> = &'a dyn Fn(&Digest) -> Option<String>;

/// Returns the verdicts on all tests that the goals ask for as JUnit XML.
pub fn xml(graph: &Graph, goals: &[Goal], report: &Report, read: ReadText<'_>) -> String {
    let mut document = quick_junit::Report::new("rg");
    for target in verdict::tested(graph, goals) {
        document.add_test_suite(suite(graph, report, target, read));
    }
    document.to_string().expect("XML of plain strings can always be written to memory")
}

/// Returns the report of a call that ended before any test ran: one error, with what was told.
pub fn refusal(told: &str) -> String {
    let plain = anstream::adapter::strip_str(told).to_string();
    let first = plain.lines().next().unwrap_or_default();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(first).set_description(plain.as_str());
    let mut suite = TestSuite::new("rg");
    suite.add_test_case(TestCase::new("nothing was run", status));
    let mut document = quick_junit::Report::new("rg");
    document.add_test_suite(suite);
    document.to_string().expect("XML of plain strings can always be written to memory")
}

fn suite(graph: &Graph, report: &Report, target: &Target, read: ReadText<'_>) -> TestSuite {
    let label = target.id.label.to_string();
    let mut suite = TestSuite::new(label.as_str());
    let mut time = Duration::ZERO;
    for step in verdict::test_steps(graph, target) {
        time += report.steps.get(&step).map(|ended| ended.duration).unwrap_or_default();
        suite.add_test_cases(step_cases(graph, report, step, read));
    }
    suite.set_time(time);
    suite
}

fn step_cases(graph: &Graph, report: &Report, step: StepId, read: ReadText<'_>) -> Vec<TestCase> {
    let title = escape::name(&graph.title(step)).into_owned();
    let status = verdict::test_status(graph, report, step);
    let ended = report.steps.get(&step);
    let log = ended.and_then(|ended| ended.log.as_ref());
    let log = log.and_then(|log| read(&log.digest).or_else(|| Some(log.excerpt.clone()))).unwrap_or_default();
    let reported = go_test::cases(&log);
    let told = reported.iter().any(go_test::Case::is_bad);
    let mut cases: Vec<TestCase> = reported.iter().map(|case| go_case(&title, case)).collect();
    let own = ended.map(|ended| left_cases(ended, read)).unwrap_or_default();
    let told = told || own.iter().any(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. }));
    cases.extend(own);
    // A step that failed without a case that says so (it died before its tests, it ran for too long) is a case itself.
    let good = matches!(status, TestStatus::Passed | TestStatus::Flaky);
    if cases.is_empty() || (!good && !told) {
        cases.push(step_case(&title, status, ended, &log));
    }
    cases
}

/// Returns the cases of the reports that a test has left.
fn left_cases(ended: &StepReport, read: ReadText<'_>) -> Vec<TestCase> {
    let report = |(name, content): &(RelPath, Content)| match content {
        Content::File { digest, .. } if name.name().ends_with(REPORT) => read(digest),
        Content::File { .. } | Content::Symlink(_) | Content::Directory(_) => None,
    };
    let texts = ended.left.iter().filter_map(report);
    // What is no JUnit XML says nothing; the step is then a case by itself.
    let reports = texts.filter_map(|text| quick_junit::Report::deserialize_from_str(&text).ok());
    reports.flat_map(|report| report.test_suites).flat_map(|suite| suite.test_cases).collect()
}

fn go_case(class: &str, reported: &go_test::Case) -> TestCase {
    let status = match reported.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Skipped => TestCaseStatus::skipped(),
        Verdict::Failed | Verdict::Unfinished => failure(&format!("{} failed", reported.name), &reported.output),
    };
    let mut case = TestCase::new(reported.name.as_str(), status);
    case.set_classname(class).set_time(reported.duration);
    if !reported.is_bad() && !reported.output.is_empty() {
        case.set_system_out(escape::log(&reported.output));
    }
    case
}

fn step_case(title: &str, status: TestStatus, ended: Option<&StepReport>, log: &str) -> TestCase {
    let why = match ended.map(|ended| &ended.status) {
        Some(Status::Failed(failure)) => failure.to_string(),
        _ => "was not run: something it depends on failed".to_owned(),
    };
    let result = match status {
        TestStatus::Passed | TestStatus::Flaky => TestCaseStatus::success(),
        TestStatus::Skipped => TestCaseStatus::skipped(),
        TestStatus::Failed | TestStatus::Timeout => failure(&why, log),
        TestStatus::NoStatus => error(&why),
    };
    let mut case = TestCase::new(title, result);
    case.set_classname(title).set_time(ended.map(|ended| ended.duration).unwrap_or_default());
    if matches!(status, TestStatus::Passed | TestStatus::Flaky) && !log.is_empty() {
        case.set_system_out(escape::log(log));
    }
    case
}

fn failure(message: &str, log: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message).set_description(escape::log(log));
    status
}

fn error(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended, failed, logged};
    use exec::Failure;
    use model::Purpose;

    fn fixture(report: StepReport) -> Fixture {
        let mut fixture = Fixture::new(&[("//t:t", Purpose::Test)]);
        fixture.set("//t:t", report);
        fixture
    }

    fn check(report: StepReport, want: &[&str]) {
        let fixture = fixture(report);
        let text = xml(&fixture.graph, &fixture.test_goals(), &fixture.report, &|_| None);
        let marks = ["<testcase", "<failure", "<error", "<skipped"];
        let found: Vec<&str> =
            text.lines().map(str::trim).filter(|line| marks.iter().any(|mark| line.starts_with(mark))).collect();
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn a_failed_test_is_one_failure_with_its_log() {
        check(
            logged(failed(Failure::Exit(1)), "why it failed\n"),
            &[
                r#"<testcase name="//t:t" classname="//t:t" time="0.300">"#,
                "<failure message=\"exit code 1\">why it failed",
            ],
        );
    }

    #[test]
    fn go_tests_are_cases_of_their_own() {
        let log = "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.10s)\n\x16=== RUN   TestB\nboom\n\x16--- FAIL: TestB (0.00s)\n";
        check(
            logged(failed(Failure::Exit(1)), log),
            &[
                r#"<testcase name="TestA" classname="//t:t" time="0.100"/>"#,
                r#"<testcase name="TestB" classname="//t:t" time="0.000">"#,
                "<failure message=\"TestB failed\">boom",
            ],
        );
    }

    #[test]
    fn a_program_that_dies_between_its_tests_is_a_failure_too() {
        let log = "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.10s)\n";
        let fixture = fixture(logged(failed(Failure::Signal(9)), log));
        let text = xml(&fixture.graph, &fixture.test_goals(), &fixture.report, &|_| None);
        assert_eq!((text.matches("<testcase").count(), text.matches("<failure").count()), (2, 1), "{text}");
    }

    #[test]
    fn what_was_not_run_is_not_a_failure() {
        check(ended(Status::Skipped), &[r#"<testcase name="//t:t" classname="//t:t" time="0.300">"#, "<skipped/>"]);
    }
}
