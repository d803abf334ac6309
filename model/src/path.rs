//! Paths inside a workspace, an output directory or an input root: relative, normal, always with `/`.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A normal relative path: segments joined by `/`, none of them empty, `.` or `..`.
/// The empty path is the root itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RelPath(Arc<str>);

/// One way in which a text is not a normal relative path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path begins with `/`.
    #[error("`{0}` is absolute; paths are relative")]
    Absolute(String),
    /// A segment is `..`.
    #[error("`{0}` leaves its directory with `..`")]
    Escapes(String),
    /// A segment is empty or `.`.
    #[error("`{0}` is not a normal path: it has an empty segment or `.`")]
    NotNormal(String),
    /// A byte that no path may hold.
    #[error("`{}` holds a NUL byte", .0.escape_debug())]
    Nul(String),
}

impl RelPath {
    /// Returns the root.
    pub fn root() -> RelPath {
        RelPath(Arc::from(""))
    }

    /// Parses a normal relative path; a single trailing slash is not accepted.
    pub fn new(text: &str) -> Result<RelPath, PathError> {
        if text.as_bytes().contains(&0) {
            return Err(PathError::Nul(text.to_owned()));
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute(text.to_owned()));
        }
        if text.split('/').any(|segment| segment == "..") {
            return Err(PathError::Escapes(text.to_owned()));
        }
        if !text.is_empty() && text.split('/').any(|segment| segment.is_empty() || segment == ".") {
            return Err(PathError::NotNormal(text.to_owned()));
        }
        Ok(RelPath(Arc::from(text)))
    }

    /// Returns `self/other`.
    pub fn join(&self, other: &RelPath) -> RelPath {
        match (self.is_root(), other.is_root()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => RelPath(Arc::from(format!("{}/{}", self.0, other.0))),
        }
    }

    /// Returns `self/name`, where the name is parsed as a relative path.
    pub fn child(&self, name: &str) -> Result<RelPath, PathError> {
        Ok(self.join(&RelPath::new(name)?))
    }

    /// Resolves `text`, which may hold `.` and `..`, from this directory, as long as it stays below the root.
    pub fn resolve(&self, text: &str) -> Result<RelPath, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute(text.to_owned()));
        }
        let mut segments: Vec<&str> = self.segments().collect();
        for segment in text.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or_else(|| PathError::Escapes(text.to_owned()))?;
                }
                name => segments.push(name),
            }
        }
        RelPath::new(&segments.join("/"))
    }

    /// Returns the root of the repository that this path of a workspace lies in: `@name` for that of `[repos.name]`,
    /// whose files stand below it, and else the root.
    pub fn repository(&self) -> RelPath {
        match self.segments().next() {
            Some(name) if name.starts_with('@') => RelPath(Arc::from(name)),
            Some(_) | None => RelPath::root(),
        }
    }

    /// Returns this directory of a workspace and those above it, up to the root of their repository.
    pub fn upwards(&self) -> impl Iterator<Item = RelPath> + use<> {
        let top = self.repository();
        std::iter::successors(Some(self.clone()), move |dir| dir.parent().filter(|above| above.starts_with(&top)))
    }

    /// Resolves `text` from this directory of a workspace as [`RelPath::resolve`] does, as long as it stays in its
    /// repository.
    pub fn resolve_inside(&self, text: &str) -> Result<RelPath, PathError> {
        let found = self.resolve(text)?;
        if found.repository() == self.repository() { Ok(found) } else { Err(PathError::Escapes(text.to_owned())) }
    }

    /// Returns the directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<RelPath> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rfind('/') {
            Some(at) => RelPath(Arc::from(&self.0[..at])),
            None => RelPath::root(),
        })
    }

    /// Returns the last segment; the empty text for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the segments from the top; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this path is `dir` or lies beneath it.
    pub fn starts_with(&self, dir: &RelPath) -> bool {
        self.strip_prefix(dir).is_some()
    }

    /// Returns the rest of the path below `dir`, the root if they are equal.
    pub fn strip_prefix(&self, dir: &RelPath) -> Option<RelPath> {
        if dir.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(&*dir.0)?;
        if rest.is_empty() {
            return Some(RelPath::root());
        }
        rest.strip_prefix('/').map(|rest| RelPath(Arc::from(rest)))
    }

    /// Returns the path that leads from the directory `from` to this path, with `..` where needed; `.` if equal.
    pub fn relative_to(&self, from: &RelPath) -> String {
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (self.segments().collect(), from.segments().collect());
        let common = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let steps: Vec<&str> =
            std::iter::repeat_n("..", theirs.len() - common).chain(ours[common..].iter().copied()).collect();
        if steps.is_empty() { ".".to_owned() } else { steps.join("/") }
    }

    /// Returns the text, empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Allocates once, where the derived code would go through a `String`: a large analysis holds 100,000 paths.
impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<RelPath, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = RelPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a normal relative path")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RelPath, E> {
                RelPath::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<std::path::Path> for RelPath {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&*self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn only_normal_relative_paths_parse() {
        for bad in ["/a", "a//b", "a/", "./a", "a/./b", "../a", "a/..", "a\0b"] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
        for good in ["", "a", "a/b", "-a", "a b/\n", "..a"] {
            assert_eq!(path(good).as_str(), good);
        }
    }

    #[test]
    fn relative_paths_lead_from_one_directory_to_another() {
        for (to, from, want) in [("a/b/c", "a/d", "../b/c"), ("a", "a", "."), ("x", "", "x"), ("", "a/b", "../..")] {
            assert_eq!(path(to).relative_to(&path(from)), want);
            assert_eq!(path(from).resolve(want), Ok(path(to)));
        }
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        assert!(path("a/b").starts_with(&path("a")));
        assert!(!path("ab").starts_with(&path("a")));
        assert_eq!(path("a/b").strip_prefix(&path("a")), Some(path("b")));
    }
}
