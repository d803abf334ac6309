//! What the tests share: a store in a fresh directory, and small actions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache::{Cache, Committed};
use model::reapi::{self, ActionResult, Message, OutputDirectory, OutputFile};
use model::{ActionKey, Digest};
use tempfile::TempDir;

pub const PLENTY: u64 = 1 << 40;

/// A store whose directory goes with it.
pub struct Store {
    pub cache: Cache,
    pub dir: TempDir,
}

impl std::ops::Deref for Store {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        &self.cache
    }
}

pub fn store() -> Store {
    let dir = tempfile::tempdir().unwrap();
    Store { cache: Cache::at(dir.path().join("rg"), PLENTY), dir }
}

impl Store {
    /// Ends this invocation and begins another on the same directory.
    pub fn again(self) -> Store {
        self.again_with(PLENTY)
    }

    pub fn again_with(self, max_size_bytes: u64) -> Store {
        let Store { cache, dir } = self;
        let path = cache.dir().to_owned();
        drop(cache);
        wait_for_tick(dir.path());
        Store { cache: Cache::at(path, max_size_bytes), dir }
    }

    /// Goes on when the file system's time has moved: what was used in the same tick as a collection begins stays.
    pub fn later(&self) {
        wait_for_tick(self.dir.path());
    }

    /// Another invocation at the same time.
    pub fn beside(&self) -> Cache {
        Cache::at(self.cache.dir().to_owned(), PLENTY)
    }

    pub fn below(&self, path: &str) -> PathBuf {
        self.cache.dir().join("v1").join(path)
    }

    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.below("blobs").join(&hex[..2]).join(hex)
    }
}

/// Waits some milliseconds, by the clock that counts here and not by another.
fn wait_for_tick(directory: &Path) {
    let now = || tempfile::tempfile_in(directory).unwrap().metadata().unwrap().modified().unwrap();
    let before = now();
    while now() <= before {
        std::thread::yield_now();
    }
}

/// An action that is told from others by a number.
pub fn action(number: u64) -> reapi::Action {
    let command = Digest::of(format!("command {number}").as_bytes());
    reapi::Action {
        command_digest: command,
        input_root_digest: Digest::of(b""),
        timeout: None,
        do_not_cache: false,
        salt: Vec::new(),
        platform: Vec::new(),
    }
}

pub fn key(number: u64) -> ActionKey {
    ActionKey(Digest::of(&action(number).encode()))
}

pub fn done(number: u64, result: ActionResult) -> Committed {
    let bytes = action(number).encode();
    Committed {
        key: key(number),
        result,
        messages: vec![(Digest::of(&bytes), bytes)],
        name: format!("//a:{number}"),
        duration: Duration::from_millis(number),
        peak_memory_bytes: 0,
    }
}

pub fn with_file(digest: Digest) -> ActionResult {
    let file = OutputFile { path: "out".into(), digest, is_executable: false };
    ActionResult { output_files: vec![file], ..ActionResult::default() }
}

pub fn with_directory(root: Digest) -> ActionResult {
    let directory = OutputDirectory { path: "out".into(), tree_digest: None, root_directory_digest: root };
    ActionResult { output_directories: vec![directory], ..ActionResult::default() }
}

/// Stores bytes as the output of an action.
pub fn build(cache: &Cache, number: u64, bytes: &[u8]) -> Digest {
    let digest = cache.put_bytes(bytes).unwrap();
    cache.commit(&[done(number, with_file(digest))]).unwrap();
    digest
}

pub fn is_hit(cache: &Cache, number: u64) -> bool {
    cache.lookup(&[key(number)])[0].is_some()
}

/// Writes over a file whatever its mode, keeping its inode.
pub fn overwrite(path: &Path, bytes: &[u8]) {
    set_mode(path, 0o644);
    fs::write(path, bytes).unwrap();
    set_mode(path, 0o644);
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

pub fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::symlink_metadata(path).unwrap().permissions()) & 0o7777
}

pub fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}
