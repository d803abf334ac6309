//! The implicit targets of locked npm packages. `//:npm_packages` fetches and unpacks each once, whichever locks name it;
//! the `node_modules` of a lock lays them out as the client does. One changed entry fetches and unpacks one package.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use model::{
    Action, Assembly, Input, Locked, Need, Origin, OutputKind, Purpose, RelPath, SeenAt, Target, TargetId, Text, Work,
};

use super::VERSION;
use super::install::{self, Allowed};
use super::layout::{Package, Placed, What};
use super::names::NODE_MODULES;
use super::repository::{Lock, Repositories};
use crate::parts::{self, path};

/// Below it, in the target's outputs, lies what belongs below the directory of the lock, when nothing has run.
const LAID_OUT: &str = "tree";

/// Returns the targets that bring the packages of all locks: one for each lock, and one for the packages that they share.
pub(super) fn targets(repositories: &mut Repositories) -> Vec<Target> {
    let locks: Vec<Rc<Lock>> = repositories.used().into_iter().filter(|lock| !lock.layout.places.is_empty()).collect();
    let Some(first) = locks.first() else { return Vec::new() };
    let shared = Bringing { need: &first.need, out: &repositories.lowering.out_dir(&first.packages) };
    let mut packages: BTreeMap<RelPath, (&Package, BTreeSet<&RelPath>)> = BTreeMap::new();
    for lock in &locks {
        for package in lock.layout.places.iter().filter_map(package) {
            packages.entry(name_of(package)).or_insert((package, BTreeSet::new())).1.insert(&lock.dir);
        }
    }
    let bring = |(package, locked_in): &(&Package, BTreeSet<&RelPath>)| {
        shared.bring(package, locked_in.iter().copied().cloned().collect(), &first.packages)
    };
    let actions = packages.values().flat_map(bring).collect();
    let mut targets = vec![Target { actions, ..parts::bare(first.packages.clone(), "npm_packages") }];
    for lock in &locks {
        let out = repositories.lowering.out_dir(&lock.modules);
        let allowed = repositories.allowed(lock);
        let mut actions = install::actions(lock, &out, &allowed);
        actions.extend(allowed.iter().map(|allowed| lay_out(lock, &out, allowed)));
        let deps = parts::dependencies(&[], parts::producers(&actions, &lock.modules));
        let sources = vec![repositories.lowering.file_set(vec![lock.file.clone()])];
        let bare = parts::bare(lock.modules.clone(), "node_modules");
        targets.push(Target { actions, sources, deps, ..bare });
    }
    targets
}

fn package(placed: &Placed) -> Option<&Package> {
    match &placed.what {
        What::Package(package) => Some(package),
        What::Link(_) => None,
    }
}

/// Returns the name of a package among the outputs: two locks may have different tarballs of one version, so the hash is
/// a part of it.
fn name_of(package: &Package) -> RelPath {
    path(&format!("{}@{}-{}", package.name, package.version, short_hash(&package.integrity)))
}

/// Returns what tells texts apart in names of outputs.
pub(super) fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..8].to_owned()
}

struct Bringing<'b> {
    need: &'b Need,
    out: &'b RelPath,
}

impl Bringing<'_> {
    /// Fetches a tarball, and unpacks it.
    fn bring(&self, package: &Package, locked_in: Vec<RelPath>, id: &TargetId) -> [Action; 2] {
        let Package { name, version, integrity, url, scripts: _ } = package;
        let locked = Locked::NpmPackage {
            name: Arc::from(&**name),
            version: Arc::from(&**version),
            integrity: Arc::from(&**integrity),
            seen_at: SeenAt(url.as_deref().map(Arc::from)),
            locked_in,
        };
        let needs = Need::grounded([self.need.clone()]);
        let title = format!("fetch {name}@{version}");
        let fetch = parts::action(&title, Work::Fetch(locked), Purpose::Fetch, needs, VERSION);
        let tarball = parts::output(self.out, path("tarball").join(&name_of(package)), OutputKind::File);
        let fetch = Action { outputs: vec![tarball.clone()], ..fetch };
        let work = Work::Tree(Assembly::NpmTarballs);
        let unpack = parts::action(&format!("unpack {name}@{version}"), work, Purpose::Internal, Vec::new(), VERSION);
        let unpacked = parts::output(self.out, unpacked(package), OutputKind::Directory);
        let input = Input { at: unpacked.at.clone(), from: Origin::Output(id.clone(), tarball.name) };
        [fetch, Action { inputs: vec![input], outputs: vec![unpacked], ..unpack }]
    }
}

