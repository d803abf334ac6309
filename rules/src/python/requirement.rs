//! Requirements: `requests[socks] >=2.31,<3 ; python_version >= "3.9"`. Pure text in, a value out; it knows no lock.

use std::collections::BTreeSet;
use std::str::FromStr;

use model::wheel;
use pep440_rs::VersionSpecifiers;

use super::marker::Marker;

/// A requirement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Requirement {
    /// The normalized name of the distribution.
    pub name: String,
    /// The normalized names of the extras.
    pub extras: BTreeSet<String>,
    /// Which versions will do.
    pub versions: Versions,
    /// When it counts.
    pub marker: Option<Marker>,
}

/// Which versions will do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Versions {
    /// Those that fit all of these, each in its normal form; all if there are none.
    Fitting(BTreeSet<String>),
    /// What is at a URL.
    At(String),
}

impl Requirement {
    /// Parses a requirement; `None` if it is none.
    pub fn parse(text: &str) -> Option<Requirement> {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = wheel::normalized(name);
        let (extras, rest) = extras(rest.trim_start())?;
        let (versions, marker) = match rest.trim_start().strip_prefix('@') {
            // A URL may hold `;`: a marker after it needs a space before.
            Some(url) => url.split_once(" ;").map_or((url, None), |(url, marker)| (url, Some(marker))),
            None => rest.split_once(';').map_or((rest, None), |(versions, marker)| (versions, Some(marker))),
        };
        let versions = match rest.trim_start().starts_with('@') {
            true => Versions::At(versions.trim().to_owned()),
            false => Versions::Fitting(specifiers(versions)?),
        };
        let marker = match marker {
            Some(marker) => Some(Marker::parse(marker)?),
            None => None,
        };
        (!name.is_empty()).then_some(Requirement { name, extras, versions, marker })
    }

    /// Returns the version if only one will do.
    pub fn pinned(&self) -> Option<&str> {
        let Versions::Fitting(specifiers) = &self.versions else { return None };
        let only = specifiers.first().filter(|_| specifiers.len() == 1)?;
        let version = only.strip_prefix("===").or_else(|| only.strip_prefix("=="))?.trim();
        (!version.ends_with('*')).then_some(version)
    }
}

fn extras(text: &str) -> Option<(BTreeSet<String>, &str)> {
    let Some(inner) = text.strip_prefix('[') else { return Some((BTreeSet::new(), text)) };
    let (inner, rest) = inner.split_once(']')?;
    let names = inner.split(',').map(|name| wheel::normalized(name.trim())).filter(|name| !name.is_empty());
    Some((names.collect(), rest))
}

/// Returns each specifier in its normal form.
pub(super) fn specifiers(text: &str) -> Option<BTreeSet<String>> {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(text);
    let parsed = VersionSpecifiers::from_str(inner.trim().trim_end_matches(',')).ok()?;
    Some(parsed.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let shown = Requirement::parse(text).map_or("none".to_owned(), |it| {
            let marker = if it.marker.is_some() { " marked" } else { "" };
            format!("{} {:?} {:?}{marker}", it.name, it.extras, it.versions)
        });
        assert_eq!(shown, want, "{text}");
    }

    #[test]
    fn a_requirement_has_a_name_extras_versions_and_a_marker() {
        check("Zope.Interface", "zope-interface {} Fitting({})");
        check("a[B_c, d] (>=1.0 , < 2) ; os_name == 'nt'", "a {\"b-c\", \"d\"} Fitting({\"<2\", \">=1.0\"}) marked");
        check("a@ https://example.org/a;b.whl ; os_name == 'nt'", "a {} At(\"https://example.org/a;b.whl\") marked");
        check("a==1.0.*,", "a {} Fitting({\"==1.0.*\"})");
        check("a 1", "none");
        check("a==1 ; nonsense", "none");
        check("[x]", "none");
        assert_eq!(Requirement::parse("a == 1.0+cpu").unwrap().pinned(), Some("1.0+cpu"));
        assert_eq!(Requirement::parse("a==1.*").unwrap().pinned(), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-z@\\[\\](),;<=>~!. 0-9*é]{0,40}") {
            Requirement::parse(&text);
            Requirement::parse(&format!("a {text}"));
        }
    }
}
