//! What a program finds around itself.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;

use exec::sandbox::{Spec, base_mounts};
use model::Network;

use crate::fixture::{check, is_root, run_spec, run_spec_in, sandbox, scratch, spec};

pub fn the_program_is_an_unprivileged_user() {
    check("id -u; id -g; umask", "1000\n1000\n0022\n");
    check(
        "grep -E 'CapEff|CapPrm|NoNewPrivs' /proc/self/status | tr -d '\\t'",
        concat!("CapPrm:0000000000000000\n", "CapEff:0000000000000000\n", "NoNewPrivs:1\n"),
    );
    check("hostname; echo $$", "localhost\n2\n");
    let outside = if is_root() { 65534 } else { fs::metadata("/proc/self").unwrap().uid() };
    check("awk '{ print $1, $2, $3 }' /proc/self/uid_map", &format!("1000 {outside} 1\n"));
}

pub fn tmp_and_home_are_private_and_empty() {
    let place = scratch();
    fs::write(place.join("secret"), "x").unwrap();
    check("ls -A /tmp; ls -A $HOME; echo x > $HOME/a && echo y > /tmp/b && cat $HOME/a", "home\nx\n");
    fs::remove_dir_all(place).unwrap();
}

pub fn the_base_system_is_read_only() {
    check("touch /usr/x 2>&1 | grep -o 'Read-only file system'", "Read-only file system\n");
    check(
        "ls /usr/local; touch /x 2>/dev/null || echo refused; touch /etc/x 2>/dev/null || echo refused",
        "refused\nrefused\n",
    );
}

pub fn only_what_is_mounted_is_there() {
    check("ls -A / | grep -v -E '^s?bin$|^lib' | tr '\\n' ' '", "dev etc proc tmp usr var ");
    check("ls /etc/shadow /root /home 2>/dev/null | wc -l", "0\n");
    check("ls /dev | tr '\\n' ' '", "fd full null random shm stderr stdin stdout tty urandom zero ");
    check("env -u PWD -u _ -u OLDPWD -u SHLVL", "HOME=/tmp/home\nPATH=/usr/bin:/bin\n");
    check("ls /proc/self/fd | wc -l; readlink /proc/self/fd/0", "4\n/dev/null\n");
}

pub fn devices_work() {
    check(
        "head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo > /dev/null; echo x > /dev/shm/x && cat /dev/shm/x",
        "4\n4\nx\n",
    );
}

/// Connects to a port of the machine.
pub fn connect(port: u16) -> String {
    format!(
        "perl -e 'use IO::Socket; print IO::Socket::INET->new(PeerAddr => \"127.0.0.1:{port}\") ? \"yes\" : \"no\"'"
    )
}

pub fn only_loopback_works_without_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    check(&connect(listener.local_addr().unwrap().port()), "no");
    let own = "perl -e 'use IO::Socket; my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\"); \
               print IO::Socket::INET->new(PeerAddr => \"127.0.0.1:\" . $l->sockport) ? \"yes\" : \"no\"'";
    check(own, "yes");
    check("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '", "lo\n");
}

/// A connection that one program has closed keeps its port taken for a minute, where another may not find it.
pub fn a_program_finds_no_port_taken_by_an_earlier_one() {
    let serve = "perl -e 'use IO::Socket; my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1:4711\") or die; \
                 my $c = IO::Socket::INET->new(PeerAddr => \"127.0.0.1:4711\"); close $l->accept; <$c>; print \"served \"'";
    let network = |script: &str| format!("{script}; readlink /proc/self/ns/net");
    let sandbox = sandbox();
    let run =
        |script: &str| run_spec_in(&sandbox, &spec(&["sh", "-c", &network(script)], vec![]), None, &|| false).output;
    let (first, second) = (run("true"), run("true"));
    assert_eq!(first, second, "a network that nobody has used is used again");
    for _ in 0..3 {
        assert!(run(serve).starts_with("served "));
    }
    let taken = run(serve);
    assert!(!taken.ends_with(&first), "{taken}");
}

pub fn the_host_network_is_there_when_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = connect(listener.local_addr().unwrap().port());
    let mounts = base_mounts(Network::Host);
    let spec = Spec { mounts, network: Network::Host, ..spec(&["sh", "-c", &script], vec![]) };
    assert_eq!(run_spec(&spec, None, &|| false).output, "yes");
}
