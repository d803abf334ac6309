//! What targets of both rules are lowered in: the sources, the locks, and what a target says of its surroundings.

use std::collections::BTreeSet;
use std::rc::Rc;

use model::{EntryKind, Location, Mistake, Need, RelPath, codes};

use super::closure::{Closure, Scans};
use super::packages::{Found, Locks, Packages};
use super::standard;
use crate::declaration::Declaration;
use crate::generated::Generated;
use crate::lowering::Lowering;
use crate::parts::{self, path};
use crate::written::Written;

/// What targets are lowered in.
pub(super) struct World<'w, 'a> {
    /// The tree, and where mistakes go.
    pub lowering: &'w mut Lowering<'a>,
    /// What is known of source files.
    pub scans: &'w Scans<'w>,
    /// The locks that were read.
    pub locks: Locks,
}

/// What a target says of its surroundings.
pub(super) struct Surroundings {
    /// The toolchain.
    pub need: Need,
    /// The directories that imports are looked up in, from the workspace root.
    pub roots: Vec<RelPath>,
    /// The packages of its lock; `None` if it has no lock.
    pub packages: Option<Rc<Packages>>,
    /// What other targets make for it.
    pub generated: Generated,
    /// The paths of that.
    pub generated_paths: BTreeSet<RelPath>,
}

impl World<'_, '_> {
    /// Returns what a target says of its surroundings; `None` after a mistake.
    pub fn surroundings(&mut self, declaration: &Declaration) -> Option<Surroundings> {
        let need = self.lowering.toolchain("python", &declaration.common.declared.at)?;
        let roots = self.roots(declaration);
        let packages = match self.locks.of(declaration, &need, self.lowering) {
            Found::Packages(packages) => Some(packages),
            Found::Nothing => None,
            Found::Broken => return None,
        };
        let generated = Generated::of(self.lowering, &self.lowering.resolve(declaration.labels("deps")));
        let generated_paths = generated.places().iter().map(|(path, _)| path.clone()).collect();
        Some(Surroundings { need, roots: roots?, packages, generated, generated_paths })
    }

    /// Returns the directories that imports are looked up in; `None` after a mistake.
    fn roots(&mut self, declaration: &Declaration) -> Option<Vec<RelPath>> {
        let package = declaration.common.package();
        let written = declaration.texts("roots");
        if written.is_empty() {
            let src = package.join(&path("src"));
            let there = self.lowering.entry(&src) == Some(EntryKind::Directory);
            let default = std::iter::once(package.clone()).chain(there.then_some(src));
            return Some(default.chain(self.lowering.python_roots(package)).collect());
        }
        let found: Vec<Option<RelPath>> = written.iter().map(|root| self.root(root, package)).collect();
        found.into_iter().collect()
    }

    fn root(&mut self, written: &Written, package: &RelPath) -> Option<RelPath> {
        let plain = written.text.trim_end_matches('/');
        let resolved = match written.text.strip_prefix("//") {
            Some(_) => package.repository().child(plain.trim_start_matches('/')).ok(),
            None => package.resolve_inside(plain).ok(),
        };
        let is_directory = |dir: &RelPath| dir.is_root() || self.lowering.entry(dir) == Some(EntryKind::Directory);
        let found = resolved.filter(is_directory);
        if found.is_none() {
            let message = format!("root `{}` is no directory of the workspace", written.text);
            let mistake = Mistake::new(codes::NO_SUCH_FILE, message).at(written.at.clone(), "");
            let hint = "write a directory of the package, as \".\" or \"src\", or from the workspace root, as \"//libs/common\"";
            self.lowering.mistake(mistake.hint(hint));
        }
        found
    }

    /// Reports what is imported and neither in the workspace nor in Python, where there is no lock to provide it.
    pub fn check_external(&mut self, closure: &Closure, declaration: &Declaration, packages: Option<&Rc<Packages>>) {
        if packages.is_some() {
            return;
        }
        let foreign = |(name, _): &(&String, &Location)| !standard::has(name);
        for (name, at) in closure.external.iter().filter(foreign) {
            let label = &declaration.common.id.label;
            let message = format!("`{name}` is imported, and {label} has no lock that could provide it");
            let mistake = Mistake::new(codes::PYTHON_NO_LOCK, message).at(at.clone(), "");
            self.lowering.mistake(mistake.hint(format!(
                "write a requirements.txt with hashes (`pip-compile --generate-hashes`, `uv pip compile --generate-hashes`), a uv.lock or a poetry.lock at or above `{}`; a module of the workspace is found in `roots`",
                parts::shown(declaration.common.package()),
            )));
        }
    }
}

/// Returns the place of a path from the innermost root that holds it; the path itself if none does.
pub(super) fn importable(path: &RelPath, roots: &[RelPath]) -> RelPath {
    let holding = roots.iter().filter(|root| path.starts_with(root));
    let innermost = holding.max_by_key(|root| root.as_str().len());
    innermost.and_then(|root| path.strip_prefix(root)).unwrap_or_else(|| path.clone())
}
