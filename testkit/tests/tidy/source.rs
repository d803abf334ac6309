//! The files of the repository as text, and which of their lines ship. Knows no rule.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A file of the repository that holds text.
pub struct Source {
    /// Where it is, from the repository's root.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// Reads a file; `None` if it is gone, a link or not text.
    pub fn read(path: &str) -> Option<Source> {
        let place = root().join(path);
        let plain = fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_file());
        let text = plain.then(|| fs::read_to_string(place).ok()).flatten()?;
        Some(Source { path: path.to_owned(), text })
    }

    /// Returns whether the whole file is for tests, benches or examples.
    pub fn is_test(&self) -> bool {
        let folders = ["tests/", "benches/", "examples/", "testkit/"];
        let inside = |folder: &str| self.path.starts_with(folder) || self.path.contains(&format!("/{folder}"));
        folders.iter().any(|folder| inside(folder))
            || self.path.ends_with("tests.rs")
            || self.path.ends_with("_test.rs")
            || self.path.ends_with("/fixture.rs")
    }

    /// Returns the lines that ship, with their numbers: all of them up to a test module at the end.
    pub fn shipping(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let opens_tests = |at: &usize| {
            lines[*at].trim() == "#[cfg(test)]" && lines.get(at + 1).is_some_and(|next| next.trim().ends_with('{'))
        };
        let end = (0..lines.len()).find(opens_tests).filter(|_| !self.is_test()).unwrap_or(lines.len());
        lines.into_iter().take(end).enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Returns the lines that ship, without their comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.shipping().map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
    }

    /// Returns how a line of the file is named in a failure.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Returns the paths of all files that are committed, or would be by `git add --all`, sorted.
pub fn tracked() -> Vec<String> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let output = Command::new("git").args(arguments).current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("file names of this repository are UTF-8");
    names.split_terminator('\0').map(str::to_owned).collect()
}

/// Returns all Rust files of the repository.
pub fn rust() -> Vec<Source> {
    tracked().iter().filter(|path| path.ends_with(".rs")).filter_map(|path| Source::read(path)).collect()
}
