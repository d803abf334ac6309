//! The traps: bugs that build tools have shipped. The number of each is its number in the list of traps of the
//! design. Those of locks, images, releases and remotes come with their features.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use testkit::workspace::{Run, Workspace, processes, remove, wait_until};

use crate::workspace;

const COPY: &str = "[command.copy]\nrun = \"cp in.txt $OUT/out.txt\"\ninputs = [\"in.txt\"]\noutputs = [\"out.txt\"]\n";
const UPPER: &str = "[command.upper]\nrun = \"tr a-z A-Z < $(location //p:copy) > $OUT/upper.txt\"\n\
                     inputs = [\"//p:copy\"]\noutputs = [\"upper.txt\"]\n";

/// A chain of two actions: a copy of a source, and its upper case.
fn chain() -> Workspace {
    workspace(&[("p/BUILD.toml", COPY), ("p/in.txt", "abc\n"), ("q/BUILD.toml", UPPER)])
}

/// Returns the keys that a build without memory tells, by label.
fn keys(workspace: &Workspace, environment: &[(&str, &str)]) -> Vec<(String, String)> {
    workspace.memory_files().iter().for_each(|path| remove(path));
    workspace.rg_with(&["build", "//...", "--events", "../events"], environment).ok();
    finished(&fs::read_to_string(workspace.beside("events")).unwrap())
}

fn finished(events: &str) -> Vec<(String, String)> {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finished = events.filter(|event| event["event"] == "action_finished");
    let mut keys: Vec<_> =
        finished.map(|event| (event["label"].to_string(), event["key"].as_str().unwrap().to_owned())).collect();
    keys.sort();
    keys
}

fn executed(run: &Run) -> Vec<String> {
    let lines = run.err.lines().filter(|line| line.contains("  executed ") || line.contains("  passed "));
    let mut labels: Vec<_> = lines.filter_map(|line| line.split("  ").next()).map(str::to_owned).collect();
    labels.sort();
    labels
}

// Trap 1.
#[test]
fn an_output_that_changes_though_its_key_does_not_reaches_who_depends_on_it() {
    let workspace = workspace(&[(
        "p/BUILD.toml",
        "[command.dice]\nrun = \"cat /proc/sys/kernel/random/uuid > $OUT/o\"\noutputs = [\"o\"]\n\
         [command.seen]\nrun = \"cat $(location :dice) > $OUT/o\"\ninputs = [\":dice\"]\noutputs = [\"o\"]\n",
    )]);
    workspace.build(&[]);
    let before = workspace.read("rg-out/p/seen/o");
    let run = workspace.build(&["--rerun", "//p:dice"]);
    assert_eq!(executed(&run), ["//p:dice", "//p:seen"]);
    assert_ne!(workspace.read("rg-out/p/seen/o"), before);
    assert_eq!(workspace.read("rg-out/p/seen/o"), workspace.read("rg-out/p/dice/o"));
    workspace.build(&[]).runs(0);
}

// Trap 2.
#[test]
fn a_lost_blob_runs_its_producer_alone_in_the_same_invocation() {
    let workspace = chain();
    workspace.build(&[]);
    workspace.stored("ABC\n").iter().for_each(|path| remove(path));
    workspace.remove("rg-out");
    assert_eq!(executed(&workspace.build(&[])), ["//q:upper"]);
    assert_eq!(workspace.read("rg-out/q/upper/upper.txt"), "ABC\n");
}

// Trap 2.
#[test]
fn a_lost_input_blob_brings_its_producer_back_when_a_dependent_runs() {
    let workspace = workspace(&[
        ("p/BUILD.toml", "[command.copy]\nrun = \"echo made > $OUT/out.txt\"\noutputs = [\"out.txt\"]\n"),
        ("q/BUILD.toml", UPPER),
    ]);
    workspace.build(&[]);
    workspace.stored("made\n").iter().for_each(|path| remove(path));
    workspace.write("q/BUILD.toml", UPPER.replace("tr a-z A-Z", "tr m-n M-N"));
    assert_eq!(executed(&workspace.build(&[])), ["//p:copy", "//q:upper"]);
    assert_eq!(workspace.read("rg-out/q/upper/upper.txt"), "Made\n");
}

