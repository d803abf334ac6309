//! System calls that fail, one at a time: the exit code is true, nothing panics, and the next build is right.

use std::process::{Command, Output};

use testkit::workspace::{Run, Workspace};

use crate::environment;
use crate::faults::{busy, check_recovers, forget};

/// What fails, and how: calls with the errors that they can really give.
const FAULTS: [(&str, &str); 20] = [
    ("openat", "EACCES"),
    ("openat", "EIO"),
    ("openat", "EMFILE"),
    ("openat", "ENOSPC"),
    ("openat", "ENOMEM"),
    ("read", "EIO"),
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("mkdir", "ENOSPC"),
    ("mkdir", "EACCES"),
    ("rename", "EIO"),
    ("linkat", "EMLINK"),
    ("linkat", "ENOSPC"),
    ("unlink", "EIO"),
    ("socketpair", "EMFILE"),
    ("clone3", "EAGAIN"),
];

/// The calls of each thread at which it fails, the rarest last.
const NUMBERS: [u32; 10] = [1, 3, 9, 27, 2, 5, 14, 40, 80, 160];

/// Builds under strace, which makes one call of each thread fail.
fn build_with(workspace: &Workspace, call: &str, error: &str, number: u32) -> Run {
    let inject = format!("inject={call}:error={error}:when={number}");
    let program = workspace.command(&[]).get_program().to_owned();
    let words = ["build", "//..."];
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]).arg(program);
    command.args(words).current_dir(workspace.path("")).env_clear().env("PATH", "/usr/bin:/bin");
    command.env("HOME", workspace.beside("home")).env("RG_CACHE_DIR", workspace.cache());
    let output: Output = command.output().unwrap();
    Run::of(&words, output)
}

/// The run ends by itself, with a code of the table; it says why if it failed, and if it did not, all is there.
fn check_is_true(workspace: &Workspace, run: &Run, when: &str) {
    assert!([0, 1, 2, 36].contains(&run.code), "{when}: {run}");
    if run.code == 0 {
        assert_eq!(workspace.read("rg-out/p/e/o"), "x\nx\nx\n", "{when}: {run}");
    } else {
        // The call that failed may have been the one that would have said it.
        assert!(run.err.contains("error") || when.starts_with("write"), "{when}: it does not say why\n{run}");
    }
}

#[test]
fn after_any_call_fails_the_exit_code_is_true_and_the_next_build_is_right() {
    if !environment::has("strace") {
        return;
    }
    let workspace = busy();
    let most = if environment::is_ci() { NUMBERS.len() } else { 2 };
    let mut failed = 0;
    for (call, error) in FAULTS {
        for number in &NUMBERS[..most] {
            forget(&workspace);
            let when = format!("{call} number {number} of a thread gives {error}");
            let run = build_with(&workspace, call, error, *number);
            // The loader of the program itself cannot go on without its libraries.
            if run.code == 127 && run.err.contains("error while loading shared libraries") {
                continue;
            }
            check_is_true(&workspace, &run, &when);
            failed += u32::from(run.code != 0);
            check_recovers(&workspace, &when);
        }
    }
    assert!(failed >= 5, "only {failed} builds failed");
}
