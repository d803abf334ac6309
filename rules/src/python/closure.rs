//! The files that a Python file needs, found by following its imports through the workspace. It does not know which
//! packages of the lock the others belong to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use model::{Location, RelPath};

use super::all;
use super::find::{Files, Found, Places, Search};
use super::scan::{Import, scan};

/// What a file needs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Closure {
    /// The source files.
    pub files: BTreeSet<RelPath>,
    /// The files among those that other targets make.
    pub generated: BTreeSet<RelPath>,
    /// The top-level packages (directories) and modules (files) that they are part of; the parent of each is its root.
    pub packages: BTreeSet<RelPath>,
    /// The top-level names that are not of the workspace, with the first place that imports each.
    pub external: BTreeMap<String, Location>,
    /// The modules that packages of the workspace lack, with the first place that imports each.
    pub missing: BTreeMap<String, Location>,
}

/// What is known of source files, whoever asks: each is read and scanned once.
pub(crate) struct Scans<'a> {
    files: &'a dyn Files,
    known: RefCell<HashMap<RelPath, Rc<Scanned>>>,
}

/// What a file says.
#[derive(Default)]
struct Scanned {
    /// The files that a symlink leads over, to the one that it stands for.
    links: Vec<RelPath>,
    imports: Vec<Import>,
    /// The names in its `__all__`.
    all: Vec<String>,
}

/// The most symlinks that are followed one after the other.
const LINKS: usize = 8;

impl<'a> Scans<'a> {
    /// Makes a memory that knows no file yet.
    pub fn new(files: &'a dyn Files) -> Scans<'a> {
        Scans { files, known: RefCell::default() }
    }

    fn of(&self, file: &RelPath) -> Rc<Scanned> {
        if let Some(known) = self.known.borrow().get(file) {
            return Rc::clone(known);
        }
        let scanned = Rc::new(self.scan(file).unwrap_or_default());
        self.known.borrow_mut().insert(file.clone(), Rc::clone(&scanned));
        scanned
    }

    fn scan(&self, file: &RelPath) -> Option<Scanned> {
        let mut links = Vec::new();
        let mut at = file.clone();
        while self.files.entry(&at) == Some(model::EntryKind::Symlink) && links.len() < LINKS {
            let target = String::from_utf8(self.files.read(&at)?).ok()?;
            at = at.parent()?.resolve_inside(&target).ok()?;
            links.push(at.clone());
        }
        let source = self.files.read(&at)?;
        Some(Scanned { links, imports: scan(&source), all: all::names(&source) })
    }
}

/// Follows imports from one list of roots.
pub(crate) struct Walker<'a> {
    scans: &'a Scans<'a>,
    places: Places<'a>,
    edges: RefCell<HashMap<RelPath, Rc<Closure>>>,
}

