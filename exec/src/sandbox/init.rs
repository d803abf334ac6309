//! Process 1 of a sandbox: takes the inside ids, builds the root, runs the program, copies its output to the log and
//! reaps orphans. When it ends, the kernel ends everything else in its namespaces.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionread, read};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Gid, Pid, PidfdFlags, Signal, Uid, WaitOptions, chdir, getpid, pidfd_open, set_child_subreaper,
    set_parent_process_death_signal, setsid, umask, wait,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdout};
use rustix::thread::{set_no_new_privs, set_thread_res_gid, set_thread_res_uid};

use super::kernel::{exit_now, keep_only_standard_files, start, take_input, usage_of_children};
use super::left::Layers;
use super::network::bring_loopback_up;
use super::sources::Sources;
use super::wire::{Fault, Named, Report, send_report};
use super::{How, Spec, Streams, Way, confine, root};
use crate::mask::Masker;

/// The user and group that programs see themselves as.
pub(crate) const INSIDE_ID: u32 = 1000;

/// How long an orphan may stay a zombie while the program is silent.
const REAP_EVERY: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What process 1 begins with.
pub(super) struct Begin {
    /// The namespaces that began with it.
    pub namespaces: libc::c_int,
    /// Says one byte when its ids are mapped, and ends with the helper.
    pub go: OwnedFd,
}

/// Runs the spec and ends the process.
pub(super) fn main(spec: &Spec, sources: Option<Sources>, begin: &Begin, channel: &UnixStream) -> ! {
    report(
        set_up(spec, sources, begin).and_then(|layers| {
            let how = run(spec, channel)?;
            Ok((how, is_kept(spec, how) && layers.keep(spec)))
        }),
        channel,
    )
}

/// Runs the spec where no namespace begins, and ends the process: what the program leaves is for others to end.
pub(super) fn main_without_namespaces(spec: &Spec, channel: &UnixStream) -> ! {
    let ready = set_parent_process_death_signal(Some(Signal::KILL)).and_then(|()| set_child_subreaper(Some(getpid())));
    report(ready.named("prctl", "process 1").and_then(|()| Ok((run(spec, channel)?, false))), channel)
}

/// Whether what a program wrote is copied out of memory: to nobody's disk where it has seen what is to be hidden.
fn is_kept(spec: &Spec, how: How) -> bool {
    how != How::Exited(0) && spec.streams == Streams::Log && spec.hidden.is_empty()
}

fn report(ended: Result<(How, bool), Fault>, channel: &UnixStream) -> ! {
    match ended {
        Ok((how, left)) => send_report(channel, &Report::Ended { how, usage: usage_of_children(), left }),
        Err(fault) => send_report(channel, &Report::Setup(fault)),
    }
    exit_now(0)
}

fn set_up(spec: &Spec, sources: Option<Sources>, begin: &Begin) -> Result<Layers, Fault> {
    // A plain user's sources are opened here, where it may mount, and while it still has its ids of before.
    let sources = match sources {
        Some(sources) => sources,
        None => Sources::open(spec)?,
    };
    if read(&begin.go, &mut [0; 1]) != Ok(1) {
        return Err(Fault { call: "read".into(), on: "start".into(), errno: Errno::PIPE.raw_os_error() });
    }
    take_inside_ids()?;
    // The kernel forgets this wish when ids change, so it comes after them; a helper that is gone by now has closed
    // its end of the pipe.
    set_parent_process_death_signal(Some(Signal::KILL)).named("prctl", "PR_SET_PDEATHSIG")?;
    if helper_is_gone(&begin.go) {
        exit_now(0);
    }
    set_no_new_privs(true).named("prctl", "PR_SET_NO_NEW_PRIVS")?;
    rustix::system::sethostname(b"localhost").named("sethostname", "localhost")?;
    if begin.namespaces & libc::CLONE_NEWNET != 0 {
        bring_loopback_up().named("ioctl", "loopback")?;
    }
    root::build(spec, sources)
}

