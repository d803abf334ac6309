//! pyproject.toml, as far as a lock is compared with it. Pure text in, a value out; it does not know how it is locked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use model::{Location, RelPath, wheel};
use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
use toml::de::{DeTable, DeValue};

use super::lock::{LockedDistribution, Reading};
use super::marker::Values;
use super::requirement::{Requirement, Versions};
use super::toml_parts::{list, table, text, texts};
use crate::document;

/// What a project asks for.
#[derive(Debug)]
pub(super) struct Manifest {
    file: RelPath,
    /// Its normalized name, if there is a project.
    pub name: Option<String>,
    /// The versions of Python that it runs with, if it says so, and where.
    requires_python: Option<(String, Range<usize>)>,
    /// What it depends on; `None` if that is decided elsewhere.
    pub dependencies: Option<Vec<Asked>>,
    /// What its extras depend on; `None` if that is decided elsewhere.
    pub optional: Option<Vec<Asked>>,
    /// What its groups depend on, with the groups that they include.
    pub groups: BTreeMap<String, Vec<Asked>>,
    /// The groups that are there without being asked for.
    pub default_groups: DefaultGroups,
    /// The normalized names of what is not taken from the index by default: directories, mostly.
    pub sources: BTreeSet<String>,
}

/// The groups that are there without being asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DefaultGroups {
    /// All of them.
    All,
    /// Some of them.
    These(BTreeSet<String>),
}

/// A requirement and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The requirement.
    pub requirement: Requirement,
    /// Where it is.
    pub span: Range<usize>,
}

impl Manifest {
    /// Reads a pyproject.toml; what is not well formed asks for nothing.
    pub fn parse(text: &str, file: &RelPath) -> Manifest {
        let (root, _) = document::parse(text, file);
        let root = root.get_ref();
        let empty = DeTable::new();
        let uv = table(root, "tool").and_then(|tool| table(tool, "uv")).unwrap_or(&empty);
        let project = table(root, "project");
        let is_dynamic = |key: &str| project.is_some_and(|it| texts(it, "dynamic").any(|dynamic| dynamic == key));
        Manifest {
            file: file.clone(),
            name: project.and_then(|project| self::text(project, "name")).map(wheel::normalized),
            requires_python: project.and_then(requires_python),
            dependencies: project.filter(|_| !is_dynamic("dependencies")).map(|it| asked(it, "dependencies")),
            optional: project.filter(|_| !is_dynamic("optional-dependencies")).map(optional),
            groups: groups(table(root, "dependency-groups").unwrap_or(&empty), uv),
            default_groups: default_groups(uv),
            sources: table(uv, "sources")
                .into_iter()
                .flat_map(DeTable::keys)
                .map(|key| wheel::normalized(key.get_ref()))
                .collect(),
        }
    }

    /// Returns a place in it.
    pub fn place(&self, span: &Range<usize>) -> Location {
        Location::new(self.file.clone(), span.clone())
    }

    /// Says that the project is for other versions of Python.
    pub fn check_python(&self, reading: &mut Reading) {
        let Some((wanted, span)) = &self.requires_python else { return };
        let python = &reading.environment.version;
        let (specifiers, version) = (VersionSpecifiers::from_str(wanted), Version::from_str(python));
        if specifiers.ok().zip(version.ok()).is_some_and(|(specifiers, version)| !specifiers.contains(&version)) {
            reading.other_python(
                self.place(span),
                format!("the project is for Python {wanted}, and this one is {python}"),
            );
        }
    }

    /// Says what the project depends on that some pinned distributions do not fulfil.
    pub fn check_pins(&self, locked: &[LockedDistribution], values: &Values, reading: &mut Reading) {
        for Asked { requirement, span } in self.dependencies.iter().flatten() {
            let counts = requirement.marker.as_ref().is_none_or(|marker| marker.holds(values, &BTreeSet::new()));
            if !counts || self.sources.contains(&requirement.name) || matches!(requirement.versions, Versions::At(_)) {
                continue;
            }
            let name = &requirement.name;
            let pinned = locked.iter().find(|locked| locked.name == *name);
            let message = match pinned {
                None => format!("`{name}` is not in {}", reading.file),
                Some(locked) if !fits(&locked.version, &requirement.versions) => {
                    format!("{} has `{name}` {}, which does not fit", reading.file, locked.version)
                }
                Some(_) => continue,
            };
            reading.stale(self.place(span), message);
        }
    }
}

fn requires_python(project: &DeTable) -> Option<(String, Range<usize>)> {
    let value = project.get("requires-python")?;
    Some((value.get_ref().as_str()?.to_owned(), value.span()))
}

fn fits(version: &str, versions: &Versions) -> bool {
    let Versions::Fitting(specifiers) = versions else { return true };
    let Ok(version) = Version::from_str(version) else { return true };
    let fits = |specifier: &String| VersionSpecifier::from_str(specifier).is_ok_and(|it| it.contains(&version));
    specifiers.iter().all(fits)
}

fn asked(of: &DeTable, key: &str) -> Vec<Asked> {
    let asked = |value: &toml::Spanned<DeValue>| {
        Some(Asked { requirement: Requirement::parse(value.get_ref().as_str()?)?, span: value.span() })
    };
    list(of, key).filter_map(asked).collect()
}

fn optional(project: &DeTable) -> Vec<Asked> {
    let extras = table(project, "optional-dependencies").into_iter();
    extras.flat_map(|extras| extras.keys().flat_map(|extra| asked(extras, extra.get_ref()))).collect()
}

/// Returns all groups, each with what it includes.
fn groups(written: &DeTable, uv: &DeTable) -> BTreeMap<String, Vec<Asked>> {
    let mut groups: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    for name in written.keys() {
        let mut seen = BTreeSet::new();
        let asked = with_included(written, name.get_ref(), &mut seen);
        groups.entry(wheel::normalized(name.get_ref())).or_default().extend(asked);
    }
    let legacy = asked(uv, "dev-dependencies");
    if !legacy.is_empty() {
        groups.entry("dev".to_owned()).or_default().extend(legacy);
    }
    groups
}

fn with_included(written: &DeTable, name: &str, seen: &mut BTreeSet<String>) -> Vec<Asked> {
    let Some(key) = written.keys().find(|key| wheel::normalized(key.get_ref()) == wheel::normalized(name)) else {
        return Vec::new();
    };
    if !seen.insert(wheel::normalized(name)) {
        return Vec::new();
    }
    let mut all = asked(written, key.get_ref());
    let included = list(written, key.get_ref()).filter_map(|value| text(value.get_ref().as_table()?, "include-group"));
    for group in included {
        all.extend(with_included(written, group, seen));
    }
    all
}

fn default_groups(uv: &DeTable) -> DefaultGroups {
    match uv.get("default-groups").map(|value| value.get_ref()) {
        Some(DeValue::String(all)) if all == "all" => DefaultGroups::All,
        Some(DeValue::Array(_)) => DefaultGroups::These(texts(uv, "default-groups").map(wheel::normalized).collect()),
        _ => DefaultGroups::These(BTreeSet::from(["dev".to_owned()])),
    }
}

impl DefaultGroups {
    /// Whether a group is there without being asked for.
    pub fn contains(&self, group: &str) -> bool {
        match self {
            DefaultGroups::All => true,
            DefaultGroups::These(groups) => groups.contains(&wheel::normalized(group)),
        }
    }
}
