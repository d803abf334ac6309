//! Labels: the names of targets, `//package:target`; in another repository, `@name//package:target`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Platform, RelPath};

/// The name of a target: its package and its name inside it. Prints as `//package:target`; if the package is one of
/// another repository, below `@name`, as `@name//package:target`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// The directory of the package, from the root of the workspace. What `[repos.name]` brings stands below `@name`.
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
    /// What is before `//` is not the name of a repository.
    #[error("`{0}` names no repository: write `@name//package:target`, as workspace.toml has `[repos.name]`")]
    Repository(String),
    /// A relative label that has no colon and does not begin with `//`.
    #[error("`{0}` is not a label: labels are `//package:target` or `:target`")]
    Form(String),
}

impl Label {
    /// Makes a label of a package and a target name.
    pub fn new(package: RelPath, target: &str) -> Result<Label, LabelError> {
        let ok = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let inside = package.strip_prefix(&package.repository()).unwrap_or_else(RelPath::root);
        let repository = package.repository();
        let is_named = repository.as_str().strip_prefix('@').is_none_or(is_repository_name);
        if !is_named || !inside.segments().all(|segment| segment.chars().all(ok)) {
            return Err(LabelError::Package(package.to_string()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_/.=,@~+-".contains(c);
        if target.is_empty() || !target.chars().all(allowed) || RelPath::new(target).is_err() {
            return Err(LabelError::Target(target.to_owned()));
        }
        Ok(Label { package, target: Arc::from(target) })
    }

    /// Parses a label written in the package `here`: `//a/b:t`, `//a/b` (which is `//a/b:b`), `:t` or `@name//a/b:t`.
    pub fn parse(text: &str, here: &RelPath) -> Result<Label, LabelError> {
        if let Some(target) = text.strip_prefix(':') {
            return Label::new(here.clone(), target);
        }
        let (repository, rest) = split_repository(text, here)?;
        let (package, target) = match rest.split_once(':') {
            Some((package, target)) => (package, target),
            None => (rest, rest.rsplit('/').next().unwrap_or_default()),
        };
        let package = inside(&repository, package)?;
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

/// Parses what is before the package of a label or pattern, which is written in the package `here`: nothing, or a
/// repository. Returns the root of that repository, and what follows `//`.
pub(crate) fn split_repository<'t>(text: &'t str, here: &RelPath) -> Result<(RelPath, &'t str), LabelError> {
    let (repository, rest) = text.split_once("//").ok_or_else(|| match text.strip_prefix('@') {
        Some(_) => LabelError::Repository(text.to_owned()),
        None => LabelError::Form(text.to_owned()),
    })?;
    match repository.strip_prefix('@') {
        None if repository.is_empty() => Ok((here.repository(), rest)),
        None => Err(LabelError::Form(text.to_owned())),
        Some(name) if is_repository_name(name) => {
            let root = RelPath::new(repository).map_err(|_| LabelError::Repository(text.to_owned()))?;
            Ok((root, rest))
        }
        Some(_) => Err(LabelError::Repository(text.to_owned())),
    }
}

/// Parses a package of a repository. What `@` begins there is no repository again.
pub(crate) fn inside(repository: &RelPath, package: &str) -> Result<RelPath, LabelError> {
    let wrong = || LabelError::Package(package.to_owned());
    let inside = RelPath::new(package).map_err(|_| wrong())?;
    if !inside.repository().is_root() {
        return Err(wrong());
    }
    Ok(repository.join(&inside))
}

/// Whether a text may be the name of a repository.
pub fn is_repository_name(name: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(ok)
}

/// A package as it is written in labels and patterns: `//a/b`, `@name//a/b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackageName<'a>(pub &'a RelPath);

impl fmt::Display for PackageName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = self.0.repository();
        let inside = self.0.strip_prefix(&repository).unwrap_or_else(RelPath::root);
        write!(f, "{repository}//{inside}")
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", PackageName(&self.package), self.target)
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
        check("@x//a", "@x//a:a");
        check("@design-system//a/b:t", "@design-system//a/b:t");
        check("@x//:root", "@x//:root");
        for bad in ["//", "a:b", "//a:../b", "//a:", "//a b:c", "//a//b:c", "//../a:b"] {
            check(bad, "error");
        }
        for bad in ["@x", "@x:a", "@//a", "@x//", "@x/y//a", "@x//@y/a:b", "//@x/a:b", "@x y//a", "@.//a", "@x//../a:b"]
        {
            check(bad, "error");
        }
    }

    #[test]
    fn a_label_of_another_repository_stays_in_it() {
        let here = Label::parse("@x//a/b:t", &RelPath::root()).unwrap().package;
        for (text, want) in [(":u", "@x//a/b:u"), ("//c:d", "@x//c:d"), ("//:r", "@x//:r"), ("@y//c", "@y//c:c")] {
            assert_eq!(Label::parse(text, &here).unwrap().to_string(), want, "{text}");
        }
        let id = TargetId { label: Label::parse("//c:d", &here).unwrap(), platform: Platform::default() };
        assert_eq!(id.out_dir(&Platform::default()).as_str(), "rg-out/@x/c/d");
    }
}
