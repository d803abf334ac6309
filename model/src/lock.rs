//! rg.lock: what the tags of images and the references of repositories stood for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ImageDigest;

/// What is pinned, by the text that names it in a definition.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Lock {
    /// The images.
    pub images: BTreeMap<String, ImageDigest>,
    /// The commits of repositories, in hexadecimal digits, by `<url> <reference>`.
    pub repos: BTreeMap<String, String>,
}

impl Lock {
    /// The name of the file, at the root of the workspace.
    pub const FILE: &'static str = "rg.lock";
    /// The version of the format.
    pub const VERSION: u32 = 1;
}

/// The text of the file: sorted, one entry a line, so that it merges.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What each image and reference stands for. Written by `rg lock`; commit it.")?;
        writeln!(f, "version = {}", Lock::VERSION)?;
        if !self.images.is_empty() {
            writeln!(f, "\n[images]")?;
        }
        for (image, digest) in &self.images {
            writeln!(f, "{} = \"{digest}\"", quoted(image))?;
        }
        if !self.repos.is_empty() {
            writeln!(f, "\n[repos]")?;
        }
        for (reference, commit) in &self.repos {
            writeln!(f, "{} = {}", quoted(reference), quoted(commit))?;
        }
        Ok(())
    }
}

/// Returns a text as a basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_each_is_a_line() {
        let digest = ImageDigest([0xab; 32]);
        let images = [("b:2".to_owned(), digest), ("a:1".to_owned(), digest)].into();
        let repos = [("ssh://host/x main".to_owned(), "c0ffee".to_owned())].into();
        let text = Lock { images, repos }.to_string();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let pin = format!("\"sha256:{}\"", "ab".repeat(32));
        let (a, b) = (format!("\"a:1\" = {pin}"), format!("\"b:2\" = {pin}"));
        let want = ["version = 1", "", "[images]", &a, &b, "", "[repos]", "\"ssh://host/x main\" = \"c0ffee\""];
        assert_eq!(lines, want);
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000A\"");
    }
}
