//! Tests and failures as their users see them: what runs how often, what goes on after a failure, and what is told.

use std::fs;

use serde_json::Value;
use testkit::workspace::{Run, Workspace};

use crate::commands::shop;
use crate::workspace;

/// Returns the one test of a test run.
fn tested(run: &Run) -> Value {
    run.json()["tests"][0].clone()
}

#[test]
fn tests_run_with_arguments_or_several_times_whatever_is_known() {
    let workspace = shop();
    workspace.rg(&["test", "//p:t"]).ok().runs(2);
    workspace.rg(&["test", "//p:t"]).ok().runs(0);
    let words = ["test", "//p:t", "-v", "--", "-x", "two words"];
    workspace.rg(&words).ok().runs(1).says(&["testing"]);
    workspace.rg(&words).ok().runs(1);
    workspace.rg(&["test", "//p:t"]).ok().runs(0);
    let run = workspace.rg(&["test", "//p:t", "--runs", "3", "--output", "json"]).ok();
    let test = tested(&run);
    assert_eq!((&test["attempts"], &test["cached"], &test["status"]), (&3.into(), &false.into(), &"passed".into()));
    workspace.rg(&["test", "//p:t"]).ok().runs(0);
    workspace.rg(&["test", "//p:all"]).ok();
    workspace.rg(&["test", "//p:a"]).exits(4);
    workspace.rg(&["test", "//p:slow"]).exits(3).says(&["timed out after 1 s"]);
    workspace.rg(&["build", "//p:t"]).ok();
}

#[test]
fn a_failed_test_is_told_in_every_form() {
    let workspace = shop();
    workspace.write("p/in.txt", "y\n");
    let run = workspace.rg(&["test", "//...", "--junit", "../j.xml", "--events", "../e", "--output", "json"]).exits(3);
    assert_eq!((&tested(&run)["status"], &tested(&run)["cached"]), (&"failed".into(), &false.into()));
    run.says(&["testing"]);
    let junit = fs::read_to_string(workspace.beside("j.xml")).unwrap();
    assert!(junit.contains("failures=\"1\"") && junit.contains("//p:t") && junit.contains("testing"), "{junit}");
    let events = fs::read_to_string(workspace.beside("e")).unwrap();
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"end".into(), &3.into()));
    assert!(workspace.rg(&["log", "//p:t"]).ok().out.contains("testing"));
}

#[test]
fn the_log_of_an_action_that_failed_in_silence_says_so() {
    let workspace = workspace(&[("p/BUILD.toml", "[command.x]\nrun = \"exit 3\"\noutputs = [\"o\"]\n")]);
    workspace.rg(&["log", "//p:x"]).exits(2).says(&["has not run"]);
    workspace.rg(&["build", "//p:x"]).exits(1);
    let run = workspace.rg(&["log", "//p:x"]).ok().says(&["//p:x failed: exit code 3; it printed nothing"]);
    assert_eq!(run.out, "");
}

#[test]
fn a_run_that_is_refused_leaves_a_report_of_why_and_not_an_old_one() {
    let workspace = shop();
    let words = ["test", "//p:t", "--junit", "../j.xml"];
    workspace.rg(&words).ok();
    workspace.write("q/BUILD.toml", "[files.f]\nsrcs = [\"nope\"]\n");
    workspace.rg(&words).exits(2);
    let junit = fs::read_to_string(workspace.beside("j.xml")).unwrap();
    let phrases = ["errors=\"1\"", "RG0202", "q/BUILD.toml:2", "1 mistake, so nothing was run"];
    assert!(phrases.iter().all(|phrase| junit.contains(phrase)) && !junit.contains("//p:t"), "{junit}");
    workspace.write("q/BUILD.toml", "");
    workspace.rg(&["test", "//q/...", "--junit", "../none.xml"]).exits(4);
    assert!(fs::read_to_string(workspace.beside("none.xml")).unwrap().contains("there is no test in //q/..."));
}

/// Makes a workspace of one BUILD.toml, in which ROOM is a directory that outlives actions on the host.
fn with_room(text: &str) -> (tempfile::TempDir, Workspace) {
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let text = text.replace("ROOM", room.path().to_str().unwrap());
    (room, workspace(&[("p/BUILD.toml", &text)]))
}

