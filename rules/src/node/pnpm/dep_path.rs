//! What pnpm calls a package with its peers: `react-dom@18.2.0(react@18.2.0)`; and the directory that it makes of it.

use sha2::{Digest, Sha256};

/// The longest name of a directory, if nothing else is configured.
const LONGEST: usize = 120;

/// The letters of the hash that a longer name ends with, with the `_` before them.
const HASH: usize = 33;

/// Returns what a reference of a dependency stands for: a version alone is one of the package called so.
pub(super) fn resolve(alias: &str, reference: &str) -> String {
    let at = reference.find('@');
    let before_at = |mark: char| match (reference.find(mark), at) {
        (Some(mark), Some(at)) => mark < at,
        _ => false,
    };
    let is_whole = reference.starts_with('@') || (at.is_some() && !before_at(':') && !before_at('('));
    if is_whole { reference.to_owned() } else { format!("{alias}@{reference}") }
}

/// Returns the name and version alone, without the peers.
pub(super) fn base(dep_path: &str) -> &str {
    dep_path.split('(').next().unwrap_or(dep_path)
}

/// Splits a name and version.
pub(super) fn split(base: &str) -> Option<(&str, &str)> {
    let at = base.get(1..)?.find('@')? + 1;
    Some((&base[..at], &base[at + 1..]))
}

/// Returns the directory below `node_modules/.pnpm`. Names that differ only in case, or are too long, get a hash.
pub(super) fn directory(dep_path: &str) -> String {
    let mut name: String = dep_path.chars().map(|c| if "\\/:*?\"<>|#".contains(c) { '+' } else { c }).collect();
    if name.contains('(') {
        name = name.strip_suffix(')').unwrap_or(&name).replace(")(", "_").replace(['(', ')'], "_");
    }
    let has_capitals = name.to_lowercase() != name && !name.starts_with("file+");
    if name.len() <= LONGEST && !has_capitals {
        return name;
    }
    let hash: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let start: String = name.chars().take(LONGEST - HASH).collect();
    format!("{start}_{}", &hash[..HASH - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_alone_is_one_of_the_package_called_so() {
        for (alias, reference, want) in [
            ("a", "1.0.0", "a@1.0.0"),
            ("a", "1.0.0(b@2.0.0)", "a@1.0.0(b@2.0.0)"),
            ("a", "b@1.0.0(c@2.0.0)", "b@1.0.0(c@2.0.0)"),
            ("a", "@s/b@1.0.0", "@s/b@1.0.0"),
            ("a", "https://x@example.org/a.tgz", "a@https://x@example.org/a.tgz"),
        ] {
            assert_eq!(resolve(alias, reference), want);
        }
        assert_eq!(split(base("@s/b@1.0.0(c@2.0.0)")), Some(("@s/b", "1.0.0")));
        assert_eq!((split("@s/b"), split(""), split("é")), (None, None, None));
    }

    #[test]
    fn directories_are_named_as_pnpm_names_them() {
        assert_eq!(directory("@s/b@1.0.0"), "@s+b@1.0.0");
        assert_eq!(directory("a@1.0.0(@s/b@2.0.0(c@3.0.0))(d@4.0.0)"), "a@1.0.0_@s+b@2.0.0_c@3.0.0__d@4.0.0");
        assert_eq!(directory("JSONStream@1.3.5"), "JSONStream@1.3.5_fb8f73c374dcf7070ffed90b688edabd");
        assert_eq!(directory(&format!("a@1.0.0({})", "x".repeat(200))).len(), LONGEST);
    }
}
