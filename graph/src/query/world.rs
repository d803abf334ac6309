//! The numbers that a query computes with: targets by their index in the analysis, then files sorted by path.
//!
//! Files hang on targets through their shared sets, which stay shared here: 10,000 targets with closures of 500
//! files would be five million edges otherwise.

use std::cell::OnceCell;
use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use model::{Analysis, Kind, Origin, RelPath, Target, TargetId};

use super::Node;
use super::expression::Outputs;
use super::rows::Rows;
use crate::Graph;

/// A set of nodes.
pub(super) type Nodes = FixedBitSet;

/// Numbered targets and files with their edges.
pub(super) struct World<'a> {
    pub graph: &'a Graph,
    /// Sorted, each once; file `i` has the number `targets + i`.
    files: Vec<RelPath>,
    pub forward: Edges,
    backward: OnceCell<Edges>,
}

/// Edges in one direction: from targets to targets, and through sets between targets and files.
pub(super) struct Edges {
    /// From each target.
    pub targets: Rows,
    /// From each node to sets; nodes beyond the last row lead to none.
    pub to_sets: Rows,
    /// From each set to nodes.
    pub from_sets: Rows,
}

impl<'a> World<'a> {
    /// Numbers the graph, with files that it may not know itself.
    pub fn new<'f>(graph: &'a Graph, extra: impl IntoIterator<Item = &'f Node>, outputs: Outputs) -> World<'a> {
        let analysis = graph.analysis();
        let mut names = Names::default();
        for set in used_sets(analysis) {
            names.sets.push(set.iter().map(|file| names.index.number(file)).collect());
        }
        let mut others: Vec<RelPath> = analysis.packages.iter().map(build_file).collect();
        others.extend(extra.into_iter().filter_map(|node| match node {
            Node::File(path) => Some(path.clone()),
            Node::Target(_) => None,
        }));
        if outputs == Outputs::Asked {
            others.extend(analysis.targets.iter().flat_map(|target| output_paths(analysis, target)));
        }
        let (files, sets) = names.sort(&others, analysis.targets.len() as u32);
        let target_edges = analysis.targets.iter().map(|target| {
            let deps = target.deps.iter().filter_map(|dependency| graph.target_index(&dependency.target));
            deps.map(|index| index as u32)
        });
        let forward = Edges {
            targets: Rows::new(target_edges),
            to_sets: Rows::new(analysis.targets.iter().map(|target| target.sources.iter().map(|set| set.0))),
            from_sets: Rows::new(sets),
        };
        World { graph, files, forward, backward: OnceCell::new() }
    }

    /// Returns the edges from dependencies to dependents.
    pub fn backward(&self) -> &Edges {
        self.backward.get_or_init(|| Edges {
            targets: self.forward.targets.transpose(self.target_count()),
            to_sets: self.forward.from_sets.transpose(self.len()),
            from_sets: self.forward.to_sets.transpose(self.forward.from_sets.len()),
        })
    }

    /// Returns the number of nodes.
    pub fn len(&self) -> usize {
        self.target_count() + self.files.len()
    }

    /// Returns the number of targets: the nodes below it are targets, the others files.
    pub fn target_count(&self) -> usize {
        self.graph.analysis().targets.len()
    }

    /// Returns the set without nodes.
    pub fn none(&self) -> Nodes {
        Nodes::with_capacity(self.len())
    }

    /// Returns the set of all nodes.
    pub fn all(&self) -> Nodes {
        let mut all = self.none();
        all.insert_range(..);
        all
    }

