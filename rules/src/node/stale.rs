//! Holds a package.json against what its lock was made for. It knows no format of a lock.

use std::collections::BTreeMap;

use model::{Location, Mistake, RelPath, codes};

use super::layout::Workspace;
use super::manifest::{Asks, Manifest};

/// A package.json of the repository, with its place.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Its directory, from the lock's.
    pub dir: RelPath,
    /// The file, from the workspace root.
    pub file: RelPath,
    /// Its text.
    pub text: String,
    /// What it says.
    pub manifest: Manifest,
}

/// The lock that a manifest is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock<'a> {
    /// The file, from the workspace root.
    pub file: &'a RelPath,
    /// What writes it again.
    pub hint: &'a str,
}

impl Lock<'_> {
    /// Reads the package.json of a directory below the lock's; what it is not is told.
    pub fn read(
        self,
        dir: &RelPath,
        manifests: &dyn Fn(&RelPath) -> Option<String>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Held> {
        let below = dir.child("package.json").ok()?;
        let file = self.file.parent().unwrap_or_else(RelPath::root).join(&below);
        let Some(text) = manifests(&below) else {
            mistakes.push(self.missing(dir, &file));
            return None;
        };
        let (manifest, wrong) = Manifest::parse(&text, &file);
        // What cannot be read asks for nothing, and differs from every lock.
        let is_read = wrong.is_empty();
        mistakes.extend(wrong);
        is_read.then_some(Held { dir: dir.clone(), file, text, manifest })
    }

    fn missing(self, dir: &RelPath, file: &RelPath) -> Mistake {
        let at = Location::new(self.file.clone(), 0..0);
        if dir.is_root() {
            let message = format!("{file} is missing, and {} was made for it", self.file);
            return Mistake::new(codes::NODE_BAD_MANIFEST, message).at(at, "").hint("put both beside each other");
        }
        let message = format!("{} has a package in {dir}, and {file} is missing", self.file);
        Mistake::new(codes::NODE_NO_WORKSPACE_PACKAGE, message).at(at, "").hint(self.hint)
    }

    /// Returns a mistake for each package that is asked for and the lock was not made for, and the reverse.
    pub fn compare(self, held: &Held, asks: &Asks, locked: &Asks) -> Vec<Mistake> {
        let tables = [
            (&asks.production, &locked.production),
            (&asks.optional, &locked.optional),
            (&asks.development, &locked.development),
            (&asks.peer, &locked.peer),
        ];
        tables.into_iter().flat_map(|(asked, locked)| self.compare_tables(held, asked, locked)).collect()
    }

    fn compare_tables(
        self,
        held: &Held,
        asked: &BTreeMap<String, String>,
        locked: &BTreeMap<String, String>,
    ) -> Vec<Mistake> {
        let changed = asked.iter().filter(|(name, range)| locked.get(*name) != Some(*range));
        let changed = changed.map(|(name, range)| match locked.get(name) {
            Some(locked) => self.other_range(held, name, range, locked),
            None => self.absent(held, name, range),
        });
        let gone = locked.iter().filter(|(name, _)| !asked.contains_key(*name));
        changed.chain(gone.map(|(name, range)| self.gone(held, name, range))).collect()
    }

    fn other_range(self, held: &Held, name: &str, range: &str, locked: &str) -> Mistake {
        let file = &held.file;
        let message = format!("{file} asks for `{name}` {range}, and {} was made for {locked}", self.file);
        self.stale(held, name, message)
    }

    /// Returns the mistake of a manifest that asks for what the lock does not have.
    pub fn absent(self, held: &Held, name: &str, range: &str) -> Mistake {
        let message = format!("{} asks for `{name}` {range}, which {} does not have", held.file, self.file);
        self.stale(held, name, message)
    }

    fn gone(self, held: &Held, name: &str, range: &str) -> Mistake {
        let message = format!("{} has `{name}` {range} for {}, which does not ask for it", self.file, held.file);
        self.stale(held, name, message)
    }

    /// Returns the mistake of a lock that was made for something else, at the name of a package in a manifest.
    pub fn stale(self, held: &Held, name: &str, message: String) -> Mistake {
        at_key(held, codes::NODE_STALE_LOCK, name, message).hint(self.hint)
    }
}

/// Returns a mistake at a key of a manifest.
pub(crate) fn at_key(held: &Held, code: &'static str, key: &str, message: String) -> Mistake {
    let quoted = format!("{key:?}");
    let span = held.text.find(&quoted).map_or(0..0, |at| at..at + quoted.len());
    Mistake::new(code, message).at(Location::new(held.file.clone(), span), "")
}

/// Makes the package of the repository that a manifest describes; what it depends on is for the caller to say.
pub(crate) fn workspace(dir: &RelPath, manifest: &Manifest) -> Workspace {
    Workspace {
        dir: dir.clone(),
        name: manifest.name.clone(),
        deps: Vec::new(),
        production_deps: Vec::new(),
        needs: Vec::new(),
    }
}
