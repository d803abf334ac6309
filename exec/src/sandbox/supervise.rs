//! The caller's side: starts a helper, waits for it within its limits, and reads how the program ended.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::kernel::Usage;
use super::memory::Memory;
use super::root::standard_mounts;
use super::wire::{Report, Request, receive_report, send_spec};
use super::zygote::Zygote;
use super::{Ended, How, Sandbox, SandboxError, Spec, Streams, Way, wait_for};

/// How often the caller is asked whether it still wants the program.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long a helper may take to end its sandbox before it is ended itself.
const GRACE: Duration = Duration::from_secs(5);

impl Sandbox {
    /// Runs a program with the standard streams and the terminal of this process, and returns how it ended.
    pub fn visit(&self, spec: &Spec, cancelled: &dyn Fn() -> bool) -> Result<How, SandboxError> {
        let failed = |source: std::io::Error| SandboxError::Helper { helper: self.helper.clone(), source };
        // Without the flag that closes it, the helper and process 1 have it, too, by the same number.
        let input = rustix::io::dup(std::io::stdin()).map_err(|errno| failed(errno.into()))?;
        let spec = Spec { streams: Streams::Own(input.as_raw_fd()), ..spec.clone() };
        let stdout = std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        let stderr = std::io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
        let ended = self.supervise(&spec, (stdout.into(), stderr.into()), None, cancelled);
        match ended {
            // What was typed at the terminal came to the helper, too.
            Err(SandboxError::Lost | SandboxError::Helper { .. }) if cancelled() => Ok(How::Cancelled),
            ended => Ok(ended?.how),
        }
    }

