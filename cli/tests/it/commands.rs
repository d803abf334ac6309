//! Every command and every shared flag, as they are typed: what is answered on stdout, told on stderr, and the code.

use std::fs;

use serde_json::{Value, json};
use testkit::workspace::{Run, Workspace, remove};

use crate::workspace;

const SHOP: &str = r##"
[command.a]
run = "echo hello from a; cp in.txt $OUT/a.txt"
inputs = ["in.txt"]
outputs = ["a.txt"]
tags = ["web"]

[command.prog]
run = "printf '#!/bin/sh\necho \"ran $*\"; cat; exit 5\n' > $OUT/prog; chmod +x $OUT/prog"
outputs = ["prog"]

[test.t]
run = "echo \"testing $*\"; grep -q x $(location :a)"
inputs = [":a"]

[test.slow]
run = "sleep 100"
timeout = 1
tags = ["manual"]

[alias.z]
actual = ":a"

[suite.all]
tests = [":t"]
"##;

pub fn shop() -> Workspace {
    workspace(&[
        ("p/BUILD.toml", SHOP),
        ("p/in.txt", "x\n"),
        ("q/BUILD.toml", "[files.f]\nsrcs = [\"//p:a\", \"g\"]\n"),
        ("q/g", ""),
        ("n/BUILD.toml", "[files.n]\nsrcs = [\"g\"]\n"),
        ("n/g", ""),
    ])
}

#[test]
fn every_command_has_a_help_with_examples_on_stdout() {
    let workspace = workspace(&[]);
    let top = workspace.rg(&["--help"]).ok();
    for command in
        ["build", "test", "run", "query", "log", "cache", "doctor", "rules", "explain", "clean", "completions"]
    {
        assert!(top.out.contains(command), "{top}");
        let help = workspace.rg(&[command, "--help"]).ok();
        assert!(help.out.contains("Examples:") && help.err.is_empty(), "{help}");
        assert!(!workspace.rg(&["help", command]).ok().out.is_empty());
    }
    for command in ["stats", "gc", "verify", "path"] {
        workspace.rg(&["cache", command, "--help"]).ok();
    }
    let version = workspace.rg(&["--version"]).ok();
    assert!(version.out.starts_with("rg (relgraph) "), "{version}");
    workspace.rg(&[]).exits(2);
    workspace.rg(&["biuld", "//..."]).exits(2).says(&["`rg build`", "rg -e biuld"]);
    workspace.rg(&["build", "--no-such-flag"]).exits(2).says(&["--no-such-flag"]);
}

#[test]
fn stdout_carries_only_the_answer() {
    let workspace = shop();
    for words in
        [&["build", "//..."][..], &["test", "//..."], &["build"], &["clean"], &["build", "-v"], &["build", "-q"]]
    {
        let run = workspace.rg(words).ok();
        assert!(run.out.is_empty(), "{run}");
    }
    let query = workspace.rg(&["query", "//..."]).ok();
    assert!(query.err.is_empty() && query.lines().len() == 8, "{query}");
    for words in [&["build", "//..."][..], &["test", "//...", "--rerun", "//p:t"], &["cache", "stats"], &["doctor"]] {
        let run = workspace.rg(&[words, &["--output", "json"]].concat()).ok();
        assert_eq!(run.lines().len(), 1, "{run}");
        assert!(run.json()["schema"].is_string(), "{run}");
    }
}

#[test]
fn the_form_of_the_answer_is_the_same_for_refusals() {
    let workspace = shop();
    let json = workspace.rg(&["build", "//nope", "--output", "json"]).exits(2).json();
    assert_eq!((&json["schema"], &json["exit_code"]), (&"rg.build/v1".into(), &2.into()));
    let outside = Workspace::new(env!("CARGO_BIN_EXE_rg"), &[]);
    outside.remove("workspace.toml");
    outside.rg(&["build", "//..."]).exits(2).says(&["workspace.toml", "hint:"]);
    outside.rg(&["cache", "stats"]).ok();
    outside.rg(&["doctor"]).says(&["workspace"]);
    outside.rg(&["rules"]).ok();
    let elsewhere = workspace.path("");
    let words = ["--workspace", elsewhere.to_str().unwrap(), "query", "//q/..."];
    assert_eq!(outside.rg(&words).ok().out, "//q:f\n");
}

