//! What each entry of a package-lock.json finds when it looks its dependencies up as Node does, and which entries an
//! installation goes on without.

use std::collections::{BTreeMap, BTreeSet};

use model::Platform;

use super::entry::{Entry, Kind, Strength};
use crate::node::layout::Use;
use crate::node::names;

/// The entries by their keys, with what each of them finds.
pub(super) struct Graph<'a> {
    /// The entries, sorted by key.
    pub nodes: Vec<Node<'a>>,
    by_key: BTreeMap<&'a str, usize>,
}

/// One entry.
pub(super) struct Node<'a> {
    /// Its key: its place, or the directory of a package of the repository.
    pub key: &'a str,
    /// What the lock says.
    pub entry: &'a Entry,
    /// What it finds.
    pub edges: Vec<Edge>,
}

/// A dependency that was found.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    /// The index of the entry.
    pub to: usize,
    /// Who needs it.
    pub used: Use,
    strength: Strength,
}

impl<'a> Graph<'a> {
    /// Looks up the dependencies of all entries.
    pub fn new(packages: &'a BTreeMap<String, Entry>) -> Graph<'a> {
        let by_key: BTreeMap<&str, usize> = packages.keys().map(|key| &**key).zip(0..).collect();
        let mut graph = Graph { nodes: Vec::new(), by_key };
        for (key, entry) in packages {
            let edges = graph.edges(key, entry);
            graph.nodes.push(Node { key, entry, edges });
        }
        graph
    }

    /// Returns the index of an entry.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    fn edges(&self, key: &str, entry: &Entry) -> Vec<Edge> {
        if entry.kind() == Kind::Link {
            let target = entry.resolved.as_deref().and_then(|target| self.find(target));
            return target
                .map(|to| Edge { to, used: Use::Production, strength: Strength::Required })
                .into_iter()
                .collect();
        }
        let asks = entry.asks();
        let strength = |name: &str| match asks.optional_peers.contains(name) || asks.optional.contains_key(name) {
            true => Strength::Optional,
            false => Strength::Required,
        };
        let used = |name: &str| match asks.development.contains_key(name) && !asks.production.contains_key(name) {
            true => Use::Development,
            false => Use::Production,
        };
        let edge = |(name, _)| Some(Edge { to: self.lookup(key, name)?, used: used(name), strength: strength(name) });
        asks.all().filter_map(edge).collect()
    }

    /// Returns what a name stands for in a directory: the nearest `node_modules` that has it, upwards.
    pub fn lookup(&self, from: &str, name: &str) -> Option<usize> {
        let mut dir = from;
        loop {
            let is_modules = dir == names::NODE_MODULES || dir.ends_with("/node_modules");
            let key =
                if dir.is_empty() { format!("node_modules/{name}") } else { format!("{dir}/node_modules/{name}") };
            match self.find(&key).filter(|_| !is_modules) {
                Some(found) => return Some(found),
                None if dir.is_empty() => return None,
                None => dir = dir.rsplit_once('/').map_or("", |(parent, _)| parent),
            }
        }
    }

    /// Returns the indexes of the entries that are not installed: optional ones that do not run on the platform, those
    /// that cannot do without them, and what only these need.
    pub fn left_out(&self, platform: &Platform) -> BTreeSet<usize> {
        let broken = self.broken(platform);
        let suspects = self.reached(broken.iter().copied(), &BTreeSet::new());
        let others = (0..self.nodes.len()).filter(|index| !suspects.contains(index));
        let kept = self.reached(others, &broken);
        suspects.difference(&kept).copied().collect()
    }

    fn broken(&self, platform: &Platform) -> BTreeSet<usize> {
        let optional = |index: &usize| self.nodes[*index].entry.strength() == Strength::Optional;
        let misfits = (0..self.nodes.len()).filter(optional);
        let mut broken: BTreeSet<usize> =
            misfits.filter(|index| !self.nodes[*index].entry.runs_on().fits(platform)).collect();
        loop {
            let needs_broken = |index: &usize| {
                self.nodes[*index]
                    .edges
                    .iter()
                    .any(|edge| edge.strength == Strength::Required && broken.contains(&edge.to))
            };
            let more: Vec<usize> = (0..self.nodes.len())
                .filter(|index| !broken.contains(index))
                .filter(optional)
                .filter(needs_broken)
                .collect();
            if more.is_empty() {
                return broken;
            }
            broken.extend(more);
        }
    }

    /// Returns all that some entries reach, with them, without entering others.
    fn reached(&self, from: impl Iterator<Item = usize>, without: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached: BTreeSet<usize> = from.collect();
        let mut open: Vec<usize> = reached.iter().copied().collect();
        while let Some(index) = open.pop() {
            for edge in &self.nodes[index].edges {
                if !without.contains(&edge.to) && reached.insert(edge.to) {
                    open.push(edge.to);
                }
            }
        }
        reached
    }
}