    /// Runs a program and returns how it ended, when nothing of it is left. Its standard output and error both go
    /// to `log`, which should be open for appending.
    ///
    /// The calling thread waits for as long.
    pub fn run(
        &self,
        spec: &Spec,
        log: File,
        timeout: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Ended, SandboxError> {
        let failed = |source| SandboxError::Helper { helper: self.helper.clone(), source };
        let outputs = (log.try_clone().map_err(failed)?, log);
        self.supervise(spec, outputs, timeout, cancelled)
    }

    fn supervise(
        &self,
        spec: &Spec,
        outputs: (File, File),
        timeout: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Ended, SandboxError> {
        let start = Instant::now();
        let failed = |source| SandboxError::Helper { helper: self.helper.clone(), source };
        let deadline = timeout.map(|timeout| start + timeout);
        let limits = Limits { deadline, stop: &|| cancelled().then_some(How::Cancelled) };
        let Split { zygote, pid, channel: ours } = match self.split(spec, &outputs, &limits).map_err(failed)? {
            Ok(split) => split,
            Err(how) => return settle(spec, Some(how), None, Usage::default(), start.elapsed()),
        };
        drop(outputs);
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| failed(errno.into()));
        let stopped = ended.and_then(|ended| {
            let memory = spec.memory_bytes.map(|limit| Memory::limit(pid, limit));
            // A helper that has failed already does not read; its report says why.
            let _ = send_spec(&ours, &with_standard_mounts(spec));
            let is_over = || memory.as_ref().is_some_and(Memory::is_over);
            let stop = || match (cancelled(), is_over()) {
                (true, _) => Some(How::Cancelled),
                (false, true) => Some(How::OutOfMemory),
                (false, false) => None,
            };
            let stopped = wait_until(&ended, deadline, &stop).map_err(failed)?;
            if stopped.is_some() {
                let _ = ours.shutdown(std::net::Shutdown::Write);
                end_helper(&ended);
            }
            Ok((stopped, memory))
        });
        if stopped.is_err() {
            let _ = ours.shutdown(std::net::Shutdown::Write);
        }
        let (how, usage) = wait_for(pid).map_err(failed)?;
        // Not before, and not if the helper was ended: only one that ends by itself has seen all of the program end, and
        // the network is that of one program at a time.
        if spec.streams == Streams::Log && matches!(how, How::Exited(_)) {
            self.idle().push(zygote);
        }
        let (stopped, memory) = stopped?;
        let report = if stopped.is_none() { receive_report(&ours) } else { None };
        let ended = settle(spec, stopped, report, usage, start.elapsed());
        match memory {
            None => ended,
            Some(memory) => weigh(spec, ended, &memory, usage, start.elapsed()),
        }
    }

    /// Splits a helper off an idle zygote, or a new one.
    fn split(&self, spec: &Spec, outputs: &(File, File), limits: &Limits<'_>) -> std::io::Result<Result<Split, How>> {
        let network = match spec.way {
            Way::Namespaces => spec.network,
            // It gets none of its own.
            Way::Chroot { .. } => model::Network::Host,
        };
        let split = |zygote: Zygote| {
            let (ours, theirs) = UnixStream::pair()?;
            let (channel, stdout, stderr) = (theirs.as_fd(), outputs.0.as_fd(), outputs.1.as_fd());
            let pid = zygote.split(Request { network, channel, stdout, stderr }, limits)?;
            Ok(pid.map(|pid| Split { zygote, pid, channel: ours }))
        };
        // The terminal is not for one that goes on.
        let idle = if spec.streams == Streams::Log { self.idle().pop() } else { None };
        if let Some(Ok(done)) = idle.map(split) {
            return Ok(done);
        }
        split(Zygote::start(&self.helper, spec.streams)?)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Zygote>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long somebody wants to wait.
pub(super) struct Limits<'a> {
    pub deadline: Option<Instant>,
    /// Says why it is to end before that, if it is.
    pub stop: &'a dyn Fn() -> Option<How>,
}

/// A helper that has begun.
struct Split {
    /// What it was split off.
    zygote: Zygote,
    pid: Pid,
    /// Takes its spec, and brings its reports.
    channel: UnixStream,
}

/// Waits until a process has ended, or says something, and returns why it must be ended instead, if that comes first.
pub(crate) fn wait_until(
    process: &impl AsFd,
    deadline: Option<Instant>,
    stop: &dyn Fn() -> Option<How>,
) -> std::io::Result<Option<How>> {
    loop {
        if let Some(how) = stop() {
            return Ok(Some(how));
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
    if !matches!(wait_until(helper, Some(deadline), &|| None), Ok(None)) {
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
    let ended = |how, usage: Usage, left| {
        let Usage { user, system, peak_memory_bytes } = usage;
        Ok(Ended { how, user, system, wall, peak_memory_bytes, left })
    };
    match (stopped, report) {
        (Some(how), _) => ended(how, whole, false),
        (None, Some(Report::Ended { how, usage, left })) => ended(how, usage, left),
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

/// Adds what is known of the memory of a program that may not have any amount of it.
fn weigh(
    spec: &Spec,
    ended: Result<Ended, SandboxError>,
    memory: &Memory,
    usage: Usage,
    wall: Duration,
) -> Result<Ended, SandboxError> {
    // The kernel ends the largest process, which may be the helper itself.
    let mut ended = match ended {
        Err(SandboxError::Lost) if memory.settle(0).1 => settle(spec, Some(How::OutOfMemory), None, usage, wall)?,
        ended => ended?,
    };
    let (peak, too_much) = memory.settle(ended.peak_memory_bytes);
    ended.peak_memory_bytes = peak;
    if too_much && !matches!(ended.how, How::Cancelled | How::TimedOut) {
        ended.how = How::OutOfMemory;
    }
    Ok(ended)
}

fn with_standard_mounts(spec: &Spec) -> Spec {
    match spec.way {
        Way::Chroot { .. } => spec.clone(),
        Way::Namespaces => {
            let mounts = standard_mounts().into_iter().chain(spec.mounts.iter().cloned()).collect();
            Spec { mounts, ..spec.clone() }
        }
    }
}