    /// Returns the target with this number, if it is one.
    pub fn target(&self, number: usize) -> Option<&'a Target> {
        self.graph.analysis().targets.get(number)
    }

    /// Returns the file with this number, if it is one.
    pub fn file(&self, number: usize) -> Option<&RelPath> {
        self.files.get(number.checked_sub(self.target_count())?)
    }

    /// Returns the numbers of all files.
    pub fn file_numbers(&self) -> std::ops::Range<usize> {
        self.target_count()..self.len()
    }

    /// Returns the number of a file.
    pub fn number_of_file(&self, path: &str) -> Option<usize> {
        let at = self.files.binary_search_by(|file| file.as_str().cmp(path)).ok()?;
        Some(self.target_count() + at)
    }

    /// Returns the number of a node; one that the world does not hold has none.
    pub fn number(&self, node: &Node) -> Option<usize> {
        match node {
            Node::Target(index) => Some(*index).filter(|index| *index < self.target_count()),
            Node::File(path) => self.number_of_file(path.as_str()),
        }
    }

    /// Returns the node with this number.
    pub fn node(&self, number: usize) -> Node {
        match self.file(number) {
            Some(path) => Node::File(path.clone()),
            None => Node::Target(number),
        }
    }

    /// Returns the number of the output of a target, if outputs are numbered.
    pub fn output(&self, target: &TargetId, name: &RelPath) -> Option<usize> {
        self.number_of_file(target.out_dir(&self.graph.analysis().platform).join(name).as_str())
    }

    /// Returns the package that a file belongs to: the nearest one upwards.
    pub fn package_of(&self, file: &RelPath) -> Option<&'a RelPath> {
        let packages = &self.graph.analysis().packages;
        let mut directory = file.parent();
        while let Some(here) = directory {
            if let Ok(at) = packages.binary_search(&here) {
                return Some(&packages[at]);
            }
            directory = here.parent();
        }
        None
    }

    /// Returns the package of a node.
    pub fn package(&self, number: usize) -> Option<&'a RelPath> {
        match self.file(number) {
            Some(file) => self.package_of(file),
            None => self.target(number).map(|target| &target.id.label.package),
        }
    }
}

/// Whether somebody declared the target.
pub(super) fn is_declared(target: &Target) -> bool {
    target.kind != Kind::Implicit
}

/// Returns the definition file of a package.
pub(super) fn build_file(package: &RelPath) -> RelPath {
    package.child("BUILD.toml").expect("a normal path")
}

fn output_paths<'a>(analysis: &'a Analysis, target: &'a Target) -> impl Iterator<Item = RelPath> + 'a {
    let directory = target.id.out_dir(&analysis.platform);
    target.provides.iter().filter_map(move |provided| match &provided.from {
        Origin::Output(owner, name) if *owner == target.id => Some(directory.join(name)),
        Origin::Output(..) | Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
    })
}

/// Returns the files of every set, none for a set that no target owns: sets of actions alone may be many.
fn used_sets(analysis: &Analysis) -> impl Iterator<Item = &[RelPath]> {
    let mut used = vec![false; analysis.sets.len()];
    analysis.targets.iter().flat_map(|target| &target.sources).for_each(|set| used[set.0 as usize] = true);
    analysis.sets.iter().zip(used).map(|(set, used)| if used { &set.files[..] } else { &[] })
}

/// Files in the order in which they are met.
#[derive(Default)]
struct Names<'a> {
    index: Index<'a>,
    sets: Vec<Vec<u32>>,
}

#[derive(Default)]
struct Index<'a>(HashMap<&'a RelPath, u32>);

impl<'a> Index<'a> {
    fn number(&mut self, file: &'a RelPath) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(file).or_insert(next)
    }
}

impl<'a> Names<'a> {
    /// Sorts the files, and numbers them from `first` in that order.
    fn sort(mut self, others: &'a [RelPath], first: u32) -> (Vec<RelPath>, Vec<Vec<u32>>) {
        for file in others {
            self.index.number(file);
        }
        let mut met: Vec<(&RelPath, u32)> = self.index.0.into_iter().collect();
        met.sort_unstable();
        let mut sorted = vec![0; met.len()];
        for ((_, before), after) in met.iter().zip(first..) {
            sorted[*before as usize] = after;
        }
        self.sets.iter_mut().flatten().for_each(|file| *file = sorted[*file as usize]);
        (met.into_iter().map(|(file, _)| file.clone()).collect(), self.sets)
    }
}
