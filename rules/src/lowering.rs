//! What a rule may use to lower its targets: the recorded tree, what other targets provide, the settings.
//! It knows no rule.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::{
    DEFAULT_PATH, Declared, Dependency, Entry, EntryKind, Facts, FileKind, FileSet, FileSetId, ImageDigest, Kind,
    Location, Mistake, Need, Platform, Provided, PythonEnvironment, RelPath, Target, TargetId, TreeError,
};

use crate::labels::Declarations;
use crate::near::{nearest, quoted_list};
use crate::reads::Recorder;
use crate::settings::{Settings, Toolchain};
use crate::written::{NamedLabel, ResolvedLabel};
use model::codes;

/// What every declared target has, whatever its rule.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// Its name and platform.
    pub id: TargetId,
    /// Its rule.
    pub rule: &'static str,
    /// Where it is declared.
    pub declared: Declared,
    /// Patterns of the packages that may depend on it.
    pub visibility: Vec<Arc<str>>,
    /// Its tags, sorted.
    pub tags: Vec<Arc<str>>,
    /// Its attributes as written, as JSON text.
    pub attributes: BTreeMap<Arc<str>, Arc<str>>,
}

impl Common {
    /// Returns the target without actions, dependencies, outputs and sources.
    pub fn target(&self, kind: Kind) -> Target {
        Target {
            id: self.id.clone(),
            rule: Arc::from(self.rule),
            kind,
            declared: Some(self.declared.clone()),
            provides: Vec::new(),
            actions: Vec::new(),
            deps: Vec::new(),
            visibility: self.visibility.clone(),
            tags: self.tags.clone(),
            sources: Vec::new(),
            attributes: self.attributes.clone(),
        }
    }

    /// Returns the package that declares it.
    pub fn package(&self) -> &RelPath {
        &self.id.label.package
    }
}

/// What a rule may use to lower its targets.
pub(crate) struct Lowering<'a> {
    ground: Ground<'a>,
    sets: FileSets,
    mistakes: Vec<Mistake>,
    missing: BTreeSet<Need>,
}

/// What all lowering of an analysis stands on.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// The tree.
    pub recorder: &'a Recorder<'a>,
    /// All declared targets.
    pub declarations: &'a Declarations,
    /// The settings of the workspace.
    pub settings: &'a Settings,
    /// What was learned of toolchains.
    pub facts: &'a Facts,
}

/// What lowering leaves beside targets.
pub(crate) struct Lowered {
    /// The file sets, in the order of their ids.
    pub sets: Vec<FileSet>,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
    /// Toolchains of which something is to be learned.
    pub missing: BTreeSet<Need>,
}

impl<'a> Lowering<'a> {
    /// Makes a lowering with no file sets and no mistakes yet.
    pub fn new(ground: Ground<'a>) -> Lowering<'a> {
        Lowering { ground, sets: FileSets::default(), mistakes: Vec::new(), missing: BTreeSet::new() }
    }

    /// Returns the recorded tree.
    pub fn recorder(&self) -> &'a Recorder<'a> {
        self.ground.recorder
    }

    /// Returns the entries of a directory, sorted by name; `None` if there is none. Recorded.
    pub fn list(&self, dir: &RelPath) -> Option<Arc<[Entry]>> {
        self.ground.recorder.list(dir)
    }

    /// Returns what a path is; `None` if it is absent or ignored. Recorded.
    pub fn entry(&self, path: &RelPath) -> Option<EntryKind> {
        self.ground.recorder.entry(path)
    }

    /// Returns the bytes of a file, or the target text of a symlink. Recorded.
    pub fn read(&self, file: &RelPath) -> Result<(FileKind, Vec<u8>), TreeError> {
        self.ground.recorder.read(file)
    }

    /// Returns the id of a set of files, which are sorted and made unique; equal sets have equal ids.
    pub fn file_set(&mut self, files: Vec<RelPath>) -> FileSetId {
        self.sets.intern(files)
    }

    /// Returns the ids of the sets that a target owns: one, or none if there are no files.
    pub fn source_sets(&mut self, files: &[RelPath]) -> Vec<FileSetId> {
        if files.is_empty() { Vec::new() } else { vec![self.file_set(files.to_vec())] }
    }

    /// Returns what a declared target provides, sorted by name.
    pub fn provides(&self, target: &TargetId) -> &'a [Provided] {
        self.ground.declarations.provides.get(target).map_or(&[], |provides| provides)
    }

    /// Returns the labels that name a declared target; the others are reported elsewhere.
    pub fn resolve(&self, labels: &[NamedLabel]) -> Vec<ResolvedLabel> {
        let resolve = |named: &NamedLabel| {
            let target = self.ground.declarations.targets.get(&named.label)?.id.clone();
            Some(ResolvedLabel { target, at: named.at.clone() })
        };
        labels.iter().filter_map(resolve).collect()
    }

