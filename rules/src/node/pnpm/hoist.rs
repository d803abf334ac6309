//! What pnpm links below `node_modules/.pnpm/node_modules`, for packages that import what they have not asked for: each
//! name once, from what lies least deep. It follows pnpm's own walk, whose depths are not always the least.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Found, Graph, Target};

/// Returns what each name stands for there.
pub(super) fn hoisted<'a>(
    graph: &'a Graph,
    taken: &BTreeSet<&str>,
    workspaces: &BTreeMap<&'a str, Target>,
) -> BTreeMap<&'a str, Target> {
    let mut hoisting = Hoisting { graph, taken, names: BTreeSet::new(), hoisted: BTreeMap::new() };
    let roots = graph.importers.iter().filter(|importer| importer.dir.is_root());
    // As they are: pnpm hoists a direct dependency with capital letters, too.
    hoisting.names.extend(roots.flat_map(|root| &root.finds).map(|found| found.alias.to_owned()));
    let direct: Vec<&Found> = graph.importers.iter().flat_map(|importer| &importer.finds).collect();
    for found in &direct {
        hoisting.add(found.alias, &found.target);
    }
    for (name, target) in workspaces {
        if !hoisting.names.contains(&name.to_lowercase()) || hoisting.hoisted.contains_key(name) {
            hoisting.hoisted.insert(*name, target.clone());
        }
    }
    for key in hoisting.walk(&direct) {
        for found in &graph.nodes[key].finds {
            hoisting.add(found.alias, &found.target);
        }
    }
    hoisting.hoisted
}

struct Hoisting<'a, 'b> {
    graph: &'a Graph<'a>,
    taken: &'b BTreeSet<&'b str>,
    /// Names that are given away, in lower case.
    names: BTreeSet<String>,
    hoisted: BTreeMap<&'a str, Target>,
}

impl<'a> Hoisting<'a, '_> {
    fn add(&mut self, alias: &'a str, target: &Target) {
        let Target::Package(dep_path) = target else { return };
        let is_free = self.taken.contains(&**dep_path) && !self.hoisted.contains_key(alias);
        if is_free && self.names.insert(alias.to_lowercase()) {
            self.hoisted.insert(alias, target.clone());
        }
    }

    /// Returns all packages by the depth at which the walk meets them, then by place.
    fn walk(&self, direct: &[&'a Found]) -> Vec<&'a str> {
        let mut visited = BTreeSet::new();
        let mut met: Vec<(usize, &str)> = Vec::new();
        let mut open = vec![(0, self.step(direct.iter().copied(), &mut visited))];
        while let Some((depth, step)) = open.pop() {
            met.extend(step.iter().map(|key| (depth, *key)));
            let next: Vec<_> =
                step.iter().map(|key| self.step(self.graph.nodes[key].finds.iter(), &mut visited)).collect();
            open.extend(next.into_iter().rev().map(|step| (depth + 1, step)));
        }
        met.sort_by_key(|(depth, key)| (*depth, &self.graph.nodes[key].place));
        met.into_iter().map(|(_, key)| key).collect()
    }

    fn step(&self, found: impl Iterator<Item = &'a Found<'a>>, visited: &mut BTreeSet<&'a str>) -> Vec<&'a str> {
        let keys = found.filter_map(|found| match &found.target {
            Target::Package(dep_path) => Some(&**dep_path).filter(|key| self.taken.contains(key)),
            Target::Directory(_) => None,
        });
        keys.filter(|key| visited.insert(*key)).collect()
    }
}
