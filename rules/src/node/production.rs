//! What one package of the repository reaches: other packages of the repository, and what it needs when it runs.

use std::collections::BTreeSet;

use model::RelPath;

use super::layout::{Layout, Placed, Workspace};

/// Below it pnpm links what any package may import without having asked for it.
const HOISTED: &str = "node_modules/.pnpm/node_modules";

/// Returns the directories of the packages of the repository that one of them reaches, with its own, whatever for.
pub(crate) fn reached(layout: &Layout, dir: &RelPath) -> BTreeSet<RelPath> {
    walk(layout, dir, |workspace| &workspace.deps)
}

/// Returns the directories of the packages of the repository that one of them needs when it runs, with its own.
pub(crate) fn reached_in_production(layout: &Layout, dir: &RelPath) -> BTreeSet<RelPath> {
    walk(layout, dir, |workspace| &workspace.production_deps)
}

fn walk(layout: &Layout, dir: &RelPath, deps: impl Fn(&Workspace) -> &[RelPath]) -> BTreeSet<RelPath> {
    let mut reached = BTreeSet::from([dir.clone()]);
    let mut open = vec![dir.clone()];
    while let Some(dir) = open.pop() {
        let workspace = layout.workspace(&dir);
        let new: Vec<RelPath> =
            workspace.into_iter().flat_map(&deps).filter(|dep| reached.insert((*dep).clone())).cloned().collect();
        open.extend(new);
    }
    reached
}

/// Returns what one package of the repository needs when it runs, sorted by place: its own dependencies and those of
/// the packages of the repository among them, without what only development needs.
pub(crate) fn production<'a>(layout: &'a Layout, dir: &RelPath) -> Vec<&'a Placed> {
    let needs = layout.workspace(dir).map(|workspace| workspace.needs.clone()).unwrap_or_default();
    needed(layout, needs, BTreeSet::from([dir.clone()]))
}

/// Returns what the package at a place needs when it runs, with itself.
pub(crate) fn needed_at<'a>(layout: &'a Layout, place: &RelPath) -> Vec<&'a Placed> {
    needed(layout, vec![place.clone()], BTreeSet::new())
}

fn needed(layout: &Layout, mut open: Vec<RelPath>, mut workspaces: BTreeSet<RelPath>) -> Vec<&Placed> {
    let mut places: BTreeSet<RelPath> = BTreeSet::new();
    while let Some(place) = open.pop() {
        let Some(placed) = layout.at(&place).filter(|_| !places.contains(&place)) else { continue };
        places.insert(place);
        open.extend(placed.needs.iter().cloned());
        let Some(target) = placed.target() else { continue };
        match layout.workspace(&target) {
            Some(workspace) if workspaces.insert(target.clone()) => open.extend(workspace.needs.iter().cloned()),
            Some(_) => {}
            None => open.push(target),
        }
    }
    let hoisted = |placed: &Placed| {
        let target = placed.target().filter(|_| placed.at.as_str().starts_with(HOISTED));
        target.is_some_and(|target| places.contains(&target) || workspaces.contains(&target))
    };
    layout.places.iter().filter(|placed| places.contains(&placed.at) || hoisted(placed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::layout::{Use, What};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn paths(texts: &[&str]) -> Vec<RelPath> {
        texts.iter().map(|text| path(text)).collect()
    }

    fn link(at: &str, target: &str, needs: &[&str]) -> Placed {
        Placed { at: path(at), what: What::Link(target.to_owned()), used: Use::Production, needs: paths(needs) }
    }

    fn workspace(dir: &str, deps: &[&str], production_deps: &[&str], needs: &[&str]) -> Workspace {
        Workspace {
            dir: path(dir),
            name: None,
            deps: paths(deps),
            production_deps: paths(production_deps),
            needs: paths(needs),
        }
    }

    fn layout() -> Layout {
        let places = vec![
            link("node_modules/ui", "../ui", &[]),
            link("node_modules/lint", "../lint", &[]),
            link("node_modules/web", "../web", &[]),
            link("node_modules/a", ".pnpm/a@1/node_modules/a", &[]),
            link("node_modules/.pnpm/a@1/node_modules/a", "x", &["node_modules/.pnpm/a@1/node_modules/b"]),
            link("node_modules/.pnpm/a@1/node_modules/b", "../../b@1/node_modules/b", &[]),
            link("node_modules/.pnpm/b@1/node_modules/b", "x", &["node_modules/.pnpm/a@1/node_modules/a"]),
            link("node_modules/.pnpm/c@1/node_modules/c", "x", &[]),
            link("node_modules/.pnpm/node_modules/b", "../b@1/node_modules/b", &[]),
            link("node_modules/.pnpm/node_modules/c", "../c@1/node_modules/c", &[]),
            link("node_modules/.pnpm/node_modules/ui", "../../../ui", &[]),
        ];
        let workspaces = vec![
            workspace("web", &["lint", "ui"], &["ui"], &["node_modules/ui"]),
            workspace("ui", &["lint", "web"], &["web"], &["node_modules/a", "node_modules/web"]),
            workspace("lint", &[], &[], &["node_modules/.pnpm/c@1/node_modules/c"]),
        ];
        Layout { places, workspaces }.sorted()
    }

    #[test]
    fn packages_of_the_repository_are_reached_through_each_other() {
        let text = |reached: BTreeSet<RelPath>| reached.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(text(reached(&layout(), &path("web"))), "lint ui web");
        assert_eq!(text(reached_in_production(&layout(), &path("web"))), "ui web");
        assert_eq!(text(reached(&layout(), &path("lint"))), "lint");
    }

    #[test]
    fn what_runs_needs_no_development_dependency() {
        let layout = layout();
        let places: Vec<&str> = production(&layout, &path("web")).iter().map(|placed| placed.at.as_str()).collect();
        assert_eq!(
            places,
            [
                "node_modules/.pnpm/a@1/node_modules/a",
                "node_modules/.pnpm/a@1/node_modules/b",
                "node_modules/.pnpm/b@1/node_modules/b",
                "node_modules/.pnpm/node_modules/b",
                "node_modules/.pnpm/node_modules/ui",
                "node_modules/a",
                "node_modules/ui",
                "node_modules/web",
            ]
        );
    }
}
