//! The way from the projects of a uv.lock to all packages that they need in one environment. It does not know which
//! files packages have.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use model::wheel;
use toml::de::DeTable;

use super::manifest::DefaultGroups;
use super::marker::{Marker, Values};
use super::toml_parts::{table, tables, text, texts};
use super::uv_lock::{Package, SourceKind};

/// The way, as far as it was gone.
pub(super) struct Walk<'t> {
    packages: &'t [Package<'t>],
    by_name: BTreeMap<&'t str, Vec<usize>>,
    values: Values,
    /// The groups in use, as uv calls them in the markers of those that conflict with others.
    in_use: BTreeSet<String>,
    reached: BTreeSet<usize>,
    /// Packages with the extra that is asked for; with an empty one for their plain dependencies.
    seen: BTreeSet<(usize, String)>,
    queue: Vec<(usize, String)>,
    problems: Vec<(Range<usize>, String)>,
}

impl<'t> Walk<'t> {
    /// Makes a walk that is at no package yet.
    pub fn new(packages: &'t [Package<'t>], values: Values) -> Walk<'t> {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, package) in packages.iter().enumerate() {
            by_name.entry(&package.name).or_default().push(at);
        }
        let (in_use, reached, seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Walk { packages, by_name, values, in_use, reached, seen, queue: Vec::new(), problems: Vec::new() }
    }

    /// Goes from all projects, and from their groups that are there by default, to the end.
    pub fn start(&mut self, root: &'t DeTable<'t>, default_groups: &DefaultGroups) {
        let is_default = |group: &&str| default_groups.contains(group);
        let all: &'t [Package<'t>] = self.packages;
        let projects = || all.iter().enumerate().filter(|(_, package)| package.is_project());
        let mut groups = Vec::new();
        for (at, project) in projects() {
            self.visit(at, "");
            let written = table(project.table, "dev-dependencies");
            for group in keys(written).filter(is_default) {
                self.in_use.insert(wheel::normalized(&format!(
                    "group-{}-{}-{group}",
                    project.name.len(),
                    project.name
                )));
                groups.extend(written.map(|written| (written, group)));
            }
        }
        // Those of a workspace whose root is no project.
        let written = table(root, "manifest").and_then(|manifest| table(manifest, "dependency-groups"));
        groups.extend(keys(written).filter(is_default).filter_map(|group| Some((written?, group))));
        for (written, group) in groups {
            self.follow(written, group);
        }
        self.run();
    }

    /// Returns the packages that were reached, by their place in the lock, and what was wrong.
    pub fn finish(self) -> (BTreeSet<usize>, Vec<(Range<usize>, String)>) {
        (self.reached, self.problems)
    }

    fn run(&mut self) {
        while let Some((at, extra)) = self.queue.pop() {
            let of: &'t DeTable<'t> = self.packages[at].table;
            if extra.is_empty() {
                self.follow(of, "dependencies");
                continue;
            }
            let optional = table(of, "optional-dependencies");
            for key in keys(optional).filter(|key| wheel::normalized(key) == extra) {
                optional.into_iter().for_each(|optional| self.follow(optional, key));
            }
        }
    }

    fn visit(&mut self, at: usize, extra: &str) {
        self.reached.insert(at);
        if self.seen.insert((at, extra.to_owned())) {
            self.queue.push((at, extra.to_owned()));
        }
    }

    /// Follows a list of edges.
    fn follow(&mut self, of: &'t DeTable<'t>, key: &str) {
        for (edge, span) in tables(of, key) {
            match text(edge, "marker").map(|text| (text, Marker::parse(text))) {
                Some((_, Some(marker))) if !marker.holds(&self.values, &self.in_use) => continue,
                Some((text, None)) => {
                    self.problems.push((span.clone(), format!("the marker `{text}` is not understood")))
                }
                _ => {}
            }
            let candidates = self.candidates(edge);
            if candidates.is_empty() {
                let name = text(edge, "name").unwrap_or_default();
                self.problems.push((span, format!("the lock has no package for `{name}`")));
            }
            for at in candidates {
                self.visit(at, "");
                // An edge says `extra`, a requirement `extras`.
                for extra in texts(edge, "extra").chain(texts(edge, "extras")) {
                    self.visit(at, &wheel::normalized(extra));
                }
            }
        }
    }

    /// Returns the packages that an edge may lead to: one, unless the lock is wrong. An edge names version and index
    /// where the name alone would not do.
    fn candidates(&self, edge: &DeTable) -> Vec<usize> {
        let name = wheel::normalized(text(edge, "name").unwrap_or_default());
        let mut found = self.by_name.get(&*name).cloned().unwrap_or_default();
        if let Some(version) = text(edge, "version") {
            found.retain(|at| self.packages[*at].version == version);
        }
        if let Some(source) = table(edge, "source").map(SourceKind::read).filter(|_| found.len() > 1) {
            found.retain(|at| self.packages[*at].source == source);
        }
        if found.len() > 1 {
            found.retain(|at| self.is_for_environment(&self.packages[*at]));
        }
        found
    }

    fn is_for_environment(&self, package: &Package) -> bool {
        let holds = |text: &str| Marker::parse(text).is_some_and(|marker| marker.holds(&self.values, &self.in_use));
        let mut markers = texts(package.table, "resolution-markers").peekable();
        markers.peek().is_none() || markers.any(holds)
    }
}

fn keys<'t>(of: Option<&'t DeTable<'_>>) -> impl Iterator<Item = &'t str> {
    of.into_iter().flat_map(|table| table.keys().map(|key| &**key.get_ref()))
}
