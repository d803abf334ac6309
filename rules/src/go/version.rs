//! Versions of Go modules and their order, and module paths as the module cache writes them.

use std::cmp::Ordering;

/// Whether one version is newer than another, by semantic versioning. Build metadata (`+incompatible`) does not count.
pub(crate) fn newer(version: &str, than: &str) -> bool {
    compare(version, than) == Ordering::Greater
}

/// Compares two versions; what is no version is older than any.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    parts(a).cmp(&parts(b))
}

type Parts<'a> = (Vec<u64>, Release<'a>);

/// A release is newer than its own pre-releases.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Release<'a> {
    Before(Vec<Identifier<'a>>),
    Final,
}

/// Numbers come before words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(u64),
    Word(&'a str),
}

fn parts(version: &str) -> Option<Parts<'_>> {
    let text = version.strip_prefix('v')?.split('+').next()?;
    let (numbers, before) = text.split_once('-').map_or((text, None), |(numbers, before)| (numbers, Some(before)));
    let mut numbers = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    numbers.resize(3, 0);
    let identifiers = |text| str::split(text, '.').map(identifier).collect();
    Some((numbers, before.map_or(Release::Final, |text| Release::Before(identifiers(text)))))
}

fn identifier(text: &str) -> Identifier<'_> {
    text.parse().map_or(Identifier::Word(text), Identifier::Number)
}

/// Writes a module path or version as the module cache does: `!a` for `A`.
pub(crate) fn escape(text: &str) -> String {
    let escape = |c: char| if c.is_ascii_uppercase() { format!("!{}", c.to_ascii_lowercase()) } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_says() {
        let sorted = [
            "nonsense",
            "v0.0.0-20190101000000-aaaaaaaaaaaa",
            "v0.0.0-20200101000000-aaaaaaaaaaaa",
            "v0.9.10",
            "v1.0.0-2",
            "v1.0.0-10",
            "v1.0.0-rc.1",
            "v1.0.0",
            "v1.0.1-0.20200101000000-aaaaaaaaaaaa",
            "v1.2.0",
            "v1.10.0",
            "v2.0.0+incompatible",
        ];
        for pair in sorted.windows(2) {
            assert!(newer(pair[1], pair[0]), "{pair:?}");
        }
        assert_eq!(compare("v2.0.0+incompatible", "v2.0.0"), Ordering::Equal);
    }

    #[test]
    fn capitals_are_escaped() {
        assert_eq!(escape("github.com/BurntSushi/toml"), "github.com/!burnt!sushi/toml");
    }
}
