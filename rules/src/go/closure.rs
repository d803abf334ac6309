//! What a package needs to be built: the packages of the workspace that it reaches, and the packages of other modules
//! that these import. Follows the imports that a build for one platform sees; the files of a package are taken for
//! every platform, which is safe and makes one file set of each directory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use model::{EntryKind, Location, Mistake, RelPath, codes};

use super::constraint::BuildContext;
use super::embed;
use super::modules::{self, Root};
use super::package::{Listing, Package, Used};
use super::resolve::{self, Provider};
use super::sum_checks;
use crate::generated::Generated;
use crate::lowering::Lowering;
use crate::parts;

/// What is read of the workspace's Go code, each directory once.
pub(crate) struct Code<'l, 'a> {
    /// Where it is read, and where mistakes go.
    pub lowering: &'l mut Lowering<'a>,
    listings: HashMap<RelPath, Option<Rc<Listing>>>,
    roots: BTreeMap<RelPath, Option<Rc<Root>>>,
    reported: BTreeSet<Mistake>,
}

/// What a package needs to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closure {
    /// The packages of the workspace, with the files that their code embeds.
    pub packages: BTreeMap<RelPath, BTreeSet<RelPath>>,
    /// The packages of other modules that they import.
    pub third_party: BTreeSet<String>,
    /// The files that the package's own tests embed.
    pub test_embeds: BTreeSet<RelPath>,
}

/// Whether a package is built, or its tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Goal {
    /// The package.
    Package,
    /// The tests of the package, and of the package `NAME_test` beside it.
    Tests,
}

/// One walk over imports.
pub(crate) struct Walk<'w> {
    /// What files count.
    pub context: &'w BuildContext,
    /// Go files that do not exist before something runs.
    pub generated: &'w Generated,
    /// The modules that are built together.
    pub root: &'w Root,
}

impl<'l, 'a> Code<'l, 'a> {
    /// Makes a reader that has read nothing yet.
    pub fn new(lowering: &'l mut Lowering<'a>) -> Code<'l, 'a> {
        Code { lowering, listings: HashMap::new(), roots: BTreeMap::new(), reported: BTreeSet::new() }
    }

    /// Returns the Go files of a directory.
    pub fn listing(&mut self, dir: &RelPath) -> Option<Rc<Listing>> {
        let lowering = &*self.lowering;
        let read = || Listing::read(lowering, dir).map(Rc::new);
        self.listings.entry(dir.clone()).or_insert_with(read).clone()
    }

    /// Returns the modules that a directory is built with; `None` if it lies in no module, or go.mod cannot be read.
    pub fn root(&mut self, dir: &RelPath) -> Option<Rc<Root>> {
        let module = modules::module_dir(self.lowering, dir)?;
        if !self.roots.contains_key(&module) {
            let root = self.roots.values().flatten().find(|root| root.holds(&module)).cloned();
            let root = root.or_else(|| modules::load(self.lowering, &module).map(Rc::new));
            self.roots.insert(module.clone(), root);
        }
        self.roots.get(&module).cloned().flatten()
    }

    /// Reports a mistake once, however many targets meet it.
    pub fn report(&mut self, mistake: Mistake) {
        if self.reported.insert(mistake.clone()) {
            self.lowering.mistake(mistake);
        }
    }

    /// Returns what a package needs to be built.
    pub fn closure(&mut self, walk: &Walk, dir: &RelPath, goal: Goal, extra: &[Used]) -> Closure {
        let mut closure = Closure::default();
        let mut todo = vec![dir.clone()];
        todo.extend(self.follow(walk, extra, &mut closure));
        if goal == Goal::Tests {
            let package = self.package(walk, dir);
            for uses in [&package.test_uses, &package.external_test_uses] {
                todo.extend(self.follow(walk, &uses.imports, &mut closure));
                let embeds = self.embedded(walk, dir, &uses.embeds);
                closure.test_embeds.extend(embeds);
            }
        }
        while let Some(dir) = todo.pop() {
            if closure.packages.contains_key(&dir) {
                continue;
            }
            let package = self.package(walk, &dir);
            let embeds = self.embedded(walk, &dir, &package.uses.embeds);
            closure.packages.insert(dir, embeds);
            todo.extend(self.follow(walk, &package.uses.imports, &mut closure));
        }
        closure
    }

    fn package(&mut self, walk: &Walk, dir: &RelPath) -> Package {
        self.listing(dir).map(|listing| listing.package(walk.context)).unwrap_or_default()
    }