#[test]
fn patterns_select_by_place_tag_kind_and_file() {
    let workspace = shop();
    let targets = |words: &[&str]| workspace.rg(&[&["build"], words].concat()).ok().summary().targets;
    assert_eq!(targets(&["//p:all"]), 5);
    assert_eq!(targets(&["//..."]), 7);
    assert_eq!(targets(&["//...", "-//q/..."]), 6);
    assert_eq!(targets(&["p:a", "q:f"]), 2);
    assert_eq!((targets(&["n"]), targets(&["n/"]), targets(&["//n/"])), (1, 1, 1));
    assert_eq!(targets(&["tag:web"]), 1);
    assert_eq!(targets(&["kind:test"]), 1);
    assert_eq!(targets(&["p/in.txt"]), 1);
    assert_eq!(workspace.rg_in("p", &["build", ":a"]).ok().summary().targets, 1);
    assert_eq!(workspace.rg_in("q", &["build"]).ok().summary().targets, 1);
    assert_eq!(workspace.rg_in("q", &["build", "..."]).ok().summary().targets, 1);
}

#[test]
fn queries_have_operators_functions_and_forms() {
    let workspace = shop();
    let query = |text: &str| workspace.rg(&["query", text]).ok().out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(query("deps(//p:t)"), "//p:a //p:t p/in.txt");
    assert_eq!(query("deps(//p:t, 1) - //p:t"), "//p:a");
    assert_eq!(query("rdeps(//..., //p:a) ^ //q/..."), "//q:f");
    assert_eq!(query("rdeps(//..., p/in.txt) except //p/... except p/in.txt"), "//q:f");
    assert_eq!(query("kind(test, //...) intersect //p:t"), "//p:t");
    assert_eq!(query("//q:f + //p:z - //q:f"), "//p:z");
    assert_eq!(query("let v = //p:a in rdeps(//..., $v) - $v - //p/..."), "//q:f");
    let form = |form: &str, want: &str| {
        let run = workspace.rg(&["query", "deps(//p:t)", "--output", form]).ok();
        assert!(run.out.contains(want), "{run}");
    };
    form("label", "//p:a\n//p:t\n");
    form("label_kind", "test rule //p:t");
    form("location", "p/BUILD.toml:");
    form("package", "p\n");
    form("minrank", "0 //p:t");
    form("graph", "\"//p:t\" -> \"//p:a\"");
    form("mermaid", "-->");
    form("tree", "└── //p:a");
    form("jsonl", "{\"label\":\"//p:a\"");
    let json = workspace.rg(&["query", "//p:t", "--output", "json"]).ok().json();
    assert_eq!((&json["schema"], &json["targets"][0]["deps"][0]), (&"rg.query/v1".into(), &"//p:a".into()));
    workspace.rg(&["query", "deps("]).exits(2).says(&["^"]);
    workspace.rg(&["query", "//p:nope"]).exits(7).says(&["//p:nope"]);
    assert!(!workspace.has("rg-out"), "a query builds nothing");
}

#[test]
fn logs_of_hits_failures_and_targets_without_any() {
    let workspace = shop();
    workspace.rg(&["log", "//p:a"]).exits(2).says(&["rg build //p:a"]);
    workspace.build(&[]);
    assert_eq!(workspace.rg(&["log", "//p:a"]).ok().out, "hello from a\n");
    assert_eq!(workspace.rg(&["log", "//p:prog"]).ok().out, "");
    workspace.memory_files().iter().for_each(|path| remove(path));
    workspace.build(&[]).runs(0);
    assert_eq!(workspace.rg(&["log", "//p:a"]).ok().out, "hello from a\n");
    workspace.rg(&["log", "//p:nope"]).exits(2).says(&["//p:nope"]);
}

#[test]
fn run_becomes_the_program_with_its_arguments_input_and_code() {
    let workspace = shop();
    let run = workspace.rg_in("q", &["run", "//p:prog", "--", "-v", "a b"]).exits(5);
    assert_eq!(run.out, "ran -v a b\n");
    workspace.rg(&["run", "//p:a"]).exits(2).says(&["//p:a", "executable"]);
    workspace.rg(&["run", "//..."]).exits(2).says(&["targets"]);
    workspace.write("p/in.txt", "y\n");
    workspace.rg(&["run", "//p:prog", "--dry-run"]).ok();
}

