//! poetry.lock, as Poetry 2 writes it: packages with their files, each with the groups and markers for which it is
//! there. Pure text in, values out. What counts is what `poetry install` takes: all groups but optional ones, no extras.

use std::collections::BTreeSet;
use std::ops::Range;

use model::{Location, Mistake, Platform, PythonEnvironment, RelPath, codes, wheel};
use toml::de::{DeTable, DeValue};

use super::lock::{Lock, LockedDistribution, Offer, Reading, sha256};
use super::manifest::Manifest;
use super::marker::{Marker, Values};
use super::poetry_hash::{self, Freshness};
use super::toml_parts::{span, table, tables, text, texts};
use crate::document;

/// Reads a poetry.lock.
pub(crate) fn parse(
    text: &str,
    file: &RelPath,
    manifest: Option<(&RelPath, &str)>,
    environment: &PythonEnvironment,
    platform: &Platform,
) -> (Lock, Vec<Mistake>) {
    let mut reading = Reading { file, hint: "`poetry lock`", environment, platform, mistakes: Vec::new() };
    let (root, errors) = document::parse(text, file);
    for error in errors {
        let span = error.at.map_or(0..0, |(at, _)| at.start as usize..at.end as usize);
        reading.bad(span, error.message);
    }
    let root = root.get_ref();
    if !reading.mistakes.is_empty() || !is_known(root, &mut reading) {
        return reading.finish(Vec::new());
    }
    let optional = manifest.map_or_else(BTreeSet::new, |(place, manifest)| {
        Manifest::parse(manifest, place).check_python(&mut reading);
        let (manifest, _) = document::parse(manifest, place);
        check_fresh(root, manifest.get_ref(), place, &mut reading);
        optional_groups(manifest.get_ref())
    });
    let values = Values::new(environment, platform);
    let mut distributions = Vec::new();
    for (package, span) in tables(root, "package") {
        if counts(package, &optional, &values, &mut reading) {
            distributions.extend(locked(package, span, &mut reading));
        }
    }
    reading.finish(distributions)
}

/// Whether the lock has a version that is known: an older one does not say for which platforms a package is there.
fn is_known(root: &DeTable, reading: &mut Reading) -> bool {
    let empty = DeTable::new();
    let metadata = table(root, "metadata").unwrap_or(&empty);
    let version = text(metadata, "lock-version").unwrap_or("none");
    let minor = version.strip_prefix("2.").and_then(|minor| minor.parse::<u32>().ok());
    let is_known = minor.is_some_and(|minor| minor >= 1);
    if !is_known {
        let message = format!("the version of this poetry.lock is {version}, and only 2.1, that of Poetry 2, is known");
        reading.bad(span(metadata, "lock-version"), message);
    }
    is_known
}

fn check_fresh(root: &DeTable, manifest: &DeTable, place: &RelPath, reading: &mut Reading) {
    let empty = DeTable::new();
    let metadata = table(root, "metadata").unwrap_or(&empty);
    let hash = text(metadata, "content-hash").unwrap_or_default();
    if poetry_hash::freshness(manifest, hash) == Freshness::Stale {
        let message = format!("{place} was changed after {} was written", reading.file);
        let at = Location::new(reading.file.clone(), span(metadata, "content-hash"));
        let mistake = Mistake::new(codes::PYTHON_STALE_LOCK, message).at(at, "the hash of what it was written for");
        reading.mistakes.push(mistake.hint(reading.hint));
    }
}

/// Returns the groups that are only there if they are asked for.
fn optional_groups(manifest: &DeTable) -> BTreeSet<String> {
    let groups = table(manifest, "tool").and_then(|tool| table(table(tool, "poetry")?, "group"));
    let is_optional = |group: &DeTable| group.get("optional").is_some_and(|it| it.get_ref().as_bool() == Some(true));
    let optional = groups
        .into_iter()
        .flat_map(|groups| groups.iter())
        .filter(|(_, group)| group.get_ref().as_table().is_some_and(is_optional));
    optional.map(|(name, _)| wheel::normalized(name.get_ref())).collect()
}

/// Whether a package is there in the environment, for one of its groups.
fn counts(package: &DeTable, optional: &BTreeSet<String>, values: &Values, reading: &mut Reading) -> bool {
    let groups: Vec<&str> = match package.contains_key("groups") {
        true => texts(package, "groups").collect(),
        false => vec!["main"],
    };
    let mut counts = false;
    for group in groups.into_iter().filter(|group| !optional.contains(&wheel::normalized(group))) {
        let written = match package.get("markers").map(|markers| markers.get_ref()) {
            Some(DeValue::String(marker)) => Some(&**marker),
            Some(DeValue::Table(markers)) => text(markers, group),
            _ => None,
        };
        let Some(written) = written else { return true };
        match Marker::parse(written) {
            Some(marker) => counts |= marker.holds(values, &BTreeSet::new()),
            None => reading.bad(span(package, "markers"), format!("the marker `{written}` is not understood")),
        }
    }
    counts
}

fn locked(package: &DeTable, whole: Range<usize>, reading: &mut Reading) -> Option<LockedDistribution> {
    let name = wheel::normalized(text(package, "name")?);
    let version = text(package, "version").unwrap_or_default().to_owned();
    let span = if span(package, "name").is_empty() { whole } else { span(package, "name") };
    let source = table(package, "source").map(|source| (text(source, "type").unwrap_or_default(), text(source, "url")));
    match source {
        Some(("directory", _)) => return None,
        Some(("legacy", _)) | None => {}
        Some((kind, url)) => {
            let url = url.unwrap_or_default();
            reading.bad(span, format!("`{name}` comes from {kind} {url}, and only an index can be fetched from"));
            return None;
        }
    }
    let offers = tables(package, "files").filter_map(|(file, _)| {
        Some(Offer { file: text(file, "file")?.to_owned(), sha256: sha256(text(file, "hash")?)?, url: None })
    });
    let source = reading.choose(&name, &version, &span, &offers.collect::<Vec<_>>())?;
    Some(LockedDistribution { name, version, source, span })
}
