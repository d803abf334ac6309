//! Whether a uv.lock is that of its pyproject.toml: uv writes into the lock what each project asked for.

use std::collections::{BTreeMap, BTreeSet};

use model::wheel;
use toml::de::DeTable;

use super::lock::Reading;
use super::manifest::{Asked, Manifest};
use super::requirement::{Versions, specifiers};
use super::toml_parts::{span, table, tables, text};
use super::uv_lock::Package;

/// The ways to ask for a distribution: all specifiers that are written for it. `None` stands for one that comes from
/// elsewhere than an index, which may have any.
type Wanted = BTreeMap<String, Option<BTreeSet<BTreeSet<String>>>>;

/// Says what the manifest asks for and the lock does not know of, or the other way round.
pub(super) fn check(packages: &[Package], manifest: &Manifest, reading: &mut Reading) {
    let Some(name) = &manifest.name else { return };
    let Some(project) = packages.iter().find(|package| package.is_project() && package.name == *name) else {
        return reading.stale(manifest.place(&(0..0)), format!("{} does not know the project `{name}`", reading.file));
    };
    let empty = DeTable::new();
    let metadata = table(project.table, "metadata").unwrap_or(&empty);
    let (Some(dependencies), Some(optional)) = (&manifest.dependencies, &manifest.optional) else { return };
    let asked = dependencies.iter().chain(optional).filter(|asked| asked.requirement.name != *name);
    compare(asked.collect(), locked(metadata, "requires-dist", name), manifest, project, reading);
    let groups = table(metadata, "requires-dev").unwrap_or(&empty);
    for (group, asked) in &manifest.groups {
        let key = groups.keys().find(|key| wheel::normalized(key.get_ref()) == *group);
        let locked = key.map(|key| locked(groups, key.get_ref(), name)).unwrap_or_default();
        compare(
            asked.iter().filter(|asked| asked.requirement.name != *name).collect(),
            locked,
            manifest,
            project,
            reading,
        );
    }
}

fn locked(of: &DeTable, key: &str, project: &str) -> Wanted {
    let mut wanted = Wanted::new();
    for (requirement, _) in tables(of, key) {
        let name = wheel::normalized(text(requirement, "name").unwrap_or_default());
        let elsewhere = ["editable", "directory", "virtual", "path", "url", "git"];
        let is_elsewhere = elsewhere.iter().any(|key| requirement.contains_key(*key));
        let versions = specifiers(text(requirement, "specifier").unwrap_or_default()).filter(|_| !is_elsewhere);
        add(&mut wanted, name, versions);
    }
    wanted.remove(project);
    wanted
}

fn add(wanted: &mut Wanted, name: String, versions: Option<BTreeSet<String>>) {
    let known = wanted.entry(name).or_insert_with(|| Some(BTreeSet::new()));
    match (known.as_mut(), versions) {
        (Some(all), Some(versions)) => {
            all.insert(versions);
        }
        _ => *known = None,
    }
}

fn compare(asked: Vec<&Asked>, locked: Wanted, manifest: &Manifest, project: &Package, reading: &mut Reading) {
    let mut wanted = Wanted::new();
    for Asked { requirement, .. } in &asked {
        let versions = match &requirement.versions {
            Versions::Fitting(_) if manifest.sources.contains(&requirement.name) => None,
            Versions::Fitting(specifiers) => Some(specifiers.clone()),
            Versions::At(_) => None,
        };
        add(&mut wanted, requirement.name.clone(), versions);
    }
    for (name, versions) in &wanted {
        let message = match locked.get(name) {
            Some(known) if known.is_none() || versions.is_none() || known == versions => continue,
            Some(_) => format!("{} was written for other versions of `{name}`", reading.file),
            None => format!("{} was written before `{name}` was asked for", reading.file),
        };
        let span = asked.iter().find(|asked| asked.requirement.name == *name).map_or(0..0, |asked| asked.span.clone());
        reading.stale(manifest.place(&span), message);
    }
    for name in locked.keys().filter(|name| !wanted.contains_key(*name)) {
        let place = model::Location::new(reading.file.clone(), span(project.table, "name"));
        reading.stale(place, format!("`{name}` was locked for `{}`, which does not ask for it any more", project.name));
    }
}
