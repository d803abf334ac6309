//! The text of a yarn.lock, version 1: lines with two spaces for each level. It judges nothing but the form.

use std::collections::BTreeMap;
use std::ops::Range;

/// An entry: a package, and all that was asked for and led to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Entry {
    /// What was asked for: `name@range`.
    pub patterns: Vec<String>,
    /// Its own name, where the patterns have others.
    pub name: Option<String>,
    /// Its version.
    pub version: String,
    /// Where it was seen.
    pub resolved: Option<String>,
    /// Its hash.
    pub integrity: Option<String>,
    /// What it asks for: ranges by name.
    pub dependencies: BTreeMap<String, String>,
    /// What it asks for, and goes on without.
    pub optional: BTreeMap<String, String>,
    /// The place of its first line.
    pub span: Range<usize>,
}

/// The table that lines with four spaces belong to.
#[derive(Clone, Copy)]
enum Table {
    Dependencies,
    Optional,
    Other,
}

/// Returns the entries of a file, and the lines that are not understood.
pub(super) fn parse(text: &str) -> (Vec<Entry>, Vec<Range<usize>>) {
    let (mut entries, mut wrong): (Vec<Entry>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    let mut table = Table::Other;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        let line = line.trim_end();
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let understood = match (line.len() - content.len(), entries.last_mut()) {
            (0, _) => patterns(content)
                .map(|patterns| entries.push(Entry { patterns, span: span.clone(), ..Entry::default() })),
            (2, Some(entry)) => field(entry, content).map(|new| table = new),
            (4, Some(entry)) => dependency(entry, table, content),
            _ => None,
        };
        wrong.extend(understood.is_none().then_some(span));
    }
    (entries, wrong)
}

/// Reads `a@^1, "b@npm:c@^2":`.
fn patterns(line: &str) -> Option<Vec<String>> {
    let mut rest = line.strip_suffix(':')?;
    let mut patterns = Vec::new();
    loop {
        let (pattern, after) = word(rest)?;
        patterns.push(pattern);
        match after.trim_start() {
            "" => return Some(patterns),
            more => rest = more.strip_prefix(',')?.trim_start(),
        }
    }
}

/// Reads `version "1.0.0"`, or `dependencies:`, after which lines of that table follow.
fn field(entry: &mut Entry, line: &str) -> Option<Table> {
    match line {
        "dependencies:" => return Some(Table::Dependencies),
        "optionalDependencies:" => return Some(Table::Optional),
        _ if line.ends_with(':') => return Some(Table::Other),
        _ => {}
    }
    let (key, value) = pair(line)?;
    match &*key {
        "version" => entry.version = value,
        "name" => entry.name = Some(value),
        "resolved" => entry.resolved = Some(value),
        "integrity" => entry.integrity = Some(value),
        _ => {}
    }
    Some(Table::Other)
}

fn dependency(entry: &mut Entry, table: Table, line: &str) -> Option<()> {
    let (name, range) = pair(line)?;
    match table {
        Table::Dependencies => drop(entry.dependencies.insert(name, range)),
        Table::Optional => drop(entry.optional.insert(name, range)),
        Table::Other => {}
    }
    Some(())
}

/// Reads two words. What is not quoted may hold spaces, as several hashes do.
fn pair(line: &str) -> Option<(String, String)> {
    let (key, rest) = word(line)?;
    let rest = rest.trim_start();
    match rest.starts_with('"') {
        true => word(rest).filter(|(_, after)| after.is_empty()).map(|(value, _)| (key, value)),
        false => (!rest.is_empty()).then(|| (key, rest.to_owned())),
    }
}

/// Reads one word, and returns what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let end = text.find([' ', ',']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    }
    let mut escaped = false;
    let quote = |(_, c): &(usize, char)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    };
    let (end, _) = text.char_indices().skip(1).find(quote)?;
    let value = serde_json::from_str(&text[..=end]).ok()?;
    Some((value, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_quotes_and_tables() {
        let text = "# yarn lockfile v1\n\n\n\"@a/b@^1\", \"@a/b@npm:x@^1, 2\", c@*:\n  version \"1.0.0\"\n  integrity sha1-ab= sha512-cd==\n  \
                    dependencies:\n    \"@d/e\" \"^2 || >=3\"\n  optionalDependencies:\n    f \"1\"\n\nbad\n  resolved \"open\n    x\n   y \"1\"\n";
        let (entries, wrong) = parse(text);
        let lines: Vec<&str> = wrong.into_iter().map(|span| &text[span]).collect();
        assert_eq!(lines, ["bad", "  resolved \"open", "    x", "   y \"1\""]);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].patterns, ["@a/b@^1", "@a/b@npm:x@^1, 2", "c@*"]);
        assert_eq!((&*entries[0].version, entries[0].integrity.as_deref()), ("1.0.0", Some("sha1-ab= sha512-cd==")));
        assert_eq!(entries[0].dependencies["@d/e"], "^2 || >=3");
        assert_eq!(entries[0].optional["f"], "1");
    }
}
