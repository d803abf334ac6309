//! pnpm-lock.yaml, versions 6 and 9: packages lie alone below `node_modules/.pnpm`, and links lead to them. The layout
//! is the one of pnpm's defaults, whatever `node-linker` and the patterns of hoisting say.

mod dep_path;
mod file;
mod graph;
mod hoist;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{Mistake, Platform, RelPath, codes};

use self::file::File;
use self::graph::{Found, Graph, Importer, Node, Target};
use super::layout::{Layout, Package, Placed, Use, What, Workspace};
use super::manifest::{Asks, Manifest};
use super::names;
use super::report::{Report, without_mark};
use super::stale::{self, Held, Lock};

const INSTALL: &str = "pnpm install";

/// Returns what a pnpm-lock.yaml puts where on a platform, and what is wrong with it. Manifests are asked for by their
/// path from the lock's directory.
pub(crate) fn parse(
    text: &str,
    file: &RelPath,
    manifests: &dyn Fn(&RelPath) -> Option<String>,
    platform: &Platform,
) -> (Layout, Vec<Mistake>) {
    let text = without_mark(text);
    let mut report = Report::new(file, text);
    let Some(file) = read(&mut report) else { return (Layout::default(), report.mistakes) };
    let graph = graph::graph(&file, &mut report);
    let taken = graph.taken(platform, |_| true);
    let running = graph.taken(platform, |found| found.used == Use::Production);
    let mut writer = Writer { file: &file, graph: &graph, taken, running, report, layout: Layout::default() };
    writer.write(manifests);
    (writer.layout.sorted(), writer.report.mistakes)
}

/// Reads the file, if this is a version that is known. A large lock has more nodes than the reader lets pass.
fn read(report: &mut Report) -> Option<File> {
    let budget = serde_saphyr::budget! { max_events: 100_000_000, max_nodes: 50_000_000 };
    let parsed: Result<File, _> =
        serde_saphyr::from_str_with_options(report.text, serde_saphyr::options! { budget: budget });
    let file = match parsed {
        Ok(file) => file,
        Err(error) => {
            let line = error.location().map_or(1, |location| location.line());
            let lines = report.text.split_inclusive('\n').take(usize::try_from(line).unwrap_or(1).saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>().min(report.text.len());
            let reason = error.without_snippet().to_string();
            let reason = reason.lines().next().unwrap_or_default();
            let message = format!("{} is not a pnpm-lock.yaml: {reason}", report.file);
            report.add_at(codes::NODE_BAD_LOCK, at..at, message, INSTALL);
            return None;
        }
    };
    let known = file.lockfile_version == "9.0" || file.lockfile_version.starts_with("6.");
    if !known {
        let version = file.lockfile_version.escape_debug();
        let message =
            format!("{} has version `{version}`; rg reads versions 6 and 9.0, of pnpm 8 and later", report.file);
        report.add(codes::NODE_BAD_LOCK, "lockfileVersion", message, "npx pnpm@10 install --lockfile-only");
        return None;
    }
    if !file.patched_dependencies.is_empty() {
        let message = format!("{} patches packages, which rg does not", report.file);
        let hint = "publish the patched package, or make it a package of the workspace";
        report.add(codes::NODE_BAD_LOCK, "patchedDependencies", message, hint);
        return None;
    }
    Some(file.normal())
}

struct Writer<'a> {
    file: &'a File,
    graph: &'a Graph<'a>,
    /// What is installed.
    taken: BTreeSet<&'a str>,
    /// What of it is needed by something that runs.
    running: BTreeSet<&'a str>,
    report: Report<'a>,
    layout: Layout,
}

impl<'a> Writer<'a> {
    fn write(&mut self, manifests: &dyn Fn(&RelPath) -> Option<String>) {
        for key in self.taken.clone() {
            self.package(key, &self.graph.nodes[key]);
        }
        let mut workspaces = BTreeMap::new();
        for importer in &self.graph.importers {
            self.importer(importer, manifests);
            let name = self.layout.workspaces.last().and_then(|workspace| workspace.name.clone());
            if let Some(name) = name.filter(|_| !importer.dir.is_root()) {
                workspaces.entry(name).or_insert(Target::Directory(importer.dir.clone()));
            }
        }
        let workspaces = workspaces.iter().map(|(name, target)| (&**name, target.clone())).collect();
        let store = RelPath::new("node_modules/.pnpm").ok();
        let Some(store) = store.filter(|_| !self.taken.is_empty()) else { return };
        for (alias, target) in hoist::hoisted(self.graph, &self.taken, &workspaces) {
            let used = self.used(&target);
            self.link(&store, alias, &target, used);
        }
    }

    /// Places a package, with links to what it finds beside it.
    fn package(&mut self, key: &str, node: &Node) {
        let Some(package) = self.check(key, node) else { return };
        let used = self.used(&Target::Package(key.to_owned()));
        let beside = node.finds.iter().filter(|found| found.alias != node.name);
        let needs = beside.filter_map(|found| self.link(&node.dir, found.alias, &found.target, used)).collect();
        self.layout.places.push(Placed { at: node.place.clone(), what: What::Package(package), used, needs });
    }

