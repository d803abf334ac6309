//! The native sandbox: a program in a container made of namespaces, without a daemon, as root and as a plain user. Where
//! namespaces are refused, root can shut a program into a directory instead.
//!
//! Three processes serve one program. The *helper* is single-threaded, split off a *zygote*, which is a process of rg's
//! own program that stands ready; it stays outside and writes the id maps. Its child is *process 1* of the new
//! namespaces; it builds the root, runs the program, reaps orphans and takes everything down by its own end. The program
//! itself is the third.
//!
//! This module knows mounts and processes. It does not know actions, keys, inputs or the store.

mod base;
mod confine;
mod descendants;
mod helper;
mod init;
mod kernel;
mod left;
mod memory;
mod network;
mod probe;
mod root;
mod sources;
mod supervise;
mod wire;
mod zygote;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use base::{base_mounts, image_mounts};
pub(crate) use init::INSIDE_ID;
pub(crate) use kernel::{Usage, wait_for};
pub(crate) use left::{MOST_LEFT_BYTES, TMP};
pub use probe::Refused;
pub(crate) use root::{DEVICES, standard_mounts};
pub(crate) use supervise::wait_until;
pub use zygote::main_if_zygote;

/// A program in a container.
///
/// Beside its mounts it always finds `/proc`, a small `/dev`, and an empty `/tmp` with `/tmp/home`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// How the container is made.
    pub way: Way,
    /// The root directory, which stays as it is; without one the root is empty but for the mounts.
    pub root: Option<PathBuf>,
    /// What the container shows, in this order; mount points are made as needed.
    pub mounts: Vec<Mount>,
    /// The program and its arguments; a name without a slash is looked up on the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The working directory, absolute inside.
    pub directory: String,
    /// Whether it sees the machine's network.
    pub network: model::Network,
    /// The most memory that all of its processes may use together, in bytes.
    pub memory_bytes: Option<u64>,
    /// Values that are hidden in what it prints.
    pub hidden: Vec<Vec<u8>>,
    /// Where its input comes from and its output goes.
    pub streams: Streams,
    /// A directory that takes what is written to overlays, where the kernel refuses a tmpfs for it. Of a program that
    /// goes to a log and fails, it then holds all of that, and a copy of its `/tmp`.
    pub scribble: Option<PathBuf>,
    /// Whether `scribble` holds what a failed program left. The program begins with that, and goes on with it.
    pub resumes: bool,
}

/// How a container is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Way {
    /// By namespaces.
    Namespaces,
    /// By a change of the root directory, which holds all already: nothing is mounted.
    Chroot {
        /// The places below which the program may write.
        writable: Vec<String>,
    },
}

/// Where the input of a program comes from, and its output goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Streams {
    /// It has no input; both outputs go to the log.
    Log,
    /// Those of rg, and its terminal. The input is the file of this number, which rg's child processes inherit.
    Own(i32),
}

/// One thing that a container shows. `at` is absolute inside the container.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mount {
    /// A file or directory of the machine with all that is mounted below it, read-only.
    Bind {
        /// Where it is on the machine.
        from: PathBuf,
        /// Where it appears.
        at: String,
    },
    /// A directory of the machine that keeps what the program writes; it is given to the program's user.
    BindWritable {
        /// Where it is on the machine.
        from: PathBuf,
        /// Where it appears.
        at: String,
    },
    /// A directory that may be scribbled on: `lower` stays as it is, what is written is thrown away.
    Overlay {
        /// Where it is on the machine.
        lower: PathBuf,
        /// Where it appears.
        at: String,
    },
    /// An empty directory of memory.
    Tmpfs {
        /// Where it appears.
        at: String,
        /// Its mode, as `0o1777`.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it appears.
        at: String,
        /// Its target text.
        to: String,
    },
    /// A read-only file with this text.
    File {
        /// Where it appears.
        at: String,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// An empty read-only directory.
    Directory {
        /// Where it appears.
        at: String,
    },
    /// A device of the machine, from its `/dev`.
    Device {
        /// Its name: `null`.
        name: String,
    },
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum How {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was ended because its time was over.
    TimedOut,
    /// It was ended because the caller no longer wanted it.
    Cancelled,
    /// It wanted more memory than it may have.
    OutOfMemory,
}

/// What is known of a program that has ended, with all of its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// How it ended.
    pub how: How,
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// From its start until nothing of it was left.
    pub wall: Duration,
    /// The most memory that one of its processes had, or all together where that is known, in bytes.
    pub peak_memory_bytes: u64,
    /// Whether all that it wrote is in the `scribble` of its spec now.
    pub left: bool,
}

/// Why a program could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The helper process could not be started.
    #[error("cannot start the sandbox helper `{}`", helper.display())]
    Helper {
        /// The helper's program.
        helper: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The container could not be made.
    #[error("{call} of `{on}` is refused")]
    Setup {
        /// The system call.
        call: String,
        /// What it was called on.
        on: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The program does not exist in the container, or cannot be executed.
    #[error("cannot execute `{argv0}`")]
    Program {
        /// The program as it was asked for.
        argv0: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The helper ended without a word: something else ended it.
    #[error("the sandbox helper was ended from outside")]
    Lost,
}

/// Makes containers. All clones share the processes that stand ready for it.
#[derive(Clone, Debug)]
pub struct Sandbox {
    helper: PathBuf,
    idle: Arc<Mutex<Vec<zygote::Zygote>>>,
}

impl Sandbox {
    /// Makes containers with the help of a program whose `main` calls [`main_if_zygote`] first: rg itself.
    pub fn new(helper: PathBuf) -> Sandbox {
        Sandbox { helper, idle: Arc::default() }
    }
}