// Trap 3.
#[test]
fn a_result_that_lacks_an_output_that_is_declared_now_is_no_result() {
    let two = "[command.two]\nrun = \"echo 1 > $OUT/a; echo 2 > $OUT/b\"\noutputs = [\"a\"]\n";
    let workspace = workspace(&[("p/BUILD.toml", two)]);
    workspace.build(&[]);
    workspace.write("p/BUILD.toml", two.replace("[\"a\"]", "[\"a\", \"b\"]"));
    workspace.build(&[]).runs(1);
    assert_eq!(workspace.read("rg-out/p/two/b"), "2\n");
}

fn check_is_not_stored(run: &str, more: &str, says: &str) {
    let text = format!("[command.bad]\nrun = \"{run}\"\noutputs = [\"o\"]\n{more}");
    let workspace = workspace(&[("p/BUILD.toml", &text)]);
    for _ in 0..2 {
        let run = workspace.rg(&["build", "//..."]).exits(1).says(&[says]);
        assert_eq!((run.summary().executed, run.summary().failed), (1, 1), "{run}");
        assert!(!workspace.has("rg-out/p/bad"));
    }
    // Neither in the memory nor in the store.
    workspace.memory_files().iter().for_each(|path| remove(path));
    assert_eq!(workspace.rg(&["build", "//..."]).exits(1).summary().cached, 0);
}

// Trap 4.
#[test]
fn an_action_that_failed_was_killed_or_took_too_long_is_never_stored() {
    check_is_not_stored("echo half > $OUT/o; exit 7", "", "exit code 7");
    check_is_not_stored("echo half > $OUT/o; kill -9 $$", "", "signal 9");
    check_is_not_stored("echo half > $OUT/o; sleep 1000", "timeout = 1\n", "timed out after 1 s");
    check_is_not_stored("true", "", "`o` was not made");
    check_is_not_stored("mkdir $OUT/o", "", "a directory");
}

// Trap 5.
#[test]
fn a_deleted_source_is_a_change_and_what_it_made_disappears() {
    let workspace = workspace(&[
        ("p/BUILD.toml", "[command.all]\nrun = \"cp *.txt $OUT/d\"\ninputs = [\"*.txt\"]\noutputs = [\"d/\"]\n"),
        ("p/a.txt", "a"),
        ("p/b.txt", "b"),
    ]);
    let text = workspace.read("p/BUILD.toml").replace("cp", "mkdir $OUT/d; cp");
    workspace.write("p/BUILD.toml", text);
    workspace.build(&[]);
    assert!(workspace.has("rg-out/p/all/d/b.txt"));
    workspace.remove("p/b.txt");
    workspace.build(&[]).runs(1);
    assert!(workspace.has("rg-out/p/all/d/a.txt") && !workspace.has("rg-out/p/all/d/b.txt"));
}

// Trap 6.
#[test]
fn a_renamed_package_is_one_less_and_one_more() {
    let workspace = workspace(&[("p/BUILD.toml", COPY), ("p/in.txt", "abc\n")]);
    workspace.build(&[]);
    fs::rename(workspace.path("p"), workspace.path("r")).unwrap();
    workspace.build(&[]);
    assert!(workspace.has("rg-out/r/copy/out.txt") && !workspace.has("rg-out/p"));
    workspace.rg(&["build", "//p:copy"]).exits(2);
}

// Trap 6: the outputs of the new target lie where those of the old one did.
#[test]
fn outputs_of_a_gone_target_do_not_survive_below_those_of_a_new_one() {
    let workspace = workspace(&[("p/BUILD.toml", COPY), ("p/in.txt", "abc\n")]);
    workspace.build(&[]);
    workspace.remove("p/BUILD.toml");
    workspace.write("p/copy/BUILD.toml", COPY);
    workspace.write("p/copy/in.txt", "abc\n");
    workspace.build(&[]);
    assert!(workspace.has("rg-out/p/copy/copy/out.txt") && !workspace.has("rg-out/p/copy/out.txt"));
}

