//! requirements.txt with hashes, as `pip-compile` and `uv pip compile` write it. Pure text in, values out; other files
//! that it may include are not read.

use std::collections::BTreeSet;
use std::ops::Range;

use model::{Distribution, Mistake, Platform, PythonEnvironment, RelPath, wheel};

use super::lock::{Lock, LockedDistribution, Reading, Source, sha256};
use super::manifest::Manifest;
use super::marker::Values;
use super::requirement::{Requirement, Versions};

const HINT: &str = "write it with `pip-compile --generate-hashes` or `uv pip compile --generate-hashes`";

/// Reads a requirements.txt.
pub(crate) fn parse(
    text: &str,
    file: &RelPath,
    manifest: Option<(&RelPath, &str)>,
    environment: &PythonEnvironment,
    platform: &Platform,
) -> (Lock, Vec<Mistake>) {
    let mut reading = Reading { file, hint: HINT, environment, platform, mistakes: Vec::new() };
    let values = Values::new(environment, platform);
    let mut formats = Formats::default();
    let mut locked: Vec<LockedDistribution> = Vec::new();
    for line in lines(text) {
        match line.text.starts_with('-') {
            true => option(&line, &mut formats, &mut reading),
            false => entry(&line, &values, &mut locked, &mut reading),
        }
    }
    for locked in &mut locked {
        if let Source::Any { distribution, .. } = &mut locked.source {
            *distribution = formats.of(&locked.name);
        }
    }
    if let Some((place, text)) = manifest {
        let manifest = Manifest::parse(text, place);
        manifest.check_python(&mut reading);
        manifest.check_pins(&locked, &values, &mut reading);
    }
    reading.finish(locked)
}

/// A line with those that go on after a backslash.
struct Line {
    text: String,
    start: usize,
}

impl Line {
    fn span(&self, words: &str) -> Range<usize> {
        self.start..self.start + words.trim_end().len()
    }
}

/// Joins lines as pip does and drops comments; each byte keeps its place.
fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // Some editors begin a file with a mark, which pip leaves out.
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = text.len() - unmarked.len();
    let (mut joined, mut start, mut at) = (String::new(), mark, mark);
    for raw in unmarked.split_inclusive('\n') {
        let content = raw.trim_end_matches(['\n', '\r']);
        at += raw.len();
        let goes_on = content.strip_suffix('\\').filter(|content| !content.trim_start().starts_with('#'));
        joined.push_str(goes_on.unwrap_or(content));
        if goes_on.is_some() {
            joined.extend(std::iter::repeat_n(' ', raw.len() - content.len() + 1));
            continue;
        }
        lines.extend(line(&joined, start));
        joined.clear();
        start = at;
    }
    lines.extend(line(&joined, start));
    lines
}

fn line(joined: &str, start: usize) -> Option<Line> {
    let begins = |at: usize| joined[..at].chars().next_back().is_none_or(char::is_whitespace);
    let end = joined.match_indices('#').map(|(at, _)| at).find(|at| begins(*at)).unwrap_or(joined.len());
    let text = joined[..end].trim();
    let indent = end - joined[..end].trim_start().len();
    (!text.is_empty()).then(|| Line { text: text.to_owned(), start: start + indent })
}

/// Options that say where packages are looked up, which the lock does not decide.
const HINTS: &[&str] = &[
    "-i",
    "--index-url",
    "--pypi-url",
    "--extra-index-url",
    "--no-index",
    "-f",
    "--find-links",
    "--trusted-host",
    "--prefer-binary",
    "--require-hashes",
    "--pre",
    "--use-feature",
];

