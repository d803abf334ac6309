//! The processes below one, and their end where no namespace ends them.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};

/// Returns all processes below one, parents first.
pub(super) fn below(top: Pid) -> Vec<Pid> {
    let mut found = children(top);
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        found.extend(children(process));
        next += 1;
    }
    found
}

fn children(process: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let number = |word: &str| Pid::from_raw(word.parse().ok()?);
    lists.flat_map(|list| list.split_whitespace().filter_map(number).collect::<Vec<_>>()).collect()
}

/// Ends all processes below this one, which must be where orphans go: then nothing is left exactly when it has no child
/// any more. Whatever a process starts while it is ended becomes a child of this one, and is ended next.
pub(super) fn end_all() -> Result<(), Errno> {
    loop {
        for process in below(getpid()) {
            match kill_process(process, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}
