//! What of this machine a container shows, where the engine sees our directories.
//!
//! A mount cannot be changed while a container runs, but what lies in a mounted directory can: each container has a room
//! of its own, whose directories are filled before an action and emptied after it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bollard::models::{Mount, MountType};
use model::{Content, Network};

use super::{Order, TOPS};
use crate::Failure;
use crate::sandbox::{Mount as Shown, image_mounts};
use crate::stage::copy_file;

/// The names of hosts, where there is no network.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
/// What every engine writes in a container that has a network.
const WRITTEN: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];
/// What Podman would write anew.
const ACCOUNTS: [&str; 2] = ["etc/passwd", "etc/group"];

/// All that cannot be changed of a container while it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// What the engine calls the image.
    pub image: String,
    pub network: Network,
    pub memory_bytes: Option<u64>,
    pub has_secrets: bool,
    pub has_var_tmp: bool,
    /// The directories of the input root.
    pub tops: BTreeSet<String>,
    /// Other files and directories of this machine, and where they appear.
    pub binds: Vec<(PathBuf, String, Access)>,
    /// Whether home holds something already.
    pub has_home: bool,
}

/// What an action may do with what it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

impl Shape {
    /// Returns the shape of the container that a job needs.
    pub fn of(order: &Order<'_>) -> Result<Shape, Failure> {
        let job = order.job;
        let mut binds: Vec<_> =
            job.tools.mounts.iter().map(|(from, at)| (from.clone(), at.clone(), Access::Read)).collect();
        if job.network == Network::Host {
            binds.extend(image_mounts(job.network).into_iter().filter_map(of_network));
        }
        for extra in &job.extra {
            match extra {
                Shown::Bind { from, at } => binds.push((from.clone(), at.clone(), Access::Read)),
                _ => return Err(Failure::Unable(format!("the executor `engine` cannot show {extra:?}"))),
            }
        }
        for (name, at) in job.cache_mounts {
            // Not the native sandbox's own: as root, the two write as different users.
            let from = job.cache.shared_directory(&format!("{name}.engine")).map_err(|error| Failure::store(&error))?;
            give_once(&from).map_err(|error| Failure::sandbox(&error))?;
            binds.push((from, at.to_string(), Access::Write));
        }
        Ok(Shape {
            image: order.id.to_owned(),
            network: job.network,
            memory_bytes: job.memory_bytes,
            has_secrets: !job.secrets.is_empty(),
            has_var_tmp: matches!(order.image.entry("var/tmp", job.cache), Some(Content::Directory(_))),
            tops: tops(&order.inputs)?,
            binds,
            has_home: !job.extra.is_empty(),
        })
    }

    /// Makes the directories of a room, and returns what a container mounts of it.
    pub fn furnish(&self, room: &Path, order: &Order<'_>) -> io::Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        for top in &self.tops {
            let place = room.join(TOPS).join(top);
            fs::create_dir_all(&place)?;
            give(&place)?;
            mounts.push(bind(&place, &format!("/{top}"), if top == "src" { Access::Write } else { Access::Read }));
        }
        fs::create_dir_all(room.join("etc"))?;
        if self.network == Network::None {
            let hosts = room.join("etc/hosts");
            fs::write(&hosts, HOSTS)?;
            mounts.push(bind(&hosts, "/etc/hosts", Access::Read));
        }
        for name in ACCOUNTS {
            if let Some(Content::File { digest, .. }) = order.image.entry(name, order.job.cache)
                && let Ok(blob) = order.job.cache.blob(&digest, cache::Executable::No)
            {
                copy_file(&blob, &room.join(name), cache::Executable::No)?;
                mounts.push(bind(&room.join(name), &format!("/{name}"), Access::Read));
            }
        }
        mounts.extend(self.binds.iter().map(|(from, at, access)| bind(from, at, *access)));
        Ok(mounts)
    }
}

/// Returns what tells how the network is reached, and what is trusted there, but for what engines write themselves.
fn of_network(shown: Shown) -> Option<(PathBuf, String, Access)> {
    match shown {
        Shown::Bind { from, at } if !WRITTEN.contains(&&*at) => Some((from, at, Access::Read)),
        _ => None,
    }
}

fn bind(from: &Path, at: &str, access: Access) -> Mount {
    Mount {
        source: Some(from.to_string_lossy().into_owned()),
        target: Some(at.to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(access == Access::Read),
        ..Mount::default()
    }
}

/// Returns the names at the top of the input root, which are directories all.
pub(super) fn tops(tree: &Path) -> Result<BTreeSet<String>, Failure> {
    let unreadable = |error: io::Error| Failure::Sandbox(format!("cannot read the staged inputs: {error}"));
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(tree).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type().map_err(unreadable)?.is_dir() {
            return Err(Failure::Unable(format!("the executor `engine` cannot show the single file /{name}")));
        }
        names.insert(name);
    }
    Ok(names)
}

/// Gives a directory that is kept; what lies in it was made by the user inside.
fn give_once(path: &Path) -> io::Result<()> {
    let owner = std::os::unix::fs::MetadataExt::uid(&path.symlink_metadata()?);
    if u64::from(owner) == super::tarball::INSIDE_ID { Ok(()) } else { give(path) }
}

/// Gives a path, and all below it, to the user inside, if we may: root can, and others own what they make there already.
pub(super) fn give(path: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let id = u32::try_from(super::tarball::INSIDE_ID).expect("it is small");
    std::os::unix::fs::lchown(path, Some(id), Some(id))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path())?;
        }
    }
    Ok(())
}