/// Process 1 keeps its rights over the namespaces, although it is not their user 0: only executing a program would
/// drop them, and it never does. What the program executes has none.
fn take_inside_ids() -> Result<(), Fault> {
    let (user, group) = (Uid::from_raw(INSIDE_ID), Gid::from_raw(INSIDE_ID));
    set_thread_res_gid(group, group, group).named("setresgid", "inside group")?;
    set_thread_res_uid(user, user, user).named("setresuid", "inside user")
}

fn helper_is_gone(go: &OwnedFd) -> bool {
    let mut files = [PollFd::new(go, PollFlags::IN)];
    poll(&mut files, Some(&Timespec::default())) == Ok(1)
}

fn run(spec: &Spec, channel: &UnixStream) -> Result<How, Fault> {
    if spec.argv.is_empty() && spec.way == Way::Namespaces {
        return Ok(How::Exited(0));
    }
    if spec.streams != Streams::Log {
        return await_end(start(&|| execute(spec, None, channel)).named("clone", "program")?);
    }
    let (output, into_output) = output_pipe(spec)?;
    let program = start(&|| execute(spec, Some(&into_output), channel)).named("clone", "program")?;
    // A fifo that nobody writes to at the moment would look as if it had ended.
    let _held = (spec.way != Way::Namespaces).then_some(into_output);
    tend(program, output, spec)
}

/// A pipe, not the log itself: a program that opens /dev/stderr anew would truncate a file. Without a /proc that leads
/// there, the pipe is what has that name.
fn output_pipe(spec: &Spec) -> Result<(OwnedFd, OwnedFd), Fault> {
    match (&spec.way, &spec.root) {
        (Way::Chroot { .. }, Some(root)) => {
            let fifo = root.join("dev/stdout");
            let open = |flags| open(&fifo, flags | OFlags::CLOEXEC, Mode::empty()).named("open", "/dev/stdout");
            let output = open(OFlags::RDONLY | OFlags::NONBLOCK)?;
            Ok((output, open(OFlags::WRONLY)?))
        }
        _ => pipe_with(PipeFlags::CLOEXEC).named("pipe2", "output"),
    }
}

/// Reaps orphans until the program ends.
fn await_end(program: Pid) -> Result<How, Fault> {
    let ended = pidfd_open(program, PidfdFlags::empty()).named("pidfd_open", "program")?;
    loop {
        match poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&REAP_EVERY)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).named("poll", "program"),
        }
        if let Some(how) = reap(program)? {
            return Ok(how);
        }
    }
}

/// Copies output and reaps orphans until the program ends.
fn tend(program: Pid, output: OwnedFd, spec: &Spec) -> Result<How, Fault> {
    let ended = pidfd_open(program, PidfdFlags::empty()).named("pidfd_open", "program")?;
    let log = fcntl_dupfd_cloexec(stdout(), 3).named("fcntl", "log")?;
    let masker = Masker::new(spec.hidden.iter().map(Vec::as_slice));
    let mut output = Output { pipe: Some(File::from(output)), log: File::from(log), buffer: vec![0; 1 << 16], masker };
    loop {
        let pipe = output.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let mut files: Vec<_> = pipe.into_iter().chain([PollFd::new(&ended, PollFlags::IN)]).collect();
        match poll(&mut files, Some(&REAP_EVERY)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).named("poll", "program"),
        }
        if output.pipe.is_some() && !files[0].revents().is_empty() {
            output.copy(1 << 16)?;
        }
        if let Some(how) = reap(program)? {
            output.copy_what_is_there()?;
            return Ok(how);
        }
    }
}

/// What the program prints, on its way to the log.
struct Output {
    /// `None` after its end.
    pipe: Option<File>,
    log: File,
    buffer: Vec<u8>,
    masker: Masker,
}