// Trap 10.
#[test]
fn who_builds_and_where_is_in_no_key() {
    let workspace = chain();
    let want = keys(&workspace, &[]);
    assert_eq!(want.len(), 2);
    let strange = [
        ("HOME", "/nowhere"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("USER", "someone"),
        ("PATH", "/usr/bin:/bin:/nowhere"),
        ("TZ", "Asia/Kolkata"),
        ("COLUMNS", "7"),
        ("RG_JOBS", "1"),
    ];
    assert_eq!(keys(&workspace, &strange), want);
    // Another clone path, with another umask, from another directory, with other permissions on the sources.
    let elsewhere = workspace.elsewhere();
    fs::set_permissions(elsewhere.path("p/in.txt"), Permissions::from_mode(0o600)).unwrap();
    let rg = elsewhere.command(&[]).get_program().to_owned();
    let mut shell = Command::new("sh");
    let line = "umask 077; cd q; exec \"$0\" build //... --events ../../events";
    shell.args(["-c", line]).arg(rg).current_dir(elsewhere.path("")).env("RG_CACHE_DIR", elsewhere.cache());
    assert!(shell.output().unwrap().status.success());
    assert_eq!(finished(&fs::read_to_string(elsewhere.beside("events")).unwrap()), want);
    elsewhere.build(&[]).runs(0);
}

// Trap 11.
#[test]
fn two_worktrees_share_the_cache() {
    let (one, other) = (chain(), chain());
    one.build(&[]).runs(2);
    let cache = one.cache();
    other.rg_with(&["build", "//..."], &[("RG_CACHE_DIR", cache.to_str().unwrap())]).ok().runs(0);
    assert_eq!(other.read("rg-out/q/upper/upper.txt"), "ABC\n");
}

// Trap 13.
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let many: String = (0..3000).map(|it| format!("[files.f{it}]\nsrcs = [\"in.txt\"]\n")).collect();
    let workspace = workspace(&[("p/BUILD.toml", &many), ("p/in.txt", "")]);
    let mut child = workspace.start(&["query", "//..."]);
    // The pipe is closed before anything is read.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.is_empty(), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

// Trap 16.
#[test]
fn a_file_that_no_target_declares_changes_nothing() {
    let workspace = chain();
    workspace.build(&[]);
    workspace.write("README.md", "more");
    workspace.write("p/notes.md", "more");
    workspace.build(&[]).runs(0);
}

// Trap 17.
#[test]
fn a_cap_smaller_than_the_build_takes_nothing_that_the_build_needs() {
    let workspace = workspace(&[(
        "p/BUILD.toml",
        "[command.a]\nrun = \"head -c 300000 /dev/zero > $OUT/o\"\noutputs = [\"o\"]\n\
         [command.b]\nrun = \"cat $(location :a) $(location :a) > $OUT/o\"\ninputs = [\":a\"]\noutputs = [\"o\"]\n\
         [command.c]\nrun = \"cat $(location :a) $(location :b) > $OUT/o\"\ninputs = [\":a\", \":b\"]\noutputs = [\"o\"]\n",
    )]);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[cache]\nmax_size = \"1KiB\"\n");
    workspace.build(&[]).runs(3);
    let size = |name: &str| fs::metadata(workspace.path(name)).unwrap().len();
    assert_eq!(size("rg-out/p/c/o"), 900_000);
    workspace.rg(&["cache", "gc"]).ok();
    workspace.remove("rg-out");
    workspace.build(&[]);
    assert_eq!((size("rg-out/p/a/o"), size("rg-out/p/c/o")), (300_000, 900_000));
}

// Trap 18.
#[test]
fn builds_at_once_run_each_action_once_between_them() {
    let one = |it: usize| format!("[command.c{it}]\nrun = \"sleep 0.02; echo {it} > $OUT/o\"\noutputs = [\"o\"]\n");
    let workspace = workspace(&[("p/BUILD.toml", &(0..12).map(one).collect::<String>())]);
    let words = ["build", "//...", "--output", "json"];
    let children: Vec<_> = (0..4).map(|_| workspace.start(&words)).collect();
    let runs = children.into_iter().map(|it| Run::of(&words, it.wait_with_output().unwrap()).ok().json());
    let executed: u64 = runs.map(|it| it["actions"]["executed"].as_u64().unwrap()).sum();
    assert_eq!(executed, 12);
    assert_eq!(workspace.delivered().keys().filter(|it| it.ends_with("/o")).count(), 12);
    let rest: Vec<_> = workspace.delivered().into_keys().filter(|it| it.starts_with('.')).collect();
    assert!(rest.is_empty(), "{rest:?}");
}

