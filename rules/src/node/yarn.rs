//! yarn.lock, version 1: which range led to which package. Where packages lie is rg's own decision, since the lock does
//! not say; peers are not in it either, and are found as Node finds them.

mod foreign;
mod hoist;
mod text;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{Mistake, Platform, RelPath, codes};

use self::hoist::{Item, Spot, Wants};
use self::text::Entry;
use super::layout::{InstallScripts, Layout, Package};
use super::names;
use super::report::{Report, without_mark};
use super::stale::{self, Held, Lock};

const INSTALL: &str = "yarn install";

/// The line that says how a yarn.lock is written begins so.
const VERSIONED: &str = "# yarn lockfile v";

/// What a lock is read with.
pub(crate) struct Surroundings<'a> {
    /// Returns the text of a file by its path from the lock's directory.
    pub manifests: &'a dyn Fn(&RelPath) -> Option<String>,
    /// Returns the directories that match a glob of `workspaces`, from the lock's directory; those without a
    /// package.json are ignored.
    pub directories: &'a dyn Fn(&str) -> Vec<RelPath>,
    /// Where it is to run.
    pub platform: &'a Platform,
}

/// Returns what a yarn.lock puts where on a platform, and what is wrong with it.
pub(crate) fn parse(text: &str, file: &RelPath, around: &Surroundings) -> (Layout, Vec<Mistake>) {
    let text = without_mark(text);
    let mut report = Report::new(file, text);
    let Some(entries) = read(&mut report) else { return (Layout::default(), report.mistakes) };
    let patterns = patterns(&entries);
    let (resolutions, wants) = (BTreeMap::new(), Wants::default());
    let mut reader = Reader { entries: &entries, patterns, report, around, resolutions, wants };
    let layout = reader.layout();
    (layout, reader.report.mistakes)
}

fn read(report: &mut Report) -> Option<Vec<Entry>> {
    if report.text.lines().any(|line| line == "__metadata:") {
        let message = format!("{} is of yarn 2 or later, which rg does not read", report.file);
        let hint = "`npx pnpm@10 import` makes a pnpm-lock.yaml of it, which rg reads";
        report.add(codes::NODE_BAD_LOCK, "__metadata:", message, hint);
        return None;
    }
    let version = report.text.lines().find_map(|line| line.strip_prefix(VERSIONED)).unwrap_or("1").trim();
    if version != "1" {
        let message = format!("{} has version {version}; rg reads version 1", report.file);
        report.add(codes::NODE_BAD_LOCK, VERSIONED, message, "`npx yarn@1 install` writes it again");
        return None;
    }
    let (entries, wrong) = text::parse(report.text);
    for span in wrong.into_iter().take(10) {
        let line = report.text[span.clone()].trim().escape_debug().to_string();
        report.add_at(
            codes::NODE_BAD_LOCK,
            span,
            format!("a line of {} is not understood: `{line}`", report.file),
            INSTALL,
        );
    }
    report.mistakes.is_empty().then_some(entries)
}

fn patterns(entries: &[Entry]) -> BTreeMap<&str, usize> {
    let numbered = entries.iter().enumerate();
    numbered.flat_map(|(number, entry)| entry.patterns.iter().map(move |pattern| (&**pattern, number))).collect()
}

struct Reader<'a> {
    entries: &'a [Entry],
    patterns: BTreeMap<&'a str, usize>,
    report: Report<'a>,
    around: &'a Surroundings<'a>,
    /// What stands for what all packages ask for by a name: `resolutions` of the root.
    resolutions: BTreeMap<String, String>,
    wants: Wants,
}