fn unpacked(package: &Package) -> RelPath {
    path("unpacked").join(&name_of(package))
}

/// Puts every package where it belongs, those that may run scripts as these left them.
fn lay_out(lock: &Lock, out: &RelPath, allowed: &Allowed) -> Action {
    let names: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let title = if names.is_empty() { "lay out".to_owned() } else { format!("lay out with {}", names.join(", ")) };
    everything(lock, allowed).action(&title, out, allowed)
}

fn everything<'l>(lock: &'l Lock, allowed: &Allowed) -> Laid<'l> {
    Laid { lock, places: lock.layout.places.iter().collect(), below: laid_out(allowed) }
}

/// Packages at their places, below a directory among the outputs that stands for that of the lock.
pub(super) struct Laid<'l> {
    /// The lock.
    pub lock: &'l Lock,
    /// The packages, and the links to them.
    pub places: Vec<&'l Placed>,
    /// The directory among the outputs.
    pub below: RelPath,
}

impl Laid<'_> {
    /// Puts all at their places, with the links that the client makes.
    pub fn action(&self, title: &str, out: &RelPath, allowed: &Allowed) -> Action {
        let work = Work::Tree(Assembly::NodeModules);
        let action = parts::action(title, work, Purpose::Internal, Vec::new(), VERSION);
        let at = parts::src().join(out).join(&self.below);
        let input = |placed: &&Placed| Input { at: at.join(&placed.at), from: origin(placed, self.lock, allowed) };
        let output = |dir: RelPath| parts::output(out, self.below.join(&dir), OutputKind::Directory);
        let mut inputs: Vec<Input> = self.places.iter().map(input).collect();
        inputs.sort();
        let outputs = directories(self.places.iter().copied()).into_iter().map(output).collect();
        Action { inputs, outputs, ..action }
    }

    /// Returns the inputs that show all where the client has them.
    pub fn inputs(&self) -> Vec<Input> {
        let input = |dir: RelPath| Input {
            at: parts::src().join(&self.lock.dir).join(&dir),
            from: Origin::Output(self.lock.modules.clone(), self.below.join(&dir)),
        };
        directories(self.places.iter().copied()).into_iter().map(input).collect()
    }
}

/// Returns where what is put at a place comes from.
pub(super) fn origin(placed: &Placed, lock: &Lock, allowed: &Allowed) -> Origin {
    match &placed.what {
        What::Package(package) if allowed.contains(&package.name) => {
            Origin::Output(lock.modules.clone(), install::installed(&placed.at, package))
        }
        What::Package(package) => Origin::Output(lock.packages.clone(), unpacked(package)),
        What::Link(target) => Origin::Text(Text::Link(Arc::from(&**target))),
    }
}

/// Returns the inputs that show the packages where the client has them, as a target allows.
pub(super) fn inputs(lock: &Lock, allowed: &Allowed) -> Vec<Input> {
    everything(lock, allowed).inputs()
}

/// Returns the outermost directories `node_modules`, from the lock's directory: its own, and those of packages of the
/// repository.
fn directories<'p>(places: impl IntoIterator<Item = &'p Placed>) -> BTreeSet<RelPath> {
    let outermost = |placed: &Placed| {
        let segments: Vec<&str> = placed.at.segments().take_while(|segment| *segment != NODE_MODULES).collect();
        path(&[&segments[..], &[NODE_MODULES]].concat().join("/"))
    };
    places.into_iter().map(outermost).collect()
}

/// Returns what stands for the directory of the lock, among the outputs, where some packages have run their scripts.
fn laid_out(allowed: &Allowed) -> RelPath {
    if allowed.is_empty() {
        return path(LAID_OUT);
    }
    let names: Vec<&str> = allowed.iter().map(String::as_str).collect();
    path(&format!("{LAID_OUT}-{}", short_hash(&names.join(" "))))
}

/// Returns the directories in which a shell finds the commands of packages, the nearest first, from the root of the
/// workspace.
pub(super) fn command_directories(dir: &RelPath, lock: &Lock) -> Vec<RelPath> {
    let upwards = dir.upwards();
    let inside = upwards.take_while(|dir| dir.starts_with(&lock.dir));
    let known: BTreeSet<RelPath> =
        directories(&lock.layout.places).into_iter().map(|dir| lock.dir.join(&dir)).collect();
    let modules = inside.map(|dir| dir.join(&path(NODE_MODULES))).filter(|modules| known.contains(modules));
    modules.map(|modules| modules.join(&path(".bin"))).collect()
}