impl Output {
    /// Copies once, `limit` bytes at most, and returns how many.
    fn copy(&mut self, limit: usize) -> Result<usize, Fault> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        let limit = limit.min(self.buffer.len());
        let count = pipe.read(&mut self.buffer[..limit]).named("read", "output")?;
        if count == 0 {
            self.pipe = None;
        }
        self.log.write_all(&self.masker.push(&self.buffer[..count])).named("write", "log")?;
        Ok(count)
    }

    /// Copies what was printed until now. A process that outlived the program may still print; nobody waits for it.
    fn copy_what_is_there(&mut self) -> Result<(), Fault> {
        let there = self.pipe.as_ref().map_or(Ok(0), ioctl_fionread).named("ioctl", "output")?;
        let mut left = usize::try_from(there).unwrap_or(usize::MAX);
        while left > 0 && self.pipe.is_some() {
            left -= self.copy(left)?;
        }
        self.log.write_all(&self.masker.finish()).named("write", "log")
    }
}

/// Reaps all children that have ended, and returns how the program did if it is among them.
fn reap(program: Pid) -> Result<Option<How>, Fault> {
    let mut how = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => {
                let signal = status.terminating_signal().map(How::Signalled);
                how = signal.or(status.exit_status().map(How::Exited)).or(how);
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(Errno::CHILD) => return Ok(how),
            Err(errno) => return Err(errno).named("waitpid", "children"),
        }
    }
}

/// Becomes the program.
fn execute(spec: &Spec, output: Option<&OwnedFd>, channel: &UnixStream) -> ! {
    let ready = take_standard_files(spec, output)
        .and_then(|()| confine::confine(spec))
        .and_then(|()| chdir(&spec.directory).named("chdir", &spec.directory));
    let report = match ready {
        Err(fault) => Report::Setup(fault),
        Ok(()) if spec.argv.is_empty() => {
            let opened = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).named("open", "/dev/null");
            match opened {
                Ok(_) => exit_now(0),
                Err(fault) => Report::Setup(fault),
            }
        }
        Ok(()) => Report::Program { errno: try_candidates(spec).raw_os_error() },
    };
    send_report(channel, &report);
    exit_now(127)
}

fn take_standard_files(spec: &Spec, output: Option<&OwnedFd>) -> Result<(), Fault> {
    match (spec.streams, output) {
        (Streams::Own(input), _) => take_input(input).named("dup2", "stdin")?,
        (Streams::Log, Some(output)) => take_log(output)?,
        (Streams::Log, None) => {}
    }
    keep_only_standard_files();
    umask(Mode::from_raw_mode(0o022));
    Ok(())
}

/// The program gets no input, and a session of its own.
fn take_log(output: &OwnedFd) -> Result<(), Fault> {
    let null = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).named("open", "/dev/null")?;
    dup2_stdin(null).named("dup2", "stdin")?;
    dup2_stdout(output).named("dup2", "stdout")?;
    dup2_stderr(output).named("dup2", "stderr")?;
    setsid().named("setsid", "program").map(drop)
}

/// Executes the first candidate that can be executed, and returns why none can, as `execvp` does.
fn try_candidates(spec: &Spec) -> Errno {
    let mut why = Errno::NOENT;
    for candidate in candidates(spec) {
        let mut command = Command::new(&candidate);
        command.arg0(&spec.argv[0]).args(&spec.argv[1..]).env_clear().envs(spec.env.iter().map(|(k, v)| (k, v)));
        match Errno::from_io_error(&command.exec()).unwrap_or(Errno::INVAL) {
            Errno::NOENT | Errno::NOTDIR => {}
            Errno::ACCESS => why = Errno::ACCESS,
            errno => return errno,
        }
    }
    why
}

fn candidates(spec: &Spec) -> Vec<String> {
    let program = &spec.argv[0];
    if program.contains('/') {
        return vec![program.clone()];
    }
    let path = spec.env.iter().find(|(name, _)| name == "PATH").map_or("/usr/bin:/bin", |(_, path)| path);
    path.split(':').filter(|dir| !dir.is_empty()).map(|dir| format!("{dir}/{program}")).collect()
}