impl Reader<'_> {
    fn layout(&mut self) -> Layout {
        let lock = Lock { file: self.report.file, hint: INSTALL };
        let held = self.held(lock);
        if let Some(root) = held.first().filter(|held| held.dir.is_root()) {
            self.resolutions(root);
        }
        let named = held.iter().filter(|held| !held.dir.is_root());
        let links = named.filter_map(|held| Some((held.manifest.name.clone()?, held.dir.clone())));
        self.wants.links = links.collect();
        for held in &held {
            let asked = self.asked_by_manifest(lock, held);
            self.wants.workspaces.insert(held.dir.clone(), asked);
        }
        for number in 0..self.entries.len() {
            let asked = self.asked_by_entry(number);
            self.wants.entries.push(asked);
        }
        let Ok(spots) = hoist::hoist(&self.wants) else {
            let message = format!("the packages of {} need more than 200000 copies of each other", self.report.file);
            self.report.add(codes::NODE_BAD_LOCK, "", message, "yarn upgrade");
            return Layout::default();
        };
        let packages = self.packages(&spots);
        write::layout(&held, &spots, &packages)
    }

    /// Reads the manifests of all packages of the repository, the root first, then by directory.
    fn held(&mut self, lock: Lock) -> Vec<Held> {
        let root = lock.read(&RelPath::root(), self.around.manifests, &mut self.report.mistakes);
        let Some(root) = root else { return Vec::new() };
        let matching = |glob: &str| (self.around.directories)(glob.trim_start_matches("./").trim_end_matches('/'));
        let mut dirs: BTreeSet<RelPath> = BTreeSet::new();
        for glob in &root.manifest.workspaces {
            match glob.strip_prefix('!') {
                Some(glob) => {
                    let out = matching(glob);
                    dirs.retain(|dir| !out.contains(dir));
                }
                None => dirs.extend(matching(glob)),
            }
        }
        let is_package = |dir: &RelPath| {
            let manifest = dir.child("package.json").ok().and_then(|manifest| (self.around.manifests)(&manifest));
            !dir.is_root() && !dir.segments().any(|it| it == names::NODE_MODULES) && manifest.is_some()
        };
        dirs.retain(is_package);
        let mut held = vec![root];
        for dir in dirs {
            held.extend(lock.read(&dir, self.around.manifests, &mut self.report.mistakes));
        }
        held
    }

    /// Reads `name` and `**/name`. What stands for a package below another only would need a path for each lookup.
    fn resolutions(&mut self, root: &Held) {
        for (key, range) in &root.manifest.resolutions {
            let segments: Vec<&str> = key.split('/').collect();
            match segments[..] {
                [scope, name] | ["**", scope, name] if scope.starts_with('@') => {
                    self.resolutions.insert(format!("{scope}/{name}"), range.clone());
                }
                [name] | ["**", name] => drop(self.resolutions.insert(name.to_owned(), range.clone())),
                _ => {
                    let message = format!("`resolutions` has `{}`, and rg reads names alone", key.escape_debug());
                    let mistake = stale::at_key(root, codes::NODE_BAD_LOCK, key, message);
                    self.report.mistakes.push(mistake.hint("write `**/` and the name of the package"));
                }
            }
        }
    }

    /// Returns what a range of a package led to: an entry, or a package of the repository.
    fn resolve(&self, name: &str, range: &str) -> Option<Item> {
        let pattern = |range: &str| self.patterns.get(&*format!("{name}@{range}")).map(|entry| Item::Entry(*entry));
        let by_range = pattern(range);
        let resolution = || self.resolutions.get(name).and_then(|range| pattern(range));
        let workspace = || self.wants.links.get(name).cloned().map(Item::Workspace);
        by_range.or_else(resolution).or_else(workspace)
    }

    fn asked_by_manifest(&mut self, lock: Lock, held: &Held) -> BTreeMap<String, Item> {
        let mut asked = BTreeMap::new();
        let asks = &held.manifest.asks;
        for (name, range) in asks.development.iter().chain(&asks.production).chain(&asks.optional) {
            match self.resolve(name, range) {
                Some(_) if asks.optional.contains_key(name) && foreign::is_foreign(name, self.around.platform) => {}
                Some(item) => drop(asked.insert(name.clone(), item)),
                None => self.report.mistakes.push(lock.absent(held, name, range)),
            }
        }
        asked
    }

    fn asked_by_entry(&mut self, number: usize) -> BTreeMap<String, Item> {
        let mut asked = BTreeMap::new();
        let entry = &self.entries[number];
        for (name, range) in entry.dependencies.iter().chain(&entry.optional) {
            let optional = entry.optional.contains_key(name);
            let item = self.resolve(name, range).filter(|_| names::is_package_name(name));
            match item {
                Some(_) if optional && foreign::is_foreign(name, self.around.platform) => {}
                Some(item) => drop(asked.insert(name.clone(), item)),
                None if optional => {}
                None => {
                    let (name, range) = (name.escape_debug(), range.escape_debug());
                    let message =
                        format!("`{name}` {range} is asked for, and {} has no entry for it", self.report.file);
                    self.bad(number, message, INSTALL);
                }
            }
        }
        asked
    }

    /// Returns the packages of all entries that lie somewhere.
    fn packages(&mut self, spots: &[Spot]) -> BTreeMap<usize, Package> {
        let entry = |spot: &Spot| match spot.item {
            Item::Entry(number) => Some(number),
            Item::Workspace(_) => None,
        };
        let used: BTreeSet<usize> = spots.iter().filter_map(entry).collect();
        used.into_iter().filter_map(|number| Some((number, self.package(number)?))).collect()
    }

    fn package(&mut self, number: usize) -> Option<Package> {
        let entry = &self.entries[number];
        let (version, pattern) = (&entry.version, entry.patterns.first()?);
        let name = entry.name.as_deref().or_else(|| own_name(pattern));
        let Some(name) = name.filter(|name| names::is_package_name(name) && names::is_version(version)) else {
            self.bad(number, format!("`{}` has no proper name and version", pattern.escape_debug()), INSTALL);
            return None;
        };
        let url = entry.resolved.as_deref().map(|url| url.split('#').next().unwrap_or(url));
        if url.is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            let message = format!("`{name}` {version} does not come from a registry");
            self.bad(number, message, "depend on a version that a registry has, or make it a package of the workspace");
            return None;
        }
        let Some(integrity) = entry.integrity.as_ref().filter(|hash| names::is_integrity(hash)) else {
            let hint = "`yarn install` writes it for what a registry has; depend on such a version";
            self.bad(number, format!("`{name}` {version} has no hash (`integrity`)"), hint);
            return None;
        };
        Some(Package {
            name: name.to_owned(),
            version: version.clone(),
            integrity: integrity.clone(),
            url: url.map(str::to_owned),
            scripts: InstallScripts::Unknown,
        })
    }

    fn bad(&mut self, number: usize, message: String, hint: &str) {
        self.report.add_at(codes::NODE_BAD_LOCK, self.entries[number].span.clone(), message, hint);
    }
}

/// Returns the name of the package that a pattern asks for: `b` of `a@npm:b@^1`.
fn own_name(pattern: &str) -> Option<&str> {
    let (name, range) = split(pattern)?;
    match range.strip_prefix("npm:") {
        Some(alias) => Some(split(alias).map_or(alias, |(name, _)| name)),
        None => Some(name),
    }
}

fn split(pattern: &str) -> Option<(&str, &str)> {
    let at = pattern.get(1..)?.find('@')? + 1;
    Some((&pattern[..at], &pattern[at + 1..]))
}
