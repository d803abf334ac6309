//! Patterns of targets in canonical form: one target, a package, everything beneath a directory.
//! It does not know which targets exist.

use std::fmt;
use std::sync::Arc;

use crate::label::{PackageName, inside, split_repository};
use crate::{Label, LabelError, RelPath};

/// A pattern of targets. Prints in canonical form: `//a:t`, `//a:all`, `//a/...`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// One target.
    Target(Label),
    /// All targets of a package.
    Package(RelPath),
    /// All targets of a directory's package and of every package beneath.
    Beneath(RelPath),
}

impl Pattern {
    /// Parses a pattern written in the package `here`: `//a:t`, `//a`, `:t`, `//a:all`, `//a:*`, `:all`, `//a/...`,
    /// `//...`, and the same of another repository, `@name//...`.
    pub fn parse(text: &str, here: &RelPath) -> Result<Pattern, LabelError> {
        let (package, target) = text.split_once(':').map_or((text, None), |(package, target)| (package, Some(target)));
        let wild = matches!(target, None | Some("all" | "*"));
        if let Some(dir) = beneath(package, here)? {
            return if wild { Ok(Pattern::Beneath(dir)) } else { Err(LabelError::Package(package.to_owned())) };
        }
        if target.is_none() || !wild {
            return Label::parse(text, here).map(Pattern::Target);
        }
        if package.is_empty() {
            return Ok(Pattern::Package(here.clone()));
        }
        let (repository, dir) = split_repository(package, here)?;
        Ok(Pattern::Package(checked_package(&repository, dir)?))
    }

    /// Whether a target matches.
    pub fn matches(&self, label: &Label) -> bool {
        match self {
            Pattern::Target(target) => target == label,
            Pattern::Package(_) | Pattern::Beneath(_) => self.matches_package(&label.package),
        }
    }

    /// Whether the targets of a package match; for a single target, whether it lies in the package.
    pub fn matches_package(&self, package: &RelPath) -> bool {
        match self {
            Pattern::Target(target) => target.package == *package,
            Pattern::Package(dir) => package == dir,
            Pattern::Beneath(dir) => package.starts_with(dir) && package.repository() == dir.repository(),
        }
    }
}

/// Whether `visibility` lets the targets of `package` depend on a target; an empty one lets everyone.
/// The target's own package is not asked: it may always.
pub fn allows(visibility: &[Arc<str>], package: &RelPath) -> bool {
    let matches =
        |text: &Arc<str>| Pattern::parse(text, &RelPath::root()).is_ok_and(|pattern| pattern.matches_package(package));
    visibility.is_empty() || visibility.iter().any(matches)
}

/// Returns the directory of a pattern that ends in `...`.
fn beneath(package: &str, here: &RelPath) -> Result<Option<RelPath>, LabelError> {
    let Some(above) = package.strip_suffix("...").filter(|above| above.ends_with('/')) else { return Ok(None) };
    let (repository, dir) = split_repository(above, here)?;
    match dir.strip_suffix('/') {
        None => Ok(Some(repository)),
        Some("") => Err(LabelError::Package(package.to_owned())),
        Some(dir) => checked_package(&repository, dir).map(Some),
    }
}

fn checked_package(repository: &RelPath, dir: &str) -> Result<RelPath, LabelError> {
    // A label of the package checks its characters.
    Ok(Label::new(inside(repository, dir)?, "all")?.package)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Target(label) => write!(f, "{label}"),
            Pattern::Package(dir) => write!(f, "{}:all", PackageName(dir)),
            Pattern::Beneath(dir) if *dir == dir.repository() => write!(f, "{dir}//..."),
            Pattern::Beneath(dir) => write!(f, "{}/...", PackageName(dir)),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let here = RelPath::new("here").expect("a normal path");
        let got = Pattern::parse(text, &here).map_or("error".to_owned(), |pattern| pattern.to_string());
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn patterns_print_in_canonical_form() {
        check("//a/b", "//a/b:b");
        check("//a:t", "//a:t");
        check(":t", "//here:t");
        check("//a:all", "//a:all");
        check("//a:*", "//a:all");
        check(":all", "//here:all");
        check("//:all", "//:all");
        check("//a/...", "//a/...");
        check("//a/...:all", "//a/...");
        check("//...", "//...");
        check("@r//...", "@r//...");
        check("@r//a/...", "@r//a/...");
        check("@r//:all", "@r//:all");
        check("@r//a:*", "@r//a:all");
        for bad in [
            "",
            "//",
            "a",
            "a:all",
            "...",
            "//a b/...",
            "//../...",
            "@r/...",
            "//a/...:t",
            "///...",
            "//a//...",
            "@r...",
            "@//...",
        ] {
            check(bad, "error");
        }
    }

    #[test]
    fn a_pattern_stays_in_its_repository() {
        let package = |text: &str| RelPath::new(text).expect("a normal path");
        let matches = |text: &str, here: &str, other: &str| {
            Pattern::parse(text, &package(here)).expect("a pattern").matches_package(&package(other))
        };
        assert!(matches("//...", "", "a") && !matches("//...", "", "@r/a") && !matches("//...", "", "@r"));
        assert!(matches("//...", "@r/x", "@r/a") && matches("//...", "@r/x", "@r") && !matches("//...", "@r/x", "a"));
        assert!(!matches("@r//...", "", "@rr/a"));
    }

    #[test]
    fn visibility_names_packages_and_none_means_everyone() {
        let package = |text: &str| RelPath::new(text).expect("a normal path");
        let only = [Arc::from("//a/..."), Arc::from("//b:all")];
        for (text, want) in [("a", true), ("a/x", true), ("ab", false), ("b", true), ("b/x", false)] {
            assert_eq!(allows(&only, &package(text)), want, "{text}");
        }
        assert!(allows(&[], &package("x")));
    }
}
