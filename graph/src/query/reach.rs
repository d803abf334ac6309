//! Breadth-first walks over targets and files.

use fixedbitset::FixedBitSet;

use super::world::{Edges, Nodes, World};

/// What a walk has met. A set of files is opened once only: whoever comes later cannot be nearer.
struct Walk<'a> {
    edges: &'a Edges,
    seen: Nodes,
    opened: FixedBitSet,
}

impl<'a> Walk<'a> {
    fn new(edges: &'a Edges, start: &Nodes) -> Walk<'a> {
        Walk { edges, seen: start.clone(), opened: FixedBitSet::with_capacity(edges.from_sets.len()) }
    }

    /// Appends what one step leads to from `node` and was not met before.
    fn step(&mut self, node: usize, found: &mut Vec<u32>) {
        if node < self.edges.targets.len() {
            found.extend(self.edges.targets.row(node).iter().filter(|next| !self.seen.put(**next as usize)));
        }
        if node < self.edges.to_sets.len() {
            for set in self.edges.to_sets.row(node) {
                if !self.opened.put(*set as usize) {
                    let members = self.edges.from_sets.row(*set as usize);
                    found.extend(members.iter().filter(|next| !self.seen.put(**next as usize)));
                }
            }
        }
    }
}

/// Returns `start` and what is reached from it in at most `depth` steps.
pub(super) fn reach(edges: &Edges, start: &Nodes, depth: Option<u32>) -> Nodes {
    reach_within(edges, start, depth, &|_| true)
}

/// The same, over nodes that are allowed only; `start` has to be.
pub(super) fn reach_within(edges: &Edges, start: &Nodes, depth: Option<u32>, allowed: &dyn Fn(usize) -> bool) -> Nodes {
    let mut walk = Walk::new(edges, start);
    let mut reached = start.clone();
    let mut level: Vec<u32> = start.ones().map(|node| node as u32).collect();
    let mut left = depth.unwrap_or(u32::MAX);
    while left > 0 && !level.is_empty() {
        let mut next = Vec::new();
        level.iter().for_each(|node| walk.step(*node as usize, &mut next));
        next.retain(|node| allowed(*node as usize));
        next.iter().for_each(|node| reached.insert(*node as usize));
        level = next;
        left -= 1;
    }
    reached
}

/// Returns one of the shortest paths from `from` to `to`, both ends included; empty if there is none.
pub(super) fn path(world: &World<'_>, from: &Nodes, to: &Nodes) -> Vec<usize> {
    let mut walk = Walk::new(&world.forward, from);
    let mut came_from: Vec<u32> = vec![u32::MAX; world.len()];
    let mut level: Vec<u32> = from.ones().map(|node| node as u32).collect();
    while !level.is_empty() {
        if let Some(end) = level.iter().find(|node| to.contains(**node as usize)) {
            return walk_back(&came_from, *end);
        }
        let mut next = Vec::new();
        for node in &level {
            let before = next.len();
            walk.step(*node as usize, &mut next);
            next[before..].iter().for_each(|found| came_from[*found as usize] = *node);
        }
        level = next;
    }
    Vec::new()
}

fn walk_back(came_from: &[u32], end: u32) -> Vec<usize> {
    let mut path = vec![end as usize];
    let mut here = came_from[end as usize];
    while here != u32::MAX {
        path.push(here as usize);
        here = came_from[here as usize];
    }
    path.reverse();
    path
}
