//! Repositories on disk, made and changed by the `git` program with a configuration of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with a work tree.
#[derive(Debug)]
pub struct GitRepository {
    dir: PathBuf,
}

impl GitRepository {
    /// Makes a repository with one commit of these files on the branch `main`.
    pub fn new(dir: PathBuf, files: &[(&str, &str)]) -> GitRepository {
        fs::create_dir_all(&dir).expect("the directory can be made");
        let repository = GitRepository { dir };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit(files);
        repository
    }

    /// Returns where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes files and commits all that lies in the work tree. Returns the commit.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let place = self.dir.join(path);
            fs::create_dir_all(place.parent().expect("a file lies in a directory")).expect("parents can be made");
            fs::write(place, text).expect("a file can be written");
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=a change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Calls git in the repository and returns what it answers.
    pub fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .args(words)
            .current_dir(&self.dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "it").env(format!("GIT_{who}_EMAIL"), "it@localhost");
        }
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        let output = command.output().expect("git is installed");
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
