//! What the Go targets of a workspace share, collected before anything is lowered: the modules they use, the compiled
//! standard library, the compiled packages of other modules. Says what a build mounts of it, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::{Input, Label, Need, Origin, Platform, RelPath, TargetId};

use super::Cgo;
use super::closure::Goal;
use super::constraint::BuildContext;
use super::modules::Root;
use super::recipe;

/// What one build of shared things is made for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Variant {
    /// The platform.
    pub platform: Platform,
    /// Whether C code is compiled in.
    pub cgo: Cgo,
}

/// What the Go targets of a workspace share.
pub(crate) struct Shared {
    /// The workspace's platform: fetched modules are the same for all, and are made for this one.
    pub platform: Platform,
    /// The standard library, for whom, and the toolchain.
    pub std: BTreeMap<Variant, Need>,
    /// For whom packages are vetted.
    pub vetted: BTreeSet<Variant>,
    /// The modules that are built together, by their directory, and the toolchain.
    pub roots: BTreeMap<RelPath, (Rc<Root>, Need)>,
    /// The packages of other modules that are compiled once.
    pub deps: BTreeMap<(RelPath, Variant), Deps>,
}

/// Packages of other modules that the code of the workspace imports.
#[derive(Default)]
pub(crate) struct Deps {
    /// For programs.
    pub programs: BTreeSet<String>,
    /// For tests; compiled on top of the others, so that no program waits for a test library.
    pub tests: BTreeSet<String>,
    /// What vetted packages import among them.
    pub vetted: BTreeSet<String>,
}

/// What a build mounts of the shared things.
#[derive(Default)]
pub(crate) struct Mounts {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The compile caches among them, by name.
    pub caches: Vec<&'static str>,
    /// The targets that make them.
    pub targets: BTreeSet<TargetId>,
}

/// The compile cache of the standard library.
pub(crate) const STD: &str = "std";
/// The compile cache of what programs import of other modules.
pub(crate) const DEPS: &str = "deps";
/// The compile cache of what tests import besides.
pub(crate) const TEST_DEPS: &str = "testdeps";
/// The cache of what vetting asks of the standard library.
pub(crate) const STD_FACTS: &str = "stdfacts";
/// The cache of what vetting asks of packages of other modules.
pub(crate) const DEPS_FACTS: &str = "depsfacts";

impl Variant {
    /// Returns the name of a compile cache of this variant, among the outputs of its target.
    pub fn output(&self, cache: &str) -> RelPath {
        let name = match self.cgo {
            Cgo::Off => cache.to_owned(),
            Cgo::On => format!("{cache}-cgo"),
        };
        RelPath::new(&name).expect("a plain word")
    }

    /// Returns what decides which files of other modules count: no tags.
    pub fn context(&self) -> BuildContext {
        recipe::context(&self.platform, self.cgo, std::iter::empty())
    }

    /// Returns the target that compiles the standard library.
    pub fn std_target(&self) -> TargetId {
        implicit(&RelPath::root(), "go_std", &self.platform)
    }

    /// Returns the target that compiles packages of other modules.
    pub fn deps_target(&self, root: &Root) -> TargetId {
        implicit(&root.dir, "go_deps", &self.platform)
    }
}

/// Returns the id of an implicit target. Lowering has refused directories that no label can name.
fn implicit(dir: &RelPath, name: &str, platform: &Platform) -> TargetId {
    let label = Label::new(dir.clone(), name).expect("the directory was checked when its modules were loaded");
    TargetId { label, platform: platform.clone() }
}

impl Shared {
    /// Makes an empty collection.
    pub fn new(platform: Platform) -> Shared {
        Shared {
            platform,
            std: BTreeMap::new(),
            vetted: BTreeSet::new(),
            roots: BTreeMap::new(),
            deps: BTreeMap::new(),
        }
    }

    /// Notes what a build reaches: its modules, and packages of others.
    pub fn note(&mut self, root: &Rc<Root>, variant: &Variant, need: &Need, goal: Goal, packages: &BTreeSet<String>) {
        self.std.insert(variant.clone(), need.clone());
        self.roots.insert(root.dir.clone(), (root.clone(), need.clone()));
        let deps = self.deps.entry((root.dir.clone(), variant.clone())).or_default();
        let place = match goal {
            Goal::Package => &mut deps.programs,
            Goal::Tests => &mut deps.tests,
        };
        place.extend(packages.iter().cloned());
    }

    /// Notes that a package is vetted, and what it imports of other modules.
    pub fn vet(&mut self, root: &Root, variant: &Variant, packages: &BTreeSet<String>) {
        self.vetted.insert(variant.clone());
        let deps = self.deps.entry((root.dir.clone(), variant.clone())).or_default();
        deps.vetted.extend(packages.iter().cloned());
    }

    /// Returns the target that brings the modules.
    pub fn modules_target(&self, root: &Root) -> TargetId {
        implicit(&root.dir, "go_modules", &self.platform)
    }

    /// Returns what a build that imports these packages of other modules mounts.
    pub fn mounts(&self, root: &Root, variant: &Variant, packages: &BTreeSet<String>) -> Mounts {
        let mut mounts = self.base_mounts(root, variant);
        let Some(deps) = self.deps.get(&(root.dir.clone(), variant.clone())) else { return mounts };
        let wants_tests = packages.iter().any(|package| !deps.programs.contains(package));
        if !deps.programs.is_empty() && !packages.is_empty() {
            mounts.cache(DEPS, variant.deps_target(root), variant);
        }
        if wants_tests {
            mounts.cache(TEST_DEPS, variant.deps_target(root), variant);
        }
        mounts
    }

    /// Returns what vetting a package that imports these packages of other modules mounts.
    pub fn vet_mounts(&self, root: &Root, variant: &Variant, packages: &BTreeSet<String>) -> Mounts {
        let mut mounts = self.facts_mounts(root, variant, packages);
        if !packages.is_empty() {
            mounts.cache(DEPS_FACTS, variant.deps_target(root), variant);
        }
        mounts
    }

    /// Returns what is mounted to learn what vetting asks of these packages of other modules.
    pub fn facts_mounts(&self, root: &Root, variant: &Variant, packages: &BTreeSet<String>) -> Mounts {
        let mut mounts = self.mounts(root, variant, packages);
        mounts.cache(STD_FACTS, variant.std_target(), variant);
        mounts
    }

    /// Returns what every build mounts: modules and standard library.
    pub fn base_mounts(&self, root: &Root, variant: &Variant) -> Mounts {
        let mut mounts = Mounts::default();
        mounts.cache(STD, variant.std_target(), variant);
        if !root.locked.is_empty() {
            mounts.mount(recipe::gomod(), self.modules_target(root), modules_output());
        }
        mounts
    }
}

/// Returns the name of the output that holds all modules.
pub(crate) fn modules_output() -> RelPath {
    RelPath::new("modules").expect("a plain word")
}

impl Mounts {
    /// Mounts a compile cache.
    pub fn cache(&mut self, name: &'static str, producer: TargetId, variant: &Variant) {
        self.caches.push(name);
        self.mount(recipe::gocache(name), producer, variant.output(name));
    }

    fn mount(&mut self, at: RelPath, producer: TargetId, output: RelPath) {
        self.targets.insert(producer.clone());
        self.inputs.push(Input { at, from: Origin::Output(producer, output) });
    }
}