    /// Returns all declared targets.
    pub fn declarations(&self) -> &'a Declarations {
        self.ground.declarations
    }

    /// Returns the platform of the workspace.
    pub fn platform(&self) -> &'a Platform {
        &self.ground.settings.platform
    }

    /// Returns the directories in which every Python target of the package's repository looks for what it imports.
    pub fn python_roots(&self, package: &RelPath) -> impl Iterator<Item = RelPath> + use<'a> {
        let repository = package.repository();
        let roots: &'a [String] = self.ground.settings.python_roots_of(&repository);
        roots.iter().filter_map(move |root| repository.child(root).ok())
    }

    /// Returns where the outputs of a target lie: `rg-out/<package>/<target>`, below `src` of an input root.
    pub fn out_dir(&self, target: &TargetId) -> RelPath {
        target.out_dir(&self.ground.settings.platform)
    }

    /// Whether workspace.toml declares a toolchain.
    pub fn has_toolchain(&self, name: &str) -> bool {
        self.ground.settings.toolchains.contains_key(name)
    }

    /// Returns the need of a toolchain; reports one that workspace.toml does not declare.
    pub fn toolchain(&mut self, name: &str, wanted_at: &Location) -> Option<Need> {
        if let Some((toolchain, from)) = self.ground.settings.toolchains.get_key_value(name) {
            let toolchain = toolchain.clone();
            return match from {
                Toolchain::Host { programs } => Some(Need::Host { toolchain, programs: programs.clone() }),
                // Without a pin nothing is run, so that any digest does.
                Toolchain::Image { pinned, .. } => {
                    Some(Need::Image { toolchain, digest: pinned.unwrap_or(ImageDigest([0; 32])) })
                }
            };
        }
        if !self.ground.settings.refused_toolchains.contains(name) {
            let mistake = self.unknown_toolchain(name, wanted_at);
            self.mistake(mistake);
        }
        None
    }

    /// Whether workspace.toml declares a secret.
    pub fn has_secret(&self, name: &str) -> bool {
        self.ground.settings.secrets.contains_key(name)
    }

    /// Returns the names of all secrets.
    pub fn secrets(&self) -> Vec<&'a str> {
        self.ground.settings.secrets.keys().map(|name| &**name).collect()
    }

    /// Reports a mistake.
    pub fn mistake(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// Returns what a Python toolchain is; a default that is asked for until it has been learned.
    pub fn python_environment(&mut self, need: &Need) -> PythonEnvironment {
        match self.ground.facts.0.get(need) {
            Some(environment) => environment.clone(),
            None => {
                self.missing.insert(need.clone());
                PythonEnvironment::default()
            }
        }
    }

    /// Returns what is left beside targets.
    pub fn finish(self) -> Lowered {
        Lowered { sets: self.sets.sets, mistakes: self.mistakes, missing: self.missing }
    }

    fn unknown_toolchain(&self, name: &str, at: &Location) -> Mistake {
        let known: Vec<&str> = self.ground.settings.toolchains.keys().map(|name| &**name).collect();
        let message = format!("workspace.toml declares no toolchain `{name}`");
        let mistake = Mistake::new(codes::UNKNOWN_TOOLCHAIN, message).at(at.clone(), "");
        match nearest(name, known.iter().copied()) {
            Some(near) => mistake.hint(format!("write \"{near}\"; declared are {}", quoted_list(&known))),
            None => mistake.hint(format!("add `[toolchain.{name}]` with `host = [\"{name}\"]` to workspace.toml")),
        }
    }
}

/// Returns one dependency for each target, sorted; the first place that names it counts.
pub(crate) fn dependencies(labels: &[ResolvedLabel]) -> Vec<Dependency> {
    let mut deps: Vec<Dependency> =
        labels.iter().map(|label| Dependency { target: label.target.clone(), at: Some(label.at.clone()) }).collect();
    deps.sort();
    deps.dedup_by(|later, first| later.target == first.target);
    deps
}

/// Returns the environment that every action starts from; what a target declares wins over it.
pub(crate) fn base_environment() -> BTreeMap<Arc<str>, Arc<str>> {
    [
        ("HOME", "/tmp/home"),
        ("LC_ALL", "C.UTF-8"),
        ("PATH", DEFAULT_PATH),
        ("PYTHONHASHSEED", "0"),
        ("SOURCE_DATE_EPOCH", "315532800"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
    ]
    .map(|(name, value)| (Arc::from(name), Arc::from(value)))
    .into()
}

/// File sets, each kept once.
#[derive(Default)]
pub(crate) struct FileSets {
    sets: Vec<FileSet>,
    ids: HashMap<FileSet, FileSetId>,
}

impl FileSets {
    /// Returns the id of a set of files.
    pub fn intern(&mut self, mut files: Vec<RelPath>) -> FileSetId {
        files.sort_unstable();
        files.dedup();
        let set = FileSet { files };
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = FileSetId(u32::try_from(self.sets.len()).expect("fewer than 2^32 file sets fit in memory"));
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// Returns the sets, in the order of their ids.
    pub fn into_sets(self) -> Vec<FileSet> {
        self.sets
    }
}
