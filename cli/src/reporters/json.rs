//! The documents `rg.build/v1` of build and test: pure functions of a graph and a report. Fields are added, never
//! changed.

use std::collections::BTreeSet;
use std::time::Duration;

use exec::{Counts, DeliveredOutput, Report};
use graph::{Goal, Graph};
use model::{Content, Mistake, Origin, Target};
use serde::Serialize;

use super::dry_run::WouldRun;
use super::last_line;
use super::verdict::{self, TargetStatus, TestStatus};
use crate::diagnose;
use crate::exit::Exit;
use crate::problem::Problem;

/// The name and version of the form.
const SCHEMA: &str = "rg.build/v1";

/// What a run did.
#[derive(Serialize, Debug)]
pub struct Document {
    schema: &'static str,
    success: bool,
    exit_code: u8,
    targets: Vec<TargetEntry>,
    tests: Vec<TestEntry>,
    actions: ActionsEntry,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<WouldRun>,
}

#[derive(Serialize, Debug)]
struct TargetEntry {
    label: String,
    rule: String,
    status: TargetStatus,
    outputs: Vec<OutputEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize, Debug)]
struct OutputEntry {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    size_bytes: u64,
}

#[derive(Serialize, Debug)]
struct TestEntry {
    label: String,
    status: TestStatus,
    cached: bool,
    duration_ms: u64,
    attempts: u32,
    runs: u32,
    failed_runs: u32,
}

/// The numbers of actions.
#[derive(Serialize, Debug, Clone, Copy)]
pub struct ActionsEntry {
    total: usize,
    executed: usize,
    cached_local: usize,
    cached_remote: usize,
    failed: usize,
    skipped: usize,
}

/// Returns the document of a run.
pub fn document(graph: &Graph, goals: &[Goal], report: &Report, exit: Exit, duration: Duration) -> Document {
    let goals: BTreeSet<&Goal> = goals.iter().collect();
    let counts = report.counts(|step| last_line::counts(graph, step));
    Document {
        schema: SCHEMA,
        success: exit == Exit::Done,
        exit_code: exit.code(),
        targets: goals.iter().filter_map(|goal| target(graph, report, goal)).collect(),
        tests: tests(graph, &goals.into_iter().cloned().collect::<Vec<_>>(), report),
        actions: ActionsEntry::of(counts),
        duration_ms: millis(duration),
        dry_run: None,
    }
}

impl Document {
    /// Makes it the document of a run that only says what would run.
    #[must_use]
    pub fn of_dry_run(self, would_run: WouldRun) -> Document {
        Document { dry_run: Some(would_run), ..self }
    }

    /// Returns the document as one line of JSON.
    pub fn to_line(&self) -> String {
        line(self)
    }
}

impl ActionsEntry {
    /// Makes it of counts.
    pub fn of(counts: Counts) -> ActionsEntry {
        let Counts { executed, cached, failed, skipped } = counts;
        let total = executed + cached + skipped;
        ActionsEntry { total, executed, cached_local: cached, cached_remote: 0, failed, skipped }
    }
}

/// Returns a document as one line of JSON.
pub fn line(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("the documents have text keys only") + "\n"
}

/// Returns whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn target(graph: &Graph, report: &Report, goal: &Goal) -> Option<TargetEntry> {
    let (Goal::Build(id) | Goal::Test(id)) = goal;
    let target = graph.target(id)?;
    Some(TargetEntry {
        label: id.label.to_string(),
        rule: target.rule.to_string(),
        status: verdict::target_status(graph, report, goal),
        outputs: outputs(graph, report, target),
        error: report.undelivered.get(id).cloned(),
    })
}

/// Returns what lies in `rg-out` of what a target provides; an alias provides another target's outputs.
fn outputs(graph: &Graph, report: &Report, target: &Target) -> Vec<OutputEntry> {
    let platform = &graph.analysis().platform;
    let provided = target.provides.iter().filter_map(|provided| match &provided.from {
        Origin::Output(owner, name) => Some((owner, owner.out_dir(platform).join(name))),
        Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
    });
    let delivered =
        provided.filter_map(|(owner, path)| report.deliveries.get(owner)?.iter().find(|output| output.path == path));
    delivered.map(output).collect()
}

fn output(delivered: &DeliveredOutput) -> OutputEntry {
    let digest = match &delivered.content {
        Content::File { digest, .. } | Content::Directory(digest) => Some(digest.to_string()),
        Content::Symlink(_) => None,
    };
    OutputEntry { path: delivered.path.to_string(), digest, size_bytes: delivered.size_bytes }
}

fn tests(graph: &Graph, goals: &[Goal], report: &Report) -> Vec<TestEntry> {
    verdict::tested(graph, goals).into_iter().map(|target| test(graph, report, target)).collect()
}

/// Sums up the steps of one test target: the worst verdict, all the time, the most attempts, all runs.
fn test(graph: &Graph, report: &Report, target: &Target) -> TestEntry {
    let steps: Vec<_> = verdict::test_steps(graph, target).collect();
    let ended = || steps.iter().filter_map(|step| report.steps.get(step));
    let statuses = steps.iter().map(|step| verdict::test_status(graph, report, *step));
    TestEntry {
        label: target.id.label.to_string(),
        status: statuses.max().unwrap_or(TestStatus::NoStatus),
        cached: ended().count() == steps.len() && ended().all(verdict::is_cached),
        duration_ms: millis(ended().map(|ended| ended.duration).sum()),
        attempts: ended().map(|ended| ended.attempts).max().unwrap_or(0),
        runs: ended().map(|ended| ended.attempts).sum(),
        failed_runs: ended().map(|ended| ended.failed_attempts).sum(),
    }
}

