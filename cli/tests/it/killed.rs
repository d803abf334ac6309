//! Signals at any moment: everything that was started ends, and the next build just works.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use testkit::workspace::{Run, processes, tree, wait_until};

use crate::faults::{busy, check_recovers, forget};
use crate::{environment, workspace};

fn kill(child: &Child, signal: &str) {
    let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
}

/// Waits as exactly as it can.
fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn after_a_kill_at_any_moment_the_next_build_is_right() {
    let workspace = busy();
    let whole = {
        let began = Instant::now();
        workspace.build(&[]);
        began.elapsed()
    };
    let rounds = if environment::is_ci() { 60 } else { 20 };
    for round in 0..rounds {
        match round % 3 {
            0 => forget(&workspace),
            1 => workspace.write("p/in.txt", format!("x{round}\n")),
            _ => workspace.remove("rg-out"),
        }
        let at = whole.mul_f64(f64::from(round) / f64::from(rounds));
        let mut child = workspace.start(&["build", "//..."]);
        spin(at);
        kill(&child, "-KILL");
        child.wait().unwrap();
        let when = format!("killed after {at:?}");
        let verified = workspace.rg(&["cache", "verify"]);
        assert!(verified.code == 0, "{when}: {verified}");
        check_recovers(&workspace, &when);
    }
}

#[test]
fn after_a_kill_at_any_event_the_next_build_is_right() {
    let workspace = busy();
    // A pipe in the place of the event file holds rg at each event until it is read.
    let pipe = workspace.beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for killed_at in 1..12 {
        forget(&workspace);
        let words = ["build", "//...", "--output", "jsonl"];
        let mut child = workspace.start(&words);
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        for _ in 0..killed_at {
            line.clear();
            std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        }
        kill(&child, "-KILL");
        child.wait().unwrap();
        check_recovers(&workspace, &format!("killed at event {killed_at}"));
    }
}

fn check_signal(signal: &str) {
    // A number of its own finds exactly these processes.
    let mark = format!("4{}.{}", std::process::id(), signal.len());
    let text = format!(
        "[command.k]\nrun = \"trap '' TERM INT HUP; setsid sleep {mark} & sleep {mark}; echo 1 > $OUT/o\"\noutputs = [\"o\"]\n"
    );
    let workspace = workspace(&[("p/BUILD.toml", &text)]);
    let words = ["build", "//..."];
    let child = workspace.start(&words);
    let running = || !processes(&format!("sleep\0{mark}")).is_empty();
    wait_until("the action runs", running);
    kill(&child, signal);
    let run = Run::of(&words, child.wait_with_output().unwrap());
    if signal != "-KILL" {
        let run = run.exits(8);
        assert_eq!(run.summary().cached, 0, "{run}");
    }
    wait_until("everything it started is gone", || !running());
    assert!(!workspace.has("rg-out/p"));
    workspace.write("p/BUILD.toml", "[command.k]\nrun = \"echo 1 > $OUT/o\"\noutputs = [\"o\"]\n");
    check_recovers(&workspace, signal);
    let scratch = tree(&workspace.cache(), &[]).into_keys().filter(|it| it.contains("/tmp/")).collect::<Vec<_>>();
    assert!(scratch.is_empty(), "{signal} left {scratch:?}");
}

#[test]
fn a_signal_ends_everything_that_was_started() {
    ["-INT", "-TERM", "-HUP", "-KILL"].into_iter().for_each(check_signal);
}

/// The calls by which something is changed on the disk.
const MUTATING: [&str; 8] = ["rename", "renameat2", "fsync", "linkat", "unlink", "mkdir", "pwrite64", "ftruncate"];
/// At which of these calls rg is killed.
const NUMBERS: [u32; 10] = [1, 2, 4, 7, 3, 5, 10, 15, 25, 40];

#[test]
fn after_a_kill_at_any_mutating_call_the_next_build_is_right() {
    if !environment::has("strace") {
        return;
    }
    let workspace = busy();
    let program = workspace.command(&[]).get_program().to_str().unwrap().to_owned();
    let most = if environment::is_ci() { NUMBERS.len() } else { 3 };
    let mut killed = 0;
    for call in MUTATING {
        for number in &NUMBERS[..most] {
            forget(&workspace);
            let inject = format!("inject={call}:signal=SIGKILL:when={number}");
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            command.arg(&program).args(["build", "//..."]).current_dir(workspace.path("")).env_clear();
            command.env("PATH", "/usr/bin:/bin").env("HOME", workspace.beside("home"));
            let done = command.env("RG_CACHE_DIR", workspace.cache()).output().unwrap();
            if done.status.success() {
                // There are no so many of these calls in any thread.
                continue;
            }
            killed += 1;
            check_recovers(&workspace, &format!("killed at {call} number {number}"));
        }
    }
    assert!(killed >= MUTATING.len(), "only {killed} builds were killed");
}