#[test]
fn rerun_no_cache_and_dry_run_do_what_they_say() {
    let workspace = shop();
    let dry = workspace.rg(&["build", "--dry-run"]).ok();
    assert!(dry.out.contains("//p:a") && !workspace.has("rg-out"), "{dry}");
    workspace.build(&[]).runs(2);
    assert_eq!(workspace.rg(&["build", "--dry-run"]).ok().out, "");
    let dry = workspace.rg(&["build", "--dry-run", "--rerun", "//p:a", "--output", "json"]).ok().json();
    assert_eq!((&dry["schema"], &dry["dry_run"]["would_run"]), (&"rg.build/v1".into(), &json!(["//p:a"])), "{dry}");
    assert_eq!((&dry["actions"]["executed"], &dry["actions"]["skipped"]), (&0.into(), &1.into()), "{dry}");
    workspace.write("p/in.txt", "x and more\n");
    let dry = workspace.rg(&["build", "--dry-run", "--output", "json"]).ok().json();
    assert_eq!(dry["dry_run"]["would_run_unless_cached"], json!(["//p:a"]), "{dry}");
    workspace.write("p/in.txt", "x\n");
    workspace.build(&["--rerun", "//p:a"]).runs(1);
    workspace.build(&["--rerun", "//p:a", "--rerun", "//p:prog"]).runs(2);
    workspace.rg(&["build", "--rerun", "//p:nope"]).exits(2);
    workspace.build(&["--no-cache"]).runs(2);
    workspace.build(&[]).runs(0);
    workspace.write("p/in.txt", "x2\n");
    workspace.build(&["--no-cache"]).runs(2);
    assert_eq!(workspace.read("rg-out/p/a/a.txt"), "x2\n");
    assert!(workspace.rg(&["build", "--dry-run"]).ok().code == 0);
    workspace.build(&["--offline", "--locked", "--no-remote"]);
}

#[test]
fn profiles_local_settings_and_the_environment_lie_over_the_workspace() {
    let workspace = shop();
    // An action without an image runs natively and on the host, never in an engine.
    let build = ["build", "--rerun", "//p:a"];
    let fails = |run: Run| run.exits(36).says(&["engine", "without an image"]);
    workspace.write(
        "workspace.toml",
        "[workspace]\nname = \"it\"\n[profile.other]\nexecution.executor = \"engine\"\n[profile.ci]\nexecution.executor = \"host\"\n",
    );
    workspace.build(&[]).runs(2);
    workspace.build(&["--profile", "ci"]).runs(2);
    fails(workspace.rg(&[&build[..], &["--profile", "other"]].concat()));
    fails(workspace.rg_with(&build, &[("RG_PROFILE", "other")]));
    // The command line wins over the environment, and the environment over the profile.
    workspace.rg_with(&[&build[..], &["--profile", "ci"]].concat(), &[("RG_PROFILE", "other")]).ok();
    workspace.rg_with(&[&build[..], &["--profile", "other"]].concat(), &[("RG_EXECUTOR", "host")]).ok();
    workspace.write("workspace.local.toml", "[execution]\nexecutor = \"engine\"\n");
    fails(workspace.rg(&build));
    workspace.build(&["--executor", "native"]);
    workspace.write("workspace.local.toml", "[execution\n");
    workspace.rg(&["build"]).exits(2).says(&["workspace.local.toml:1"]);
    workspace.remove("workspace.local.toml");
    workspace.rg(&["build", "--strict", "native", "--executor", "host"]).exits(36);
    workspace.rg(&["build", "--executor", "nativ"]).exits(2).says(&["native"]);
    workspace.rg_with(&["build"], &[("RG_JOBS", "none")]).exits(2).says(&["jobs"]);
}

