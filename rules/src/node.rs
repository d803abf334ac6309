//! Lowers Node targets. Reads package.json files and the lock of their client; one action runs a script of a package, an
//! application is a tree; locked packages are implicit targets. What a package runs when it is installed is an action.
//!
//! The locks and manifests are texts that become values: their readers open no file and know no targets.

mod install;
mod layout;
mod locks;
mod manifest;
mod names;
mod package_lock;
mod packages;
mod pnpm;
mod production;
mod report;
mod repository;
mod runs_on;
mod script;
mod service;
mod sources;
mod stale;
mod yarn;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use model::{Kind, Label, RelPath, Target};

use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::parts::path;

/// The version of the recipes below: a part of every key.
const VERSION: u32 = 1;

/// Lowers all Node targets of a workspace, with the packages that they share.
pub(crate) fn lower(declarations: &[&Declaration], lowering: &mut Lowering) -> Vec<Target> {
    let mut repositories = repository::Repositories::new(lowering);
    let mut targets = Vec::new();
    for declaration in declarations {
        let Some(project) = repositories.project(declaration) else { continue };
        targets.extend(match (declaration.common.rule, declaration.rule.kind) {
            ("node_service", _) => service::lower(declaration, &project, &mut repositories),
            (_, Kind::Test) => script::lower_test(declaration, &project, &mut repositories),
            _ => script::lower_frontend(declaration, &project, &mut repositories),
        });
    }
    targets.extend(packages::targets(&mut repositories));
    targets
}

/// Returns the output of a `frontend`: the directory that its script makes.
pub(crate) fn frontend_output(declaration: &Declaration) -> RelPath {
    let written = declaration.text("out").map_or("dist", |out| &out.text);
    // What is no path below the package is reported when the target is lowered.
    RelPath::new(written.trim_end_matches('/')).ok().filter(|out| !out.is_root()).unwrap_or_else(|| path("dist"))
}

/// Returns the outputs of a `node_service`: code, packages, and the program that starts it.
pub(crate) fn service_outputs(label: &Label) -> Vec<RelPath> {
    vec![path(service::CODE), path(names::NODE_MODULES), launcher(label)]
}

/// Returns the name of the program that starts a service: the last segment of the target's name.
fn launcher(label: &Label) -> RelPath {
    path(label.target().rsplit('/').next().unwrap_or_default())
}
