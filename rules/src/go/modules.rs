//! The modules that are built together: those of a go.work file, or a single one; what they require and replace, and
//! what the lock (go.sum) says of it. It knows no packages.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntryKind, Location, Mistake, RelPath, codes};

use super::modfile::{ModFile, Problem, Replace, Replacement, Require, WorkFile};
use super::sums::{Sum, Sums};
use super::version;
use crate::lowering::Lowering;

/// A module of the workspace.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its directory.
    pub dir: RelPath,
    /// Its go.mod.
    pub file: ModFile,
    /// Its go.sum; `None` if it has none.
    pub sums: Option<Sums>,
}

/// Modules that are built together, with one choice of versions.
#[derive(Debug)]
pub(crate) struct Root {
    /// Where go.work lies, or the single module's go.mod.
    pub dir: RelPath,
    /// The go.work file; `None` for a module that is built alone.
    pub work: Option<WorkFile>,
    /// go.work.sum, if there is one.
    pub work_sums: Option<Sums>,
    /// The modules that are built from their sources, the replacements by directories among them, sorted by directory.
    pub modules: Vec<Module>,
    /// Module paths that lie in the workspace, with their directories, the longest path first.
    pub local: Vec<(String, RelPath)>,
    /// Module paths that come from elsewhere, with what stands for them.
    pub required: BTreeMap<String, Choice>,
    /// The hashes of all sum files.
    pub sums: Sums,
    /// What is fetched, sorted by path and version.
    pub locked: BTreeMap<(String, String), Sum>,
    /// Requirements in versions that Go can look up nowhere; it does so as soon as a package of a module outside of go.work
    /// is imported.
    pub unresolved: Vec<Mistake>,
    /// The files that say all this.
    pub files: Vec<RelPath>,
}

/// The version of a required module that is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The path under which it is fetched: another one if it is replaced.
    pub path: String,
    /// The version that is fetched.
    pub version: String,
    /// The line that requires it.
    pub at: Location,
}

/// Returns the directory of the module that holds a directory: the nearest with a go.mod, upwards.
pub(crate) fn module_dir(lowering: &Lowering, dir: &RelPath) -> Option<RelPath> {
    nearest_with(lowering, dir, "go.mod")
}

/// Returns the nearest directory with a go.work, upwards.
pub(crate) fn work_dir(lowering: &Lowering, dir: &RelPath) -> Option<RelPath> {
    nearest_with(lowering, dir, "go.work")
}

fn nearest_with(lowering: &Lowering, dir: &RelPath, name: &str) -> Option<RelPath> {
    let mut upwards = dir.upwards();
    upwards.find(|dir| lowering.entry(&file_in(dir, name)) == Some(EntryKind::File))
}

fn file_in(dir: &RelPath, name: &str) -> RelPath {
    dir.child(name).expect("a file name is a normal path")
}

/// Loads the modules that are built with the one in `module`. Mistakes of the files are reported.
pub(crate) fn load(lowering: &mut Lowering, module: &RelPath) -> Option<Root> {
    let work = work_dir(lowering, module).and_then(|dir| {
        let (file, used) = read_work(lowering, &dir)?;
        // A module that go.work does not use is built alone.
        used.contains(module).then_some((dir, file, used))
    });
    let mut root = match work {
        Some((dir, file, used)) => {
            let modules = used.iter().filter_map(|dir| read_module(lowering, dir)).collect();
            let work_sums = read_sums(lowering, &file_in(&dir, "go.work.sum"));
            Root::new(dir, Some(file), work_sums, modules)
        }
        None => Root::new(module.clone(), None, None, vec![read_module(lowering, module)?]),
    };
    root.settle(lowering);
    Some(root)
}

