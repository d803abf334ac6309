//! The warm half of a scan: stats all that the last run knew, in place. Knows no ignore rules and lists nothing.

use std::thread;

use crate::disk::Disk;
use crate::hash_cell::HashCell;
use crate::stat::Kind;
use crate::table::{Dir, Names, Node, State, Table};

/// From this many entries on a second thread pays for its start.
const PARALLEL_FROM: usize = 2_000;

/// What a refresh found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Whether any stat differs from the remembered one.
    pub differs: bool,
    /// The nodes of directories that have to be listed again.
    pub relist: Vec<u32>,
}

/// Stats every entry of the table. Afterwards each node has a state, and where the stat differs the new key and no hash.
pub(crate) fn refresh(disk: &Disk, table: &mut Table) -> Findings {
    let (names, dirs, nodes) = table.split_mut();
    let Some((root, rest)) = nodes.split_first_mut() else {
        return Findings::default();
    };
    let mut findings = Findings::default();
    refresh_node(disk, "", root, 0, 0, &mut findings);
    let (low, high) = refresh_all(disk, names, dirs, rest);
    for part in [low, high] {
        findings.differs |= part.differs;
        findings.relist.extend(part.relist);
    }
    for &node in &findings.relist {
        let state = &mut nodes[node as usize].state;
        // A directory that is gone takes its entries with it.
        if *state == State::Current {
            *state = State::Relist;
        }
    }
    findings
}

/// Refreshes all nodes but the root in two contiguous halves.
fn refresh_all(disk: &Disk, names: Names, dirs: &[Dir], nodes: &mut [Node]) -> (Findings, Findings) {
    if nodes.len() < PARALLEL_FROM {
        return (refresh_range(disk, names, dirs, nodes), Findings::default());
    }
    let half = dirs.partition_point(|dir| dir.range().start <= nodes.len() / 2);
    let (low_dirs, high_dirs) = dirs.split_at(half);
    let split = high_dirs.first().map_or(nodes.len(), |dir| dir.range().start - 1);
    let (low, high) = nodes.split_at_mut(split);
    thread::scope(|scope| {
        let other = scope.spawn(|| refresh_range(disk, names, high_dirs, high));
        let mine = refresh_range(disk, names, low_dirs, low);
        (mine, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Refreshes the nodes of consecutive directories.
fn refresh_range(disk: &Disk, names: Names, dirs: &[Dir], nodes: &mut [Node]) -> Findings {
    let mut findings = Findings::default();
    let Some(base) = dirs.first().map(|dir| dir.range().start) else {
        return findings;
    };
    let mut path = String::new();
    for dir in dirs {
        path.clear();
        path.push_str(names.path(dir));
        if !path.is_empty() {
            path.push('/');
        }
        let prefix = path.len();
        for at in dir.range() {
            let node = &mut nodes[at - base];
            path.truncate(prefix);
            path.push_str(names.name(node));
            refresh_node(disk, &path, node, at as u32, dir.node, &mut findings);
        }
    }
    findings
}

/// Refreshes one node, number `at`, of the directory with the node `parent`.
fn refresh_node(disk: &Disk, path: &str, node: &mut Node, at: u32, parent: u32, findings: &mut Findings) {
    if node.kind == Kind::Unusable {
        // It is no input, and cannot become one without a change of its directory.
        return;
    }
    let same_type = |kind: Kind| kind != Kind::Unusable && kind.file_type() == node.kind.file_type();
    match disk.stat(path) {
        Ok(stat) if same_type(stat.kind) => {
            if stat.key == node.key && !(stat.kind.of_file().is_some() && stat.kind != node.kind) {
                return;
            }
            findings.differs = true;
            node.key = stat.key;
            if node.kind.is_directory() {
                findings.relist.push(at);
            } else {
                node.kind = stat.kind;
                node.hash = HashCell::default();
            }
        }
        Ok(_) | Err(_) => {
            findings.differs = true;
            node.state = State::Gone;
            findings.relist.push(parent);
        }
    }
}
