//! Lowers Go targets. Reads go.mod, go.work, go.sum and the heads of source files; one action links a program, two
//! link and run the tests of a package; modules, standard library and foreign packages are implicit targets.
//!
//! It knows nothing of definitions beyond its own attributes, and nothing of how an action runs.

mod closure;
mod constraint;
mod embed;
mod implicit;
mod inputs;
mod modfile;
mod modules;
mod package;
mod patterns;
mod program;
mod recipe;
mod resolve;
mod scan;
mod shared;
mod sum_checks;
mod sums;
mod testing;
mod version;

#[cfg(test)]
mod tests;

use model::Target;

pub(crate) use crate::go_attributes::Cgo;
use crate::go_attributes::{GoBinary, GoTest};
use crate::lowering::Lowering;

/// Lowers all Go targets of a workspace, with the implicit targets that they share.
pub(crate) fn lower(binaries: &[GoBinary], tests: &[GoTest], lowering: &mut Lowering) -> Vec<Target> {
    let mut shared = shared::Shared::new(lowering.platform().clone());
    let mut code = closure::Code::new(lowering);
    let programs: Vec<_> = binaries.iter().filter_map(|binary| program::Program::find(&mut code, binary)).collect();
    let tests: Vec<_> = tests.iter().filter_map(|test| testing::Tests::find(&mut code, test)).collect();
    programs.iter().for_each(|program| program.share(&mut shared));
    tests.iter().for_each(|test| test.share(&mut shared));
    let mut targets: Vec<Target> = programs.iter().map(|program| program.lower(&mut code, &shared)).collect();
    targets.extend(tests.iter().map(|test| test.lower(&mut code, &shared)));
    targets.extend(implicit::targets(&shared, code.lowering));
    targets
}