// Trap 20.
#[test]
fn a_read_of_an_undeclared_file_fails_and_the_message_says_how_to_declare_it() {
    let workspace = workspace(&[
        ("p/BUILD.toml", "[command.a]\nrun = \"cat in.txt > $OUT/o\"\noutputs = [\"o\"]\n"),
        ("p/in.txt", "secret\n"),
        ("q/BUILD.toml", "[command.b]\nrun = \"cat ../p/in.txt > $OUT/o\"\noutputs = [\"o\"]\n"),
    ]);
    workspace.rg(&["build", "//p:a"]).exits(1).says(&["in.txt", "inputs"]);
    workspace.rg(&["build", "//q:b"]).exits(1).says(&["p/in.txt"]);
    // Whatever the program says of it.
    workspace.write("q/BUILD.toml", "[command.b]\nrun = \"echo where is ../p/in.txt; exit 1\"\noutputs = [\"o\"]\n");
    workspace.rg(&["build", "//q:b"]).exits(1).says(&["p/in.txt` is in the workspace", "inputs = [\"//p:"]);
    // A target that reads the file does not give it to others.
    workspace.write(
        "p/BUILD.toml",
        "[command.a]\nrun = \"cat in.txt > $OUT/o\"\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\n",
    );
    let hint = "write [files.data] with srcs = [\"in.txt\"] into p/BUILD.toml, and add inputs = [\"//p:data\"]";
    workspace.rg(&["build", "//q:b"]).exits(1).says(&[hint]);
    // What a target makes is not there, either, wherever it is looked for.
    for path in ["../rg-out/p/a/o", "../p/o", "$PWD/../rg-out/p/a/o"] {
        workspace.write("q/BUILD.toml", format!("[command.b]\nrun = \"cat {path} > $OUT/o\"\noutputs = [\"o\"]\n"));
        workspace.rg(&["build", "//q:b"]).exits(1).says(&["is made by //p:a", "add inputs = [\"//p:a\"]"]);
    }
    // Nor by the path of the checkout, by a program that tells nobody what it opens.
    let absolute = workspace.path("p/in.txt").display().to_string();
    workspace.write("q/BUILD.toml", format!("[command.b]\nrun = \"cp {absolute} $OUT/o\"\noutputs = [\"o\"]\n"));
    workspace.rg(&["build", "//q:b"]).exits(1).says(&[hint]);
}

// Trap 28.
#[test]
fn a_link_that_leads_out_of_the_outputs_is_refused_wherever_it_is() {
    let check = |line: &str, output: &str, code: i32| {
        let text = format!("[command.a]\nrun = \"mkdir -p $OUT/d; {line}\"\noutputs = [\"{output}\"]\n");
        let run = workspace(&[("p/BUILD.toml", &text)]).rg(&["build", "//p:a"]).exits(code);
        if code != 0 {
            run.says(&["leads out of the outputs; copy the file instead"]);
        }
    };
    for target in ["/etc/passwd", "../../../x"] {
        check(&format!("ln -s {target} $OUT/o"), "o", 1);
        check(&format!("ln -s {target} $OUT/d/o"), "d/o", 1);
        check(&format!("ln -s {target} $OUT/d/o"), "d/", 1);
        check(&format!("mkdir $OUT/d/e; ln -s {target} $OUT/d/e/o"), "d/", 1);
    }
    check("ln -s ../x $OUT/d/o", "d/", 0);
    check("ln -s ../x $OUT/d/o", "d/o", 0);
}

