//! What the lock of an npm client puts where: one value for all clients. It knows none of their formats.

use std::collections::BTreeMap;

use model::RelPath;

/// What a lock puts below the directory it lies in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Layout {
    /// What is put where, sorted by place; nothing lies below a link.
    pub places: Vec<Placed>,
    /// The packages of the repository itself, sorted by directory.
    pub workspaces: Vec<Workspace>,
}

/// One thing that is put somewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    /// Where, from the lock's directory: `node_modules/a`, `apps/x/node_modules/b`,
    /// `node_modules/.pnpm/a@1.0.0/node_modules/a`.
    pub at: RelPath,
    /// What.
    pub what: What,
    /// Who needs it.
    pub used: Use,
    /// The places at which it finds what it depends on, sorted.
    pub needs: Vec<RelPath>,
}

/// What is put at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A package of a registry.
    Package(Package),
    /// A symlink, with its text: a path from the directory that holds it.
    Link(String),
}

/// A package of a registry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Package {
    /// Its own name, which an alias does not change.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its hash: `sha512-…` in base64, several separated by spaces.
    pub integrity: String,
    /// Where the lock has seen it.
    pub url: Option<String>,
    /// Whether it wants to run something when it is installed.
    pub scripts: InstallScripts,
}

/// Whether a package wants to run something when it is installed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum InstallScripts {
    /// The lock says that it does.
    Present,
    /// The lock says that it does not.
    Absent,
    /// The lock does not say.
    Unknown,
}

/// Who needs a package.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Use {
    /// What runs.
    Production,
    /// Only who works on it: it is reached through `devDependencies` alone.
    Development,
}

/// A package of the repository itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Workspace {
    /// Its directory, from the lock's directory; the root is the lock's own.
    pub dir: RelPath,
    /// Its name.
    pub name: Option<String>,
    /// The directories of the packages of the repository that it names, sorted.
    pub deps: Vec<RelPath>,
    /// Those of them that it needs when it runs, sorted.
    pub production_deps: Vec<RelPath>,
    /// The places at which it finds what it needs when it runs, links to packages of the repository among them, sorted.
    pub needs: Vec<RelPath>,
}

impl Placed {
    /// Returns the path that a link leads to; `None` for a package, and for a link that leads out of the lock's
    /// directory.
    pub fn target(&self) -> Option<RelPath> {
        let What::Link(text) = &self.what else { return None };
        self.at.parent()?.resolve(text).ok()
    }
}

impl Layout {
    /// Returns what lies at a place.
    pub fn at(&self, place: &RelPath) -> Option<&Placed> {
        let index = self.places.binary_search_by(|placed| placed.at.cmp(place)).ok()?;
        self.places.get(index)
    }

    /// Returns the package of the repository in a directory.
    pub fn workspace(&self, dir: &RelPath) -> Option<&Workspace> {
        let index = self.workspaces.binary_search_by(|workspace| workspace.dir.cmp(dir)).ok()?;
        self.workspaces.get(index)
    }

    /// Sorts both lists, as whoever looks something up relies on.
    #[must_use]
    pub fn sorted(mut self) -> Layout {
        let places: BTreeMap<RelPath, Placed> = self.places.into_iter().map(|it| (it.at.clone(), it)).collect();
        self.places = places.into_values().collect();
        self.workspaces.sort_by(|a, b| a.dir.cmp(&b.dir));
        self
    }
}
