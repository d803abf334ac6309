//! The base system: what tells two machines apart on which the same program may behave differently.
//!
//! The loader and the C library are hashed; the package database stands for all other programs of /usr,
//! with the links that choose among them.

use std::path::Path;

use super::install::hash_text;
use super::look::Look;
use super::{Found, ToolError, ToolView};

/// The release of the distribution.
const RELEASE: &[&str] = &["etc/os-release", "usr/lib/os-release"];
/// The program that loads programs.
const LOADER: &[&str] = &[
    "lib64/ld-linux-x86-64.so.2",
    "lib/ld-linux-aarch64.so.1",
    "lib/ld-linux-riscv64-lp64d.so.1",
    "lib/ld-musl-x86_64.so.1",
    "lib/ld-musl-aarch64.so.1",
];
/// The C library; on musl it is the loader.
const LIBC: &[&str] = &[
    "lib/x86_64-linux-gnu/libc.so.6",
    "lib/aarch64-linux-gnu/libc.so.6",
    "lib/riscv64-linux-gnu/libc.so.6",
    "lib64/libc.so.6",
    "usr/lib/libc.so.6",
];
/// What is installed.
const PACKAGES: &[&str] = &[
    "var/lib/dpkg/status",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "lib/apk/db/installed",
];

/// Which of several installed programs a name means: links that no package database tells of.
const ALTERNATIVES: &str = "etc/alternatives";
/// Settings that programs of the base system read.
const SETTINGS: &[&str] = &["etc/ssl/openssl.cnf"];

/// Fingerprints the base system of this machine.
pub(super) fn find(look: &mut Look) -> Result<Found, ToolError> {
    find_below(Path::new("/"), look)
}

/// Fingerprints the base system below a directory.
pub(super) fn find_below(root: &Path, look: &mut Look) -> Result<Found, ToolError> {
    let mut hasher = blake3::Hasher::new();
    for (name, places) in
        [("release", RELEASE), ("loader", LOADER), ("libc", LIBC), ("packages", PACKAGES), ("settings", SETTINGS)]
    {
        hash_text(&mut hasher, name);
        let mut there = Vec::new();
        for place in places.iter().map(|place| root.join(place)) {
            if look.is_file(&place) {
                there.push(look.hash(&place)?);
            }
        }
        // One file under two names counts once: distributions differ in which links they have.
        there.dedup();
        hasher.update(&there.len().to_le_bytes());
        for hash in there {
            hasher.update(hash.as_bytes());
        }
    }
    hash_text(&mut hasher, "alternatives");
    let alternatives = root.join(ALTERNATIVES);
    for name in look.list(&alternatives) {
        let target = std::fs::read_link(alternatives.join(&name)).unwrap_or_default();
        hash_text(&mut hasher, &name);
        hash_text(&mut hasher, &target.to_string_lossy());
    }
    Ok(Found { fingerprint: hasher.finalize().into(), view: ToolView::default(), python: None })
}
