//! Finds modules in directories, as Python's import system does: packages, then modules, then namespaces, which may be
//! spread over several directories. It reads no source.

use std::collections::BTreeSet;
use std::ops::Bound;

use model::{EntryKind, RelPath};

use crate::reads::Recorder;

/// What the search asks of the files of the workspace.
pub(crate) trait Files {
    /// Returns what a path is; `None` if there is nothing.
    fn entry(&self, path: &RelPath) -> Option<EntryKind>;
    /// Returns the bytes of a file, or the target text of a symlink; `None` if it cannot be read.
    fn read(&self, path: &RelPath) -> Option<Vec<u8>>;
}

impl Files for Recorder<'_> {
    fn entry(&self, path: &RelPath) -> Option<EntryKind> {
        Recorder::entry(self, path)
    }

    fn read(&self, path: &RelPath) -> Option<Vec<u8>> {
        Recorder::read(self, path).ok().map(|(_, bytes)| bytes)
    }
}

/// Where modules are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The files of the workspace.
    pub files: &'a dyn Files,
    /// The directories in which modules begin, in the order of preference.
    pub roots: &'a [RelPath],
    /// Files that will be there, made by other targets.
    pub generated: &'a BTreeSet<RelPath>,
}

/// A module that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// A single file.
    Module(RelPath),
    /// A directory with an `__init__.py`.
    Package {
        /// The directory.
        dir: RelPath,
        /// Its `__init__.py`.
        init: RelPath,
    },
    /// Directories without one.
    Namespace(Vec<RelPath>),
}

impl Found {
    /// Returns the file that is loaded; none for a namespace.
    pub fn file(&self) -> Option<&RelPath> {
        match self {
            Found::Module(file) | Found::Package { init: file, .. } => Some(file),
            Found::Namespace(_) => None,
        }
    }

    /// Returns the directories in which its submodules are looked up.
    pub fn dirs(&self) -> &[RelPath] {
        match self {
            Found::Module(_) => &[],
            Found::Package { dir, .. } => std::slice::from_ref(dir),
            Found::Namespace(dirs) => dirs,
        }
    }
}

/// How far the search for a dotted name went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// The files that are loaded on the way, the outermost first.
    pub files: Vec<RelPath>,
    /// The top-level packages, modules or parts of a namespace that were entered.
    pub tops: Vec<RelPath>,
    /// The module, if it is there.
    pub found: Option<Found>,
}

impl Places<'_> {
    /// Looks up a dotted name from the roots.
    pub fn search(&self, dotted: &str) -> Search {
        let mut search = self.search_in(dotted, self.roots);
        let first = self.find(dotted.split('.').next().unwrap_or_default(), self.roots);
        search.tops = match first {
            Some(Found::Module(file)) => vec![file],
            Some(Found::Package { dir, .. }) => vec![dir],
            Some(Found::Namespace(dirs)) => dirs,
            None => Vec::new(),
        };
        search
    }

    /// Looks up a dotted name from some directories.
    pub fn search_in(&self, dotted: &str, dirs: &[RelPath]) -> Search {
        let mut search = Search::default();
        let mut dirs = dirs.to_vec();
        for name in dotted.split('.') {
            search.found = self.find(name, &dirs);
            let Some(found) = &search.found else { break };
            search.files.extend(found.file().cloned());
            dirs = found.dirs().to_vec();
        }
        search
    }

    /// Looks up one name in directories: the first that holds a package or a module of that name wins, and only if
    /// none does, those that have a plain directory of that name are a namespace.
    pub fn find(&self, name: &str, dirs: &[RelPath]) -> Option<Found> {
        let mut parts = Vec::new();
        for dir in dirs {
            let path = dir.child(name).ok().filter(|path| path.parent().as_ref() == Some(dir))?;
            let is_dir = self.is_dir(&path);
            if let Some(init) = path.child("__init__.py").ok().filter(|init| is_dir && self.is_file(init)) {
                return Some(Found::Package { dir: path, init });
            }
            if let Some(file) = self.module(dir, name) {
                return Some(Found::Module(file));
            }
            parts.extend(is_dir.then_some(path));
        }
        (!parts.is_empty()).then_some(Found::Namespace(parts))
    }

    /// Returns the file of a module; native ones are only looked for where they are declared.
    fn module(&self, dir: &RelPath, name: &str) -> Option<RelPath> {
        let native = [".abi3.so", ".so"].iter().filter_map(|ending| dir.child(&format!("{name}{ending}")).ok());
        let native = native.into_iter().find(|file| self.generated.contains(file));
        native.or_else(|| dir.child(&format!("{name}.py")).ok().filter(|file| self.is_file(file)))
    }

    /// Whether a path is a file, or will be one.
    pub fn is_file(&self, path: &RelPath) -> bool {
        self.generated.contains(path) || matches!(self.files.entry(path), Some(EntryKind::File | EntryKind::Symlink))
    }

    fn is_dir(&self, path: &RelPath) -> bool {
        self.files.entry(path) == Some(EntryKind::Directory) || self.holds_generated(path)
    }

    fn holds_generated(&self, dir: &RelPath) -> bool {
        let from = (Bound::Excluded(dir.clone()), Bound::Unbounded);
        let beneath =
            self.generated.range::<RelPath, _>(from).take_while(|path| path.as_str().starts_with(dir.as_str()));
        beneath.into_iter().any(|path| path.starts_with(dir))
    }

    /// Returns the innermost root that holds a path.
    pub fn root_of(&self, path: &RelPath) -> Option<&RelPath> {
        let holding = self.roots.iter().filter(|root| path.starts_with(root));
        holding.max_by_key(|root| root.as_str().len())
    }

    /// Returns the top-level package or module that a file is part of.
    pub fn top_of(&self, file: &RelPath) -> Option<RelPath> {
        let root = self.root_of(file)?;
        root.child(file.strip_prefix(root)?.segments().next()?).ok()
    }

    /// Returns where the submodules of the package in a directory are looked up: there, and if it is a namespace, in
    /// its other parts.
    pub fn siblings(&self, dir: &RelPath) -> Vec<RelPath> {
        let mut dirs = vec![dir.clone()];
        let is_package = dir.child("__init__.py").is_ok_and(|init| self.is_file(&init));
        let Some(inside) = self.root_of(dir).and_then(|root| dir.strip_prefix(root)) else { return dirs };
        if !is_package && !inside.is_root() {
            let dotted = inside.as_str().replace('/', ".");
            let others = self.search_in(&dotted, self.roots).found;
            dirs.extend(others.iter().flat_map(Found::dirs).filter(|other| *other != dir).cloned());
        }
        dirs
    }
}
