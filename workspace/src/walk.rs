//! The listing half of a scan: builds a stat table from the top down, from the disk where it has to and from the
//! last table where it may. Decides what is visible. Hashes nothing.

use std::io;

use rustix::fs::FileType;

use crate::disk::{Disk, Found, is_absence};
use crate::find::DEFINITION;
use crate::ignores::{Chain, IGNORE_FILE, Ignores, child};
use crate::stat::{Kind, StatKey};
use crate::table::{Dir, Node, State, Table};

/// Which listings of the last table may be taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listings {
    /// Those of directories that did not change: the ignore rules are what they were.
    Unchanged,
    /// None; only stats and hashes are.
    None,
}

/// Why a walk ended early.
pub(crate) enum Stopped {
    /// A `.gitignore` came or went, so that no listing can be taken over.
    RulesChanged,
    /// The root cannot be listed.
    Root(io::Error),
}

/// Builds the table of what is there. `old` was refreshed; with [`Listings::None`] the ignore files are found anew.
pub(crate) fn walk(disk: &Disk, old: &Table, ignores: &mut Ignores, listings: Listings) -> Result<Table, Stopped> {
    if listings == Listings::None {
        ignores.clear();
    }
    let mut new = Table::empty();
    new.reserve(old.dirs.len(), old.nodes.len(), old.name_bytes());
    new.nodes.clone_from_slice(&old.nodes[..1]);
    new.nodes[0].state = State::Current;
    let mut walk = Walk { disk, old, ignores, listings, new };
    let mut pending = vec![(0, String::new())];
    while let Some((node, path)) = pending.pop() {
        walk.visit(node, &path)?;
        pending.extend(walk.subdirectories(&path));
    }
    Ok(walk.new)
}

struct Walk<'a> {
    disk: &'a Disk,
    old: &'a Table,
    ignores: &'a mut Ignores,
    listings: Listings,
    new: Table,
}

impl Walk<'_> {
    /// Adds one directory with its entries.
    fn visit(&mut self, node: u32, path: &str) -> Result<(), Stopped> {
        let old = self.old.dir(path);
        if let Some(old) = old
            && self.listings == Listings::Unchanged
            && self.old.nodes[old.node as usize].state == State::Current
        {
            self.take_over(old, node, path);
            return Ok(());
        }
        match self.disk.list(path) {
            Ok(found) => self.list(node, path, old, found),
            Err(error) if path.is_empty() => Err(Stopped::Root(error)),
            Err(error) => {
                self.skip(node, path, &error);
                Ok(())
            }
        }
    }

    /// Copies an unchanged directory.
    fn take_over(&mut self, old: &Dir, node: u32, path: &str) {
        self.new.begin(path, node);
        for child in self.old.nodes_of(old) {
            self.new.push(self.old.name(child), child.clone());
        }
    }

    /// Records a directory that cannot be listed, so that the next run tries again.
    fn skip(&mut self, node: u32, path: &str, error: &io::Error) {
        let own = &mut self.new.nodes[node as usize];
        own.key = StatKey::UNKNOWN;
        if is_absence(error) {
            own.kind = Kind::Gone;
            return;
        }
        self.new.begin(path, node);
        if let Some(dir) = self.new.dirs.last_mut() {
            dir.errno = error.raw_os_error().unwrap_or(rustix::io::Errno::IO.raw_os_error());
        }
    }

    /// Adds a directory as it was just listed.
    fn list(&mut self, node: u32, path: &str, old: Option<&Dir>, found: Vec<Found>) -> Result<(), Stopped> {
        if !path.is_empty() && self.has_file(path, &found, DEFINITION).is_some() {
            self.new.nodes[node as usize].kind = Kind::Workspace;
            return Ok(());
        }
        let rules = self.has_file(path, &found, IGNORE_FILE);
        match (self.listings, rules) {
            (Listings::None, Some(key)) => self.ignores.add(path, key),
            (Listings::Unchanged, _) if rules.is_some() != self.ignores.has_file(path) => {
                return Err(Stopped::RulesChanged);
            }
            (Listings::None | Listings::Unchanged, _) => {}
        }
        let chain = self.ignores.chain(self.disk, path);
        let mut nodes: Vec<_> = found.into_iter().filter_map(|found| self.admit(path, old, &chain, found)).collect();
        // A lossy name may equal a real one: that comes first, and equal lossy names are one.
        nodes.sort_by(|(a, one), (b, other)| (a, one.kind).cmp(&(b, other.kind)));
        nodes.dedup_by(|(a, one), (b, other)| a == b && one.kind == other.kind);
        self.new.begin(path, node);
        for (name, node) in nodes {
            self.new.push(&name, node);
        }
        Ok(())
    }

    /// Returns the stat of a plain file of that name, if the listing has one.
    fn has_file(&self, dir: &str, found: &[Found], name: &str) -> Option<StatKey> {
        found.iter().find(|found| found.name == name)?;
        let stat = self.disk.stat(&child(dir, name)).ok()?;
        (stat.kind.file_type() == Some(FileType::RegularFile)).then_some(stat.key)
    }

    /// Returns the name and node of a listed entry, or nothing if it is ignored or has vanished.
    fn admit(&self, dir: &str, old: Option<&Dir>, chain: &Chain, found: Found) -> Option<(String, Node)> {
        let file_type = match (found.file_type, found.name.to_str()) {
            (FileType::Unknown, Some(name)) => self.look(dir, name)?.kind.file_type(),
            (told, _) => Some(told),
        };
        if chain.rule(&found.name, file_type).is_some() {
            return None;
        }
        let Some(name) = found.name.to_str() else {
            let lossy = found.name.to_string_lossy().into_owned();
            return Some((lossy, Node::new(Kind::Unusable, StatKey::UNKNOWN)));
        };
        let known = old.and_then(|old| self.old.child(old, name)).filter(|node| {
            node.state != State::Gone && node.kind.file_type().is_some() && node.kind.file_type() == file_type
        });
        let node = match known {
            Some(node) => node.clone(),
            None => self.look(dir, name)?,
        };
        Some((name.to_owned(), node))
    }

    /// Stats an entry that is not known; nothing if it has vanished.
    fn look(&self, dir: &str, name: &str) -> Option<Node> {
        match self.disk.stat(&child(dir, name)) {
            Ok(stat) if stat.kind == Kind::Unusable => Some(Node::new(Kind::Unusable, StatKey::UNKNOWN)),
            Ok(stat) => Some(Node::new(stat.kind, stat.key)),
            Err(error) if is_absence(&error) => None,
            Err(_) => Some(Node::new(Kind::Unusable, StatKey::UNKNOWN)),
        }
    }

    /// Returns the directories to visit below the one at `path`, the last first. A border that may have become an
    /// ordinary directory is one of them.
    fn subdirectories(&mut self, path: &str) -> Vec<(u32, String)> {
        let Some(range) = self.new.dirs.last().filter(|dir| self.new.path(dir) == path).map(Dir::range) else {
            return Vec::new();
        };
        let mut below = Vec::new();
        for at in range.rev() {
            let (names, _, nodes) = self.new.split_mut();
            let node = &mut nodes[at];
            let border_holds = node.state == State::Current && self.listings == Listings::Unchanged;
            if node.kind == Kind::Workspace && !border_holds {
                node.kind = Kind::Directory;
            }
            node.state = State::Current;
            if node.kind == Kind::Directory {
                below.push((at as u32, child(path, names.name(node))));
            }
        }
        below
    }
}