    /// Returns the packages of the workspace among imports, and notes those of other modules.
    fn follow(&mut self, walk: &Walk, imports: &[Used], closure: &mut Closure) -> Vec<RelPath> {
        let mut found = Vec::new();
        for import in imports {
            let provider = resolve::resolve(walk.root, &import.text, |dir, module| self.has_package(walk, dir, module));
            match provider {
                Provider::Standard => {}
                Provider::Local(dir) => {
                    self.check_replaced(walk.root, &dir);
                    found.push(dir);
                }
                Provider::Module(module, _) => {
                    self.check_sum(walk.root, module);
                    self.check_versions(walk.root);
                    closure.third_party.insert(import.text.to_string());
                }
                Provider::Nothing(dir) => self.report_missing(walk.root, import, dir.as_ref()),
            }
        }
        found
    }

    /// Whether a directory holds Go files, or will, and belongs to the module in `module`.
    fn has_package(&mut self, walk: &Walk, dir: &RelPath, module: &RelPath) -> bool {
        let has_files = self.listing(dir).is_some_and(|listing| !listing.go.is_empty());
        let upwards = std::iter::successors(Some(dir.clone()), RelPath::parent);
        let mut between = upwards.take_while(|part| part != module);
        (has_files || walk.generated.has_package(dir)) && !between.any(|part| self.is_module(&part))
    }

    fn is_module(&self, dir: &RelPath) -> bool {
        dir.child("go.mod").is_ok_and(|file| self.lowering.entry(&file) == Some(EntryKind::File))
    }

    fn embedded(&mut self, walk: &Walk, dir: &RelPath, patterns: &[Used]) -> BTreeSet<RelPath> {
        let mut files = BTreeSet::new();
        for pattern in patterns {
            match embed::expand(self.lowering, dir, &pattern.text) {
                Ok(found) => files.extend(found),
                // Only the build can say what a dependency puts there.
                Err(_) if walk.generated.has_files_below(dir) => {}
                Err(error) => {
                    let mistake = Mistake::new(codes::GO_BAD_EMBED, error.to_string()).at(pattern.at.clone(), "");
                    self.report(
                        mistake.hint("embed files that exist and are not ignored, or name in `deps` what makes them"),
                    );
                }
            }
        }
        files
    }

    /// Reports a module whose hashes are not in the lock.
    fn check_sum(&mut self, root: &Root, module: &str) {
        let Some(choice) = root.required.get(module) else { return };
        let known = root.sums.get(&choice.path, &choice.version);
        if known.is_some_and(|sum| sum.zip.is_some() && sum.go_mod.is_some()) {
            return;
        }
        let suffix = if known.is_some_and(|sum| sum.zip.is_some()) { "/go.mod" } else { "" };
        self.report(sum_checks::missing_sum(&choice.path, &choice.version, suffix, &choice.at));
    }

    /// A replacement by a directory is a module outside of go.work too.
    fn check_replaced(&mut self, root: &Root, dir: &RelPath) {
        if root.unresolved.is_empty() {
            return;
        }
        if modules::module_dir(self.lowering, dir).is_some_and(|module| !root.holds(&module)) {
            self.check_versions(root);
        }
    }

    /// Reports versions that Go would look up, and not find, to choose those of modules outside of go.work.
    fn check_versions(&mut self, root: &Root) {
        for mistake in &root.unresolved {
            self.report(mistake.clone());
        }
    }

    fn report_missing(&mut self, root: &Root, import: &Used, dir: Option<&RelPath>) {
        let path = &import.text;
        let message = match dir {
            Some(dir) => format!("`{path}` is imported, and `{}` holds no Go package", parts::shown(dir)),
            None => format!("`{path}` is imported, and no required module provides it"),
        };
        let siblings = dir.and_then(RelPath::parent).map(|parent| self.directories_in(&parent)).unwrap_or_default();
        let near = resolve::near_import(root, path, &siblings);
        let get = dir.is_none().then(|| go_get(root, &import.at, path));
        let mistake = Mistake::new(codes::GO_UNRESOLVED_IMPORT, message).at(import.at.clone(), "");
        self.report(match (near, get) {
            (Some(near), Some(get)) => mistake.hint(format!("write `{near}`, or run `{get}`")),
            (Some(near), None) => mistake.hint(format!("did you mean `{near}`?")),
            (None, Some(get)) => mistake.hint(format!("run `{get}`")),
            (None, None) => mistake,
        });
    }

    /// The directories directly below a directory.
    fn directories_in(&mut self, dir: &RelPath) -> Vec<String> {
        let entries = self.lowering.list(dir).unwrap_or_default();
        let dirs = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        dirs.map(|entry| entry.name.to_string()).collect()
    }
}

/// The line that adds a required module to the module of the file that imports it.
fn go_get(root: &Root, at: &Location, import: &str) -> String {
    let holds = |dir: &&RelPath| at.file.starts_with(dir);
    let dirs = root.modules.iter().map(|module| &module.dir).filter(holds);
    match dirs.max_by_key(|dir| dir.as_str().len()) {
        Some(dir) if !dir.is_root() => format!("go -C {dir} get {import}"),
        _ => format!("go get {import}"),
    }
}
