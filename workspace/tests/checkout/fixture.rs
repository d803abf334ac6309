//! A workspace in a directory of its own, and readable pictures of what a checkout shows of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{Entry, EntryKind, FileId, FileKind, RelPath, Tree, TreeError};
use workspace::{Checkout, ScanOptions, checkout};

/// A workspace on disk; gone when dropped.
pub struct Fixture {
    dir: tempfile::TempDir,
    ignore: Vec<String>,
}

impl Fixture {
    /// Makes a workspace with these files.
    pub fn new(files: &[&str]) -> Fixture {
        let fixture = Fixture { dir: tempfile::tempdir().unwrap(), ignore: Vec::new() };
        fs::create_dir_all(fixture.cache()).unwrap();
        fixture.write("workspace.toml", "");
        files.iter().for_each(|file| fixture.write(file, file));
        fixture
    }

    /// Sets the lines of `[workspace] ignore`.
    pub fn ignore(&mut self, lines: &[&str]) {
        self.ignore = lines.iter().map(|line| (*line).to_owned()).collect();
    }

    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("root").join(path)
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// Writes a file in place, with the directories above it.
    pub fn write(&self, path: &str, content: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), content).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
    }

    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.symlink_metadata().unwrap().is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            .unwrap();
    }

    /// Scans with a stat table.
    pub fn warm(&self, stats: &[u8]) -> Checkout {
        let options = ScanOptions { ignore: &self.ignore, clock_dir: &self.cache() };
        checkout(&self.path(""), &options, stats).unwrap()
    }

    /// Scans without a stat table.
    pub fn cold(&self) -> Checkout {
        self.warm(&[])
    }

    /// Returns the stat table of a run that asks for the ids of all files, once all of them are old.
    pub fn remember(&self) -> Vec<u8> {
        self.settle();
        let checkout = self.cold();
        picture(&checkout);
        checkout.stats().unwrap()
    }

    /// Waits until the file system's clock has moved on so far that what was written is trusted.
    pub fn settle(&self) {
        let probe = self.cache().join("clock");
        let now = || {
            fs::write(&probe, "").unwrap();
            let stat = fs::metadata(&probe).unwrap();
            stat.mtime() * 1_000_000_000 + stat.mtime_nsec()
        };
        let start = now();
        while now() - start < 30_000_000 {}
    }
}

pub fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

/// Returns one line for each visible entry: its kind, its path, and the content if it has one.
pub fn picture(checkout: &Checkout) -> Vec<String> {
    let mut lines = Vec::new();
    draw(checkout, &RelPath::root(), &mut lines);
    lines
}

/// Returns the paths of all visible entries but workspace.toml, joined by blanks; directories end with a slash.
pub fn paths(checkout: &Checkout) -> String {
    let short = |line: &String| line.split_whitespace().nth(1).map(str::to_owned);
    picture(checkout).iter().filter_map(short).filter(|path| path != "workspace.toml").collect::<Vec<_>>().join(" ")
}

fn draw(checkout: &Checkout, dir: &RelPath, lines: &mut Vec<String>) {
    for Entry { name, kind } in checkout.list(dir).unwrap() {
        let path = dir.child(&name).unwrap();
        match kind {
            EntryKind::Directory => {
                lines.push(format!("dir {path}/"));
                draw(checkout, &path, lines);
            }
            EntryKind::Workspace => lines.push(format!("workspace {path}/")),
            EntryKind::Unusable => lines.push(format!("unusable {path}")),
            EntryKind::File | EntryKind::Symlink => lines.push(content_line(checkout, &path)),
        }
    }
}

/// Describes a file, and holds its id against its content.
fn content_line(checkout: &Checkout, path: &RelPath) -> String {
    let (id, content) = (checkout.id(path).unwrap(), read(checkout, path).unwrap());
    assert_eq!(id, FileId::of(id.kind, content.as_bytes()), "{path}");
    let kind = match id.kind {
        FileKind::File => "file",
        FileKind::Executable => "executable",
        FileKind::Symlink => "symlink",
    };
    format!("{kind} {path} {content:?}")
}

/// Reads a file of the tree.
pub fn read(checkout: &Checkout, path: &RelPath) -> Result<String, TreeError> {
    let mut content = String::new();
    checkout.open(path)?.read_to_string(&mut content).unwrap();
    Ok(content)
}

/// Returns the message of the error that the path gives.
pub fn refusal(checkout: &Checkout, path: &str) -> String {
    let (id, open) = (checkout.id(&rel(path)), checkout.open(&rel(path)));
    let (id, open) = (id.unwrap_err().to_string(), open.err().unwrap().to_string());
    assert_eq!(id, open);
    id
}
