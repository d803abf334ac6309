//! The base system that host toolchains stand on: a read-only view of the machine's system directories.

use std::path::{Path, PathBuf};

use model::Network;

use super::Mount;

/// Users and groups, as every container has them.
const PASSWD: &str =
    "root:x:0:0::/root:/bin/sh\nrg:x:1000:1000::/tmp/home:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n";
const GROUP: &str = "root:x:0:\nrg:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// Files of /etc that installed programs rely on.
const SETTINGS: [&str; 4] = ["/etc/alternatives", "/etc/ld.so.cache", "/etc/os-release", "/etc/ssl/openssl.cnf"];
/// What a program needs besides to speak to the network: names and certificates.
const NETWORK: [&str; 7] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/os-release",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/resolv.conf",
];

/// What of the machine an image is shown so that its programs reach the network as those of the machine do: names, and
/// whom the machine trusts.
const IMAGE_NETWORK: [&str; 5] = ["/etc/hosts", "/etc/resolv.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates"];

/// Returns the mounts that make up the base system for host toolchains. `/usr/local` is empty: the package database,
/// which stands for the base system in keys, does not know what is there.
pub fn base_mounts(network: Network) -> Vec<Mount> {
    let mut mounts = vec![bind("/usr")];
    mounts.extend(["bin", "sbin", "lib", "lib32", "lib64", "libx32"].iter().filter_map(|name| top(name)));
    if Path::new("/usr/local").is_dir() {
        mounts.push(Mount::Tmpfs { at: "/usr/local".into(), mode: 0o555 });
    }
    let settings = match network {
        Network::None => &SETTINGS[..],
        Network::Host => &NETWORK[..],
    };
    mounts.extend(settings.iter().filter(|path| Path::new(path).exists()).map(|path| bind(path)));
    mounts.extend([file("/etc/passwd", PASSWD), file("/etc/group", GROUP)]);
    mounts.extend(match network {
        Network::None => [file("/etc/hosts", HOSTS), file("/etc/nsswitch.conf", "hosts: files\n")],
        Network::Host => [known("/etc/hosts", HOSTS), known("/etc/nsswitch.conf", "hosts: files dns\n")],
    });
    mounts.push(Mount::Tmpfs { at: "/var/tmp".into(), mode: 0o1777 });
    mounts
}

/// Returns what is shown in an image beside the image itself: what tells how the network is reached, as container
/// engines show it.
pub fn image_mounts(network: Network) -> Vec<Mount> {
    match network {
        Network::None => vec![file("/etc/hosts", HOSTS)],
        Network::Host => {
            let there = |path: &&&str| Path::new(path).exists();
            IMAGE_NETWORK.iter().filter(there).map(|path| bind(path)).collect()
        }
    }
}

fn bind(path: &str) -> Mount {
    Mount::Bind { from: PathBuf::from(path), at: path.to_owned() }
}

fn file(at: &str, content: &str) -> Mount {
    Mount::File { at: at.to_owned(), content: content.as_bytes().to_owned() }
}

/// Returns the machine's own file, or one that will do.
fn known(path: &str, otherwise: &str) -> Mount {
    if Path::new(path).exists() { bind(path) } else { file(path, otherwise) }
}

/// Returns a directory of the top level, as the link into /usr that it is on most machines.
fn top(name: &str) -> Option<Mount> {
    let at = format!("/{name}");
    match std::fs::read_link(&at) {
        Ok(target) => Some(Mount::Symlink { at, to: target.to_str()?.to_owned() }),
        Err(_) => Path::new(&at).is_dir().then(|| bind(&at)),
    }
}
