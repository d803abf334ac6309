//! uv.lock: packages with all their files, and the edges between them. Pure text in, values out. What counts is what
//! the projects of the lock reach in one environment, as `uv sync` follows it: without extras, with the default groups.

use std::ops::Range;
use std::str::FromStr;

use model::{Location, Mistake, Platform, PythonEnvironment, RelPath, wheel};
use pep440_rs::{Version, VersionSpecifiers};
use toml::de::DeTable;

use super::lock::{Lock, LockedDistribution, Offer, Reading, sha256};
use super::manifest::{DefaultGroups, Manifest};
use super::marker::Values;
use super::toml_parts::{span, table, tables, text};
use super::uv_stale;
use super::uv_walk::Walk;
use crate::document;

/// Reads a uv.lock.
pub(crate) fn parse(
    text: &str,
    file: &RelPath,
    manifest: Option<(&RelPath, &str)>,
    environment: &PythonEnvironment,
    platform: &Platform,
) -> (Lock, Vec<Mistake>) {
    let mut reading = Reading { file, hint: "`uv lock`", environment, platform, mistakes: Vec::new() };
    let (root, errors) = document::parse(text, file);
    for error in errors {
        let span = error.at.map_or(0..0, |(at, _)| at.start as usize..at.end as usize);
        reading.bad(span, error.message);
    }
    let root = root.get_ref();
    if !reading.mistakes.is_empty() || !is_known(root, &mut reading) {
        return reading.finish(Vec::new());
    }
    let manifest = manifest.map(|(place, text)| Manifest::parse(text, place));
    let packages: Vec<Package> = tables(root, "package").filter_map(|(it, span)| Package::read(it, span)).collect();
    if let Some(manifest) = &manifest {
        uv_stale::check(&packages, manifest, &mut reading);
    }
    let default_groups = manifest.map_or(DefaultGroups::These(["dev".to_owned()].into()), |it| it.default_groups);
    let mut walk = Walk::new(&packages, Values::new(environment, platform));
    walk.start(root, &default_groups);
    let (reached, problems) = walk.finish();
    for (span, message) in problems {
        reading.bad(span, message);
    }
    let distributions = reached.into_iter().filter_map(|at| locked(&packages[at], &mut reading)).collect();
    reading.finish(distributions)
}

/// Whether the lock has a version that is known, and is for the interpreter.
fn is_known(root: &DeTable, reading: &mut Reading) -> bool {
    let version = root.get("version").and_then(|version| document::integer(version.get_ref().as_integer()?));
    if version != Some(1) {
        let found = version.map_or("none".to_owned(), |version| version.to_string());
        reading.bad(span(root, "version"), format!("the version of this uv.lock is {found}, and only 1 is known"));
        return false;
    }
    let wanted = text(root, "requires-python").unwrap_or_default();
    let specifiers = VersionSpecifiers::from_str(wanted);
    let version = Version::from_str(&reading.environment.version);
    let fits = specifiers.ok().zip(version.ok()).is_none_or(|(specifiers, version)| specifiers.contains(&version));
    if !fits {
        let python = &reading.environment.version;
        let message = format!("the lock is for Python {wanted}, and this one is {python}");
        reading.other_python(Location::new(reading.file.clone(), span(root, "requires-python")), message);
    }
    fits
}

/// A package of the lock.
pub(super) struct Package<'t> {
    /// Its normalized name.
    pub name: String,
    /// Its table.
    pub table: &'t DeTable<'t>,
    /// Its version; empty if that of a project is found out elsewhere.
    pub version: &'t str,
    /// Where it comes from.
    pub source: SourceKind,
    span: Range<usize>,
}

/// Where a package comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SourceKind {
    /// An index.
    Index(String),
    /// A directory: it is a project of the workspace, or beside it.
    Directory,
    /// Something else, which is named.
    Other(String),
}

impl<'t> Package<'t> {
    fn read(table: &'t DeTable<'t>, span: Range<usize>) -> Option<Package<'t>> {
        let name = table.get("name")?;
        let source = self::table(table, "source").map_or(SourceKind::Other("none".to_owned()), SourceKind::read);
        Some(Package {
            name: wheel::normalized(name.get_ref().as_str()?),
            table,
            version: text(table, "version").unwrap_or_default(),
            source,
            span: if name.span().is_empty() { span } else { name.span() },
        })
    }

    /// Whether it is a project of the workspace, or beside it.
    pub fn is_project(&self) -> bool {
        self.source == SourceKind::Directory
    }
}

impl SourceKind {
    /// Reads the `source` of a package or of an edge.
    pub fn read(table: &DeTable) -> SourceKind {
        let Some((key, value)) = table.iter().next() else { return SourceKind::Other("none".to_owned()) };
        match &**key.get_ref() {
            "registry" => SourceKind::Index(value.get_ref().as_str().unwrap_or_default().to_owned()),
            "virtual" | "editable" | "directory" => SourceKind::Directory,
            kind => SourceKind::Other(format!("{kind} {}", value.get_ref().as_str().unwrap_or_default())),
        }
    }
}

/// Returns the file that is taken of a package; none of a project, which is no file.
fn locked(package: &Package, reading: &mut Reading) -> Option<LockedDistribution> {
    match &package.source {
        SourceKind::Directory => return None,
        SourceKind::Other(source) => {
            let message = format!("`{}` comes from {source}, and only an index can be fetched from", package.name);
            reading.bad(package.span.clone(), message);
            return None;
        }
        SourceKind::Index(_) => {}
    }
    let (name, version, span) = (package.name.clone(), package.version.to_owned(), package.span.clone());
    let sdist = table(package.table, "sdist").into_iter();
    let offers = tables(package.table, "wheels").map(|(wheel, _)| wheel).chain(sdist).filter_map(offer);
    let source = reading.choose(&name, &version, &span, &offers.collect::<Vec<_>>())?;
    Some(LockedDistribution { name, version, source, span })
}

fn offer(of: &DeTable) -> Option<Offer> {
    let url = text(of, "url");
    let place = text(of, "filename").or(url).or_else(|| text(of, "path"))?;
    let place = place.split(['#', '?']).next().unwrap_or_default();
    let file = unescaped(place.rsplit('/').next().unwrap_or_default());
    Some(Offer { file, sha256: sha256(text(of, "hash")?)?, url: url.map(str::to_owned) })
}

/// Returns a part of a URL without its escapes: `1.0%2Bcpu` is `1.0+cpu`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match code {
            Some(code) => plain.extend([char::from(code)].into_iter().chain(part[2..].chars())),
            None => plain.extend(['%'].into_iter().chain(part.chars())),
        }
    }
    plain
}
