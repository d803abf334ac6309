//! Limits the memory of a sandbox, and measures it: by a control group where the machine lets rg make one, else by
//! looking at the processes now and then.
//!
//! A group knows all pages of all processes, and the kernel ends one that wants too much. Looking only sees what is
//! held at that moment; what a single process held at most is known for certain at the end, so that no action beyond
//! its limit succeeds unless several processes share what is too much for a moment only.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Pid;

use super::descendants::below;

/// How the names of groups begin; the process id of their maker follows.
const PREFIX: &str = "rg-";

/// The memory of one sandbox.
pub(super) struct Memory {
    limit_bytes: u64,
    group: Option<Group>,
    helper: Pid,
}

impl Memory {
    /// Limits what a helper and all that it starts use together.
    pub fn limit(helper: Pid, limit_bytes: u64) -> Memory {
        let group = Group::make(limit_bytes).filter(|group| group.take(helper));
        Memory { limit_bytes, group, helper }
    }

    /// Whether more is held now than may be. A group sees to that itself.
    pub fn is_over(&self) -> bool {
        self.group.is_none() && resident_below(self.helper) > self.limit_bytes
    }

    /// Returns the most that was held, and whether it was too much. `one` is the most that one process held.
    pub fn settle(&self, one: u64) -> (u64, bool) {
        match &self.group {
            Some(group) => (group.peak().unwrap_or(one), group.ran_out()),
            None => (one, one > self.limit_bytes),
        }
    }
}

/// A control group, of either version, that is removed with this value.
struct Group {
    dir: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Group {
    fn make(limit_bytes: u64) -> Option<Group> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        let (parent, version) = parent(&fs::read_to_string("/proc/self/cgroup").ok()?)?;
        SWEPT.call_once(|| sweep(&parent));
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let group = Group { dir: parent.join(name), version };
        fs::create_dir(&group.dir).ok()?;
        let limit = limit_bytes.to_string();
        let (file, swap) = match version {
            Version::One => ("memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", limit.as_str())),
            Version::Two => ("memory.max", ("memory.swap.max", "0")),
        };
        fs::write(group.dir.join(file), &limit).ok()?;
        // A machine may have no swap to be limited.
        let _ = fs::write(group.dir.join(swap.0), swap.1);
        Some(group)
    }

    fn take(&self, process: Pid) -> bool {
        fs::write(self.dir.join("cgroup.procs"), process.as_raw_nonzero().to_string()).is_ok()
    }

    fn peak(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.max_usage_in_bytes",
            Version::Two => "memory.peak",
        };
        fs::read_to_string(self.dir.join(file)).ok()?.trim().parse().ok()
    }

    /// Whether the kernel ended a process of the group.
    fn ran_out(&self) -> bool {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Returns where this process may make groups that limit memory.
fn parent(own: &str) -> Option<(PathBuf, Version)> {
    let path = |line: &str| line.splitn(3, ':').nth(2).map(|path| path.trim_start_matches('/').to_owned());
    let first =
        own.lines().find(|line| line.split(':').nth(1).is_some_and(|it| it.split(',').any(|it| it == "memory")));
    if let Some(line) = first {
        let parent = Path::new("/sys/fs/cgroup/memory").join(path(line)?);
        return parent.is_dir().then_some((parent, Version::One));
    }
    let parent = Path::new("/sys/fs/cgroup").join(path(own.lines().find(|line| line.starts_with("0::"))?)?);
    let controls = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
    controls.split_whitespace().any(|it| it == "memory").then_some((parent, Version::Two))
}

/// Removes groups of processes that were killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|maker| !Path::new(&format!("/proc/{maker}")).exists()) {
            // One that still has processes stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Returns the bytes that all processes below one hold.
fn resident_below(top: Pid) -> u64 {
    let pages = |process: Pid| {
        let numbers = fs::read_to_string(format!("/proc/{}/statm", process.as_raw_nonzero())).ok()?;
        numbers.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let pages: u64 = below(top).into_iter().chain([top]).filter_map(pages).sum();
    pages * rustix::param::page_size() as u64
}
