//! A throw-away workspace with a cache of its own, and what it says when the built program works on it.
//! It knows how rg is called and how its answers look, not what is inside.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Where programs are found, whatever the tests were started with.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The smallest definition of a workspace.
const DEFINITION: &str = "[workspace]\nname = \"it\"\n";
/// How long a condition may take to come true: far longer than it should, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A workspace in a directory that goes when the value does, with a cache and a home beside it.
#[derive(Debug)]
pub struct Workspace {
    program: PathBuf,
    room: TempDir,
    root: PathBuf,
}

impl Workspace {
    /// Makes a workspace of these files; `program` is the built `rg`.
    pub fn new(program: impl Into<PathBuf>, files: &[(&str, &str)]) -> Workspace {
        let room = tempfile::Builder::new().prefix("rg-it-").tempdir().expect("a temporary directory can be made");
        Workspace::in_room(program.into(), room, files)
    }

    /// Makes a workspace that lies in memory where the machine allows it: what is synced costs nothing there.
    pub fn in_memory(program: impl Into<PathBuf>) -> Workspace {
        match tempfile::Builder::new().prefix("rg-it-").tempdir_in("/dev/shm") {
            Ok(room) => Workspace::in_room(program.into(), room, &[]),
            Err(_) => Workspace::new(program, &[]),
        }
    }

    fn in_room(program: PathBuf, room: TempDir, files: &[(&str, &str)]) -> Workspace {
        let root = room.path().join("ws");
        let workspace = Workspace { program, root, room };
        fs::create_dir_all(workspace.beside("home")).expect("the room is new");
        workspace.write("workspace.toml", DEFINITION);
        files.iter().for_each(|(path, text)| workspace.write(path, text));
        workspace
    }

    /// Returns another workspace of the same sources at another path, with an empty cache.
    pub fn elsewhere(&self) -> Workspace {
        let other = Workspace::new(&self.program, &[]);
        for (path, node) in tree(&self.root, &["rg-out"]) {
            other.put(&path, &node);
        }
        other
    }

    /// Returns a path of the workspace.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns a path beside the workspace, where a test may put what is no part of it.
    pub fn beside(&self, path: &str) -> PathBuf {
        self.room.path().join(path)
    }

    /// Returns the directory of the cache.
    pub fn cache(&self) -> PathBuf {
        self.beside("cache")
    }

    /// Writes a file, with the directories that it lies in.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().expect("a file lies in a directory")).expect("parents can be made");
        fs::write(&place, content).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    }

    /// Makes a symbolic link.
    pub fn link(&self, path: &str, target: &str) {
        self.put(path, &Node::Link(target.into()));
    }

    /// Puts a file or a link in the place of whatever was there.
    pub fn put(&self, path: &str, node: &Node) {
        let place = self.path(path);
        remove(&place);
        fs::create_dir_all(place.parent().expect("a file lies in a directory")).expect("parents can be made");
        match node {
            Node::Directory(_) => fs::create_dir_all(&place).expect("a directory can be made"),
            Node::Link(target) => symlink(target, &place).expect("a link can be made"),
            Node::File { content, mode } => {
                fs::write(&place, content).expect("a file can be written");
                fs::set_permissions(&place, Permissions::from_mode(*mode)).expect("the file is ours");
            }
        }
    }

    /// Removes a file, a link or a whole directory.
    pub fn remove(&self, path: &str) {
        remove(&self.path(path));
    }

    /// Returns the text of a file.
    pub fn read(&self, path: &str) -> String {
        let place = self.path(path);
        String::from_utf8_lossy(&fs::read(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()))).into()
    }

    /// Returns whether something lies at a path, a dangling link too.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Returns all that lies delivered, by path from `rg-out`, without what rg keeps there for itself.
    pub fn delivered(&self) -> BTreeMap<String, Node> {
        tree(&self.path("rg-out"), &[".gitignore", ".lock"])
    }

    /// Returns the call of rg in this workspace, with an environment that holds nothing of the caller's.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.root).env_clear().env("PATH", PATH);
        command.env("HOME", self.beside("home")).env("RG_CACHE_DIR", self.cache());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Calls rg and waits for its end.
    pub fn rg(&self, words: &[&str]) -> Run {
        Run::of(words, self.command(words).output().expect("the built program starts"))
    }

    /// Calls rg with more environment.
    pub fn rg_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.command(words);
        command.envs(environment.iter().copied());
        Run::of(words, command.output().expect("the built program starts"))
    }

    /// Calls rg from a directory of the workspace.
    pub fn rg_in(&self, directory: &str, words: &[&str]) -> Run {
        let mut command = self.command(words);
        Run::of(words, command.current_dir(self.path(directory)).output().expect("the built program starts"))
    }

    /// Calls rg and does not wait.
    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().expect("the built program starts")
    }

    /// Builds with the words `rg build …` and expects success.
    pub fn build(&self, patterns: &[&str]) -> Run {
        self.rg(&[&["build"], patterns].concat()).ok()
    }

    /// Returns the files below the cache whose bytes are these.
    pub fn stored(&self, content: &str) -> Vec<PathBuf> {
        let holds = |(path, node): (String, Node)| match node {
            Node::File { content: bytes, .. } if bytes == content.as_bytes() => Some(self.cache().join(path)),
            _ => None,
        };
        tree(&self.cache(), &[]).into_iter().filter_map(holds).collect()
    }

    /// Returns the memory files of the cache.
    pub fn memory_files(&self) -> Vec<PathBuf> {
        let inside = |path: &String| path.contains("memory/");
        tree(&self.cache(), &[]).into_keys().filter(inside).map(|path| self.cache().join(path)).collect()
    }
}

