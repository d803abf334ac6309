//! Tables that are declared twice, told as the targets that they are.

use model::{Location, Mistake, PackageName, RelPath, codes};
use toml::de::DeTable;

/// Says of duplicate tables which target is declared twice, and where first; the keys in them are no news.
pub(super) fn named(mistakes: Vec<Mistake>, text: &str, package: &RelPath) -> Vec<Mistake> {
    let mut named = Vec::new();
    let mut others = Vec::new();
    for mistake in mistakes {
        let again = mistake.at.clone().filter(|_| mistake.message.ends_with("duplicate key"));
        let Some((at, _)) = again else {
            others.push(mistake);
            continue;
        };
        let name = text.get(at.start as usize..at.end as usize).unwrap_or_default();
        match headers_of(text, &at) {
            Some((first, second)) => {
                let message = format!("{}:{name} is declared twice", PackageName(package));
                let mistake = Mistake::new(codes::DUPLICATE_TARGET, message).at(second, "");
                named.push(mistake.also(first, "first declared here"));
            }
            None if !named.is_empty() => {}
            None => others.push(Mistake { message: format!("{} `{name}`", mistake.message), ..mistake }),
        }
    }
    named.extend(others);
    named
}

/// Returns the places of two equal headers, the second of which lies around `at`.
/// The text is searched, because the parser keeps only one of two equal tables.
fn headers_of(text: &str, at: &Location) -> Option<(Location, Location)> {
    let start = text.get(..at.start as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
    let header = text[start..].lines().next()?.trim();
    if !names_target(header) {
        return None;
    }
    let mut offset = 0;
    for line in text[..start].split_inclusive('\n') {
        if line.trim() == header {
            let place = |line: &str, offset: usize| {
                let begin = offset + (line.len() - line.trim_start().len());
                Location::new(at.file.clone(), begin..begin + header.len())
            };
            return Some((place(line, offset), place(&text[start..], start)));
        }
        offset += line.len();
    }
    None
}

/// Whether a header is that of a target: `[rule.name]`.
fn names_target(header: &str) -> bool {
    let (root, _) = DeTable::parse_recoverable(header);
    header.starts_with('[') && depth(root.get_ref()) == 2
}

/// How many tables lie in each other.
fn depth(table: &DeTable<'_>) -> usize {
    let below = table.iter().next().and_then(|(_, value)| value.get_ref().as_table());
    below.map_or(0, |below| 1 + depth(below))
}
