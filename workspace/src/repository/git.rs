//! The `git` program: asks remotes and fetches from them as the user would, but never asks the user anything.
//! It does not know what a commit is good for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::RepositoryError;

/// What holds for every call: no hook, no daemon and no helper of a repository is run, and a remote that stops sending
/// ends the call.
const SETTINGS: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
];

/// Variables that would lead git to another repository than the one that is meant.
const LEADING_ELSEWHERE: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
];

/// How long a call sleeps between two looks at whether the user has interrupted it.
const PAUSE: Duration = Duration::from_millis(10);

/// What git says to people after an error, and is no cause of it.
const ADVICE: [&str; 2] = ["Please make sure you have the correct access rights", "and the repository exists."];

/// The program, with the surroundings of the user.
pub struct Git<'a> {
    /// The whole environment.
    pub environment: &'a BTreeMap<OsString, OsString>,
    /// Where relative paths begin: the root of the workspace.
    pub directory: &'a Path,
    /// The file of certificates to trust, in place of all others.
    pub authorities: Option<PathBuf>,
    /// Whether the user has interrupted the call.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// How a call of git ended.
struct Ended {
    well: bool,
    out: String,
    said: Vec<String>,
}

impl Git<'_> {
    /// Asks a remote which commit a branch or a tag is.
    pub(super) fn resolve(&self, url: &str, reference: &str) -> Result<String, RepositoryError> {
        let all = ["ls-remote", "--", url, "HEAD", "refs/heads/*", "refs/tags/*", reference];
        let ended = self.run(None, &all)?;
        if !ended.well {
            return Err(unreachable(url, ended));
        }
        let lines = ended.out.lines().filter_map(|line| line.split_once('\t'));
        let known: BTreeMap<&str, &str> = lines.map(|(commit, name)| (name, commit)).collect();
        // As git itself finds what a name means; the commit of a tag that is an object stands beside it, with `^{}`.
        let full = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{reference}"));
        let commit = full.iter().find_map(|name| known.get(&*format!("{name}^{{}}")).or_else(|| known.get(&**name)));
        commit.map(|commit| (*commit).to_owned()).ok_or_else(|| RepositoryError::NoReference {
            url: url.to_owned(),
            reference: reference.to_owned(),
            has: known.keys().filter_map(|name| short(name)).map(str::to_owned).collect(),
        })
    }

    /// Fetches a commit into a bare repository, which is made if it is not there. That the remote answers says not that
    /// it has the commit.
    pub(super) fn fetch(&self, git_dir: &Path, url: &str, commit: &str) -> Result<(), RepositoryError> {
        if !git_dir.join("HEAD").exists() {
            let store = |source| RepositoryError::Store { doing: "make", path: git_dir.to_owned(), source };
            fs::create_dir_all(git_dir).map_err(store)?;
            let ended = self.run(Some(git_dir), &["init", "--quiet", "--bare", "--template="])?;
            if !ended.well {
                return Err(store(io::Error::other(ended.said.join(": "))));
            }
        }
        let one = format!("+{commit}:refs/rg/commits/{commit}");
        let all = ["+refs/heads/*:refs/rg/heads/*", "+refs/tags/*:refs/rg/tags/*"];
        let options = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        let alone = [&options[..], &["--depth=1", "--", url, &one]].concat();
        if self.run(Some(git_dir), &alone)?.well {
            return Ok(());
        }
        // Some servers give no commit that they do not name, and plain files over HTTP have no depth.
        let ended = self.run(Some(git_dir), &[&options[..], &["--", url], &all].concat())?;
        if ended.well { Ok(()) } else { Err(unreachable(url, ended)) }
    }

    fn run(&self, git_dir: Option<&Path>, words: &[&str]) -> Result<Ended, RepositoryError> {
        let mut command = self.command();
        if let Some(dir) = git_dir {
            command.arg("--git-dir").arg(dir);
        }
        command.args(words).env("GIT_SSH_COMMAND", self.ssh()?);
        self.wait(command.spawn().map_err(RepositoryError::NoGit)?)
    }

    /// Returns a call that can neither ask the user nor be led astray by what surrounds it.
    fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        command.arg("--no-pager").current_dir(self.directory).env_clear().envs(self.environment);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for name in LEADING_ELSEWHERE {
            command.env_remove(name);
        }
        command.envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("SSH_ASKPASS_REQUIRE", "never")]);
        if let Some(file) = &self.authorities {
            command.env("GIT_SSL_CAINFO", file);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the program as the user's PATH has it: the search would else follow that of this process.
    fn program(&self) -> PathBuf {
        let path = self.environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let found = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|file| file.is_file());
        found.unwrap_or_else(|| PathBuf::from("git"))
    }

    /// Returns how ssh is called: as the user calls it, but so that it asks for nothing.
    fn ssh(&self) -> Result<OsString, RepositoryError> {
        let given = self.environment.get(OsStr::new("GIT_SSH_COMMAND")).filter(|value| !value.is_empty()).cloned();
        let given = match given {
            Some(given) => given,
            None => {
                let mut command = self.command();
                command.args(["config", "--get", "core.sshCommand"]);
                let ended = self.wait(command.spawn().map_err(RepositoryError::NoGit)?)?;
                let program = self.environment.get(OsStr::new("GIT_SSH")).cloned().unwrap_or_default();
                let word = [ended.out.trim().to_owned(), program.to_string_lossy().into_owned(), "ssh".to_owned()];
                OsString::from(word.into_iter().find(|word| !word.is_empty()).unwrap_or_default())
            }
        };
        let text = given.to_string_lossy();
        let program = text.split_whitespace().next().map(|word| Path::new(word.trim_matches(['"', '\''])));
        // Another program than OpenSSH may take the options for its own.
        let is_ssh = program.and_then(Path::file_name).is_some_and(|name| name == "ssh");
        Ok(match is_ssh {
            true => OsString::from(format!("{text} -oBatchMode=yes -oConnectTimeout=30")),
            false => given,
        })
    }

    /// Waits for the end of a call, and ends it if the user interrupts.
    fn wait(&self, mut child: Child) -> Result<Ended, RepositoryError> {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let out = scope.spawn(|| text(out));
            let err = scope.spawn(|| text(err));
            let status = loop {
                match child.try_wait() {
                    Ok(None) if (self.cancelled)() => {
                        // That it is gone already is as good.
                        let _gone = child.kill();
                        let _reaped = child.wait();
                        return Err(RepositoryError::Cancelled);
                    }
                    Ok(None) => std::thread::sleep(PAUSE),
                    Ok(Some(status)) => break status,
                    Err(error) => return Err(RepositoryError::NoGit(error)),
                }
            };
            let joined = |text: std::thread::ScopedJoinHandle<'_, String>| text.join().unwrap_or_default();
            let (out, err) = (joined(out), joined(err));
            if !status.success() && (self.cancelled)() {
                return Err(RepositoryError::Cancelled);
            }
            let lines = err.lines().map(str::trim).filter(|line| !line.is_empty() && !ADVICE.contains(line));
            Ok(Ended { well: status.success(), out, said: lines.map(str::to_owned).collect() })
        })
    }
}

fn text(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What was read until then is all there is to tell.
    let _read = from.map(|mut from| from.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the error with the last words of git, and what ssh said before them.
fn unreachable(url: &str, ended: Ended) -> RepositoryError {
    let from = ended.said.len().saturating_sub(2);
    RepositoryError::Unreachable { url: url.to_owned(), said: ended.said[from..].to_vec() }
}

/// Returns the name of a branch or a tag as people write it.
fn short(name: &str) -> Option<&str> {
    let name = name.strip_suffix("^{}").unwrap_or(name);
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"))
}