/// What lies at a path.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory with its permissions.
    Directory(u32),
    /// A file.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Its permissions.
        mode: u32,
    },
    /// A symbolic link with its target.
    Link(PathBuf),
}

impl std::fmt::Debug for Node {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::Directory(mode) => write!(to, "directory {mode:o}"),
            Node::File { content, mode } => write!(to, "file {mode:o} {:?}", String::from_utf8_lossy(content)),
            Node::Link(target) => write!(to, "link to {}", target.display()),
        }
    }
}

/// Returns all that lies below a directory, by path from it; nothing if it is not there. Names in `left_out` are
/// left out at the top.
pub fn tree(top: &Path, left_out: &[&str]) -> BTreeMap<String, Node> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(top).expect("it lies below").to_string_lossy().into_owned();
            let Ok(data) = path.symlink_metadata() else { continue };
            let mode = data.permissions().mode() & 0o7777;
            if left_out.contains(&name.as_str()) {
                continue;
            }
            let node = if data.is_dir() {
                pending.push(path);
                Node::Directory(mode)
            } else if data.is_symlink() {
                Node::Link(fs::read_link(&path).unwrap_or_default())
            } else if data.is_file() {
                Node::File { content: fs::read(&path).unwrap_or_default(), mode }
            } else {
                continue;
            };
            found.insert(name, node);
        }
    }
    found
}

/// Removes whatever lies at a path, if something does.
pub fn remove(path: &Path) {
    let removed = match path.symlink_metadata() {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.unwrap_or_else(|error| panic!("cannot remove {}: {error}", path.display()));
}

/// Waits until a condition holds, and fails if it never does.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the processes whose command line holds a text.
pub fn processes(text: &str) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.windows(text.len().max(1)).any(|part| part == text.as_bytes())
    };
    pids.filter(holds).collect()
}

/// How a call of rg ended.
#[derive(Clone, Debug)]
pub struct Run {
    words: Vec<String>,
    /// The exit code; minus the signal if one ended it.
    pub code: i32,
    /// What it answered.
    pub out: String,
    /// What it told.
    pub err: String,
}

/// The numbers of the last line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Requested targets.
    pub targets: u64,
    /// Actions that ran.
    pub executed: u64,
    /// Actions whose result was there.
    pub cached: u64,
    /// Actions that failed.
    pub failed: u64,
}

impl Run {
    /// Makes it of what the system says about an ended call.
    pub fn of(words: &[&str], output: Output) -> Run {
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or_default());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let run = Run { words, code, out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked at") && run.code != 37, "a bug in rg\n{run}");
        run
    }

    /// Expects success.
    #[track_caller]
    pub fn ok(self) -> Run {
        self.exits(0)
    }

    /// Expects an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        assert!(self.code == code, "exit code {} instead of {code}\n{self}", self.code);
        self
    }

    /// Expects phrases in what it told or answered.
    #[track_caller]
    pub fn says(self, phrases: &[&str]) -> Run {
        for phrase in phrases {
            assert!(self.err.contains(phrase) || self.out.contains(phrase), "does not say `{phrase}`\n{self}");
        }
        self
    }

    /// Expects success, and this answer.
    #[track_caller]
    pub fn prints(self, answer: &str) -> Run {
        assert!(self.code == 0 && self.out == answer, "does not answer `{answer}`\n{self}");
        self
    }

    /// Expects that so many actions ran.
    #[track_caller]
    pub fn runs(self, executed: u64) -> Run {
        let got = self.summary().executed;
        assert!(got == executed, "{got} actions ran instead of {executed}\n{self}");
        self
    }

    /// Returns the answer as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"))
    }

    /// Returns the answer's lines.
    pub fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// Returns the numbers of the last line.
    #[track_caller]
    pub fn summary(&self) -> Summary {
        self.parsed_summary().unwrap_or_else(|| panic!("the last line is not a summary\n{self}"))
    }

    /// Parses `4 targets: 1 executed, 3 cached (3 local, 0 remote), 0 failed in 12ms`.
    fn parsed_summary(&self) -> Option<Summary> {
        let line = self.err.lines().last()?;
        let (targets, rest) = line.split_once(" target")?;
        let (_, rest) = rest.split_once(": ")?;
        let (executed, rest) = rest.split_once(" executed, ")?;
        let (cached, rest) = rest.split_once(" cached (")?;
        let (_, rest) = rest.split_once("), ")?;
        let (failed, _) = rest.split_once(" failed in ")?;
        let number = |text: &str| text.parse().ok();
        Some(Summary {
            targets: number(targets)?,
            executed: number(executed)?,
            cached: number(cached)?,
            failed: number(failed)?,
        })
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "rg {}\nexit {}\n-- stdout\n{}\n-- stderr\n{}", self.words.join(" "), self.code, self.out, self.err)
    }
}

/// Returns a file name of these bytes, which need not be UTF-8.
pub fn raw_name(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
