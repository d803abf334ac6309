//! Other repositories: brought by the `git` program, which has the user's configuration, into a bare repository of
//! the cache directory, and read there through git2. It does not know what is in their files.

mod commit;
mod git;
mod listing;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use commit::Commit;
pub use git::Git;

/// The directory of all repositories in the cache directory; its number grows with what lies in it.
const STORE: &str = "repos/v1";

/// A repository, and where it is kept.
#[derive(Clone, Debug)]
pub struct Repository {
    url: String,
    /// Holds `git`, a bare repository, `trees`, a listing for each commit that was in use, and `lock`.
    dir: PathBuf,
}

/// Why a repository is not there.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no `git`.
    #[error("cannot start the program `git`, which brings repositories")]
    NoGit(#[source] io::Error),
    /// The remote does not answer, or not us.
    #[error("cannot reach the repository {url}")]
    Unreachable {
        /// The repository.
        url: String,
        /// The last that git said.
        said: Vec<String>,
    },
    /// The remote has no such branch or tag.
    #[error("the repository {url} has no branch, tag or commit `{reference}`")]
    NoReference {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
        /// The branches and tags that it has.
        has: Vec<String>,
    },
    /// The remote no longer has a commit that is pinned.
    #[error("the repository {url} does not have the commit {commit}")]
    Gone {
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
    },
    /// A commit is needed that is not here, and nothing may be asked for.
    #[error("the commit {commit} of {url} is not on this machine")]
    NotHere {
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
    },
    /// What was fetched cannot be read or kept.
    #[error("cannot {doing} `{}`", .path.display())]
    Store {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The user has interrupted it.
    #[error("interrupted")]
    Cancelled,
}

impl Repository {
    /// Names a repository as the workspace with this root does; it is kept in `cache_dir`.
    pub fn new(cache_dir: &Path, root: &Path, url: &str) -> Repository {
        // A path that is relative to the workspace is another repository in another workspace.
        let relative = url.starts_with("./") || url.starts_with("../");
        let url = if relative { root.join(url).to_string_lossy().into_owned() } else { url.to_owned() };
        let name = blake3::hash(url.as_bytes()).to_hex();
        Repository { dir: cache_dir.join(STORE).join(&name[..32]), url }
    }

    /// Whether a commit was in use before, so that nothing has to be fetched.
    pub fn is_here(&self, commit: &str) -> bool {
        self.git_dir().exists() && self.listing(commit).exists()
    }

    /// Asks the remote which commit a branch, a tag or a commit is.
    pub fn resolve(&self, reference: &str, git: &Git<'_>) -> Result<String, RepositoryError> {
        if is_commit(reference) {
            self.bring(reference, git)?;
            return Ok(reference.to_owned());
        }
        git.resolve(&self.url, reference)
    }

    /// Opens a commit, which is brought if it is not here; without a `git`, only what is here is taken.
    pub fn open(&self, commit: &str, git: Option<&Git<'_>>) -> Result<Commit, RepositoryError> {
        if let Some(rows) = listing::read(&self.listing(commit)).filter(|_| self.git_dir().exists()) {
            return Ok(Commit::new(self.git_dir(), rows));
        }
        match git {
            Some(git) => self.bring(commit, git)?,
            None if self.has(commit) => {}
            None => return Err(RepositoryError::NotHere { url: self.url.clone(), commit: commit.to_owned() }),
        }
        let store = |doing, path: PathBuf| move |source| RepositoryError::Store { doing, path, source };
        let rows = listing::make(&self.git_dir(), commit).map_err(store("read the repository", self.git_dir()))?;
        let place = self.listing(commit);
        listing::write(&place, &rows).map_err(store("write", place.clone()))?;
        Ok(Commit::new(self.git_dir(), rows))
    }

    /// Fetches a commit that is not here; one process at a time does.
    fn bring(&self, commit: &str, git: &Git<'_>) -> Result<(), RepositoryError> {
        let store = |source| RepositoryError::Store { doing: "lock", path: self.dir.clone(), source };
        fs::create_dir_all(&self.dir).map_err(store)?;
        let lock = File::create(self.dir.join("lock")).map_err(store)?;
        lock.lock().map_err(store)?;
        if self.has(commit) {
            return Ok(());
        }
        git.fetch(&self.git_dir(), &self.url, commit)?;
        if self.has(commit) {
            return Ok(());
        }
        Err(RepositoryError::Gone { url: self.url.clone(), commit: commit.to_owned() })
    }

    fn has(&self, commit: &str) -> bool {
        listing::tree_of(&self.git_dir(), commit).is_ok()
    }

    fn git_dir(&self) -> PathBuf {
        self.dir.join("git")
    }

    fn listing(&self, commit: &str) -> PathBuf {
        self.dir.join("trees").join(commit)
    }
}

/// Whether a reference is a commit itself.
fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
