//! An sshd of Debian on loopback, with keys, a port and a configuration of its own, for the user who runs the tests.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::workspace::wait_until;

/// Where Debian puts the program.
const SSHD: &str = "/usr/sbin/sshd";

/// A server that lets in whoever has its key.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Sshd {
    /// Whether the programs are installed.
    pub fn is_installed() -> bool {
        [SSHD, "/usr/bin/ssh", "/usr/bin/ssh-keygen"].iter().all(|program| Path::new(program).exists())
    }

    /// Starts a server that keeps everything in an empty directory.
    pub fn start(dir: PathBuf) -> Sshd {
        fs::create_dir_all(&dir).expect("the directory can be made");
        for key in ["host_key", "key", "other_key"] {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(dir.join(key));
            assert!(make.status().expect("ssh-keygen starts").success());
        }
        fs::copy(dir.join("key.pub"), dir.join("authorized_keys")).expect("a file can be copied");
        // As root it wants the directory that the unit of its service makes.
        let _made = fs::create_dir("/run/sshd");
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let host_key = fs::read_to_string(dir.join("host_key.pub")).expect("the key was made");
        fs::write(dir.join("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).expect("a file can be written");
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPermitUserEnvironment no\nLogLevel ERROR\n",
            dir.display()
        );
        fs::write(dir.join("config"), text).expect("a file can be written");
        let log = fs::File::create(dir.join("log")).expect("a file can be made");
        let mut command = Command::new(SSHD);
        command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stdin(Stdio::null()).stderr(log);
        let child = command.spawn().expect("sshd starts");
        let server = Sshd { child, dir, port };
        wait_until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    /// Returns the address of a repository on this machine.
    pub fn url(&self, repository: &Path) -> String {
        let user = Command::new("id").arg("-un").output().expect("id starts").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, repository.display())
    }

    /// Returns how ssh is called with one of the keys: `key` is let in, `other_key` is not.
    pub fn client(&self, key: &str) -> String {
        let dir = self.dir.display();
        format!(
            "ssh -F /dev/null -i {dir}/{key} -oIdentitiesOnly=yes -oIdentityAgent=none \
             -oUserKnownHostsFile={dir}/known_hosts -oStrictHostKeyChecking=yes"
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
