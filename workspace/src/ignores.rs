//! What is not part of a checkout: the rules of `.gitignore` files, of `[workspace] ignore`, and rg's own.
//! Knows no stat table; it is asked about one name at a time, from the top down.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::OnceLock;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use rustix::fs::FileType;

use crate::disk::Disk;
use crate::stat::StatKey;

/// The name of a file with rules.
pub(crate) const IGNORE_FILE: &str = ".gitignore";

/// The overlay of a workspace's definition: seen even if it is ignored, as it mostly is.
const LOCAL_DEFINITION: &str = "workspace.local.toml";

/// All rules of a workspace. Files are read when the first name is matched against them, which on a warm run that
/// lists nothing is never.
#[derive(Debug)]
pub(crate) struct Ignores {
    lines: Vec<String>,
    matcher: OnceLock<Gitignore>,
    files: BTreeMap<String, IgnoreFile>,
}

/// The `.gitignore` of one directory.
#[derive(Debug)]
struct IgnoreFile {
    key: StatKey,
    matcher: OnceLock<Gitignore>,
}

/// Why a path is not part of the checkout.
pub(crate) enum Rule<'a> {
    /// It is where outputs are delivered.
    Outputs,
    /// It is git's own.
    Git,
    /// A line of `[workspace] ignore`.
    Workspace,
    /// A line of a `.gitignore`.
    File(&'a Glob),
}

/// The rules that bear on the entries of one directory, the strongest first, each with its directory.
pub(crate) struct Chain<'a> {
    dir: &'a str,
    workspace: &'a Gitignore,
    files: Vec<(&'a str, &'a Gitignore)>,
}

impl Ignores {
    /// Makes the rules of `[workspace] ignore`; those of files are added.
    pub fn new(lines: &[String]) -> Ignores {
        Ignores { lines: lines.to_vec(), matcher: OnceLock::new(), files: BTreeMap::new() }
    }

    /// Adds the `.gitignore` of a directory, which had the stat before it is read.
    pub fn add(&mut self, dir: &str, key: StatKey) {
        self.files.insert(dir.to_owned(), IgnoreFile { key, matcher: OnceLock::new() });
    }

    /// Forgets all files.
    pub fn clear(&mut self) {
        self.files.clear();
    }

    /// Whether the directory has a `.gitignore`.
    pub fn has_file(&self, dir: &str) -> bool {
        self.files.contains_key(dir)
    }

    /// Returns the directories with a `.gitignore`, sorted, and the stat of each file.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, StatKey)> {
        self.files.iter().map(|(dir, file)| (dir.as_str(), file.key))
    }

    /// Whether all known files still have the stat that they had when they were read.
    pub fn are_current(&self, disk: &Disk) -> bool {
        self.files().all(|(dir, key)| disk.stat(&child(dir, IGNORE_FILE)).is_ok_and(|stat| stat.key == key))
    }

    /// Returns a hash of the lines of `[workspace] ignore`.
    pub fn lines_hash(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        for line in &self.lines {
            hasher.update(&(line.len() as u64).to_le_bytes()).update(line.as_bytes());
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }

    /// Returns the rules that bear on the entries of `dir`.
    pub fn chain<'a>(&'a self, disk: &Disk, dir: &'a str) -> Chain<'a> {
        let above = std::iter::successors(Some(dir), |dir| match dir.rsplit_once('/') {
            Some((parent, _)) => Some(parent),
            None => (!dir.is_empty()).then_some(""),
        });
        let files = above.filter_map(|dir| Some((dir, self.files.get(dir)?.matcher(disk, dir)))).collect();
        Chain { dir, workspace: self.matcher.get_or_init(|| workspace_matcher(&self.lines)), files }
    }
}

impl IgnoreFile {
    fn matcher(&self, disk: &Disk, dir: &str) -> &Gitignore {
        self.matcher.get_or_init(|| read_matcher(disk, dir))
    }
}

impl<'a> Chain<'a> {
    /// Returns the rule that excludes the entry, if one does. All directories above it are known to be visible.
    pub fn rule(&self, name: &OsStr, file_type: Option<FileType>) -> Option<Rule<'a>> {
        let at_root = self.dir.is_empty();
        if at_root && name == "rg-out" {
            return Some(Rule::Outputs);
        }
        if name == ".git" {
            return Some(Rule::Git);
        }
        if at_root && name == LOCAL_DEFINITION {
            return None;
        }
        self.written_rule(&full_path(self.dir, name), file_type)
    }

    /// `[workspace] ignore` has the last word, so that it can also take back what a `.gitignore` excludes.
    fn written_rule(&self, path: &OsStr, file_type: Option<FileType>) -> Option<Rule<'a>> {
        let is_dir = file_type == Some(FileType::Directory);
        match self.workspace.matched(path, is_dir) {
            Match::Ignore(_) => return Some(Rule::Workspace),
            Match::Whitelist(_) => return None,
            Match::None => {}
        }
        for (dir, matcher) in &self.files {
            let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
            match matcher.matched(tail(path, skip), is_dir) {
                Match::Ignore(glob) => return Some(Rule::File(glob)),
                Match::Whitelist(_) => return None,
                Match::None => {}
            }
        }
        None
    }
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Outputs => f.write_str("rg itself: outputs are delivered to `rg-out`"),
            Rule::Git => f.write_str("rg itself: `.git` belongs to git"),
            Rule::Workspace => f.write_str("workspace.toml: [workspace] ignore"),
            Rule::File(glob) => {
                let from = glob.from().unwrap_or(IGNORE_FILE.as_ref());
                write!(f, "{}: {}", from.display(), glob.original())
            }
        }
    }
}

/// Returns `dir/name`.
pub(crate) fn child(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

fn full_path(dir: &str, name: &OsStr) -> OsString {
    let mut path = OsString::from(dir);
    if !dir.is_empty() {
        path.push("/");
    }
    path.push(name);
    path
}

/// Returns the path without its first bytes, which are a directory and its slash.
fn tail(path: &OsStr, skip: usize) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(&path.as_bytes()[skip..])
}

fn workspace_matcher(lines: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        add_line(&mut builder, None, line);
    }
    built(&builder)
}

/// Reads the `.gitignore` of a directory. One that cannot be read has no rules, as for git.
fn read_matcher(disk: &Disk, dir: &str) -> Gitignore {
    let path = child(dir, IGNORE_FILE);
    let mut text = Vec::new();
    if let Ok(handle) = disk.open_file(&path)
        && std::fs::File::from(handle).read_to_end(&mut text).is_err()
    {
        text.clear();
    }
    let text = String::from_utf8_lossy(&text);
    let mut builder = GitignoreBuilder::new("");
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        // The number of the line travels in the name of the file, so that an error can tell it.
        add_line(&mut builder, Some(PathBuf::from(format!("{path}:{}", index + 1))), line);
    }
    built(&builder)
}

/// Adds a line; one that is no pattern matches nothing, as for git.
fn add_line(builder: &mut GitignoreBuilder, from: Option<PathBuf>, line: &str) {
    let _no_pattern = builder.add_line(from, line);
}

fn built(builder: &GitignoreBuilder) -> Gitignore {
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}
