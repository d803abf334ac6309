//! A network on which nobody else is, made once for all programs that follow each other.
//!
//! To make one takes the kernel a fifth of the time of a whole sandbox. Processes leave little on it: their sockets go
//! with them, but for connections that TCP still remembers, by which a port stays taken. A program that would find
//! such a thing gets a network of its own.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::{Pid, getegid, geteuid};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::kernel::{self, while_parked};

/// A network namespace, and the user namespace that it belongs to where a plain user has made it.
pub(super) struct Network {
    user: Option<OwnedFd>,
    network: OwnedFd,
}

impl Network {
    /// Makes a network that has nothing but a loopback interface.
    pub fn make() -> io::Result<Network> {
        let is_root = geteuid().is_root();
        let namespaces = if is_root { libc::CLONE_NEWNET } else { libc::CLONE_NEWNET | libc::CLONE_NEWUSER };
        while_parked(namespaces, |pid| {
            let open = |name: &str| Ok::<_, io::Error>(OwnedFd::from(File::open(proc(pid, &format!("ns/{name}")))?));
            if is_root {
                return Ok(Network { user: None, network: open("net")? });
            }
            let (user, group) = (geteuid().as_raw(), getegid().as_raw());
            // The kernel wants this before it lets a plain user map a group.
            fs::write(proc(pid, "setgroups"), "deny")?;
            fs::write(proc(pid, "uid_map"), format!("{user} {user} 1"))?;
            fs::write(proc(pid, "gid_map"), format!("{group} {group} 1"))?;
            Ok(Network { user: Some(open("user")?), network: open("net")? })
        })?
    }

    /// Moves this process there, and returns whether nothing of another one is left on it.
    pub fn enter(&self) -> io::Result<bool> {
        if let Some(user) = &self.user {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
        }
        move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network))?;
        bring_loopback_up()?;
        let list = |name: &str| fs::read_to_string(format!("/proc/self/net/{name}"));
        let other = match list("sockstat6") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        Ok(is_unused(&list("sockstat")?) && is_unused(&other))
    }
}

/// Sets the loopback interface of this process' network up.
pub(super) fn bring_loopback_up() -> io::Result<()> {
    kernel::bring_loopback_up(socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

fn proc(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

/// Whether the kernel counts no socket: `TCP: inuse 0 orphan 0 tw 1 alloc 3 mem 0`. What a network does not own, but all
/// together, such as `alloc`, does not count.
fn is_unused(list: &str) -> bool {
    let mut words = list.split_whitespace();
    while let Some(word) = words.next() {
        if matches!(word, "used" | "inuse" | "tw") && words.next() != Some("0") {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_unused;

    fn check(list: &str, unused: bool) {
        assert_eq!(is_unused(list), unused, "{list}");
    }

    #[test]
    fn a_network_is_unused_when_no_socket_of_it_is_left() {
        check("sockets: used 0\nTCP: inuse 0 orphan 2 tw 0 alloc 3 mem 1\nUDP: inuse 0 mem 0\n", true);
        check("sockets: used 0\nTCP: inuse 0 orphan 0 tw 1 alloc 3 mem 1\n", false);
        check("sockets: used 1\nTCP: inuse 0 orphan 0 tw 0 alloc 3 mem 1\n", false);
        check("TCP6: inuse 1\nUDP6: inuse 0\n", false);
    }
}
