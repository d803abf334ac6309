//! Leases: a locked file for each invocation that uses the store. What it has touched since the lease began
//! is not collected while the lock is held; a lease dies with its lock, never by time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::database::Database;
use crate::error::CacheError;
use crate::files::{self, Stamp};
use crate::layout::Layout;
use crate::rows;

/// What a lease is called before it is complete.
const UNBORN: &str = ".new-";

/// The lease of this process, taken at the first use.
#[derive(Debug)]
pub(crate) struct Leases {
    layout: Arc<Layout>,
    database: Arc<Database>,
    held: Mutex<Option<Arc<Lease>>>,
    refused: AtomicBool,
}

/// One held lease with its directory for temporary files.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The number of this invocation: what it stores and uses is marked with it.
    pub(crate) counter: i64,
    /// The store's directory, open since before the first write, so that `syncfs` tells of every failed one.
    pub(crate) root: File,
    path: PathBuf,
    tmp: PathBuf,
    next: AtomicU64,
    _locked: File,
}

/// What the living leases protect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Living {
    /// The start of the oldest: what was touched since then stays. `None` if nobody is alive.
    pub(crate) start: Option<Stamp>,
    /// The number of the oldest: rows from it on stay.
    pub(crate) counter: Option<i64>,
}

impl Leases {
    pub(crate) fn new(layout: Arc<Layout>, database: Arc<Database>) -> Leases {
        Leases { layout, database, held: Mutex::default(), refused: AtomicBool::new(false) }
    }

    /// Returns the lease, taking it if need be. The lock is held meanwhile: nobody may go on without it.
    pub(crate) fn hold(&self) -> Result<Arc<Lease>, CacheError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = &*held {
            return Ok(lease.clone());
        }
        let lease = Arc::new(self.take().inspect_err(|_| self.refused.store(true, Ordering::Relaxed))?);
        *held = Some(lease.clone());
        Ok(lease)
    }

    /// Takes the lease if the store can be written; readers of one that cannot go on without.
    pub(crate) fn try_hold(&self) {
        if !self.refused.load(Ordering::Relaxed) {
            let _ = self.hold();
        }
    }

    /// Returns the number of this invocation if it has a lease.
    pub(crate) fn counter(&self) -> Option<i64> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|lease| lease.counter)
    }

    fn take(&self) -> Result<Lease, CacheError> {
        for directory in self.layout.directories() {
            fs::create_dir_all(directory).map_err(CacheError::io("make", directory))?;
        }
        // Made early: when the disk is full, collecting garbage is what helps, and it needs its lock.
        let lock = self.layout.gc_lock();
        files::open_lock(&lock).map_err(CacheError::io("make", &lock))?;
        // Without a number (the database is unusable) nothing is evicted while this lease lives.
        let counter = self.database.with(|c| rows::next_counter(c)).unwrap_or(0);
        let lease =
            Lease::create(&self.layout, counter).map_err(CacheError::io("make a lease in", &self.layout.leases))?;
        sweep(&self.layout);
        Ok(lease)
    }
}

impl Lease {
    /// Makes a lease that is complete and locked at the moment at which it gets its name.
    fn create(layout: &Layout, counter: i64) -> io::Result<Lease> {
        let root = File::open(&layout.root)?;
        loop {
            let fresh = tempfile::Builder::new().prefix(UNBORN).rand_bytes(16).tempfile_in(&layout.leases)?;
            let (mut file, unborn) = fresh.keep()?;
            file.lock()?;
            file.write_all(counter.to_string().as_bytes())?;
            let name = unborn.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(UNBORN));
            let name = name.expect("it was made with this prefix, of ASCII letters");
            let path = layout.leases.join(name);
            match fs::rename(&unborn, &path) {
                // Another process found it before it was locked, and took it for dead.
                Err(error) if error.kind() == io::ErrorKind::NotFound && layout.leases.exists() => continue,
                done => done?,
            }
            let tmp = layout.tmp.join(name);
            fs::create_dir_all(&tmp)?;
            return Ok(Lease { counter, root, path, tmp, next: AtomicU64::new(0), _locked: file });
        }
    }

    /// Returns a path in this invocation's own directory that nobody else uses.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.tmp.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What cannot be removed now is found by the next sweep: the lease is dead then.
        if files::remove_tree(&self.tmp).is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what dead invocations left, and returns what the living protect.
pub(crate) fn sweep(layout: &Layout) -> Living {
    // First the directories, then the leases: a directory whose lease is not found after it is dead.
    let directories = names(&layout.tmp);
    let mut living = Living { start: None, counter: None };
    let mut alive = Vec::new();
    for name in names(&layout.leases) {
        let path = layout.leases.join(&name);
        let Ok(mut file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            if files::remove_tree(&layout.tmp.join(&name)).is_ok() {
                let _ = fs::remove_file(&path);
            }
        } else {
            // One that is being born counts too: it may have its full name by now.
            living.add(&mut file);
            alive.push(name);
        }
    }
    for name in directories.iter().filter(|name| !alive.contains(name)) {
        if !layout.leases.join(name).exists() {
            let _ = files::remove_tree(&layout.tmp.join(name));
        }
    }
    living
}

impl Living {
    fn add(&mut self, file: &mut File) {
        let mut text = String::new();
        let counter = file.read_to_string(&mut text).ok().and_then(|_| text.parse().ok()).unwrap_or(0);
        let Ok(metadata) = file.metadata() else { return };
        let start = Stamp::of(&metadata);
        self.start = Some(self.start.map_or(start, |oldest| oldest.min(start)));
        self.counter = Some(self.counter.map_or(counter, |oldest| oldest.min(counter)));
    }
}

/// Returns the names in a directory that are UTF-8, as all are that rg makes.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
