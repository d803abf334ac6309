//! How a program is ended, and that nothing of it is left.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use exec::host::{self, Plain};
use exec::sandbox::{How, SandboxError};

use crate::fixture::{check, log, run, run_spec, scratch, spec};

/// Returns the processes, zombies aside, that have the word in their command line.
pub fn processes_with(word: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(word) && entry.file_name() != std::process::id().to_string().as_str()
        {
            found.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    found
}

/// Returns a number of seconds that no other process sleeps.
pub fn unique_sleep() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("4{}{:02}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn stray_processes_die_with_the_program() {
    let sleep = unique_sleep();
    let start = Instant::now();
    let script = format!("sleep {sleep} & (setsid sh -c 'trap \"\" TERM; sleep {sleep}' &) ; echo done");
    check(&script, "done\n");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

pub fn a_program_ends_when_its_time_is_over() {
    let sleep = unique_sleep();
    let script = format!("trap '' TERM INT; echo begun; sleep {sleep}; sleep {sleep}");
    let ran = run_spec(&spec(&["sh", "-c", &script], vec![]), Some(Duration::from_millis(300)), &|| false);
    let ended = ran.result.unwrap();
    assert_eq!((ended.how, ran.output.as_str()), (How::TimedOut, "begun\n"));
    assert!(ended.wall >= Duration::from_millis(300) && ended.wall < Duration::from_secs(3), "{ended:?}");
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

pub fn a_program_ends_when_it_is_cancelled() {
    let sleep = unique_sleep();
    let start = Instant::now();
    let cancelled = || start.elapsed() > Duration::from_millis(200);
    let ran = run_spec(&spec(&["sleep", &sleep], vec![]), Some(Duration::from_secs(60)), &cancelled);
    assert_eq!(ran.result.unwrap().how, How::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

pub fn time_and_memory_are_measured() {
    let ballast = vec![1u8; 200 << 20];
    let script = "perl -e '$x = \"x\" x 60000000; $i = 0; while ($i < 3000000) { $i++ }'";
    let ended = run(script, vec![]).result.unwrap();
    assert!(ended.user > Duration::from_millis(30) && ended.wall >= ended.user, "{ended:?}");
    // The memory of the caller does not count.
    assert!((60_000_000..190_000_000).contains(&ended.peak_memory_bytes), "{ended:?}");
    assert_eq!(ballast.len(), 200 << 20);
}

pub fn run_a_sleeper(sleep: &str) {
    run(&format!("sleep {sleep} & sleep {sleep}"), vec![]).result.unwrap();
}

/// Waits, at most ten seconds, until something holds.
#[track_caller]
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

pub fn killing_the_caller_leaves_no_process() {
    let sleep = unique_sleep();
    let mut caller = Command::new(std::env::current_exe().unwrap()).args(["sleeper", &sleep]).spawn().unwrap();
    let sleeping = || processes_with(&sleep).iter().filter(|line| line.starts_with("sleep")).count();
    wait_until("the sandbox sleeps", || sleeping() == 2);
    caller.kill().unwrap();
    caller.wait().unwrap();
    let helper = format!("{}\0__sandbox", std::env::current_exe().unwrap().display());
    wait_until("no process is left", || processes_with(&sleep).is_empty() && processes_with(&helper).is_empty());
}

pub fn the_host_runner_keeps_the_same_promises() {
    let sleep = unique_sleep();
    let place = scratch();
    let run = |script: &str, timeout| {
        let argv = ["sh", "-c", script].map(String::from);
        let env = [("PATH".into(), "/usr/bin:/bin".into())];
        host::run(&Plain { argv: &argv, env: &env, directory: &place }, log(), timeout, &|| false)
    };
    assert_eq!(run("exit 7", None).unwrap().how, How::Exited(7));
    assert_eq!(run("kill -9 $$", None).unwrap().how, How::Signalled(9));
    assert_eq!(run(&format!("sleep {sleep} & exit 0"), None).unwrap().how, How::Exited(0));
    let soon = Some(Duration::from_millis(200));
    assert_eq!(run(&format!("trap '' TERM; sleep {sleep}"), soon).unwrap().how, How::TimedOut);
    wait_until("no process is left", || processes_with(&sleep).is_empty());
    let missing =
        host::run(&Plain { argv: &["/no/such".to_owned()], env: &[], directory: &place }, log(), None, &|| false);
    assert!(matches!(missing, Err(SandboxError::Program { .. })), "{missing:?}");
    fs::remove_dir_all(place).unwrap();
}
