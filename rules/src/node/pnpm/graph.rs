//! The packages of a pnpm-lock.yaml with what they find, and which of them an installation takes.

use std::collections::{BTreeMap, BTreeSet};

use model::{Platform, RelPath, codes};

use super::dep_path;
use super::file::{Asked, File, Package};
use crate::node::layout::Use;
use crate::node::names;
use crate::node::report::Report;

/// The packages by what pnpm calls them, and the packages of the repository.
pub(super) struct Graph<'a> {
    /// What is fetched.
    pub nodes: BTreeMap<&'a str, Node<'a>>,
    /// The packages of the repository, sorted by directory.
    pub importers: Vec<Importer<'a>>,
}

/// A package that is fetched.
pub(super) struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version, or what the lock has in place of one.
    pub version: &'a str,
    /// The directory that holds it and links to what it finds: `node_modules/.pnpm/a@1.0.0`.
    pub dir: RelPath,
    /// Where it lies.
    pub place: RelPath,
    /// What it is.
    pub package: &'a Package,
    /// What it finds, by the names it uses.
    pub finds: Vec<Found<'a>>,
    optional: bool,
}

/// A package of the repository.
pub(super) struct Importer<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its directory.
    pub dir: RelPath,
    /// What it finds, in pnpm's order: what only development needs first.
    pub finds: Vec<Found<'a>>,
}

/// Something that is found by a name.
#[derive(Clone)]
pub(super) struct Found<'a> {
    /// The name.
    pub alias: &'a str,
    /// What it stands for.
    pub target: Target,
    /// What it is needed for.
    pub used: Use,
}

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// What pnpm calls a package that is fetched.
    Package(String),
    /// The directory of a package of the repository.
    Directory(RelPath),
}

/// Makes the graph; what cannot be used is told and left out.
pub(super) fn graph<'a>(file: &'a File, report: &mut Report) -> Graph<'a> {
    let mut graph = Graph { nodes: BTreeMap::new(), importers: Vec::new() };
    for key in file.importers.keys() {
        match RelPath::root().resolve(key).ok().filter(|dir| !dir.segments().any(|it| it == names::NODE_MODULES)) {
            Some(dir) => graph.importers.push(Importer { key, dir, finds: Vec::new() }),
            None => bad(report, key, format!("`{}` is not a directory below the lock", key.escape_debug())),
        }
    }
    graph.importers.sort_by(|a, b| a.dir.cmp(&b.dir));
    for (key, snapshot) in &file.snapshots {
        graph.nodes.extend(node(file, key, snapshot, report).map(|node| (&**key, node)));
    }
    link(&mut graph, file, report);
    graph
}

fn node<'a>(file: &'a File, key: &'a str, snapshot: &'a Package, report: &mut Report) -> Option<Node<'a>> {
    let base = dep_path::base(key);
    let split = dep_path::split(base).filter(|(name, _)| names::is_package_name(name));
    let Some((name, version)) = split.filter(|_| key.bytes().all(|byte| byte.is_ascii_graphic())) else {
        bad(report, key, format!("`{}` is not a package with its version", key.escape_debug()));
        return None;
    };
    let Some(package) = file.packages.get(base) else {
        bad(report, key, format!("`{key}` has no entry in `packages`"));
        return None;
    };
    let dir = RelPath::new("node_modules/.pnpm").and_then(|store| store.child(&dep_path::directory(key))).ok()?;
    let place = names::place(&dir, name)?;
    Some(Node { name, version, dir, place, package, finds: Vec::new(), optional: snapshot.optional })
}

/// Fills in what everything finds, as far as it is there.
fn link<'a>(graph: &mut Graph<'a>, file: &'a File, report: &mut Report) {
    let root = RelPath::root();
    let mut importers = std::mem::take(&mut graph.importers);
    let dirs: BTreeSet<RelPath> = importers.iter().map(|importer| importer.dir.clone()).collect();
    for importer in &mut importers {
        let tables = &file.importers[importer.key];
        let asked = |(alias, asked): (&'a String, &'a Asked)| (alias, &asked.version);
        let development = tables.dev_dependencies.iter().map(asked).map(|it| (it, Use::Development));
        let production = tables.dependencies.iter().chain(&tables.optional_dependencies).map(asked);
        let all = development.chain(production.map(|it| (it, Use::Production)));
        let found = all.filter_map(|((alias, version), used)| {
            let target = target(graph, &dirs, &importer.dir, (alias, version), report)?;
            Some(Found { alias, target, used })
        });
        importer.finds = found.collect();
    }
    graph.importers = importers;
    let mut finds = BTreeMap::new();
    for key in graph.nodes.keys() {
        let snapshot = &file.snapshots[*key];
        let all = snapshot.dependencies.iter().chain(&snapshot.optional_dependencies);
        let found = all.filter_map(|(alias, version)| {
            let target = target(graph, &dirs, &root, (alias, version), report)?;
            Some(Found { alias, target, used: Use::Production })
        });
        finds.insert(*key, found.collect::<Vec<_>>());
    }
    for (key, node) in &mut graph.nodes {
        node.finds = finds.remove(key).unwrap_or_default();
    }
}

/// Returns what a reference stands for; a link is a path from a directory.
fn target(
    graph: &Graph,
    dirs: &BTreeSet<RelPath>,
    from: &RelPath,
    (alias, reference): (&str, &str),
    report: &mut Report,
) -> Option<Target> {
    if !names::is_package_name(alias) {
        bad(report, alias, format!("`{}` is not the name of a package", alias.escape_debug()));
        return None;
    }
    if let Some(path) = reference.strip_prefix("link:") {
        let dir = from.resolve(path).ok().filter(|dir| dirs.contains(dir));
        if dir.is_none() {
            let message = format!("`{alias}` is a link to `{}`, which is no package of the lock", path.escape_debug());
            bad(report, reference, message);
        }
        return dir.map(Target::Directory);
    }
    let dep_path = dep_path::resolve(alias, reference);
    if !graph.nodes.contains_key(&*dep_path) {
        bad(report, reference, format!("`{}` is asked for, and has no entry", dep_path.escape_debug()));
        return None;
    }
    Some(Target::Package(dep_path))
}

fn bad(report: &mut Report, place: &str, message: String) {
    report.add(codes::NODE_BAD_LOCK, place, message, super::INSTALL);
}

impl Graph<'_> {
    /// Returns what an installation takes of what packages of the repository reach: not what is optional and does not
    /// run on the platform, nor what only that needs.
    pub fn taken(&self, platform: &Platform, wants: impl Fn(&Found) -> bool) -> BTreeSet<&str> {
        let fits = |node: &Node| !node.optional || node.package.runs_on().fits(platform);
        let mut taken = BTreeSet::new();
        let mut open: Vec<&Found> =
            self.importers.iter().flat_map(|it| &it.finds).filter(|found| wants(found)).collect();
        while let Some(found) = open.pop() {
            let Target::Package(dep_path) = &found.target else { continue };
            let Some((key, node)) = self.nodes.get_key_value(&**dep_path).filter(|(_, node)| fits(node)) else {
                continue;
            };
            if taken.insert(*key) {
                open.extend(&node.finds);
            }
        }
        taken
    }
}
