//! What `rg shell` opens.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::workspace;

const FAILS: &str = r#"
[command.c]
run = """
echo half > $OUT/o; echo note > note; rm gone.txt; rm -r d; mkdir d; echo other > d/new; echo x > /tmp/x
exit 3
"""
inputs = ["gone.txt", "d/old.txt"]
outputs = ["o"]
"#;
const LOOK: &str = "cat $OUT/o note /tmp/x; ls -A . d; cd /tmp/home && id -u";

#[test]
fn after_a_failure_a_shell_opens_in_the_very_sandbox_that_failed() {
    let workspace = workspace(&[("p/BUILD.toml", FAILS), ("p/gone.txt", "1\n"), ("p/d/old.txt", "1\n")]);
    let look = |words: &str| workspace.rg(&["shell", "//p:c", "--", "sh", "-c", words]);
    // It has not failed yet: nothing that it does is there.
    look("ls -A . d; test ! -e $OUT/o").prints(".:\nd\ngone.txt\n\nd:\nold.txt\n");
    workspace.rg(&["build", "//p:c"]).exits(1);
    let seen = "half\nnote\nx\n.:\nd\nnote\n\nd:\nnew\n1000\n";
    look(LOOK).prints(seen).says(&["the sandbox in which it failed"]);
    // What is written there stays for the next visit, and is no result.
    look("echo more >> note; echo more >> $OUT/o").ok();
    look("tail -n 1 note $OUT/o | grep -c more").prints("2\n");
    workspace.rg(&["build", "//p:c"]).exits(1);
    look(LOOK).prints(seen);
    look("cd /; ls $OUT").prints("o\n");
    assert!(workspace.has("p/gone.txt") && workspace.has("p/d/old.txt"));
    // Another action than the one that failed begins anew.
    workspace.write("p/gone.txt", "2\n");
    look("cat gone.txt; test ! -e note").prints("2\n");
    workspace.write("p/gone.txt", "1\n");
    look("test -e note").ok();
}

#[test]
fn an_alias_opens_what_it_stands_for() {
    let workspace = workspace(&[("p/BUILD.toml", &format!("{FAILS}[alias.al]\nactual = \":c\"\n"))]);
    ["p/gone.txt", "p/d/old.txt"].iter().for_each(|file| workspace.write(file, "1\n"));
    workspace.rg(&["shell", "//p:al", "--", "cat", "gone.txt"]).prints("1\n");
}

#[test]
fn a_visit_ends_when_rg_is_told_to_end() {
    let workspace = workspace(&[("p/BUILD.toml", FAILS), ("p/gone.txt", "1\n"), ("p/d/old.txt", "1\n")]);
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut command = workspace.command(&["shell", "//p:c", "--", "sh", "-c", "echo begun; sleep 900"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "begun\n");
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(8), "{signal}");
    }
}

#[test]
fn a_sandbox_that_failed_is_gone_once_its_action_succeeds() {
    let flaky = "[test.t]\nrun = \"echo note > note; test -e /cache/n/x || { touch /cache/n/x; exit 1; }\"\ncache_mounts = { n = \"/cache/n\" }\n";
    let workspace = workspace(&[("p/BUILD.toml", flaky)]);
    let has_note = || workspace.rg(&["shell", "//p:t", "--", "sh", "-c", "test -e note"]).code;
    workspace.rg(&["test", "//p:t"]).exits(3);
    assert_eq!(has_note(), 0);
    workspace.rg(&["test", "//p:t"]).ok();
    assert_eq!(has_note(), 1);
}

#[test]
fn a_test_that_fails_with_other_arguments_leaves_no_sandbox() {
    let argv = "[test.t]\nargv = [\"sh\", \"-c\", \"echo note > note; test $# = 0\", \"t\"]\n";
    let workspace = workspace(&[("p/BUILD.toml", argv)]);
    workspace.rg(&["test", "//p:t", "--", "more"]).exits(3);
    workspace.rg(&["shell", "//p:t", "--", "sh", "-c", "test ! -e note"]).ok();
}

#[test]
fn of_an_action_that_makes_no_output_what_it_made_is_kept() {
    let workspace = workspace(&[("p/BUILD.toml", "[command.c]\nrun = \"echo x > $OUT/other\"\noutputs = [\"o\"]\n")]);
    workspace.rg(&["build", "//p:c"]).exits(1).says(&["`o`"]);
    workspace.rg(&["shell", "//p:c", "--", "sh", "-c", "ls $OUT"]).prints("other\n");
}

#[test]
fn what_runs_in_a_shell_has_the_memory_of_its_action() {
    let greedy = "[command.c]\nrun = \"true > $OUT/o\"\noutputs = [\"o\"]\nmemory = \"16MiB\"\n";
    let workspace = workspace(&[("p/BUILD.toml", greedy)]);
    let run = workspace.rg(&["shell", "//p:c", "--", "sh", "-c", "head -c 300m /dev/zero | tail | wc -c"]);
    run.exits(1).says(&["//p:c", "more memory than it may have"]);
}