#[derive(Serialize)]
struct Refusal<'a> {
    schema: &'static str,
    success: bool,
    exit_code: u8,
    mistakes: Vec<MistakeEntry<'a>>,
}

#[derive(Serialize)]
struct MistakeEntry<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceEntry>,
    also: Vec<PlaceEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct PlaceEntry {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    words: String,
}

/// Returns the document of a call that was refused for its mistakes.
pub fn mistakes(mistakes: &[Mistake], read: diagnose::Read<'_>) -> String {
    let entries = diagnose::sorted(mistakes).into_iter().map(|mistake| MistakeEntry {
        code: mistake.code,
        message: &mistake.message,
        place: mistake.at.as_ref().map(|at| place(at, read)),
        also: mistake.also.iter().map(|at| place(at, read)).collect(),
        hint: mistake.hint.as_deref(),
    });
    let exit_code = Exit::of_mistakes(mistakes).code();
    line(&Refusal { schema: SCHEMA, success: false, exit_code, mistakes: entries.collect() })
}

fn place((location, words): &(model::Location, String), read: diagnose::Read<'_>) -> PlaceEntry {
    let position = read(&location.file).map(|source| diagnose::line_and_column(&source, location));
    PlaceEntry {
        file: location.file.to_string(),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        words: words.clone(),
    }
}

/// Returns the document of a call that ended with a problem.
pub fn problem(problem: &Problem) -> String {
    let error = serde_json::json!({ "message": problem.message, "causes": problem.causes, "hints": problem.hints });
    let code = problem.exit.code();
    line(&serde_json::json!({ "schema": SCHEMA, "success": false, "exit_code": code, "error": error }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended, failed, id};
    use exec::{Failure, Status};
    use model::{Digest, Location, Purpose, RelPath};

    fn pretty(text: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn the_document_of_a_build_names_targets_outputs_and_counts() {
        let mut fixture = Fixture::new(&[("//a:a", Purpose::Build), ("//a:b", Purpose::Build)]);
        fixture.set("//a:b", ended(Status::Hit));
        let digest = Digest::of(b"hello\n");
        let output = DeliveredOutput {
            path: RelPath::new("rg-out/a/a/o").unwrap(),
            content: Content::File { digest, executable: false },
            size_bytes: 6,
        };
        fixture.report.deliveries.insert(id("//a:a"), vec![output]);
        let got =
            document(&fixture.graph, &fixture.build_goals(), &fixture.report, Exit::Done, Duration::from_millis(2400));
        let want = r#"{"schema":"rg.build/v1","success":true,"exit_code":0,
            "targets":[{"label":"//a:a","rule":"command","status":"executed","outputs":[{"path":"rg-out/a/a/o",
              "digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size_bytes":6}]},
             {"label":"//a:b","rule":"command","status":"cached","outputs":[]}],
            "tests":[],
            "actions":{"total":2,"executed":1,"cached_local":1,"cached_remote":0,"failed":0,"skipped":0},
            "duration_ms":2400}"#;
        assert_eq!(pretty(&got.to_line()), pretty(want));
    }

    #[test]
    fn the_document_of_tests_says_what_each_came_to() {
        let mut fixture = Fixture::new(&[("//t:bad", Purpose::Test), ("//t:good", Purpose::Test)]);
        fixture.set("//t:good", ended(Status::Settled));
        fixture.set("//t:bad", failed(Failure::Exit(1)));
        let goals = fixture.test_goals();
        let got = document(&fixture.graph, &goals, &fixture.report, Exit::TestsFailed, Duration::ZERO);
        let value = serde_json::to_value(&got).unwrap();
        assert_eq!(
            value["tests"],
            serde_json::json!([
                {"label": "//t:bad", "status": "failed", "cached": false, "duration_ms": 300, "attempts": 1,
                    "runs": 1, "failed_runs": 1},
                {"label": "//t:good", "status": "passed", "cached": true, "duration_ms": 300, "attempts": 0,
                    "runs": 0, "failed_runs": 0},
            ])
        );
        assert_eq!((value["success"].clone(), value["exit_code"].clone()), (false.into(), 3.into()));
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let at = Location::new(RelPath::new("x/BUILD.toml").unwrap(), 4..8);
        let mistake = Mistake::new("RG0102", "no attribute `runn`").at(at, "here").hint("write `run`");
        let text = mistakes(&[mistake], &|_| Some("[a]\nrunn = 1\n".to_owned()));
        let want = r#"{"schema":"rg.build/v1","success":false,"exit_code":2,"mistakes":[{"code":"RG0102",
            "message":"no attribute `runn`","file":"x/BUILD.toml","line":2,"column":1,"words":"here","also":[],
            "hint":"write `run`"}]}"#;
        assert_eq!(pretty(&text), pretty(want));
    }
}
