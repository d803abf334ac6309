//! The zygote: a small process that stands ready, and splits a helper off for each program. That costs a fork, where a
//! helper that is started anew costs an execution, a dynamic link and a network: a quarter of a sandbox.
//!
//! Helpers become children of the caller, not of the zygote. The zygote goes when its caller does.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, Signal, kill_process};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::kernel::{Forked, exit_now, fork_into, wait_for};
use super::network::Network;
use super::sources::map_of_root;
use super::supervise::{Limits, wait_until};
use super::wire::{HELPER_WORD, Request, receive_request, send_request};
use super::{How, Streams, helper};

/// The caller's end of a zygote.
#[derive(Debug)]
pub(super) struct Zygote {
    requests: UnixStream,
    pid: Pid,
}

impl Zygote {
    /// Starts a zygote of a program whose `main` calls [`main_if_zygote`] first.
    pub fn start(program: &Path, streams: Streams) -> io::Result<Zygote> {
        let (requests, theirs) = UnixStream::pair()?;
        let mut command = Command::new(program);
        command.arg(HELPER_WORD).env_clear().stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        if streams == Streams::Log {
            // A group of its own: an interrupt typed at the terminal is for rg alone, which then decides.
            command.process_group(0);
        }
        let pid = Pid::from_child(&command.spawn()?);
        Ok(Zygote { requests, pid })
    }

    /// Splits off a helper with these files, and returns it: a child of this process, which has to wait for it. Ends
    /// with why nobody wants it any more, if the limits say so first.
    pub fn split(&self, request: Request<BorrowedFd<'_>>, limits: &Limits<'_>) -> io::Result<Result<Pid, How>> {
        send_request(self.requests.as_fd(), request)?;
        if let Some(how) = wait_until(&self.requests, limits.deadline, limits.stop)? {
            return Ok(Err(how));
        }
        let mut reply = [0; 4];
        (&self.requests).read_exact(&mut reply)?;
        match i32::from_le_bytes(reply) {
            errno @ ..=0 => Err(io::Error::from_raw_os_error(-errno)),
            pid => Pid::from_raw(pid).map(Ok).ok_or_else(|| io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // It has nothing to finish. Nobody else waits for it, so it is still the one of this number.
        let _ = kill_process(self.pid, Signal::KILL);
        let _ = wait_for(self.pid);
    }
}

/// Becomes a zygote and never returns, if this process was started as one. The first thing that `main` does.
pub fn main_if_zygote() {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(HELPER_WORD)) {
        exit_now(main());
    }
}

fn main() -> i32 {
    let Ok(requests) = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map(UnixStream::from) else {
        return 2;
    };
    let (network, root_map) = (OnceCell::new(), OnceCell::new());
    while let Ok(request) = receive_request(requests.as_fd()) {
        let heritage = Heritage {
            network: match request.network {
                model::Network::None => network.get_or_init(|| Network::make().ok()).as_ref(),
                model::Network::Host => None,
            },
            root_map: root_map.get_or_init(map_of_root),
        };
        let reply = match fork_into(libc::CLONE_PARENT) {
            Ok(Forked::Parent(pid)) => pid.as_raw_nonzero().get(),
            Ok(Forked::Child) => {
                drop(requests);
                exit_now(become_helper(request, &heritage));
            }
            Err(error) => -error.raw_os_error().unwrap_or(libc::EAGAIN),
        };
        if (&requests).write_all(&reply.to_le_bytes()).is_err() {
            return 1;
        }
    }
    0
}

/// What helpers have of their zygote: each would take a large part of a sandbox's time to make.
pub(super) struct Heritage<'a> {
    /// A network for programs that are on none.
    pub network: Option<&'a Network>,
    /// A user namespace that maps root to the inside user, which root alone can make.
    pub root_map: &'a io::Result<OwnedFd>,
}

fn become_helper(request: Request<OwnedFd>, heritage: &Heritage<'_>) -> i32 {
    let Request { channel, stdout, stderr, .. } = request;
    let taken = dup2_stdin(&channel).and_then(|()| dup2_stdout(&stdout)).and_then(|()| dup2_stderr(&stderr));
    if taken.is_err() {
        return 2;
    }
    drop((stdout, stderr));
    helper::main(&UnixStream::from(channel), heritage)
}
