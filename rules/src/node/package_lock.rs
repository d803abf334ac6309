//! package-lock.json, versions 2 and 3: the map `packages` says what lies where. It does not decide what is hoisted: npm
//! has.

mod entry;
mod graph;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{Mistake, Platform, RelPath, codes};

use self::entry::{Entry, File, Kind, Strength};
use self::graph::{Edge, Graph, Node};
use super::layout::{Layout, Package, Placed, Use, What, Workspace};
use super::names;
use super::report::{Report, json_error, without_mark};
use super::stale::{self, Held, Lock};

const INSTALL: &str = "npm install";
const AGAIN: &str = "remove node_modules and package-lock.json, then run `npm install`: it writes what is missing";

/// Returns what a package-lock.json puts where on a platform, and what is wrong with it. Manifests are asked for by
/// their path from the lock's directory.
pub(crate) fn parse(
    text: &str,
    file: &RelPath,
    manifests: &dyn Fn(&RelPath) -> Option<String>,
    platform: &Platform,
) -> (Layout, Vec<Mistake>) {
    let text = without_mark(text);
    let mut report = Report::new(file, text);
    let Some(packages) = packages(&mut report) else { return (Layout::default(), report.mistakes) };
    let graph = Graph::new(&packages);
    let mut reader = Reader { left_out: graph.left_out(platform), graph: &graph, report, platform };
    let layout = reader.layout(manifests);
    (layout, reader.report.mistakes)
}

/// Reads the map of packages, if this is a version that has one.
fn packages(report: &mut Report) -> Option<std::collections::BTreeMap<String, Entry>> {
    let file: File = match serde_json::from_str(report.text) {
        Ok(file) => file,
        Err(error) => {
            let (message, span) = json_error(report.text, &error);
            let message = format!("{} is not a package-lock.json: {message}", report.file);
            report.add_at(codes::NODE_BAD_LOCK, span, message, INSTALL);
            return None;
        }
    };
    match (file.lockfile_version, file.packages) {
        (Some(2 | 3), Some(packages)) if packages.contains_key("") => Some(packages),
        (Some(2 | 3), Some(_)) => {
            let message = format!("{} does not say what it was made for: it has no entry `\"\"`", report.file);
            report.add(codes::NODE_BAD_LOCK, "\"packages\"", message, INSTALL);
            None
        }
        (Some(2 | 3), None) => {
            let message = format!("{} lists no `packages`", report.file);
            report.add(codes::NODE_BAD_LOCK, "\"lockfileVersion\"", message, INSTALL);
            None
        }
        (version, _) => {
            let version = version.map_or("no version".to_owned(), |version| format!("version {version}"));
            let message =
                format!("{} has {version}; rg reads versions 2 and 3, which npm writes from 7 on", report.file);
            report.add(codes::NODE_BAD_LOCK, "\"lockfileVersion\"", message, "npm install --package-lock-only");
            None
        }
    }
}

struct Reader<'a> {
    graph: &'a Graph<'a>,
    left_out: BTreeSet<usize>,
    report: Report<'a>,
    platform: &'a Platform,
}