    fn used(&self, target: &Target) -> Use {
        match target {
            Target::Package(dep_path) if !self.running.contains(&**dep_path) => Use::Development,
            Target::Package(_) | Target::Directory(_) => Use::Production,
        }
    }

    /// Places a link below a directory, if what it leads to is installed.
    fn link(&mut self, dir: &RelPath, alias: &str, target: &Target, used: Use) -> Option<RelPath> {
        let to = match target {
            Target::Package(dep_path) if !self.taken.contains(&**dep_path) => return None,
            Target::Package(dep_path) => &self.graph.nodes[&**dep_path].place,
            Target::Directory(dir) => dir,
        };
        let at = names::place(dir, alias)?;
        let what = What::Link(to.relative_to(&at.parent()?));
        self.layout.places.push(Placed { at: at.clone(), what, used, needs: Vec::new() });
        Some(at)
    }

    fn check(&mut self, key: &str, node: &Node) -> Option<Package> {
        let resolution = &node.package.resolution;
        let version = node.package.version.as_deref().unwrap_or(node.version);
        let archive = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let good = names::is_version(version) && resolution.tarball.as_ref().is_none_or(archive);
        if !good || resolution.repo.is_some() || resolution.directory.is_some() {
            let message = format!("`{key}` does not come from a registry");
            let hint = "depend on a version that a registry has, or on a package of the workspace with `workspace:*`";
            self.report.add(codes::NODE_BAD_LOCK, key, message, hint);
            return None;
        }
        let integrity = resolution.integrity.as_ref().filter(|hash| names::is_integrity(hash));
        if integrity.is_none() {
            let hint =
                "depend on a version that a registry has, or lock again: remove pnpm-lock.yaml, then `pnpm install`";
            self.report.add(codes::NODE_BAD_LOCK, key, format!("`{key}` has no hash (`integrity`)"), hint);
        }
        Some(Package {
            name: node.name.to_owned(),
            version: version.to_owned(),
            integrity: integrity?.clone(),
            url: resolution.tarball.clone(),
            scripts: node.package.scripts(self.file),
        })
    }

    fn importer(&mut self, importer: &Importer, manifests: &dyn Fn(&RelPath) -> Option<String>) {
        let lock = Lock { file: self.report.file, hint: INSTALL };
        let held = lock.read(&importer.dir, manifests, &mut self.report.mistakes);
        if let Some(held) = &held {
            self.hold(lock, held, importer);
        }
        let mut workspace = stale::workspace(&importer.dir, &held.map(|held| held.manifest).unwrap_or_default());
        for found in &importer.finds {
            self.find(importer, found, &mut workspace);
        }
        for list in [&mut workspace.deps, &mut workspace.production_deps, &mut workspace.needs] {
            list.sort();
            list.dedup();
        }
        self.layout.workspaces.push(workspace);
    }

    fn find(&mut self, importer: &Importer, found: &Found, workspace: &mut Workspace) {
        let needs = self.link(&importer.dir, found.alias, &found.target, found.used);
        let dep = match &found.target {
            Target::Directory(dir) => Some(dir),
            Target::Package(_) => None,
        };
        workspace.deps.extend(dep.cloned());
        if found.used == Use::Production {
            workspace.production_deps.extend(dep.cloned());
            workspace.needs.extend(needs);
        }
    }

    /// Holds a manifest against its entry. What an override stands for is the lock's to know.
    fn hold(&mut self, lock: Lock, held: &Held, importer: &Importer) {
        let mut asks = self.asks(&held.manifest);
        let mut locked = self.file.importers[importer.key].asks();
        let overridden = |name: &str| self.file.overrides.keys().any(|key| selected(key) == name);
        for tables in [&mut asks, &mut locked] {
            for table in [&mut tables.production, &mut tables.development, &mut tables.optional] {
                table.retain(|name, range| {
                    let linked = self.file.settings.exclude_links_from_lockfile && range.starts_with("link:");
                    !overridden(name) && !linked
                });
            }
        }
        asks.optional.retain(|name, _| !self.file.ignored_optional_dependencies.contains(name));
        self.report.mistakes.extend(lock.compare(held, &asks, &locked));
    }

    /// Returns what pnpm takes a manifest to ask for: each name once, and missing peers if the lock was made so.
    fn asks(&self, manifest: &Manifest) -> Asks {
        let mut asks = manifest.asks.clone();
        let peers = std::mem::take(&mut asks.peer);
        asks.optional_peers.clear();
        if self.file.settings.auto_install_peers {
            let asked: BTreeSet<String> = asks.all().map(|(name, _)| name.to_owned()).collect();
            asks.production.extend(peers.into_iter().filter(|(name, _)| !asked.contains(name)));
        }
        asks.development.retain(|name, _| !asks.production.contains_key(name) && !asks.optional.contains_key(name));
        asks
    }
}

/// Returns the package that the selector of an override is about: `b` of `a@1>b@2`.
fn selected(selector: &str) -> &str {
    let last = selector.rsplit('>').next().unwrap_or(selector);
    dep_path::split(last).map_or(last, |(name, _)| name)
}
