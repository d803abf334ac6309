//! Patterns of `//go:embed`: which files they stand for. Follows `resolveEmbed` of the Go command.

use model::{Entry, EntryKind, RelPath};

use crate::lowering::Lowering;

/// Why a pattern cannot be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EmbedError {
    /// It is not a pattern.
    #[error("`{0}` is not a pattern of files below the package")]
    Syntax(String),
    /// It matches nothing.
    #[error("`{0}` matches no file")]
    NoMatch(String),
    /// A match lies in another module.
    #[error("`{0}` is in another module")]
    OtherModule(RelPath),
    /// A match cannot be embedded: a link, or a name that no module may hold.
    #[error("`{0}` cannot be embedded: it is a link, or its name is not allowed in a module")]
    Irregular(RelPath),
    /// A directory has nothing in it that may be embedded.
    #[error("the directory `{0}` has no file that may be embedded")]
    EmptyDirectory(RelPath),
}

/// Whether hidden files of an embedded directory count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// Names that begin with `.` or `_` are left out.
    Skip,
    /// With `all:` they are taken.
    Take,
}

/// Returns the files that a pattern stands for, below the package's directory.
pub(crate) fn expand(lowering: &Lowering, package: &RelPath, pattern: &str) -> Result<Vec<RelPath>, EmbedError> {
    let (glob, hidden) = match pattern.strip_prefix("all:") {
        Some(glob) => (glob, Hidden::Take),
        None => (pattern, Hidden::Skip),
    };
    let segments: Vec<&str> = glob.split('/').collect();
    let normal = |segment: &&str| !matches!(*segment, "" | "." | "..") && matches(segment, "").is_some();
    if !segments.iter().all(normal) {
        return Err(EmbedError::Syntax(pattern.to_owned()));
    }
    let mut files = Vec::new();
    for (path, kind) in glob_paths(lowering, package, &segments) {
        check_path(lowering, package, &path, kind)?;
        match kind {
            EntryKind::File => files.push(path),
            EntryKind::Directory => add_directory(lowering, &path, hidden, &mut files)?,
            EntryKind::Symlink | EntryKind::Workspace | EntryKind::Unusable => {
                return Err(EmbedError::Irregular(path));
            }
        }
    }
    if files.is_empty() {
        return Err(EmbedError::NoMatch(pattern.to_owned()));
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn glob_paths(lowering: &Lowering, dir: &RelPath, segments: &[&str]) -> Vec<(RelPath, EntryKind)> {
    let Some((first, rest)) = segments.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for entry in candidates(lowering, dir, first) {
        let Ok(path) = dir.child(&entry.name) else { continue };
        if rest.is_empty() {
            found.push((path, entry.kind));
        } else if entry.kind == EntryKind::Directory {
            found.extend(glob_paths(lowering, &path, rest));
        }
    }
    found
}

/// Returns the entries that a segment matches. A plain name asks for one entry only: fewer edits change the answer.
fn candidates(lowering: &Lowering, dir: &RelPath, segment: &str) -> Vec<Entry> {
    if !segment.contains(['*', '?', '[', '\\']) {
        let kind = dir.child(segment).ok().and_then(|path| lowering.entry(&path));
        return kind.map(|kind| Entry { name: segment.into(), kind }).into_iter().collect();
    }
    let entries = lowering.list(dir).unwrap_or_default();
    entries.iter().filter(|entry| matches(segment, &entry.name) == Some(true)).cloned().collect()
}

/// Refuses names that no module holds, and directories that begin another module.
fn check_path(lowering: &Lowering, package: &RelPath, path: &RelPath, kind: EntryKind) -> Result<(), EmbedError> {
    let below = std::iter::successors(Some(path.clone()), RelPath::parent).take_while(|part| part != package);
    for part in below {
        let is_directory = part != *path || kind == EntryKind::Directory;
        if is_directory && begins_module(lowering, &part) {
            return Err(EmbedError::OtherModule(path.clone()));
        }
        if is_bad_name(part.name()) {
            return Err(EmbedError::Irregular(path.clone()));
        }
    }
    Ok(())
}

fn add_directory(
    lowering: &Lowering,
    dir: &RelPath,
    hidden: Hidden,
    files: &mut Vec<RelPath>,
) -> Result<(), EmbedError> {
    let before = files.len();
    walk(lowering, dir, hidden, files)?;
    if files.len() == before { Err(EmbedError::EmptyDirectory(dir.clone())) } else { Ok(()) }
}

fn walk(lowering: &Lowering, dir: &RelPath, hidden: Hidden, files: &mut Vec<RelPath>) -> Result<(), EmbedError> {
    for entry in lowering.list(dir).unwrap_or_default().iter() {
        let starts_hidden = entry.name.starts_with(['.', '_']);
        if starts_hidden && (hidden == Hidden::Skip || is_bad_name(&entry.name)) {
            continue;
        }
        let Ok(path) = dir.child(&entry.name) else { continue };
        match entry.kind {
            EntryKind::Directory if is_bad_name(&entry.name) || begins_module(lowering, &path) => {}
            EntryKind::Directory => walk(lowering, &path, hidden, files)?,
            EntryKind::File if is_bad_name(&entry.name) => return Err(EmbedError::Irregular(path)),
            EntryKind::File => files.push(path),
            EntryKind::Symlink | EntryKind::Workspace | EntryKind::Unusable => {}
        }
    }
    Ok(())
}

fn begins_module(lowering: &Lowering, dir: &RelPath) -> bool {
    dir.child("go.mod").is_ok_and(|file| lowering.entry(&file).is_some())
}

/// Whether a name is one that no module may hold.
fn is_bad_name(name: &str) -> bool {
    let allowed = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&()+,-.=@[]^_{}~ ".contains(c),
        false => c.is_alphabetic(),
    };
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = |base: &str| stem.strip_prefix(base).is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']));
    matches!(name, ".bzr" | ".hg" | ".git" | ".svn")
        || name.ends_with('.')
        || !name.chars().all(allowed)
        || matches!(&*stem, "con" | "prn" | "aux" | "nul")
        || device("com")
        || device("lpt")
}

/// Matches one path segment against a glob of Go (`path.Match`): `*`, `?`, `[a-z]`, `[^a]`, `\` quotes.
/// `None` if the glob is not well formed.
fn matches(glob: &str, name: &str) -> Option<bool> {
    let glob: Vec<char> = glob.chars().collect();
    let name: Vec<char> = name.chars().collect();
    check_glob(&glob)?;
    Some(match_here(&glob, &name))
}

fn check_glob(mut glob: &[char]) -> Option<()> {
    while !glob.is_empty() {
        glob = match glob[0] {
            '[' => class(glob, ' ')?.1,
            '\\' => glob.get(2..)?,
            _ => &glob[1..],
        };
    }
    Some(())
}

fn match_here(glob: &[char], name: &[char]) -> bool {
    let Some(first) = glob.first() else { return name.is_empty() };
    if *first == '*' {
        return (0..=name.len()).any(|skip| match_here(&glob[1..], &name[skip..]));
    }
    let Some(c) = name.first() else { return false };
    let (hit, rest) = match first {
        '?' => (true, &glob[1..]),
        '[' => class(glob, *c).unwrap_or((false, &[])),
        '\\' => (glob.get(1) == Some(c), glob.get(2..).unwrap_or(&[])),
        plain => (plain == c, &glob[1..]),
    };
    hit && match_here(rest, &name[1..])
}

/// Matches a character against the class at the head of a glob. Returns the rest of the glob too.
fn class(glob: &[char], c: char) -> Option<(bool, &[char])> {
    let mut rest = &glob[1..];
    let negated = rest.first() == Some(&'^');
    if negated {
        rest = &rest[1..];
    }
    let (mut hit, mut ranges) = (false, 0);
    while ranges == 0 || rest.first() != Some(&']') {
        let (low, after) = class_char(rest)?;
        let (high, after) = match after.split_first() {
            Some(('-', after)) => class_char(after)?,
            _ => (low, after),
        };
        hit |= (low..=high).contains(&c);
        ranges += 1;
        rest = after;
    }
    Some((hit != negated, &rest[1..]))
}

fn class_char(glob: &[char]) -> Option<(char, &[char])> {
    match glob {
        ['\\', c, rest @ ..] => Some((*c, rest)),
        ['-' | ']', ..] | [] => None,
        [c, rest @ ..] => Some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_those_of_go() {
        for (glob, name, want) in [
            ("*.txt", "a.txt", Some(true)),
            ("*.txt", "a.md", Some(false)),
            ("a?c", "abc", Some(true)),
            ("[a-c]x", "bx", Some(true)),
            ("[^a-c]x", "bx", Some(false)),
            ("\\*", "*", Some(true)),
            ("[", "a", None),
            ("[]a]", "a", None),
            ("a\\", "a", None),
            ("*a*b", "xaxb", Some(true)),
        ] {
            assert_eq!(matches(glob, name), want, "{glob} {name}");
        }
    }
}
