//! Writes what was hoisted as a layout.

use std::collections::{BTreeMap, BTreeSet};

use model::RelPath;

use super::hoist::{Item, Spot};
use crate::node::layout::{Layout, Package, Placed, Use, What, Workspace};
use crate::node::stale::{self, Held};

/// Returns the layout of spots, of which the first are the packages of the repository, as `held` has them.
pub(super) fn layout(held: &[Held], spots: &[Spot], packages: &BTreeMap<usize, Package>) -> Layout {
    let running = running(held, spots);
    let places = (held.len()..spots.len()).filter_map(|number| {
        let used = if running.contains(&number) { Use::Production } else { Use::Development };
        placed(&spots[number], spots, packages, used)
    });
    let workspaces = held.iter().zip(spots).map(|(held, spot)| workspace(held, spot, spots));
    Layout { places: places.collect(), workspaces: workspaces.collect() }.sorted()
}

fn placed(spot: &Spot, spots: &[Spot], packages: &BTreeMap<usize, Package>, used: Use) -> Option<Placed> {
    let link = |to: &RelPath| Some(What::Link(to.relative_to(&spot.at.parent()?)));
    let what = match (&spot.item, &spot.back_to) {
        (_, Some(dir)) | (Item::Workspace(dir), None) => link(dir)?,
        (Item::Entry(entry), None) => What::Package(packages.get(entry)?.clone()),
    };
    let used = if matches!(spot.item, Item::Workspace(_)) { Use::Production } else { used };
    let needs: BTreeSet<RelPath> = spot.finds.values().map(|found| spots[*found].at.clone()).collect();
    Some(Placed { at: spot.at.clone(), what, used, needs: needs.into_iter().collect() })
}

fn workspace(held: &Held, spot: &Spot, spots: &[Spot]) -> Workspace {
    let all = || spot.finds.iter().map(|(name, found)| (name, &spots[*found]));
    let production = || all().filter(|(name, _)| is_production(held, name));
    let dir = |(_, spot): (&String, &Spot)| match &spot.item {
        Item::Workspace(dir) => Some(dir.clone()),
        Item::Entry(_) => None,
    };
    let sorted = |paths: BTreeSet<RelPath>| paths.into_iter().collect();
    Workspace {
        deps: sorted(all().filter_map(dir).collect()),
        production_deps: sorted(production().filter_map(dir).collect()),
        needs: sorted(production().map(|(_, spot)| spot.at.clone()).collect()),
        ..stale::workspace(&held.dir, &held.manifest)
    }
}

fn is_production(held: &Held, name: &str) -> bool {
    let asks = &held.manifest.asks;
    asks.production.contains_key(name) || asks.optional.contains_key(name)
}

/// Returns the numbers of the spots that something needs when it runs.
fn running(held: &[Held], spots: &[Spot]) -> BTreeSet<usize> {
    let mut running = BTreeSet::new();
    let roots = held.iter().zip(spots);
    let mut open: Vec<usize> = roots
        .flat_map(|(held, spot)| spot.finds.iter().filter(|(name, _)| is_production(held, name)))
        .map(|(_, found)| *found)
        .collect();
    while let Some(spot) = open.pop() {
        if running.insert(spot) {
            open.extend(spots[spot].finds.values());
        }
    }
    running
}
