//! The readers of locks, one signature for all: the lock's text, and what they may ask of the tree around it.

use model::{EntryKind, Mistake, RelPath};

use super::layout::Layout;
use super::names::NODE_MODULES;
use super::{package_lock, pnpm, yarn};
use crate::globs::Glob;
use crate::lowering::Lowering;

/// A reader of a lock.
pub(super) type Parse = fn(&str, &RelPath, &Around) -> (Layout, Vec<Mistake>);

/// The locks that rg reads, in the order in which they are looked for.
pub(super) const LOCKS: [(&str, Parse); 3] =
    [("package-lock.json", npm), ("pnpm-lock.yaml", pnpm), ("yarn.lock", yarn)];

/// What readers of locks ask of the tree, by paths from the lock's directory.
pub(super) struct Around<'r, 'a> {
    /// The tree.
    pub lowering: &'r Lowering<'a>,
    /// The lock's directory.
    pub dir: &'r RelPath,
}

impl Around<'_, '_> {
    fn text(&self, path: &RelPath) -> Option<String> {
        read(self.lowering, &self.dir.join(path))
    }

    /// Returns the directories that a glob of `workspaces` matches.
    fn directories(&self, glob: &str) -> Vec<RelPath> {
        let mut found = Vec::new();
        if let Ok(glob) = Glob::parse(glob) {
            self.walk(&RelPath::root(), &glob, &mut found);
        }
        found
    }

    fn walk(&self, inside: &RelPath, glob: &Glob, found: &mut Vec<RelPath>) {
        for entry in self.lowering.list(&self.dir.join(inside)).unwrap_or_default().iter() {
            let Ok(path) = inside.child(&entry.name) else { continue };
            if entry.kind != EntryKind::Directory || &*entry.name == NODE_MODULES {
                continue;
            }
            if glob.matches(path.as_str()) {
                found.push(path.clone());
            }
            self.walk(&path, glob, found);
        }
    }
}

/// Returns the text of a file; none if it is not there, or is not UTF-8.
pub(super) fn read(lowering: &Lowering, file: &RelPath) -> Option<String> {
    if lowering.entry(file) != Some(EntryKind::File) {
        return None;
    }
    String::from_utf8(lowering.read(file).ok()?.1).ok()
}

fn npm(text: &str, file: &RelPath, around: &Around) -> (Layout, Vec<Mistake>) {
    package_lock::parse(text, file, &|path| around.text(path), around.lowering.platform())
}

fn pnpm(text: &str, file: &RelPath, around: &Around) -> (Layout, Vec<Mistake>) {
    pnpm::parse(text, file, &|path| around.text(path), around.lowering.platform())
}

fn yarn(text: &str, file: &RelPath, around: &Around) -> (Layout, Vec<Mistake>) {
    let manifests = |path: &RelPath| around.text(path);
    let directories = |glob: &str| around.directories(glob);
    let platform = around.lowering.platform();
    yarn::parse(text, file, &yarn::Surroundings { manifests: &manifests, directories: &directories, platform })
}
