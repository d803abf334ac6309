//! The `host` executor's runner: a plain process in a directory, without a container; used only when asked for by name.
//!
//! It keeps the promises that a process group can keep: time limit, cancellation, and an end of what the program left
//! running in its group. A program that leaves its group escapes.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid};

use crate::sandbox::{Ended, How, SandboxError, Usage, wait_for, wait_until};

/// A program to run as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plain<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// The whole environment.
    pub env: &'a [(String, String)],
    /// The working directory.
    pub directory: &'a Path,
}

/// Runs a program and returns how it ended, when nothing of its process group is left. Its standard output and error
/// both go to `log`, which should be open for appending.
pub fn run(
    plain: &Plain<'_>,
    log: File,
    timeout: Option<Duration>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Ended, SandboxError> {
    let start = Instant::now();
    let argv0 = plain.argv.first().cloned().unwrap_or_default();
    let lost = |errno: rustix::io::Errno| SandboxError::Setup {
        call: "waitid".into(),
        on: argv0.clone(),
        source: errno.into(),
    };
    let pid = spawn(plain, log).map_err(|source| SandboxError::Program { argv0: argv0.clone(), source })?;
    let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(lost);
    let deadline = timeout.map(|timeout| start + timeout);
    let stopped = ended.and_then(|ended| {
        let failed = |source| SandboxError::Setup { call: "poll".into(), on: argv0.clone(), source };
        wait_until(&ended, deadline, &|| cancelled().then_some(How::Cancelled)).map_err(failed)
    });
    if stopped.as_ref().map_or(true, Option::is_some) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    // Until the leader is reaped, the group's number cannot be another's: so the group is ended before.
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let _ = kill_process_group(pid, Signal::KILL);
    let (how, usage) =
        wait_for(pid).map_err(|source| SandboxError::Setup { call: "wait4".into(), on: argv0, source })?;
    let Usage { user, system, peak_memory_bytes } = usage;
    Ok(Ended { how: stopped?.unwrap_or(how), user, system, wall: start.elapsed(), peak_memory_bytes, left: false })
}

fn spawn(plain: &Plain<'_>, log: File) -> std::io::Result<Pid> {
    let Some((program, arguments)) = plain.argv.split_first() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(plain.env.iter().map(|(name, value)| (name, value)));
    command.current_dir(plain.directory).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(Pid::from_child(&command.process_group(0).spawn()?))
}
