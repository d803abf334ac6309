//! Lowers Python targets. Reads the imports of source files and the locks of packages; an application is a tree with an
//! action that proves that it can be imported; each test file is an action; locked packages are implicit targets.
//!
//! The scanner and the readers of locks are pure text; only what lowers targets reads the tree.

mod all;
pub(crate) mod closure;
pub(crate) mod find;
mod lock;
mod manifest;
mod marker;
mod packages;
mod poetry_hash;
mod poetry_lock;
mod recipe;
mod requirement;
mod requirements;
mod scan;
mod service;
mod skip;
mod standard;
mod testing;
mod toml_parts;
mod uv_lock;
mod uv_stale;
mod uv_walk;
mod wheels;
mod world;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use model::{Kind, Label, RelPath, Target};

use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::parts::path;

/// Lowers all Python targets of a workspace, with the packages that they share.
pub(crate) fn lower(declarations: &[&Declaration], lowering: &mut Lowering) -> Vec<Target> {
    let scans = closure::Scans::new(lowering.recorder());
    let mut world = world::World { lowering, scans: &scans, locks: packages::Locks::default() };
    let mut targets = Vec::new();
    for declaration in declarations {
        targets.extend(match declaration.rule.kind {
            Kind::Test => testing::lower(declaration, &mut world),
            Kind::Build | Kind::Suite | Kind::Group | Kind::Implicit => service::lower(declaration, &mut world),
        });
    }
    let used: Vec<Rc<packages::Packages>> = world.locks.used().cloned().collect();
    targets.extend(wheels::targets(&used, world.lowering));
    targets
}

/// Returns the outputs of a `python_test`: what says which lines were run.
pub(crate) fn test_outputs(declaration: &Declaration) -> Vec<RelPath> {
    testing::coverage_reports(declaration)
}

/// Returns the outputs of a `python_service`: code, packages, and the program that starts it.
pub(crate) fn service_outputs(label: &Label) -> Vec<RelPath> {
    vec![path(service::CODE), path(service::DEPS), launcher(label)]
}

/// Returns the name of the program that starts a service: the last segment of the target's name.
fn launcher(label: &Label) -> RelPath {
    path(label.target().rsplit('/').next().unwrap_or_default())
}