fn read_work(lowering: &mut Lowering, dir: &RelPath) -> Option<(WorkFile, BTreeSet<RelPath>)> {
    let path = file_in(dir, "go.work");
    let file = WorkFile::parse(&read_text(lowering, &path)?);
    report(lowering, &path, &file.problems);
    refuse_vendored(lowering, dir, &path);
    let mut used = BTreeSet::new();
    for word in &file.uses {
        let module = dir.resolve_inside(&word.text).ok();
        match module.filter(|module| lowering.entry(&file_in(module, "go.mod")) == Some(EntryKind::File)) {
            Some(module) => drop(used.insert(module)),
            None => {
                let message = format!("go.work uses `{}`, which has no go.mod in this workspace", word.text);
                let at = Location::new(path.clone(), word.span.clone());
                let hint = format!("run `go work edit -dropuse={}`", word.text);
                lowering.mistake(Mistake::new(codes::GO_BAD_MODULE, message).at(at, "").hint(hint));
            }
        }
    }
    Some((file, used))
}

fn read_module(lowering: &mut Lowering, dir: &RelPath) -> Option<Module> {
    let path = file_in(dir, "go.mod");
    let file = ModFile::parse(&read_text(lowering, &path)?);
    report(lowering, &path, &file.problems);
    if file.module.is_none() {
        let mistake = Mistake::new(codes::GO_BAD_MODULE, "go.mod has no `module` line");
        lowering.mistake(mistake.at(Location::new(path, 0..0), "").hint("run `go mod init MODULE`"));
    }
    refuse_vendored(lowering, dir, &file_in(dir, "go.mod"));
    let sums = read_sums(lowering, &file_in(dir, "go.sum"));
    Some(Module { dir: dir.clone(), file, sums })
}

/// The Go command would build from `vendor`, rg would not: what is changed there must not be left out in silence.
fn refuse_vendored(lowering: &mut Lowering, dir: &RelPath, file: &RelPath) {
    let list = RelPath::new("vendor/modules.txt").expect("a normal path");
    if lowering.entry(&dir.join(&list)) != Some(EntryKind::File) {
        return;
    }
    let vendor = dir.join(&RelPath::new("vendor").expect("a normal path"));
    let message = format!("`{vendor}` holds copies of the modules that `{file}` requires");
    let mistake = Mistake::new(codes::GO_VENDORED, message).at(Location::new(file.clone(), 0..0), "");
    lowering.mistake(mistake.hint(format!("remove it, or set `ignore = [\"/{vendor}\"]` in [workspace]")));
}

fn read_sums(lowering: &mut Lowering, path: &RelPath) -> Option<Sums> {
    lowering.entry(path).filter(|kind| *kind == EntryKind::File)?;
    let mut sums = Sums::default();
    for malformed in sums.add(&read_text(lowering, path)?) {
        let message = format!("line {} of `{path}` is not `MODULE VERSION HASH`", malformed.line);
        let mistake = Mistake::new(codes::GO_BAD_MODULE, message).at(Location::new(path.clone(), malformed.span), "");
        lowering.mistake(mistake.hint("remove the line and run `go mod tidy`"));
    }
    Some(sums)
}