#[test]
fn events_tell_every_action_whatever_came_of_it() {
    let workspace = shop();
    let events = |words: &[&str]| {
        workspace.rg(&[&["build", "--events", "../e"], words].concat()).ok();
        let text = fs::read_to_string(workspace.beside("e")).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let finished = |events: &[Value]| {
        let finished = events.iter().filter(|event| event["event"] == "action_finished");
        let mut told: Vec<_> = finished.map(|it| (it["label"].to_string(), it["key"].to_string())).collect();
        told.sort();
        told
    };
    let first = events(&[]);
    assert_eq!((&first[0]["event"], &first[0]["schema"]), (&"invocation".into(), &"rg.events/v1".into()));
    assert_eq!(finished(&first).len(), 2);
    let settled = events(&[]);
    assert_eq!(finished(&settled), finished(&first));
    assert!(settled.iter().all(|it| it["event"] != "action_started"));
    workspace.memory_files().iter().for_each(|path| remove(path));
    let hits = events(&[]);
    assert_eq!(finished(&hits), finished(&first));
    let cached = |it: &&Value| it["outcome"] == "cached" && it["cache"] == "local";
    assert_eq!((settled.iter().filter(cached).count(), hits.iter().filter(cached).count()), (2, 2));
    let stream = workspace.rg(&["build", "--output", "jsonl"]).ok();
    assert!(stream.lines().iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{stream}");
    workspace.rg(&["build", "--events", "no/such/directory/e"]).exits(36).says(&["no/such/directory/e"]);
}

#[test]
fn verbosity_and_colours() {
    let workspace = shop();
    let first = workspace.rg(&["build", "-v"]).ok();
    assert!(first.err.contains("hello from a"), "{first}");
    let verbose = workspace.rg(&["build", "-v"]).ok();
    assert!(verbose.err.contains("//p:a  cached"), "{verbose}");
    let quiet = workspace.rg(&["build", "-q", "--rerun", "//p:a"]).ok();
    assert_eq!(quiet.err.lines().count(), 1, "{quiet}");
    workspace.write("p/BUILD.toml", "[command.x\n");
    let plain = workspace.rg(&["build"]).exits(2);
    assert!(!plain.err.contains('\u{1b}'), "{plain}");
    let forced = workspace.rg_with(&["build"], &[("CLICOLOR_FORCE", "1")]).exits(2);
    assert!(forced.err.contains('\u{1b}'), "{forced}");
    let never = workspace.rg_with(&["build", "--color", "never"], &[("CLICOLOR_FORCE", "1")]).exits(2);
    assert!(!never.err.contains('\u{1b}'), "{never}");
    let colours = workspace.rg_with(&["build"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).exits(2);
    assert!(!colours.err.contains('\u{1b}'), "{colours}");
    assert!(workspace.rg(&["build", "--color", "always"]).exits(2).err.contains('\u{1b}'));
}

#[test]
fn the_cache_can_be_looked_after() {
    let workspace = shop();
    assert_eq!(workspace.rg(&["cache", "path"]).ok().out.trim(), workspace.cache().to_str().unwrap());
    workspace.rg(&["cache", "stats"]).ok();
    workspace.rg(&["cache", "gc"]).ok();
    workspace.rg(&["cache", "verify"]).ok();
    workspace.build(&[]);
    let stats = workspace.rg(&["cache", "stats", "--output", "json"]).ok().json();
    assert_eq!((&stats["schema"], &stats["results"]), (&"rg.cache/v1".into(), &2.into()));
    assert!(stats["blobs"].as_u64() > Some(1));
    assert_eq!(workspace.rg(&["cache", "gc", "--output", "json"]).ok().json()["removed_blobs"], 0);
    workspace.rg(&["cache", "verify"]).ok().says(&["2 results"]);
    workspace.rg(&["cache", "nope"]).exits(2);
    let home = workspace.beside("home");
    let at = |name: &str| {
        let mut command = workspace.command(&["cache", "path"]);
        command.env_remove("RG_CACHE_DIR").env(name, &home);
        Run::of(&["cache", "path"], command.output().unwrap()).ok().out.trim().to_owned()
    };
    assert_eq!(at("HOME"), home.join(".cache/rg").to_str().unwrap());
    assert_eq!(at("XDG_CACHE_HOME"), home.join("rg").to_str().unwrap());
}

#[test]
fn rules_explain_doctor_and_completions_answer() {
    let workspace = shop();
    let rules = workspace.rg(&["rules"]).ok();
    for rule in ["alias", "command", "files", "go_binary", "go_test", "suite", "test"] {
        assert!(rules.lines().iter().any(|line| line.starts_with(&format!("{rule} "))), "{rule}\n{rules}");
        let one = workspace.rg(&["rules", rule]).ok();
        assert!(one.out.contains("visibility") || one.out.contains(rule), "{one}");
    }
    workspace.rg(&["rules", "comand"]).exits(2).says(&["command"]);
    assert!(workspace.rg(&["rules", "--output", "json"]).ok().json()["rules"].is_array());
    workspace.rg(&["explain", "rg0102"]).ok().says(&["RG0102"]);
    workspace.rg(&["explain", "48"]).ok().says(&["48: a fetch failed"]);
    assert_eq!(workspace.rg(&["explain", "exit"]).ok().lines().len(), 12);
    workspace.rg(&["explain", "9"]).exits(2).says(&["rg explain exit"]);
    workspace.rg(&["explain", "RG9999"]).exits(2).says(&["RG9999"]);
    assert!(workspace.rg(&["explain", "RG0102", "--output", "json"]).ok().json()["title"].is_string());
    workspace.rg(&["doctor"]).ok().says(&["executor native", "cache", "workspace"]);
    for shell in ["bash", "zsh", "fish"] {
        assert!(workspace.rg(&["completions", shell]).ok().out.contains("query"));
    }
    workspace.rg(&["completions", "basic"]).exits(2);
}

#[test]
fn every_code_of_a_mistake_that_is_printed_can_be_explained() {
    let texts = [
        "[command.x\n",
        "[comand.x]\n",
        "[command.x]\nrunn = 1\noutputs = [\"../o\"]\ninputs = [\"no\", \"*.no\", \"//no:no\"]\n",
    ];
    for text in texts {
        let workspace = workspace(&[("p/BUILD.toml", text)]);
        let run = workspace.rg(&["build"]).exits(2);
        let codes: Vec<&str> = run.err.match_indices("error[RG").map(|(at, _)| &run.err[at + 6..at + 12]).collect();
        assert!(!codes.is_empty(), "{run}");
        codes.iter().for_each(|code| drop(workspace.rg(&["explain", code]).ok()));
    }
}

#[test]
fn clean_removes_the_outputs_and_keeps_the_results() {
    let workspace = shop();
    workspace.rg(&["clean"]).ok();
    workspace.build(&[]).runs(2);
    workspace.rg(&["clean"]).ok();
    assert!(!workspace.has("rg-out"));
    workspace.build(&[]).runs(0);
    assert!(workspace.has("rg-out/p/a/a.txt") && workspace.has("rg-out/.gitignore"));
}

#[test]
fn an_alias_and_a_files_target_deliver_what_they_stand_for() {
    let workspace = shop();
    let run = workspace.rg(&["build", "//p:z", "--output", "json"]).ok();
    assert_eq!(run.json()["targets"][0]["outputs"][0]["path"], "rg-out/p/a/a.txt");
    assert_eq!(workspace.read("rg-out/p/a/a.txt"), "x\n");
    workspace.rg(&["clean"]).ok();
    workspace.build(&["//q:f"]);
    assert!(workspace.has("rg-out/p/a/a.txt"));
}

#[test]
fn a_workspace_below_is_named_with_the_command_that_builds_it() {
    let workspace = shop();
    workspace.write("inner/workspace.toml", "[workspace]\nname = \"inner\"\n");
    workspace.write("inner/s/BUILD.toml", "[command.s]\nrun = \"echo 1 > $OUT/o\"\noutputs = [\"o\"]\n");
    workspace.rg(&["build", "//inner/s"]).exits(2).says(&["rg --workspace inner build //s"]);
    workspace.rg(&["build", "//inner/s/..."]).exits(2).says(&["--workspace inner"]);
    workspace.rg(&["test", "//inner/..."]).exits(2).says(&["rg --workspace inner test //..."]);
    workspace.rg(&["run", "//inner/s:t"]).exits(2).says(&["rg --workspace inner run //s:t"]);
    workspace.rg(&["--workspace", "inner", "build", "//s"]).ok();
    workspace.rg_in("inner/s", &["build"]).ok().runs(0);
    assert!(workspace.has("inner/rg-out/s/s/o") && !workspace.has("rg-out"));
}

#[test]
fn what_cannot_only_tell_refuses_a_dry_run() {
    let workspace = shop();
    workspace.build(&["//p:a"]);
    for words in [&["clean"][..], &["cache", "gc"], &["cache", "verify"], &["lock"], &["shell", "//p:a", "--", "true"]]
    {
        let words = [&["--dry-run"], words].concat();
        workspace.rg(&words).exits(2).says(&["cannot say what it would do"]);
    }
    assert!(workspace.has("rg-out/p/a/a.txt") && !workspace.has("rg.lock"));
}

#[test]
fn an_alias_of_a_test_is_tested_and_logs_are_of_what_a_name_stands_for() {
    let build = "[test.t]\nrun = \"echo said\"\n[alias.al]\nactual = \":t\"\n[suite.s]\ntests = [\":al\"]\n";
    let workspace = workspace(&[("p/BUILD.toml", build)]);
    workspace.rg(&["test", "//p:al"]).ok().runs(1);
    workspace.rg(&["test", "//p:s", "//p:al"]).ok().runs(0);
    for name in ["//p:t", "//p:al", "//p:s"] {
        workspace.rg(&["log", name]).prints("said\n");
    }
}

#[test]
fn a_cache_in_the_workspace_is_no_source_of_it() {
    let build = "[command.a]\nrun = \"find d -type f > $OUT/o\"\ninputs = [\"d/**\"]\noutputs = [\"o\"]\n";
    let workspace = workspace(&[("BUILD.toml", build), ("d/in.txt", "x\n")]);
    let cache = workspace.path("d/c [1]").display().to_string();
    let rg = |words: &[&str]| workspace.rg_with(words, &[("RG_CACHE_DIR", &cache)]);
    rg(&["build"]).ok().runs(1);
    rg(&["build"]).ok().runs(0);
    rg(&["build", "--rerun", "//:a"]).ok();
    assert_eq!(workspace.read("rg-out/a/o"), "d/in.txt\n");
}
