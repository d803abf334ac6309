//! The helper: the first process of a sandbox, which stays outside of it.
//!
//! It starts process 1 in new namespaces, gives it its ids, and ends it when the caller goes. It mounts nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, geteuid, getpid, getppid, pidfd_open, pidfd_send_signal, set_child_subreaper,
    set_parent_process_death_signal,
};

use super::kernel::{Forked, Usage, exit_now, fork_into, wait_for};
use super::sources::{Sources, outside_ids};
use super::wire::{Fault, HELPER_WORD, Job, Named, Report, receive_job, send_report};
use super::{How, Way, descendants, init};

/// Becomes a sandbox helper and never returns, if this process was started as one. The first thing that `main` does.
pub fn main_if_helper() {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(HELPER_WORD)) {
        exit_now(main());
    }
}

fn main() -> i32 {
    let Ok(channel) = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map(UnixStream::from) else {
        return 2;
    };
    let Ok(job) = receive_job(&channel) else {
        return 2;
    };
    match serve(job, &channel) {
        Ok(()) => 0,
        Err(fault) => {
            send_report(&channel, &Report::Setup(fault));
            1
        }
    }
}

fn serve(job: Job, channel: &UnixStream) -> Result<(), Fault> {
    match job.spec.way {
        Way::Namespaces => serve_namespaces(job, channel),
        Way::Chroot { .. } => serve_chroot(&job, channel),
    }
}

/// Without a namespace that ends with its process 1, this process ends what is left, wherever it went: orphans come
/// here. So it must not end with its caller: the channel tells that the caller is gone.
fn serve_chroot(job: &Job, channel: &UnixStream) -> Result<(), Fault> {
    set_child_subreaper(Some(getpid())).named("prctl", "PR_SET_CHILD_SUBREAPER")?;
    let watched = match fork_into(0).named("clone", "process 1")? {
        Forked::Child => init::main_without_namespaces(&job.spec, channel),
        Forked::Parent(pid) => watch(pid, channel, Ok(())),
    };
    descendants::end_all().named("kill", "what the program left")?;
    watched
}

fn serve_namespaces(job: Job, channel: &UnixStream) -> Result<(), Fault> {
    set_parent_process_death_signal(Some(Signal::KILL)).named("prctl", "PR_SET_PDEATHSIG")?;
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(job.caller) {
        return Ok(());
    }
    let sources = if geteuid().is_root() { Sources::open_as_root(&job.spec)? } else { None };
    let (go, send_go) = pipe_with(PipeFlags::CLOEXEC).named("pipe2", "start")?;
    match fork_into(namespaces(&job)).named("clone", "namespaces")? {
        Forked::Child => {
            drop(send_go);
            init::main(&job.spec, sources, go, channel)
        }
        Forked::Parent(pid) => {
            drop(go);
            let ready = prepare(pid, sources, &send_go);
            watch(pid, channel, ready)
        }
    }
}

fn namespaces(job: &Job) -> libc::c_int {
    let all = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    match job.spec.network {
        model::Network::None => all | libc::CLONE_NEWNET,
        model::Network::Host => all,
    }
}

fn prepare(pid: Pid, sources: Option<Sources>, go: &OwnedFd) -> Result<(), Fault> {
    let (user, group) = outside_ids();
    let proc = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
    if !geteuid().is_root() {
        // The kernel wants this before it lets a plain user map a group.
        write_file(&proc("setgroups"), "deny")?;
    }
    write_file(&proc("uid_map"), &format!("{} {user} 1", init::INSIDE_ID))?;
    write_file(&proc("gid_map"), &format!("{} {group} 1", init::INSIDE_ID))?;
    if let Some(sources) = sources {
        sources.give_overlays_to_inside_user(user, group)?;
    }
    write(go, &[1]).named("write", "start")?;
    Ok(())
}

fn write_file(path: &str, text: &str) -> Result<(), Fault> {
    // One write call: the kernel takes a map in one piece.
    let written = File::options().write(true).open(path).and_then(|file| Ok(write(&file, text.as_bytes())?));
    written.map(|_| ()).named("write", path)
}

/// Waits until process 1 has ended, and with it everything in its namespaces. Ends it when the caller hangs up.
fn watch(pid: Pid, channel: &UnixStream, ready: Result<(), Fault>) -> Result<(), Fault> {
    let ended = pidfd_open(pid, PidfdFlags::empty()).named("pidfd_open", "process 1")?;
    if ready.is_err() || hung_up_before(channel.as_fd(), &ended) {
        let _ = pidfd_send_signal(&ended, Signal::KILL);
    }
    let (how, _) = wait_for(pid).named("wait4", "process 1")?;
    ready?;
    if matches!(how, How::Signalled(_)) {
        // Process 1 reports itself, unless something (mostly the kernel, out of memory) has ended it.
        send_report(channel, &Report::Ended { how, usage: Usage::default(), left: false });
    }
    Ok(())
}

fn hung_up_before(channel: BorrowedFd<'_>, ended: &OwnedFd) -> bool {
    loop {
        let hang_up = PollFlags::IN | PollFlags::RDHUP;
        let mut files = [PollFd::from_borrowed_fd(channel, hang_up), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut files, None) {
            Err(Errno::INTR) => {}
            Err(_) => return true,
            Ok(_) => return files[1].revents().is_empty(),
        }
    }
}