fn read_text(lowering: &Lowering, path: &RelPath) -> Option<String> {
    let (_, bytes) = lowering.read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn report(lowering: &mut Lowering, file: &RelPath, problems: &[Problem]) {
    for problem in problems {
        let at = Location::new(file.clone(), problem.span.clone());
        lowering.mistake(Mistake::new(codes::GO_BAD_MODULE, problem.message.clone()).at(at, ""));
    }
}

impl Root {
    fn new(dir: RelPath, work: Option<WorkFile>, work_sums: Option<Sums>, modules: Vec<Module>) -> Root {
        Root {
            dir,
            work,
            work_sums,
            modules,
            local: Vec::new(),
            required: BTreeMap::new(),
            sums: Sums::default(),
            locked: BTreeMap::new(),
            unresolved: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Draws the conclusions: what is local, what is required in which version, what is fetched.
    fn settle(&mut self, lowering: &mut Lowering) {
        self.local = self.modules.iter().filter_map(Module::named).collect();
        let replaces = self.replaces();
        self.add_replacing_directories(lowering, &replaces);
        self.local.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.modules.sort_by(|a, b| a.dir.cmp(&b.dir));
        self.choose(&replaces);
        self.check_agreement(lowering);
        self.sums = self.all_sums().fold(Sums::default(), Sums::merged);
        self.locked = self.locked();
        self.unresolved = self.unresolved(&replaces);
        self.unresolved.extend(self.unhashed(&replaces));
        self.files = self.list_files(lowering);
    }

    /// All replacements, each with the file that says so; go.work's win.
    fn replaces(&self) -> Vec<(RelPath, Replace)> {
        let work = self.work.iter().flat_map(|file| {
            let path = file_in(&self.dir, "go.work");
            file.replaces.iter().map(move |replace| (path.clone(), replace.clone()))
        });
        let modules = self.modules.iter().flat_map(|module| {
            let path = module.go_mod();
            module.file.replaces.iter().map(move |replace| (path.clone(), replace.clone()))
        });
        work.chain(modules).collect()
    }

    fn add_replacing_directories(&mut self, lowering: &mut Lowering, replaces: &[(RelPath, Replace)]) {
        for (file, replace) in replaces {
            let Replacement::Directory(text) = &replace.with else { continue };
            if self.local.iter().any(|(path, _)| *path == replace.path) || !self.wants(replace) {
                continue;
            }
            let dir = file.parent().unwrap_or_else(RelPath::root).resolve_inside(text).ok();
            let dir = dir.filter(|dir| lowering.entry(&file_in(dir, "go.mod")) == Some(EntryKind::File));
            let Some(dir) = dir else {
                let message =
                    format!("`{}` is replaced by `{text}`, which has no go.mod in this workspace", replace.path);
                let at = Location::new(file.clone(), replace.span.clone());
                lowering.mistake(Mistake::new(codes::GO_BAD_MODULE, message).at(at, ""));
                continue;
            };
            self.local.push((replace.path.clone(), dir.clone()));
            if !self.modules.iter().any(|module| module.dir == dir) {
                self.modules.extend(read_module(lowering, &dir));
            }
        }
    }

    /// Whether a module requires what is replaced, in the version that is replaced.
    fn wants(&self, replace: &Replace) -> bool {
        self.requires().any(|(_, require)| replace.covers(&require.path, &require.version))
    }

    /// Returns what each module asks for.
    pub fn requires(&self) -> impl Iterator<Item = (&Module, &Require)> {
        self.modules.iter().flat_map(|module| module.file.requires.iter().map(move |require| (module, require)))
    }

    /// Chooses the newest required version of each module that is not local, then what replaces it.
    fn choose(&mut self, replaces: &[(RelPath, Replace)]) {
        let mut required: BTreeMap<String, Choice> = BTreeMap::new();
        for (module, require) in self.requires() {
            if self.local.iter().any(|(path, _)| *path == require.path) {
                continue;
            }
            let at = Location::new(module.go_mod(), require.span.clone());
            let choice = Choice { path: require.path.clone(), version: require.version.clone(), at };
            let known = required.entry(require.path.clone()).or_insert_with(|| choice.clone());
            if version::newer(&choice.version, &known.version) {
                *known = choice;
            }
        }
        for choice in required.values_mut() {
            choice.replace(replaces);
        }
        self.required = required;
    }

    fn all_sums(&self) -> impl Iterator<Item = &Sums> {
        self.modules.iter().filter_map(|module| module.sums.as_ref()).chain(&self.work_sums)
    }

    /// What is fetched: the zips that a build can reach; of all other modules in the sum files only the go.mod, which
    /// Go reads to choose versions.
    fn locked(&self) -> BTreeMap<(String, String), Sum> {
        let mut zips: BTreeSet<(&str, &str)> = BTreeSet::new();
        for choice in self.required.values() {
            zips.insert((&choice.path, &choice.version));
            if self.work.is_some() {
                // Modules together may choose a newer version than any of them asks for by itself.
                zips.extend(self.sums.newer(&choice.path, &choice.version).map(|version| (&*choice.path, version)));
            }
        }
        let unlisted = self.modules.iter().filter(|module| !module.file.lists_all_modules());
        for sums in unlisted.filter_map(|module| module.sums.as_ref()) {
            zips.extend(sums.iter().map(|(path, version, _)| (path, version)));
        }
        let keep = |(path, version, sum): (&str, &str, &Sum)| {
            let zip = sum.zip.clone().filter(|_| zips.contains(&(path, version)));
            let sum = Sum { zip, go_mod: sum.go_mod.clone() };
            let useful = sum.zip.is_some() || sum.go_mod.is_some();
            useful.then(|| ((path.to_owned(), version.to_owned()), sum))
        };
        self.sums.iter().filter_map(keep).collect()
    }

    /// Modules of go.work that are required in a version without a hash and without a replacement.
    fn unresolved(&self, replaces: &[(RelPath, Replace)]) -> Vec<Mistake> {
        if self.work.is_none() {
            return Vec::new();
        }
        let mistake = |(module, require): (&Module, &Require)| {
            let Require { path, version, span } = require;
            let (_, dir) = self.local.iter().find(|(local, dir)| local == path && self.holds(dir))?;
            let has_hash = self.sums.get(path, version).is_some_and(|sum| sum.go_mod.is_some());
            if has_hash || replaces.iter().any(|(_, replace)| replace.covers(path, version)) {
                return None;
            }
            let from_work = dir.relative_to(&self.dir);
            let from_work = if from_work.starts_with('.') { from_work } else { format!("./{from_work}") };
            let message = format!("`{path} {version}` is required, which exists only as `{from_work}` in go.work");
            let hint = format!("add `replace {path} {version} => {from_work}` to go.work, or remove the line");
            let at = Location::new(module.go_mod(), span.clone());
            Some(Mistake::new(codes::GO_BAD_MODULE, message).at(at, "required here").hint(hint))
        };
        self.requires().filter_map(mistake).collect()
    }

    /// The files that say all this.
    fn list_files(&self, lowering: &Lowering) -> Vec<RelPath> {
        let of_modules = self.modules.iter().flat_map(|module| [module.go_mod(), module.go_sum()]);
        let work = ["go.work", "go.work.sum"].map(|name| file_in(&self.dir, name));
        let work = work.into_iter().filter(|_| self.work.is_some());
        of_modules.chain(work).filter(|path| lowering.entry(path).is_some()).collect()
    }

    /// Whether a module is one of those that are built together as main modules.
    pub fn holds(&self, module: &RelPath) -> bool {
        match &self.work {
            Some(work) => work.uses.iter().any(|used| self.dir.resolve(&used.text).as_ref() == Ok(module)),
            None => self.dir == *module,
        }
    }

    /// Returns what a build is shown of the module files: each path with its text. A comment in go.mod or a line of
    /// go.sum that is not in use does not reach it.
    pub fn texts(&self) -> Vec<(RelPath, String)> {
        let mut texts = Vec::new();
        for module in &self.modules {
            texts.push((module.go_mod(), module.file.plain.clone()));
            let sums = module.sums.iter().map(|sums| (module.go_sum(), sums.text(&self.locked)));
            texts.extend(sums);
        }
        texts.extend(self.work.iter().map(|work| (file_in(&self.dir, "go.work"), work.plain.clone())));
        let sums = self.work_sums.iter().map(|sums| (file_in(&self.dir, "go.work.sum"), sums.text(&self.locked)));
        texts.extend(sums);
        texts
    }
}

impl Module {
    /// Returns its go.mod.
    pub fn go_mod(&self) -> RelPath {
        file_in(&self.dir, "go.mod")
    }

    /// Returns where its go.sum is, or would be.
    pub fn go_sum(&self) -> RelPath {
        file_in(&self.dir, "go.sum")
    }

    fn named(&self) -> Option<(String, RelPath)> {
        Some((self.file.module.as_ref()?.text.clone(), self.dir.clone()))
    }
}

impl Choice {
    fn replace(&mut self, replaces: &[(RelPath, Replace)]) {
        let applies = |replace: &&Replace| replace.covers(&self.path, &self.version);
        let found = replaces.iter().map(|(_, replace)| replace).find(applies).map(|replace| &replace.with);
        if let Some(Replacement::Module { path, version }) = found {
            (self.path, self.version) = (path.clone(), version.clone());
        }
    }
}
