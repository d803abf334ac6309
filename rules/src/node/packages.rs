//! The implicit targets of locked npm packages. `//:npm_packages` fetches and unpacks each once, whichever locks name it;
//! the `node_modules` of a lock lays them out as the client does. One changed entry fetches and unpacks one package.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use model::{
    Action, Assembly, Input, Locked, Need, Origin, OutputKind, Purpose, RelPath, SeenAt, Target, TargetId, Text, Work,
};

use super::VERSION;
use super::layout::{Package, Placed, What};
use super::names::NODE_MODULES;
use super::repository::{Lock, Repositories};
use crate::parts::{self, path};

/// Below it, in the target's outputs, lies what belongs below the directory of the lock.
const LAID_OUT: &str = "tree";

/// Returns the targets that bring the packages of all locks: one for each lock, and one for the packages that they share.
pub(super) fn targets(repositories: &mut Repositories) -> Vec<Target> {
    let locks: Vec<Rc<Lock>> = repositories.used().into_iter().filter(|lock| !lock.layout.places.is_empty()).collect();
    let Some(first) = locks.first() else { return Vec::new() };
    let shared = Bringing { need: &first.need, out: &repositories.lowering.out_dir(&first.packages) };
    let packages: BTreeSet<&Package> = locks.iter().flat_map(|lock| &lock.layout.places).filter_map(package).collect();
    let packages: BTreeMap<RelPath, &Package> = packages.into_iter().map(|it| (name_of(it), it)).collect();
    let actions = packages.values().flat_map(|package| shared.bring(package, &first.packages)).collect();
    let mut targets = vec![Target { actions, ..parts::bare(first.packages.clone(), "npm_packages") }];
    for lock in &locks {
        let action = lay_out(lock, &repositories.lowering.out_dir(&lock.modules));
        let deps = parts::dependencies(&[], parts::producers([&action], &lock.modules));
        let sources = vec![repositories.lowering.file_set(vec![lock.file.clone()])];
        let bare = parts::bare(lock.modules.clone(), "node_modules");
        targets.push(Target { actions: vec![action], sources, deps, ..bare });
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
    let hash = blake3::hash(package.integrity.as_bytes()).to_hex();
    path(&format!("{}@{}-{}", package.name, package.version, &hash[..8]))
}

struct Bringing<'b> {
    need: &'b Need,
    out: &'b RelPath,
}

impl Bringing<'_> {
    /// Fetches a tarball, and unpacks it.
    fn bring(&self, package: &Package, id: &TargetId) -> [Action; 2] {
        let Package { name, version, integrity, url, scripts: _ } = package;
        let locked = Locked::NpmPackage {
            name: Arc::from(&**name),
            version: Arc::from(&**version),
            integrity: Arc::from(&**integrity),
            seen_at: SeenAt(url.as_deref().map(Arc::from)),
        };
        let needs = vec![Need::Base, self.need.clone()];
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

/// Puts every package where it belongs, with the links that the client makes.
fn lay_out(lock: &Lock, out: &RelPath) -> Action {
    let work = Work::Tree(Assembly::NodeModules);
    let action = parts::action("lay out", work, Purpose::Internal, Vec::new(), VERSION);
    let below = parts::src().join(out).join(&path(LAID_OUT));
    let input = |placed: &Placed| Input { at: below.join(&placed.at), from: origin(placed, &lock.packages) };
    let output = |dir: &RelPath| parts::output(out, laid_out(dir), OutputKind::Directory);
    let mut inputs: Vec<Input> = lock.layout.places.iter().map(input).collect();
    inputs.sort();
    Action { inputs, outputs: directories(lock).iter().map(output).collect(), ..action }
}

/// Returns where what is put at a place comes from, given the target of all packages.
pub(super) fn origin(placed: &Placed, packages: &TargetId) -> Origin {
    match &placed.what {
        What::Package(package) => Origin::Output(packages.clone(), unpacked(package)),
        What::Link(target) => Origin::Text(Text::Link(Arc::from(&**target))),
    }
}

/// Returns the inputs that show the packages where the client has them.
pub(super) fn inputs(lock: &Lock) -> Vec<Input> {
    let input = |dir: RelPath| Input {
        at: parts::src().join(&lock.dir).join(&dir),
        from: Origin::Output(lock.modules.clone(), laid_out(&dir)),
    };
    directories(lock).into_iter().map(input).collect()
}

/// Returns the outermost directories `node_modules`, from the lock's directory: its own, and those of packages of the
/// repository.
fn directories(lock: &Lock) -> BTreeSet<RelPath> {
    let outermost = |placed: &Placed| {
        let segments: Vec<&str> = placed.at.segments().take_while(|segment| *segment != NODE_MODULES).collect();
        path(&[&segments[..], &[NODE_MODULES]].concat().join("/"))
    };
    lock.layout.places.iter().map(outermost).collect()
}

fn laid_out(dir: &RelPath) -> RelPath {
    path(LAID_OUT).join(dir)
}

/// Returns the directories in which a shell finds the commands of packages, the nearest first, from the root of the
/// workspace.
pub(super) fn command_directories(dir: &RelPath, lock: &Lock) -> Vec<RelPath> {
    let upwards = std::iter::successors(Some(dir.clone()), RelPath::parent);
    let inside = upwards.take_while(|dir| dir.starts_with(&lock.dir));
    let known: BTreeSet<RelPath> = directories(lock).into_iter().map(|dir| lock.dir.join(&dir)).collect();
    let modules = inside.map(|dir| dir.join(&path(NODE_MODULES))).filter(|modules| known.contains(modules));
    modules.map(|modules| modules.join(&path(".bin"))).collect()
}