impl<'a> Walker<'a> {
    /// Makes a walker; walkers with other roots may share the scans.
    pub fn new(scans: &'a Scans<'a>, roots: &'a [RelPath], generated: &'a BTreeSet<RelPath>) -> Walker<'a> {
        Walker { scans, places: Places { files: scans.files, roots, generated }, edges: RefCell::default() }
    }

    /// Returns the files with which a run of `python -m` begins; `None` if there is no such module.
    pub fn module(&self, dotted: &str) -> Option<Vec<RelPath>> {
        let search = self.places.search(dotted);
        let mut files = search.files;
        let main = self.places.find("__main__", search.found?.dirs());
        files.extend(main.as_ref().and_then(Found::file).cloned());
        Some(files)
    }

    /// Returns the files with which a run of a test file begins: itself, and what pytest loads on the way to it from
    /// the directory `top`.
    pub fn test(&self, file: &RelPath, top: &RelPath) -> Vec<RelPath> {
        let dirs = std::iter::successors(file.parent(), RelPath::parent).take_while(|dir| dir.starts_with(top));
        let loaded = dirs.flat_map(|dir| ["conftest.py", "__init__.py"].map(|name| dir.child(name).ok()));
        let loaded = loaded.flatten().filter(|path| self.places.is_file(path));
        std::iter::once(file.clone()).chain(loaded).collect()
    }

    /// Returns all that some files need, themselves included.
    pub fn closure(&self, starts: &[RelPath]) -> Closure {
        let mut closure = Closure::default();
        let mut queue: Vec<RelPath> = starts.to_vec();
        for start in starts {
            queue.extend(self.parents(start));
            closure.packages.extend(self.places.top_of(start));
        }
        while let Some(file) = queue.pop() {
            if self.places.generated.contains(&file) {
                closure.generated.insert(file);
            } else if closure.files.insert(file.clone()) {
                let edges = self.edges(&file);
                queue.extend(edges.files.iter().cloned());
                closure.packages.extend(edges.packages.iter().cloned());
                merge(&mut closure.external, &edges.external);
                merge(&mut closure.missing, &edges.missing);
            }
        }
        closure
    }

    /// Returns the `__init__.py` of each package that a file is inside of.
    fn parents(&self, file: &RelPath) -> Vec<RelPath> {
        let root = self.places.root_of(file);
        let dirs = std::iter::successors(file.parent(), RelPath::parent).take_while(|dir| Some(dir) != root);
        let inits = dirs.filter_map(|dir| dir.child("__init__.py").ok());
        if root.is_some() { inits.filter(|init| self.places.is_file(init)).collect() } else { Vec::new() }
    }

    /// Returns what a file imports itself.
    fn edges(&self, file: &RelPath) -> Rc<Closure> {
        if let Some(known) = self.edges.borrow().get(file) {
            return Rc::clone(known);
        }
        let scanned = self.scans.of(file);
        let mut edges = Closure { files: scanned.links.iter().cloned().collect(), ..Closure::default() };
        for import in &scanned.imports {
            self.follow(file, import, &mut edges);
        }
        let edges = Rc::new(edges);
        self.edges.borrow_mut().insert(file.clone(), Rc::clone(&edges));
        edges
    }

    fn follow(&self, file: &RelPath, import: &Import, edges: &mut Closure) {
        let Some(mut search) = self.search(file, import) else { return };
        let is_external = import.level == 0 && search.files.is_empty();
        if !self.take_names(import, &mut search) {
            let place = Location::new(file.clone(), import.span.clone());
            let (map, name) = match is_external {
                true => (&mut edges.external, import.module.split('.').next().unwrap_or_default().to_owned()),
                false => (&mut edges.missing, format!("{}{}", ".".repeat(import.level), import.module)),
            };
            merge(map, &BTreeMap::from([(name, place)]));
        }
        for path in &search.files {
            let top = search.tops.iter().find(|top| path.starts_with(top)).cloned();
            edges.packages.extend(top.or_else(|| self.places.top_of(path)));
        }
        edges.files.extend(search.files);
    }

    /// Adds the submodules that an import takes out of a module. Returns whether module and names are all there:
    /// a package may have any attribute, but a namespace has none, so what it lacks here is in another part of it.
    fn take_names(&self, import: &Import, search: &mut Search) -> bool {
        let Some(found) = search.found.take() else { return false };
        let mut is_whole = true;
        for name in self.names(import, &found) {
            let inner = self.places.find(&name, found.dirs());
            is_whole &= inner.is_some() || name == "*" || found.file().is_some();
            search.files.extend(inner.as_ref().and_then(Found::file).cloned());
        }
        is_whole
    }

    /// Looks up the module of an import; `None` if it climbs out of the workspace.
    fn search(&self, file: &RelPath, import: &Import) -> Option<Search> {
        if import.level == 0 {
            return Some(self.places.search(&import.module));
        }
        let base = (0..import.level).try_fold(file.clone(), |dir, _| dir.parent())?;
        let dirs = self.places.siblings(&base);
        if import.module.is_empty() {
            let init = base.child("__init__.py").ok().filter(|init| self.places.is_file(init));
            let found = init.map(|init| Found::Package { dir: base, init }).unwrap_or(Found::Namespace(dirs));
            return Some(Search {
                files: found.file().cloned().into_iter().collect(),
                found: Some(found),
                ..Search::default()
            });
        }
        Some(self.places.search_in(&import.module, &dirs))
    }

    /// Returns the names that an import takes out of a module; those that `*` stands for, too.
    fn names(&self, import: &Import, found: &Found) -> Vec<String> {
        let mut names = import.names.clone();
        if let (Found::Package { init, .. }, true) = (found, names.iter().any(|name| name == "*")) {
            names.extend(self.scans.of(init).all.iter().cloned());
        }
        names
    }
}

fn merge(into: &mut BTreeMap<String, Location>, from: &BTreeMap<String, Location>) {
    for (name, place) in from {
        let first = into.entry(name.clone()).or_insert_with(|| place.clone());
        if place < first {
            *first = place.clone();
        }
    }
}
