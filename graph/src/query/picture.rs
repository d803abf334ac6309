//! Answers with the edges between their nodes: ranks, graphs, trees.

use std::fmt::Write as _;

use super::Answer;
use super::expression::Outputs;
use super::world::World;
use crate::Graph;

/// The nodes of an answer by position, with the edges among them.
struct Picture {
    names: Vec<String>,
    /// The positions of the direct dependencies of each node, in the order of the answer.
    edges: Vec<Vec<usize>>,
    /// The positions of the nodes that no other node of the answer depends on.
    roots: Vec<usize>,
}

impl Picture {
    fn new(answer: &Answer, graph: &Graph) -> Picture {
        let world = World::new(graph, &answer.nodes, Outputs::Unasked);
        let numbers: Vec<usize> = answer.nodes.iter().filter_map(|node| world.number(node)).collect();
        let mut position = vec![usize::MAX; world.len()];
        numbers.iter().enumerate().for_each(|(at, number)| position[*number] = at);
        let edges: Vec<Vec<usize>> = numbers.iter().map(|number| edges_of(&world, *number, &position)).collect();
        let mut is_root = vec![true; numbers.len()];
        edges.iter().flatten().for_each(|to| is_root[*to] = false);
        Picture {
            names: numbers.iter().map(|number| world.name(*number)).collect(),
            roots: (0..numbers.len()).filter(|at| is_root[*at]).collect(),
            edges,
        }
    }

    /// Prints nodes with their ranks, lowest first, as Bazel does.
    fn ranked(&self, ranks: &[usize]) -> String {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_key(|at| (ranks[*at], *at));
        order.iter().fold(String::new(), |mut text, at| {
            let _infallible = writeln!(text, "{} {}", ranks[*at], self.names[*at]);
            text
        })
    }
}

fn edges_of(world: &World<'_>, number: usize, position: &[usize]) -> Vec<usize> {
    let Some(target) = world.target(number) else { return Vec::new() };
    let sets = target.sources.iter().flat_map(|set| world.forward.from_sets.row(set.0 as usize));
    let all = world.forward.targets.row(number).iter().chain(sets);
    let mut found: Vec<usize> =
        all.map(|next| position[*next as usize]).filter(|at| *at != usize::MAX && *at != position[number]).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Prints each node with the length of the shortest path from a root.
pub(super) fn min_rank(answer: &Answer, graph: &Graph) -> String {
    let picture = Picture::new(answer, graph);
    let mut ranks = vec![usize::MAX; picture.names.len()];
    let mut level = picture.roots.clone();
    let mut rank = 0;
    while !level.is_empty() {
        level.retain(|at| ranks[*at] == usize::MAX);
        level.iter().for_each(|at| ranks[*at] = rank);
        level = level.iter().flat_map(|at| &picture.edges[*at]).copied().collect();
        level.sort_unstable();
        level.dedup();
        rank += 1;
    }
    picture.ranked(&ranks)
}

/// Prints each node with the length of the longest path from a root.
pub(super) fn max_rank(answer: &Answer, graph: &Graph) -> String {
    let picture = Picture::new(answer, graph);
    let mut blocked = vec![0; picture.names.len()];
    picture.edges.iter().flatten().for_each(|to| blocked[*to] += 1);
    let mut ranks = vec![0; picture.names.len()];
    let mut ready = picture.roots.clone();
    while let Some(at) = ready.pop() {
        for to in &picture.edges[at] {
            ranks[*to] = ranks[*to].max(ranks[at] + 1);
            blocked[*to] -= 1;
            if blocked[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    picture.ranked(&ranks)
}

/// Prints DOT.
pub(super) fn dot(answer: &Answer, graph: &Graph) -> String {
    let picture = Picture::new(answer, graph);
    let quoted = |at: usize| format!("\"{}\"", picture.names[at].replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "digraph rg {\n  node [shape=box];\n".to_owned();
    for (at, edges) in picture.edges.iter().enumerate() {
        let _infallible = writeln!(text, "  {}", quoted(at));
        for to in edges {
            let _infallible = writeln!(text, "  {} -> {}", quoted(at), quoted(*to));
        }
    }
    text + "}\n"
}

/// Prints a flow chart for Mermaid.
pub(super) fn mermaid(answer: &Answer, graph: &Graph) -> String {
    let picture = Picture::new(answer, graph);
    let mut text = "flowchart TD\n".to_owned();
    for (at, name) in picture.names.iter().enumerate() {
        let _infallible = writeln!(text, "  n{at}[\"{}\"]", name.replace('&', "&amp;").replace('"', "&quot;"));
    }
    for (at, edges) in picture.edges.iter().enumerate() {
        for to in edges {
            let _infallible = writeln!(text, "  n{at} --> n{to}");
        }
    }
    text
}

/// Prints a tree below each root. What was shown before is marked `(*)`, and not opened again.
pub(super) fn tree(answer: &Answer, graph: &Graph) -> String {
    let picture = Picture::new(answer, graph);
    let mut text = String::new();
    let mut shown = vec![false; picture.names.len()];
    let mut open: Vec<(usize, String, &str, &str)> = Vec::new();
    open.extend(picture.roots.iter().rev().map(|root| (*root, String::new(), "", "")));
    while let Some((at, indent, branch, below)) = open.pop() {
        let again = shown[at] && !picture.edges[at].is_empty();
        let mark = if again { " (*)" } else { "" };
        let _infallible = writeln!(text, "{indent}{branch}{}{mark}", picture.names[at]);
        if std::mem::replace(&mut shown[at], true) {
            continue;
        }
        let indent = indent + below;
        for (place, to) in picture.edges[at].iter().rev().enumerate() {
            let (branch, below) = if place == 0 { ("└── ", "    ") } else { ("├── ", "│   ") };
            open.push((*to, indent.clone(), branch, below));
        }
    }
    text
}
