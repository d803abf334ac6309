//! The npm packages of the repository that targets belong to, with the lock that they share; each lock is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::{EntryKind, Location, Mistake, Need, RelPath, TargetId, codes};

use super::install::{self, Allowed};
use super::layout::Layout;
use super::locks::{Around, LOCKS, Parse, read};
use super::manifest::Manifest;
use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::parts::{self, path};

/// A lock, with all that it puts below its directory.
pub(super) struct Lock {
    /// The directory it lies in.
    pub dir: RelPath,
    /// The file.
    pub file: RelPath,
    /// What it puts where.
    pub layout: Layout,
    /// The target that lays its packages out.
    pub modules: TargetId,
    /// The target that brings the packages of all locks.
    pub packages: TargetId,
    /// The toolchain that its install scripts run with.
    pub need: Need,
}

/// The package of the repository that a target belongs to.
pub(super) struct Project {
    /// Its package.json.
    pub manifest: Manifest,
    /// Where that lies.
    pub file: RelPath,
    /// Its directory, which is the package of the target.
    pub dir: RelPath,
    /// Its directory, from that of the lock.
    pub place: RelPath,
    /// The lock.
    pub lock: Rc<Lock>,
    /// The toolchain.
    pub need: Need,
    /// The packages whose install scripts the target allows.
    pub allowed: Allowed,
}

/// All locks that were read, and what is needed of each.
pub(super) struct Repositories<'l, 'a> {
    /// The tree, and where mistakes go.
    pub lowering: &'l mut Lowering<'a>,
    locks: BTreeMap<RelPath, Option<Rc<Lock>>>,
    manifests: BTreeMap<RelPath, Option<Rc<Manifest>>>,
    allowed: BTreeMap<RelPath, BTreeSet<Allowed>>,
    /// What is wrong with a package, which is told once for all its targets.
    told: BTreeSet<String>,
}

impl<'l, 'a> Repositories<'l, 'a> {
    /// Makes a collection in which nothing was read yet.
    pub fn new(lowering: &'l mut Lowering<'a>) -> Repositories<'l, 'a> {
        let (locks, manifests, allowed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Repositories { lowering, locks, manifests, allowed, told: BTreeSet::new() }
    }

    /// Returns the package that a target belongs to; reports what is missing of it.
    pub fn project(&mut self, declaration: &Declaration) -> Option<Project> {
        let at = &declaration.common.declared.at;
        let dir = declaration.common.package().clone();
        let need = self.lowering.toolchain("node", at)?;
        let file = file_in(&dir, "package.json");
        if self.lowering.entry(&file) != Some(EntryKind::File) {
            let message = format!("{} has no package.json beside it", declaration.common.id.label);
            let mistake = Mistake::new(codes::NODE_BAD_MANIFEST, message).at(at.clone(), "");
            self.lowering.mistake(mistake.hint("run `npm init` in its directory, or move the target to its package"));
            return None;
        }
        let manifest = self.manifest(&file)?;
        let lock = self.lock(&dir, &need, at)?;
        let place = dir.strip_prefix(&lock.dir).expect("a lock is looked for upwards");
        if lock.layout.workspace(&place).is_none() {
            let message = format!("`{dir}` is no package of {}", lock.file);
            let mistake = Mistake::new(codes::NODE_STALE_LOCK, message).at(at.clone(), "");
            self.tell_once(mistake.hint("name it in `workspaces` of the package.json there, and run `npm install`"));
            return None;
        }
        let allowed = install::allowed(declaration, &lock, self.lowering)?;
        self.allowed.entry(lock.file.clone()).or_default().insert(allowed.clone());
        Some(Project { manifest: (*manifest).clone(), file, dir, place, lock, need, allowed })
    }

    fn tell_once(&mut self, mistake: Mistake) {
        if self.told.insert(mistake.message.clone()) {
            self.lowering.mistake(mistake);
        }
    }

    /// Returns all locks that targets use.
    pub fn used(&self) -> Vec<Rc<Lock>> {
        self.locks.values().flatten().cloned().collect()
    }

    /// Returns what targets allow of a lock, each set once.
    pub fn allowed(&self, lock: &Lock) -> BTreeSet<Allowed> {
        self.allowed.get(&lock.file).cloned().unwrap_or_default()
    }

    fn manifest(&mut self, file: &RelPath) -> Option<Rc<Manifest>> {
        if let Some(known) = self.manifests.get(file) {
            return known.clone();
        }
        let text = read(self.lowering, file);
        let manifest = text.and_then(|text| {
            let (manifest, mistakes) = Manifest::parse(&text, file);
            let sound = mistakes.is_empty();
            mistakes.into_iter().for_each(|mistake| self.lowering.mistake(mistake));
            sound.then(|| Rc::new(manifest))
        });
        self.manifests.insert(file.clone(), manifest.clone());
        manifest
    }

    /// Returns the nearest lock at or above a directory.
    fn lock(&mut self, dir: &RelPath, need: &Need, at: &Location) -> Option<Rc<Lock>> {
        let upwards = dir.upwards();
        let found = upwards.flat_map(|dir| LOCKS.map(|(name, parse)| (dir.clone(), file_in(&dir, name), parse)));
        let there = |lowering: &Lowering, file: &RelPath| lowering.entry(file) == Some(EntryKind::File);
        let Some((dir, file, parse)) = found.into_iter().find(|(_, file, _)| there(self.lowering, file)) else {
            let message = format!("there is no lock of npm packages in `{}` or above it", parts::shown(dir));
            let mistake = Mistake::new(codes::NODE_NO_LOCK, message).at(at.clone(), "");
            self.tell_once(mistake.hint("`npm install --package-lock-only` writes a package-lock.json"));
            return None;
        };
        if let Some(known) = self.locks.get(&file) {
            return known.clone();
        }
        let lock = self.load(dir, file.clone(), parse, need, at);
        self.locks.insert(file, lock.clone());
        lock
    }

    fn load(&mut self, dir: RelPath, file: RelPath, parse: Parse, need: &Need, at: &Location) -> Option<Rc<Lock>> {
        let text = read(self.lowering, &file)?;
        let (layout, mistakes) = parse(&text, &file, &Around { lowering: self.lowering, dir: &dir });
        if !mistakes.is_empty() {
            mistakes.into_iter().for_each(|mistake| self.lowering.mistake(mistake));
            return None;
        }
        let Some(modules) = parts::implicit(&dir, "node_modules", self.lowering.platform()) else {
            let message = format!("no label can name `{dir}`, where {file} lies");
            self.lowering.mistake(Mistake::new(codes::BAD_PACKAGE_NAME, message).at(at.clone(), ""));
            return None;
        };
        let packages =
            parts::implicit(&RelPath::root(), "npm_packages", self.lowering.platform()).expect("a plain label");
        Some(Rc::new(Lock { dir, file, layout, modules, packages, need: need.clone() }))
    }
}

pub(super) fn file_in(dir: &RelPath, name: &str) -> RelPath {
    dir.join(&path(name))
}
