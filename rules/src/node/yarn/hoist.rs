//! Decides what lies where: each name once at the top, with what most ask for, and what others need below them. It
//! knows packages as numbers only.
//!
//! A package lies at the top, or in the `node_modules` of what asked for it. What is placed somewhere can only hide
//! something from what is placed later and deeper, so that nothing that was found is ever lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::RelPath;

use crate::node::names;

/// What a name can stand for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Item {
    /// An entry of the lock, by its number.
    Entry(usize),
    /// A package of the repository, by its directory.
    Workspace(RelPath),
}

/// What everything asks for, by the names it uses.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// The entries of the lock.
    pub entries: Vec<BTreeMap<String, Item>>,
    /// The packages of the repository, by directory.
    pub workspaces: BTreeMap<RelPath, BTreeMap<String, Item>>,
    /// The names that lead to packages of the repository whoever asks.
    pub links: BTreeMap<String, RelPath>,
}

/// Something at a place.
#[derive(Debug)]
pub(super) struct Spot {
    /// The directory it is found in.
    pub at: RelPath,
    /// What it is.
    pub item: Item,
    /// The directory of the copy that a loop leads back to, of which this is a link.
    pub back_to: Option<RelPath>,
    /// What it finds, by name: numbers of spots.
    pub finds: BTreeMap<String, usize>,
    above: Option<usize>,
    modules: BTreeMap<String, usize>,
}

/// A lock whose packages need more copies of each other than a disk is made for.
#[derive(Debug)]
pub(super) struct TooMany;

/// The most places of a lock.
const MOST: usize = 200_000;

/// Returns what lies where. The first spots are the packages of the repository themselves, in the order of `wants`.
pub(super) fn hoist(wants: &Wants) -> Result<Vec<Spot>, TooMany> {
    let mut hoisting = Hoisting { wants, spots: Vec::new() };
    hoisting.workspaces();
    let top = hoisting.top();
    for (name, item) in top {
        hoisting.place(0, &name, item);
    }
    let mut open: VecDeque<usize> = (0..hoisting.spots.len()).collect();
    while let Some(spot) = open.pop_front() {
        let before = hoisting.spots.len();
        hoisting.fill(spot);
        open.extend(before..hoisting.spots.len());
        if hoisting.spots.len() > MOST {
            return Err(TooMany);
        }
    }
    Ok(hoisting.spots)
}

struct Hoisting<'a> {
    wants: &'a Wants,
    spots: Vec<Spot>,
}

impl<'a> Hoisting<'a> {
    /// Makes the spots of the packages of the repository; one that lies in another finds what that one has.
    fn workspaces(&mut self) {
        let dirs: Vec<&RelPath> = self.wants.workspaces.keys().collect();
        for (number, dir) in dirs.iter().enumerate() {
            let above = dirs[..number].iter().rposition(|other| dir.starts_with(other));
            self.spots.push(Spot {
                at: (*dir).clone(),
                item: Item::Workspace((*dir).clone()),
                back_to: None,
                finds: BTreeMap::new(),
                above,
                modules: BTreeMap::new(),
            });
        }
    }

    /// Returns what lies at the top: what the root asks for, then the packages of the repository, then what most do.
    fn top(&self) -> BTreeMap<String, Item> {
        let mut top: BTreeMap<String, Item> = BTreeMap::new();
        for ((name, item), _) in by_use(&self.uses()) {
            top.insert(name.clone(), item.clone());
        }
        top.extend(self.wants.links.iter().map(|(name, dir)| (name.clone(), Item::Workspace(dir.clone()))));
        top.extend(
            self.wants
                .workspaces
                .get(&RelPath::root())
                .into_iter()
                .flatten()
                .map(|(name, item)| (name.clone(), item.clone())),
        );
        top
    }

    /// Returns how many ask for what by which name, over all that is reached.
    fn uses(&self) -> BTreeMap<(&'a String, &'a Item), usize> {
        let mut uses = BTreeMap::new();
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<&BTreeMap<String, Item>> = self.wants.workspaces.values().collect();
        while let Some(asked) = open.pop() {
            for (name, item) in asked {
                *uses.entry((name, item)).or_default() += 1;
                if let Item::Entry(entry) = item
                    && reached.insert(*entry)
                {
                    open.push(&self.wants.entries[*entry]);
                }
            }
        }
        uses
    }

    /// Finds all that a spot asks for, and places below it what is not found.
    fn fill(&mut self, spot: usize) {
        let wants = self.wants;
        let asked = match &self.spots[spot].item {
            _ if self.spots[spot].back_to.is_some() => return,
            Item::Workspace(_) if spot >= wants.workspaces.len() => return,
            Item::Workspace(dir) => wants.workspaces.get(dir),
            Item::Entry(entry) => wants.entries.get(*entry),
        };
        for (name, item) in asked.into_iter().flatten() {
            let found = self.lookup(spot, name).filter(|found| self.spots[*found].item == *item);
            if let Some(found) = found.or_else(|| self.place(spot, name, item.clone())) {
                self.spots[spot].finds.insert(name.clone(), found);
            }
        }
    }

