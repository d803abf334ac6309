//! The locked distributions that targets use; each lock is read once. Finds the lock of a target, and asks what the
//! interpreter is.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::{EntryKind, Location, Mistake, Need, PythonEnvironment, RelPath, TargetId, codes};

use super::lock::LockedDistribution;
use super::{poetry_lock, requirements, uv_lock};
use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::parts::{self, path};
use crate::written::Written;

/// The locks that rg reads, in the order in which they are looked for in a directory, with what may stand beside them.
const LOCKS: [&str; 3] = ["uv.lock", "poetry.lock", "requirements.txt"];

/// The distributions of a lock.
pub(super) struct Packages {
    /// The lock.
    pub lock: RelPath,
    /// The files that say so: the lock, and its manifest.
    pub files: Vec<RelPath>,
    /// What is locked and fits.
    pub distributions: Vec<LockedDistribution>,
    /// The target that brings them.
    pub target: TargetId,
    /// The toolchain.
    pub need: Need,
    /// What the toolchain is.
    pub environment: PythonEnvironment,
}

impl Packages {
    /// Returns the directory of the lock.
    pub fn dir(&self) -> RelPath {
        self.lock.parent().unwrap_or_else(RelPath::root)
    }

    /// Whether a distribution is locked.
    pub fn has(&self, name: &str) -> bool {
        self.distributions.iter().any(|distribution| distribution.name == name)
    }
}

/// All locks that were read.
#[derive(Default)]
pub(super) struct Locks(BTreeMap<RelPath, Option<Rc<Packages>>>);

/// What a target has of packages.
pub(super) enum Found {
    /// A lock that can be used.
    Packages(Rc<Packages>),
    /// No lock, which is fine as long as nothing of it is imported.
    Nothing,
    /// A lock that cannot be used, which was reported.
    Broken,
}

impl Locks {
    /// Returns all locks that targets use.
    pub fn used(&self) -> impl Iterator<Item = &Rc<Packages>> {
        self.0.values().flatten().filter(|packages| !packages.distributions.is_empty())
    }

    /// Returns the packages of a target: those of the lock it names, or of the nearest one upwards.
    pub fn of(&mut self, declaration: &Declaration, need: &Need, lowering: &mut Lowering) -> Found {
        let package = declaration.common.package();
        let found = match declaration.text("lock") {
            Some(written) => match named(written, package, lowering) {
                Some(lock) => Some(lock),
                None => return Found::Broken,
            },
            None => nearest(lowering, package),
        };
        let Some(lock) = found else { return Found::Nothing };
        if !self.0.contains_key(&lock) {
            let packages = load(&lock, need, &declaration.common.declared.at, lowering);
            self.0.insert(lock.clone(), packages.map(Rc::new));
        }
        self.0[&lock].clone().map_or(Found::Broken, Found::Packages)
    }
}

/// Returns the nearest lock at or above a directory.
fn nearest(lowering: &Lowering, dir: &RelPath) -> Option<RelPath> {
    let upwards = dir.upwards();
    upwards.flat_map(|dir| LOCKS.map(|name| dir.join(&path(name)))).find(|file| is_file(lowering, file))
}

/// Returns the lock that a target names; reports one that is not there.
fn named(written: &Written, package: &RelPath, lowering: &mut Lowering) -> Option<RelPath> {
    let lock = match written.text.strip_prefix("//") {
        Some(inside) => package.repository().child(inside),
        None => package.resolve_inside(&written.text),
    };
    let there = lock.ok().filter(|lock| is_file(lowering, lock));
    if there.is_none() {
        let message = format!("`{}` does not exist", written.text);
        let mistake = Mistake::new(codes::PYTHON_NO_LOCK, message).at(written.at.clone(), "");
        lowering
            .mistake(mistake.hint("write the path of a lock, from the package, or from the workspace root as \"//…\""));
    }
    there
}

fn is_file(lowering: &Lowering, file: &RelPath) -> bool {
    lowering.entry(file) == Some(EntryKind::File)
}

fn load(lock: &RelPath, need: &Need, at: &Location, lowering: &mut Lowering) -> Option<Packages> {
    let dir = lock.parent().unwrap_or_else(RelPath::root);
    let environment = lowering.python_environment(need);
    let text = read(lowering, lock)?;
    let manifest = dir.join(&path("pyproject.toml"));
    let manifest_text = read(lowering, &manifest);
    let given = manifest_text.as_deref().map(|text| (&manifest, text));
    let parse = match lock.name() {
        "uv.lock" => uv_lock::parse,
        "poetry.lock" => poetry_lock::parse,
        _ => requirements::parse,
    };
    let (locked, mistakes) = parse(&text, lock, given, &environment, lowering.platform());
    if !mistakes.is_empty() {
        mistakes.into_iter().for_each(|mistake| lowering.mistake(mistake));
        return None;
    }
    let name = if nearest(lowering, &dir).as_ref() == Some(lock) {
        "python_wheels".to_owned()
    } else {
        format!("python_wheels-{}", lock.name())
    };
    let Some(target) = parts::implicit(&dir, &name, lowering.platform()) else {
        let message = format!("no label can name `{lock}`");
        lowering.mistake(Mistake::new(codes::BAD_PACKAGE_NAME, message).at(at.clone(), ""));
        return None;
    };
    let mut files = vec![lock.clone()];
    files.extend(manifest_text.is_some().then_some(manifest));
    let distributions = locked.distributions;
    Some(Packages { lock: lock.clone(), files, distributions, target, need: need.clone(), environment })
}

/// Returns the text of a file; none if it is not there, or is not UTF-8.
pub(super) fn read(lowering: &Lowering, file: &RelPath) -> Option<String> {
    is_file(lowering, file)
        .then(|| lowering.read(file).ok())
        .flatten()
        .and_then(|(_, bytes)| String::from_utf8(bytes).ok())
}
