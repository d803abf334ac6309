//! The helper: the first process of a sandbox, which stays outside of it.
//!
//! It starts process 1 in new namespaces, gives it its ids, and ends it when the caller goes. It mounts nothing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, getpid, pidfd_open, pidfd_send_signal, set_child_subreaper};

use super::kernel::{Forked, Usage, fork_into, wait_for};
use super::network::Network;
use super::sources::{Sources, outside_ids};
use super::wire::{Fault, Named, Report, receive_spec, send_report};
use super::zygote::Heritage;
use super::{How, Spec, Way, descendants, init};

/// Serves the one spec that comes from the channel, and returns the exit code of this process.
pub(super) fn main(channel: &UnixStream, heritage: &Heritage<'_>) -> i32 {
    let Ok(spec) = receive_spec(channel) else {
        return 2;
    };
    let served = match spec.way {
        Way::Namespaces => serve_namespaces(&spec, channel, heritage),
        Way::Chroot { .. } => serve_chroot(&spec, channel),
    };
    match served {
        Ok(()) => 0,
        Err(fault) => {
            send_report(channel, &Report::Setup(fault));
            1
        }
    }
}

/// Without a namespace that ends with its process 1, this process ends what is left, wherever it went: orphans come
/// here.
fn serve_chroot(spec: &Spec, channel: &UnixStream) -> Result<(), Fault> {
    set_child_subreaper(Some(getpid())).named("prctl", "PR_SET_CHILD_SUBREAPER")?;
    let watched = match fork_into(0).named("clone", "process 1")? {
        Forked::Child => init::main_without_namespaces(spec, channel),
        Forked::Parent(pid) => watch(pid, channel, Ok(())),
    };
    descendants::end_all().named("kill", "what the program left")?;
    watched
}

fn serve_namespaces(spec: &Spec, channel: &UnixStream, heritage: &Heritage<'_>) -> Result<(), Fault> {
    let sources = if geteuid().is_root() { Sources::open_as_root(spec)? } else { None };
    let namespaces = namespaces(spec, heritage.network);
    let (go, send_go) = pipe_with(PipeFlags::CLOEXEC).named("pipe2", "start")?;
    match fork_into(namespaces).named("clone", "namespaces")? {
        Forked::Child => {
            drop(send_go);
            init::main(spec, sources, &init::Begin { namespaces, go }, channel)
        }
        Forked::Parent(pid) => {
            drop(go);
            let ready = prepare(pid, sources, heritage.root_map, &send_go);
            watch(pid, channel, ready)
        }
    }
}

/// Returns the namespaces that begin with process 1. That of its network has begun before, if it can be used again.
fn namespaces(spec: &Spec, network: Option<&Network>) -> libc::c_int {
    let all = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    match (spec.network, network) {
        (model::Network::Host, _) => all,
        (model::Network::None, Some(network)) if network.enter().is_ok_and(|unused| unused) => all,
        (model::Network::None, _) => all | libc::CLONE_NEWNET,
    }
}

fn prepare(pid: Pid, sources: Option<Sources>, root_map: &io::Result<OwnedFd>, go: &OwnedFd) -> Result<(), Fault> {
    let (user, group) = outside_ids();
    let proc = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
    if !geteuid().is_root() {
        // The kernel wants this before it lets a plain user map a group.
        write_file(&proc("setgroups"), "deny")?;
    }
    write_file(&proc("uid_map"), &format!("{} {user} 1", init::INSIDE_ID))?;
    write_file(&proc("gid_map"), &format!("{} {group} 1", init::INSIDE_ID))?;
    if let Some(sources) = sources {
        sources.give_overlays_to_inside_user(root_map)?;
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