    /// Returns what a name stands for at a spot.
    fn lookup(&self, spot: usize, name: &str) -> Option<usize> {
        self.chain(spot).find_map(|spot| self.spots[spot].modules.get(name)).copied()
    }

    /// Returns a spot and all those above it.
    fn chain(&self, spot: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(spot), |spot| self.spots[*spot].above)
    }

    /// Places something below a spot. A copy of what it lies in would lie in itself without end: that is a link.
    fn place(&mut self, above: usize, name: &str, item: Item) -> Option<usize> {
        let at = names::place(&self.spots[above].at, name)?;
        let is_copy = |spot: &usize| matches!(item, Item::Entry(_)) && self.spots[*spot].item == item;
        let back_to = self.chain(above).find(is_copy).map(|spot| self.spots[spot].at.clone());
        let spot = self.spots.len();
        self.spots.push(Spot {
            at,
            item,
            back_to,
            finds: BTreeMap::new(),
            above: Some(above),
            modules: BTreeMap::new(),
        });
        self.spots[above].modules.insert(name.to_owned(), spot);
        Some(spot)
    }
}

/// Sorts uses by their number, the later entry last if they are equal.
fn by_use<'a>(uses: &BTreeMap<(&'a String, &'a Item), usize>) -> Vec<((&'a String, &'a Item), usize)> {
    let mut sorted: Vec<_> = uses.iter().map(|(used, number)| (*used, *number)).collect();
    sorted.sort_by_key(|(_, number)| *number);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(wants: &[(&str, usize)]) -> BTreeMap<String, Item> {
        wants.iter().map(|(name, entry)| ((*name).to_owned(), Item::Entry(*entry))).collect()
    }

    /// Checks what lies where, a line for each place, and that everything finds what it asks for.
    fn check(workspaces: &[(&str, &[(&str, usize)])], entries: &[&[(&str, usize)]], expected: &[&str]) {
        let path = |text: &str| RelPath::new(text).unwrap();
        let wants = Wants {
            entries: entries.iter().map(|wants| items(wants)).collect(),
            workspaces: workspaces.iter().map(|(dir, wants)| (path(dir), items(wants))).collect(),
            links: BTreeMap::new(),
        };
        let spots = hoist(&wants).unwrap();
        let line = |spot: &Spot| match (&spot.item, &spot.back_to) {
            (_, Some(to)) => format!("{} -> {to}", spot.at),
            (Item::Entry(entry), None) => format!("{} {entry}", spot.at),
            (Item::Workspace(_), None) => spot.at.to_string(),
        };
        let mut lines: Vec<String> = spots[workspaces.len()..].iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, expected);
        for spot in &spots {
            let Item::Entry(entry) = spot.item else { continue };
            let found = spot.finds.iter().map(|(name, found)| (name.clone(), spots[*found].item.clone()));
            assert!(spot.back_to.is_some() || wants.entries[entry] == found.collect(), "{spot:?}");
        }
    }

    #[test]
    fn what_the_root_asks_for_and_what_most_use_lies_at_the_top() {
        // a needs c 3; b, w and v need c 4; the root asks for d 5, w for d 6.
        check(
            &[("", &[("a", 0), ("b", 1), ("d", 5)]), ("v", &[("c", 4)]), ("w", &[("c", 4), ("d", 6)])],
            &[&[("c", 3)], &[("c", 4)], &[], &[], &[], &[], &[]],
            &[
                "node_modules/a 0",
                "node_modules/a/node_modules/c 3",
                "node_modules/b 1",
                "node_modules/c 4",
                "node_modules/d 5",
                "w/node_modules/d 6",
            ],
        );
    }

    #[test]
    fn packages_that_need_each_other_in_turns_end_in_a_link() {
        // a 0 -> b 1 -> a 2 -> b 3 -> a 0, and both names have another version at the top.
        check(
            &[("", &[("a", 4), ("b", 5), ("x", 6)])],
            &[&[("b", 1)], &[("a", 2)], &[("b", 3)], &[("a", 0)], &[], &[], &[("a", 0)]],
            &[
                "node_modules/a 4",
                "node_modules/b 5",
                "node_modules/x 6",
                "node_modules/x/node_modules/a 0",
                "node_modules/x/node_modules/a/node_modules/b 1",
                "node_modules/x/node_modules/a/node_modules/b/node_modules/a 2",
                "node_modules/x/node_modules/a/node_modules/b/node_modules/a/node_modules/b 3",
                "node_modules/x/node_modules/a/node_modules/b/node_modules/a/node_modules/b/node_modules/a -> node_modules/x/node_modules/a",
            ],
        );
    }
}