// Trap 21.
#[test]
fn a_flaky_test_that_is_restored_is_not_flaky_again() {
    let flaky = "[test.flaky]\nretries = 60\n\
                 run = \"test $(( $(od -An -N1 -tu1 /dev/urandom) % 4 )) = 0\"\n";
    let workspace = workspace(&[("t/BUILD.toml", flaky)]);
    let status = |words: &[&str]| {
        let run = workspace.rg(&[&["test", "//t:flaky", "--output", "json"], words].concat()).ok();
        run.json()["tests"][0].clone()
    };
    let mut tries = 0;
    while status(&["--rerun", "//t:flaky"])["status"] != "flaky" {
        tries += 1;
        assert!(tries < 60, "it never was flaky");
    }
    let restored = status(&[]);
    assert_eq!((restored["status"].as_str(), restored["cached"].as_bool()), (Some("passed"), Some(true)));
    workspace.memory_files().iter().for_each(|path| remove(path));
    assert_eq!(status(&[])["status"], "passed");
}

// Trap 23.
#[test]
fn an_environment_variable_that_no_target_declares_affects_nothing() {
    let text = COPY.replace("cp in.txt", "env | sort >");
    let workspace = workspace(&[("p/BUILD.toml", &text), ("p/in.txt", "")]);
    workspace.build(&[]);
    let seen = workspace.read("rg-out/p/copy/out.txt");
    workspace.rg_with(&["build", "//..."], &[("SECRET", "1"), ("GOFLAGS", "-v")]).ok().runs(0);
    workspace.remove("rg-out");
    workspace.rg_with(&["build", "--no-cache", "//..."], &[("SECRET", "1")]).ok().runs(1);
    assert_eq!(workspace.read("rg-out/p/copy/out.txt"), seen);
    workspace.write("p/BUILD.toml", format!("{text}env = {{ SECRET = \"2\" }}\n"));
    workspace.build(&[]).runs(1);
    assert!(workspace.read("rg-out/p/copy/out.txt").contains("SECRET=2"));
    workspace.write("p/BUILD.toml", format!("{text}# the same\nenv = {{ SECRET = \"2\" }}\n"));
    workspace.build(&[]).runs(0);
}

// Trap 24.
#[test]
fn a_users_files_among_outputs_are_never_merged_with_them() {
    let workspace = chain();
    workspace.build(&[]);
    workspace.write("rg-out/p/copy/mine.txt", "mine");
    workspace.write("rg-out/q/upper/sub/mine.txt", "mine");
    workspace.build(&[]).runs(0);
    assert!(!workspace.has("rg-out/p/copy/mine.txt") && !workspace.has("rg-out/q/upper/sub"));
}

// Trap 24.
#[test]
fn an_output_directory_that_rg_did_not_make_is_refused_and_left_alone() {
    let workspace = chain();
    workspace.write("rg-out/thesis.txt", "mine");
    workspace.rg(&["build", "//..."]).exits(2).says(&["rg-out", "not been made by rg"]);
    workspace.rg(&["clean"]).exits(2).says(&["not been made by rg"]);
    assert_eq!(workspace.read("rg-out/thesis.txt"), "mine");
    assert!(!workspace.has("rg-out/p") && !workspace.has("rg-out/.gitignore"));
}

// Trap 25.
#[test]
fn a_source_that_is_edited_while_an_action_runs_is_not_stored_under_the_old_key() {
    // The first action waits until the test has edited what the second one reads.
    let gate = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (started, go) = (gate.path().join("started"), gate.path().join("go"));
    let wait = format!("touch {}; while ! test -e {}; do sleep 0.01; done", started.display(), go.display());
    let workspace = workspace(&[
        (
            "p/BUILD.toml",
            &format!(
                "[command.wait]\nrun = \"{wait}; cat own.txt > $OUT/o\"\ninputs = [\"own.txt\"]\noutputs = [\"o\"]\n\
                 [command.after]\nrun = \"cat late.txt $(location :wait) > $OUT/o\"\n\
                 inputs = [\":wait\", \"late.txt\"]\noutputs = [\"o\"]\n"
            ),
        ),
        ("p/late.txt", "late\n"),
        ("p/own.txt", "old\n"),
    ]);
    let words = ["build", "//...", "--executor", "host"];
    let child = workspace.start(&words);
    wait_until("the first action has started", || started.exists());
    workspace.write("p/late.txt", "new\n");
    workspace.write("p/own.txt", "new\n");
    File::create(&go).unwrap();
    let run = Run::of(&words, child.wait_with_output().unwrap());
    run.exits(1).says(&["late.txt", "edited while the build was running"]);
    workspace.rg(&words).ok();
    assert_eq!(workspace.read("rg-out/p/after/o"), "new\nnew\n");
    // The result of the old state is not found under the new one, and the other way round.
    workspace.write("p/late.txt", "late\n");
    workspace.rg(&words).ok();
    assert_eq!(workspace.read("rg-out/p/after/o"), "late\nnew\n");
}