#[test]
fn all_runs_are_made_and_told_whatever_each_comes_to() {
    let text = "[test.t]\nrun = \"n=$(ls ROOM | wc -l); touch ROOM/$n; echo number $n; test $n != 1\"\n";
    let (room, workspace) = with_room(text);
    let words = ["test", "//p:t", "--runs", "4", "--executor", "host", "--output", "json", "--events", "../e"];
    let run = workspace.rg(&words).exits(3);
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 4, "all runs are made\n{run}");
    let run = run.says(&["//p:t  run 2 failed: exit code 1", "passed 3 of 4 runs", "number 1"]);
    assert!(!run.err.contains("number 3"), "the log of the failed run is shown\n{run}");
    let test = tested(&run);
    assert_eq!((&test["status"], &test["runs"], &test["failed_runs"]), (&"failed".into(), &4.into(), &1.into()));
    let events = fs::read_to_string(workspace.beside("e")).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let tried = events.filter(|event| event["event"] == "action_tried").map(|event| event["outcome"].to_string());
    assert_eq!(tried.collect::<Vec<_>>().join(" "), r#""passed" "failed" "passed" "passed""#);
    let passes = ["test", "//p:t", "--runs", "2", "--executor", "host"];
    workspace.rg(&passes).ok().says(&["//p:t  passed 2 of 2 runs"]);
}

#[test]
fn what_a_failed_run_waits_for_is_told_once() {
    let text = "[command.bad]\nrun = \"until [ -e ROOM/slow ]; do sleep 0.01; done; exit 7\"\noutputs = [\"o\"]\n\
                [command.slow]\nrun = \"touch ROOM/slow; sleep 1\"\noutputs = [\"o\"]\n";
    let (_room, workspace) = with_room(text);
    let run = workspace.rg(&["build", "-j2", "--executor", "host"]).exits(1);
    assert_eq!(run.err.matches("waiting for //p:slow").count(), 1, "{run}");
    let run = workspace.rg(&["build", "-j2", "-k", "--executor", "host"]).exits(1);
    assert!(!run.err.contains("waiting for"), "{run}");
}

#[test]
fn keep_going_and_jobs() {
    let text = "[command.bad]\nrun = \"exit 7\"\noutputs = [\"o\"]\n\
                [command.after]\nrun = \"true\"\ninputs = [\":bad\"]\noutputs = [\"o\"]\n\
                [command.good]\nrun = \"sleep 0.2; echo 1 > $OUT/o\"\noutputs = [\"o\"]\n\
                [command.later]\nrun = \"cp $(location :good) $OUT/o\"\ninputs = [\":good\"]\noutputs = [\"o\"]\n";
    let workspace = workspace(&[("p/BUILD.toml", text)]);
    let run = workspace.rg(&["build", "-j", "4"]).exits(1);
    assert!(!workspace.has("rg-out/p/later"), "without -k, nothing new starts after a failure\n{run}");
    let run = workspace.rg(&["build", "-k", "-j1", "--output", "json"]).exits(1).says(&["exit code 7"]);
    let statuses: Vec<String> =
        run.json()["targets"].as_array().unwrap().iter().map(|it| it["status"].to_string()).collect();
    assert_eq!(statuses[0..2], ["\"skipped\"", "\"failed\""]);
    assert!(workspace.has("rg-out/p/later/o"));
    assert_eq!(run.json()["actions"]["skipped"], 1);
}

#[test]
fn exclusive_tests_run_alone_even_when_they_are_forced() {
    let one = |it: usize| {
        format!(
            "[test.t{it}]\nexclusive = true\n\
             run = \"mkdir ROOM/busy; sleep 0.05; rmdir ROOM/busy\"\n"
        )
    };
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let text = (0..5).map(one).collect::<String>().replace("ROOM", room.path().to_str().unwrap());
    let workspace = workspace(&[("p/BUILD.toml", &text)]);
    for more in [&["-j5"][..], &["-j5", "--rerun", "//p:all"], &["-j5", "--no-cache"], &["-j5", "--runs", "2"]] {
        workspace.rg(&[&["test", "//...", "--executor", "host"], more].concat()).ok().runs(5);
    }
}