impl<'a> Reader<'a> {
    fn layout(&mut self, manifests: &dyn Fn(&RelPath) -> Option<String>) -> Layout {
        let mut layout = Layout::default();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let Ok(key) = RelPath::new(node.key) else {
                self.bad(node, format!("`{}` is not a place below the lock", node.key.escape_debug()), INSTALL);
                continue;
            };
            if node.entry.kind() == Kind::Extraneous || self.is_left_out(index) {
                continue;
            }
            if key.segments().any(|segment| segment == names::NODE_MODULES) {
                layout.places.extend(self.placed(node, key));
            } else {
                layout.workspaces.push(self.workspace(node, &key, manifests));
            }
        }
        layout.sorted()
    }

    /// Whether an entry, or a package that it lies in, is not installed.
    fn is_left_out(&self, index: usize) -> bool {
        let mut place = RelPath::new(self.graph.nodes[index].key).ok();
        while let Some(at) = place {
            if self.graph.find(at.as_str()).is_some_and(|index| self.left_out.contains(&index)) {
                return true;
            }
            place = names::split_place(&at).map(|(dir, _)| dir);
        }
        false
    }

    fn placed(&mut self, node: &Node, at: RelPath) -> Option<Placed> {
        let (dir, name) = self.split(node, &at)?;
        if !self.holds_packages(&dir) {
            self.bad(node, format!("`{at}` lies in `{dir}`, which the lock does not have"), INSTALL);
            return None;
        }
        let what = match node.entry.kind() {
            Kind::Link => What::Link(self.link(node, &at)?),
            Kind::Package => What::Package(self.package(node, &name)?),
            Kind::Bundled | Kind::Extraneous => return None,
        };
        Some(Placed { needs: self.needs(node), used: node.entry.used(), what, at })
    }

    fn split(&mut self, node: &Node, at: &RelPath) -> Option<(RelPath, String)> {
        let split = names::split_place(at).map(|(dir, name)| (dir, name.to_owned()));
        if split.is_none() {
            self.bad(node, format!("`{}` is not the place of a package", node.key.escape_debug()), INSTALL);
        }
        split
    }

    /// Whether something is unpacked to a directory, or is there, so that more can be put below it.
    fn holds_packages(&self, dir: &RelPath) -> bool {
        let entry = self.graph.find(dir.as_str()).map(|index| self.graph.nodes[index].entry);
        dir.is_root() || entry.is_some_and(|entry| entry.kind() != Kind::Link)
    }

    fn link(&mut self, node: &Node, at: &RelPath) -> Option<String> {
        let target = node.entry.resolved.as_deref().and_then(|target| RelPath::new(target).ok());
        let known = target.filter(|target| self.graph.find(target.as_str()).is_some());
        let Some(target) = known.filter(|target| names::split_place(target).is_none()) else {
            let message = format!("`{at}` is a link to something that is not below the lock's directory");
            self.bad(node, message, "a package outside of it needs a lock of its own, or comes from a registry");
            return None;
        };
        Some(target.relative_to(&at.parent()?))
    }

    fn package(&mut self, node: &Node, at_name: &str) -> Option<Package> {
        let entry = node.entry;
        let name = entry.name.as_deref().unwrap_or(at_name);
        let version = entry.version.as_deref().unwrap_or_default();
        if entry.strength() == Strength::Required && !entry.runs_on().fits(self.platform) {
            let message = format!("`{name}` {version} does not run on {}, and is not optional", self.platform);
            self.bad(node, message, "move what brings it to `optionalDependencies`, or build for another platform");
            return None;
        }
        if !names::is_package_name(name) || !names::is_version(version) {
            self.bad(node, format!("`{}` has no proper name and version", node.key.escape_debug()), INSTALL);
            return None;
        }
        self.check_source(node, name, version)?;
        let integrity = entry.integrity.as_deref().filter(|hash| names::is_integrity(hash));
        let Some(integrity) = integrity else {
            self.bad(node, format!("`{name}` {version} has no hash (`integrity`)"), AGAIN);
            return None;
        };
        Some(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            integrity: integrity.to_owned(),
            url: entry.resolved.clone(),
            scripts: entry.scripts(),
        })
    }

    /// Only what an archive of a registry is can be told from its hash alone.
    fn check_source(&mut self, node: &Node, name: &str, version: &str) -> Option<()> {
        let resolved = node.entry.resolved.as_deref().unwrap_or("https://");
        let from = match resolved.split_once(':').map(|(scheme, _)| scheme) {
            Some("https" | "http") => return Some(()),
            Some("file") => "a file",
            Some(scheme) if scheme.starts_with("git") => "git",
            _ => "elsewhere",
        };
        let message = format!("`{name}` {version} comes from {from}: `{}`", resolved.escape_debug());
        self.bad(node, message, "depend on a version that a registry has, or make it a package of the workspace");
        None
    }

    fn workspace(&mut self, node: &Node, dir: &RelPath, manifests: &dyn Fn(&RelPath) -> Option<String>) -> Workspace {
        let lock = Lock { file: self.report.file, hint: INSTALL };
        let held = lock.read(dir, manifests, &mut self.report.mistakes);
        if let Some(held) = &held {
            self.hold(lock, held, node);
        }
        let targets = |used: &dyn Fn(Use) -> bool| {
            let links = node.edges.iter().filter(|edge| used(edge.used)).filter_map(|edge| self.target(*edge));
            links.collect::<BTreeSet<_>>().into_iter().collect()
        };
        Workspace {
            deps: targets(&|_| true),
            production_deps: targets(&|used| used == Use::Production),
            needs: self.needs(node),
            ..stale::workspace(dir, &held.map(|held| held.manifest).unwrap_or_default())
        }
    }

    /// Holds a manifest against its entry, and the entry against what lies where.
    fn hold(&mut self, lock: Lock, held: &Held, node: &Node) {
        let asks = node.entry.asks();
        self.report.mistakes.extend(lock.compare(held, &held.manifest.asks, &asks));
        self.report.mistakes.extend(renamed(lock, held, node.entry));
        let needed = held.manifest.asks.production.iter().chain(&held.manifest.asks.development);
        let same =
            needed.filter(|(name, _)| asks.production.contains_key(*name) || asks.development.contains_key(*name));
        let absent = same.filter(|(name, _)| self.graph.lookup(node.key, name).is_none());
        self.report.mistakes.extend(absent.map(|(name, range)| lock.absent(held, name, range)));
    }

    /// Returns the directory of the package of the repository that an edge leads to through its link.
    fn target(&self, edge: Edge) -> Option<RelPath> {
        let link = self.graph.nodes.get(edge.to).filter(|node| node.entry.kind() == Kind::Link)?;
        RelPath::new(link.entry.resolved.as_deref()?).ok()
    }

    /// Returns the places that an entry needs when it runs. What lies in its own tarball needs something too.
    fn needs(&self, node: &Node) -> Vec<RelPath> {
        let inside = format!("{}/node_modules/", node.key);
        let first = self.graph.nodes.partition_point(|other| *other.key < *inside);
        let below = self.graph.nodes[first..].iter().take_while(|other| other.key.starts_with(&inside));
        let bundled = below.filter(|other| !node.key.is_empty() && other.entry.kind() == Kind::Bundled);
        let edges = node.edges.iter().chain(bundled.flat_map(|other| &other.edges));
        let needed = edges.filter(|edge| edge.used == Use::Production && !self.is_left_out(edge.to));
        let placed = needed.map(|edge| &self.graph.nodes[edge.to]);
        let placed = placed.filter(|node| matches!(node.entry.kind(), Kind::Package | Kind::Link));
        let places = placed.filter_map(|node| RelPath::new(node.key).ok());
        places.filter(|place| names::split_place(place).is_some()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn bad(&mut self, node: &Node, message: String, hint: &str) {
        self.report.add(codes::NODE_BAD_LOCK, &format!("{:?}", node.key), message, hint);
    }
}

/// npm leaves the name of a package out where its directory is called the same.
fn renamed(lock: Lock, held: &Held, entry: &Entry) -> Option<Mistake> {
    let locked = entry.name.as_deref().unwrap_or_else(|| held.dir.name());
    let name = held.manifest.name.as_deref().filter(|name| *name != locked && !held.dir.is_root())?;
    if entry.name.is_none() && held.dir.as_str().ends_with(name) {
        return None;
    }
    let message = format!("{} is called `{name}`, and `{locked}` in {}", held.file, lock.file);
    Some(lock.stale(held, name, message))
}
