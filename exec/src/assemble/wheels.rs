//! Several wheels in one tree.

use std::collections::BTreeMap;
use std::ops::Bound;

use cache::Cache;
use model::{Content, Digest, RelPath};

use super::{Package, keep, packages, wheel};
use crate::Failure;
use crate::executor::Stopped;

/// Installs the wheels of all inputs into one tree.
pub(super) fn install(layout: &[(RelPath, Content)], cache: &Cache) -> Result<Digest, Stopped> {
    let mut tree = Tree::default();
    for (at, content) in layout {
        for package in packages(at, content, cache)? {
            tree.add(&package, cache)?;
        }
    }
    let files = tree.files.into_iter().map(|(path, owned)| (path, owned.content));
    keep(files, cache)
}

/// The files of all wheels so far.
#[derive(Default)]
struct Tree {
    files: BTreeMap<RelPath, Owned>,
    owners: Vec<String>,
}

/// A file and the wheel that it came from first.
struct Owned {
    content: Content,
    owner: usize,
}

impl Tree {
    fn add(&mut self, package: &Package, cache: &Cache) -> Result<(), Stopped> {
        let file = package.open(cache)?;
        let files =
            wheel::unpack(&package.name, &file, cache).map_err(|refused| refused.of(&package.name, &package.at))?;
        let owner = self.owners.len();
        self.owners.push(package.name.clone());
        for (path, content) in files {
            if let Some(other) = self.rival(&path, &content) {
                let (first, second) = (self.owners[other].clone(), package.name.clone());
                return Err(Failure::TwoOwners { path, first, second }.into());
            }
            self.files.entry(path).or_insert(Owned { content, owner });
        }
        Ok(())
    }

    /// Returns the wheel that has something else at this path, or a file where the path needs a directory.
    fn rival(&self, path: &RelPath, content: &Content) -> Option<usize> {
        if let Some(there) = self.files.get(path) {
            return (there.content != *content).then_some(there.owner);
        }
        let above = std::iter::successors(path.parent(), RelPath::parent).find_map(|parent| self.files.get(&parent));
        let start = format!("{path}/");
        let below = || {
            let from = (Bound::Included(start.as_str()), Bound::Unbounded);
            self.files.range::<str, _>(from).next().filter(|(next, _)| next.starts_with(path)).map(|(_, owned)| owned)
        };
        above.or_else(below).map(|owned| owned.owner)
    }
}
