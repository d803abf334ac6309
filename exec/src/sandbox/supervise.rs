//! The caller's side: starts a helper, waits for it within its limits, and reads how the program ended.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use super::kernel::Usage;
use super::root::standard_mounts;
use super::wire::{HELPER_WORD, Job, Report, receive_report, send_job};
use super::{Ended, How, Sandbox, SandboxError, Spec, wait_for};

/// How often the caller is asked whether it still wants the program.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long a helper may take to end its sandbox before it is ended itself.
const GRACE: Duration = Duration::from_secs(5);

impl Sandbox {
    /// Runs a program and returns how it ended, when nothing of it is left. Its standard output and error both go
    /// to `log`, which should be open for appending.
    ///
    /// The calling thread waits for as long: the sandbox ends with the thread that made it.
    pub fn run(
        &self,
        spec: &Spec,
        log: File,
        timeout: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Ended, SandboxError> {
        let start = Instant::now();
        let failed = |source| SandboxError::Helper { helper: self.helper.clone(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let pid = self.start(theirs, log).map_err(failed)?;
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| failed(errno.into()));
        let stopped = ended.and_then(|ended| {
            let job = Job { spec: with_standard_mounts(spec), caller: getpid().as_raw_nonzero().get() };
            // A helper that has failed already does not read; its report says why.
            let _ = send_job(&ours, &job);
            let stopped = wait_until(&ended, timeout.map(|timeout| start + timeout), cancelled).map_err(failed)?;
            if stopped.is_some() {
                let _ = ours.shutdown(std::net::Shutdown::Write);
                end_helper(&ended);
            }
            Ok(stopped)
        });
        if stopped.is_err() {
            let _ = ours.shutdown(std::net::Shutdown::Write);
        }
        let (_, usage) = wait_for(pid).map_err(failed)?;
        settle(spec, stopped?, receive_report(&ours), usage, start.elapsed())
    }

    fn start(&self, channel: UnixStream, log: File) -> std::io::Result<Pid> {
        let mut command = Command::new(&self.helper);
        command.arg(HELPER_WORD).env_clear().stdin(OwnedFd::from(channel)).stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt typed at the terminal is for rg alone, which then decides.
        let child = command.process_group(0).spawn()?;
        Ok(Pid::from_child(&child))
    }
}

/// Waits until a process has ended, and returns why it must be ended instead, if that comes first.
pub(crate) fn wait_until(
    process: &OwnedFd,
    deadline: Option<Instant>,
    cancelled: &dyn Fn() -> bool,
) -> std::io::Result<Option<How>> {
    loop {
        if cancelled() {
            return Ok(Some(How::Cancelled));
        }
        let left = deadline.map_or(ASK_EVERY, |deadline| deadline.saturating_duration_since(Instant::now()));
        if has_ended(process, left.min(ASK_EVERY))? {
            return Ok(None);
        }
        if left.is_zero() {
            return Ok(Some(How::TimedOut));
        }
    }
}

fn has_ended(process: impl AsFd, within: Duration) -> std::io::Result<bool> {
    let timeout = within.try_into().map_err(std::io::Error::other)?;
    match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
        Ok(ready) => Ok(ready > 0),
    }
}

/// The helper ends its sandbox when its channel closes; one that is stuck is ended, and the kernel does the rest.
fn end_helper(helper: &OwnedFd) {
    let deadline = Instant::now() + GRACE;
    if !matches!(wait_until(helper, Some(deadline), &|| false), Ok(None)) {
        let _ = pidfd_send_signal(helper, Signal::KILL);
    }
}

fn settle(
    spec: &Spec,
    stopped: Option<How>,
    report: Option<Report>,
    whole: Usage,
    wall: Duration,
) -> Result<Ended, SandboxError> {
    let ended = |how, usage: Usage| {
        let Usage { user, system, peak_memory_bytes } = usage;
        Ok(Ended { how, user, system, wall, peak_memory_bytes })
    };
    match (stopped, report) {
        (Some(how), _) => ended(how, whole),
        (None, Some(Report::Ended { how, usage })) => ended(how, usage),
        (None, Some(Report::Setup(fault))) => Err(SandboxError::Setup {
            call: fault.call,
            on: fault.on,
            source: std::io::Error::from_raw_os_error(fault.errno),
        }),
        (None, Some(Report::Program { errno })) => Err(SandboxError::Program {
            argv0: spec.argv.first().cloned().unwrap_or_default(),
            source: std::io::Error::from_raw_os_error(errno),
        }),
        (None, None) => Err(SandboxError::Lost),
    }
}

fn with_standard_mounts(spec: &Spec) -> Spec {
    let mounts = standard_mounts().into_iter().chain(spec.mounts.iter().cloned()).collect();
    Spec { mounts, ..spec.clone() }
}