/// A line that is an option of its own.
fn option(line: &Line, formats: &mut Formats, reading: &mut Reading) {
    let end = line.text.find([' ', '=', '\t']).unwrap_or(line.text.len());
    let (name, value) = (&line.text[..end], line.text[end..].trim_start_matches(['=', ' ', '\t']).trim());
    let span = line.span(&line.text);
    match name {
        "--no-binary" => formats.add(value, Distribution::Source),
        "--only-binary" => formats.add(value, Distribution::Wheel),
        "-r" | "--requirement" | "-c" | "--constraint" => {
            reading.bad(span, format!("`{name} {value}` includes another file; a lock is one file"));
        }
        "-e" | "--editable" => reading.bad(span, format!("`{value}` is a directory, which a lock cannot hold")),
        _ if HINTS.contains(&name) => {}
        _ => reading.bad(span, format!("the option `{name}` is not understood")),
    }
}

/// Which kind of file is taken of which distribution.
#[derive(Default)]
struct Formats {
    sources: BTreeSet<String>,
    wheels: BTreeSet<String>,
}

impl Formats {
    /// Follows pip: a later option takes a name from an earlier one, and `:all:` takes all.
    fn add(&mut self, names: &str, distribution: Distribution) {
        let (to, from) = match distribution {
            Distribution::Source => (&mut self.sources, &mut self.wheels),
            Distribution::Wheel => (&mut self.wheels, &mut self.sources),
        };
        for name in names.split(',').map(str::trim) {
            match name {
                ":all:" => {
                    from.clear();
                    *to = BTreeSet::from([name.to_owned()]);
                }
                ":none:" => to.clear(),
                name => {
                    let name = wheel::normalized(name);
                    from.remove(&name);
                    to.insert(name);
                }
            }
        }
    }

    fn of(&self, name: &str) -> Distribution {
        let all = self.sources.contains(":all:") && !self.wheels.contains(name);
        if all || self.sources.contains(name) { Distribution::Source } else { Distribution::Wheel }
    }
}

/// A line that requires a distribution.
fn entry(line: &Line, values: &Values, locked: &mut Vec<LockedDistribution>, reading: &mut Reading) {
    let end = line
        .text
        .match_indices([' ', '\t'])
        .map(|(at, _)| at)
        .find(|at| line.text[*at..].trim_start().starts_with('-'));
    let (words, options) = line.text.split_at(end.unwrap_or(line.text.len()));
    let span = line.span(words);
    let Some(requirement) = Requirement::parse(words) else {
        return reading.bad(span, format!("`{}` is no requirement", words.trim()));
    };
    if requirement.marker.as_ref().is_some_and(|marker| !marker.holds(values, &BTreeSet::new())) {
        return;
    }
    let Some(version) = requirement.pinned().map(str::to_owned) else {
        return reading.bad(span, not_pinned(&requirement));
    };
    let sha256 = hashes(options, &span, reading);
    if sha256.is_empty() {
        return reading.bad(span, format!("`{}` has no sha256 hash", requirement.name));
    }
    let (name, sha256) = (requirement.name, sha256.into_iter().collect());
    locked.push(LockedDistribution {
        name,
        version,
        source: Source::Any { sha256, distribution: Distribution::Wheel },
        span,
    });
}

fn not_pinned(requirement: &Requirement) -> String {
    match &requirement.versions {
        Versions::At(url) => format!("`{}` is at {url}, not in an index", requirement.name),
        Versions::Fitting(_) => format!("`{}` has no version: a lock has `==` for each", requirement.name),
    }
}

fn hashes(options: &str, span: &Range<usize>, reading: &mut Reading) -> BTreeSet<String> {
    let mut hashes = BTreeSet::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let value = value.or_else(|| words.next()).unwrap_or_default().trim_matches(['"', '\'']);
        match (name, value.split_once(':')) {
            // Other functions are for those who can use them.
            ("--hash", Some(("sha384" | "sha512" | "md5", _))) => {}
            ("--hash", _) => match sha256(value) {
                Some(hash) => drop(hashes.insert(hash)),
                None => reading.bad(span.clone(), format!("`{value}` is no hash")),
            },
            _ => reading.bad(span.clone(), format!("the option `{name}` is not understood")),
        }
    }
    hashes
}
