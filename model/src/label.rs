//! Labels: the names of targets, `//package:target`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Platform, RelPath};

/// The name of a target: its package and its name inside it. Prints as `//package:target`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// The directory of the package, from the root of the workspace.
    pub package: RelPath,
    target: Arc<str>,
}

/// A target, built for a platform.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TargetId {
    /// The target's name.
    pub label: Label,
    /// What it is built for.
    pub platform: Platform,
}

/// One way in which a text is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The package part has a bad character or segment.
    #[error("`{0}` is not a package: segments of letters, digits, `.`, `_` and `-`, joined by `/`")]
    Package(String),
    /// The target part has a bad character or segment.
    #[error("`{0}` is not a target name: letters, digits and `_/.=,@~+-`, a normal relative path")]
    Target(String),
    /// The label is in another repository.
    #[error("`{0}` names another repository, and this workspace declares none of that name")]
    Repository(String),
    /// A relative label that has no colon and does not begin with `//`.
    #[error("`{0}` is not a label: labels are `//package:target` or `:target`")]
    Form(String),
}

impl Label {
    /// Makes a label of a package and a target name.
    pub fn new(package: RelPath, target: &str) -> Result<Label, LabelError> {
        let ok = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !package.segments().all(|segment| segment.chars().all(ok)) {
            return Err(LabelError::Package(package.to_string()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_/.=,@~+-".contains(c);
        if target.is_empty() || !target.chars().all(allowed) || RelPath::new(target).is_err() {
            return Err(LabelError::Target(target.to_owned()));
        }
        Ok(Label { package, target: Arc::from(target) })
    }

    /// Parses a label written in the package `here`: `//a/b:t`, `//a/b` (which is `//a/b:b`) or `:t`.
    pub fn parse(text: &str, here: &RelPath) -> Result<Label, LabelError> {
        if text.starts_with('@') {
            return Err(LabelError::Repository(text.to_owned()));
        }
        if let Some(target) = text.strip_prefix(':') {
            return Label::new(here.clone(), target);
        }
        let rest = text.strip_prefix("//").ok_or_else(|| LabelError::Form(text.to_owned()))?;
        let (package, target) = match rest.split_once(':') {
            Some((package, target)) => (package, target),
            None => (rest, rest.rsplit('/').next().unwrap_or_default()),
        };
        let package = RelPath::new(package).map_err(|_| LabelError::Package(package.to_owned()))?;
        Label::new(package, target)
    }

    /// Returns the name inside the package.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the directory of its outputs below `rg-out`: `package/target`.
    pub fn out_dir(&self) -> RelPath {
        self.package.child(&self.target).expect("a target name is a normal relative path")
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "//{}:{}", self.package, self.target)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TargetId {
    /// Returns the directory of the outputs from the workspace root, `rg-out/package/target`;
    /// with the platform below `rg-out` when it is not the workspace's own.
    pub fn out_dir(&self, default: &Platform) -> RelPath {
        let top = RelPath::new("rg-out").expect("a normal path");
        let top = if self.platform == *default {
            top
        } else {
            top.child(&self.platform.slug()).expect("platform words hold no slash")
        };
        top.join(&self.label.out_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let got = match Label::parse(text, &RelPath::new("here").unwrap()) {
            Ok(label) => label.to_string(),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn labels_print_in_canonical_form() {
        check("//a/b", "//a/b:b");
        check("//a/b:t", "//a/b:t");
        check(":t/x.go", "//here:t/x.go");
        check("//:root", "//:root");
        for bad in ["//", "a:b", "//a:../b", "//a:", "//a b:c", "@x//a", "//a//b:c", "//../a:b"] {
            check(bad, "error");
        }
    }
}