// Trap 26.
#[test]
fn an_edit_of_the_same_size_and_time_is_noticed() {
    let workspace = chain();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for text in ["abc\n", "xyz\n", "qrs\n", "qrt\n"] {
        workspace.write("p/in.txt", text);
        File::open(workspace.path("p/in.txt")).unwrap().set_times(FileTimes::new().set_modified(long_ago)).unwrap();
        workspace.build(&[]);
        assert_eq!(workspace.read("rg-out/q/upper/upper.txt"), text.to_uppercase());
    }
    // Many edits within one tick of the file system's clock.
    for round in 0..40 {
        let text = format!("{round:03}\n");
        workspace.write("p/in.txt", &text);
        workspace.build(&["//p:copy"]);
        assert_eq!(workspace.read("rg-out/p/copy/out.txt"), text);
    }
}

fn check_background(line: &str) {
    // A number of its own in the command line finds exactly these processes.
    let mark = format!("3{}.{}", std::process::id(), line.len());
    let text =
        format!("[command.bg]\nrun = \"{}\"\noutputs = [\"o\"]\n", line.replace("SLEEP", &format!("sleep {mark}")));
    let workspace = workspace(&[("p/BUILD.toml", &text)]);
    workspace.build(&[]).runs(1);
    wait_until("the background process is gone", || processes(&format!("sleep\0{mark}")).is_empty());
}

// Trap 31.
#[test]
fn what_an_action_leaves_in_the_background_goes_with_it() {
    check_background("SLEEP & echo 1 > $OUT/o");
    check_background("setsid sh -c 'SLEEP' & echo 1 > $OUT/o");
    check_background("(trap '' TERM HUP; setsid setsid SLEEP >/dev/null 2>&1 &); echo 1 > $OUT/o");
}

// Trap 33.
#[test]
fn an_action_that_prints_a_lot_or_never_ends_a_line_stays_small() {
    for line in ["yes | head -c 20000000", "yes | tr -d [:space:] | head -c 20000000"] {
        let text = format!("[command.loud]\nrun = \"{line}; echo 1 > $OUT/o; exit 1\"\noutputs = [\"o\"]\n");
        let workspace = workspace(&[("p/BUILD.toml", &text)]);
        let mut command = workspace.command(&["build", "//..."]);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let peak = std::thread::spawn(move || {
            let mut peak = 0;
            while let Ok(text) = fs::read_to_string(&status) {
                let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
                let Some(line) = line else { break };
                peak = peak.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
                std::thread::yield_now();
            }
            peak
        });
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stderr.len() < 2_000_000, "{} bytes were shown", output.stderr.len());
        let peak = peak.join().unwrap();
        assert!(peak < 100_000, "rg held {peak} kB");
        assert!(workspace.rg(&["log", "//p:loud"]).ok().out.len() >= 20_000_000);
    }
}

// Trap 34.
#[test]
fn a_cycle_through_four_packages_is_shown_whole_with_the_line_of_each_edge() {
    let package = |name: &str, next: &str| {
        format!("# {name}\n[command.t]\nrun = \"true\"\noutputs = [\"o\"]\n\ninputs = [\"//{next}:t\"]\n")
    };
    let texts = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")].map(|(it, next)| package(it, next));
    let files = ["a", "b", "c", "d"].map(|it| format!("{it}/BUILD.toml"));
    let files: Vec<(&str, &str)> = files.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let workspace = workspace(&files);
    let run = workspace.rg(&["build", "//..."]).exits(2);
    run.clone().says(&["cycle", "//a:t -> //b:t -> //c:t -> //d:t -> //a:t"]);
    run.says(&["a/BUILD.toml:6", "b/BUILD.toml:6", "c/BUILD.toml:6", "d/BUILD.toml:6"]);
}
