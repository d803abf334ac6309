//! Looks programs up on PATH and finds the real one behind each: through links and the shims of version managers.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::error::how_to_install;
use super::look::Look;
use super::{Surroundings, ToolError, shims};

/// Returns every place on `path` that has the program, the one that counts first.
pub fn which_all(program: &str, path: &OsStr) -> Vec<PathBuf> {
    let mut look = Look::default();
    candidates(program, path).into_iter().filter(|place| look.is_program(place)).collect()
}

/// Relative entries of PATH mean another program in each directory: they are left out.
fn candidates(program: &str, path: &OsStr) -> Vec<PathBuf> {
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(program)).collect()
}

/// Returns the real program that a name stands for.
pub(super) fn real_program(
    toolchain: &str,
    program: &str,
    surroundings: &Surroundings,
    look: &mut Look,
) -> Result<PathBuf, ToolError> {
    let mut looked_at = Vec::new();
    for place in candidates(program, &surroundings.path) {
        looked_at.push(place.clone());
        if !look.is_program(&place) {
            continue;
        }
        match shims::behind(&place, program, surroundings, look) {
            shims::Behind::Nothing => {}
            shims::Behind::Program(real) => return Ok(real),
            shims::Behind::System => continue,
            shims::Behind::NoVersion { manager, version, hint } => {
                let (toolchain, program) = (toolchain.to_owned(), program.to_owned());
                return Err(ToolError::NoVersion { toolchain, program, manager, version, hint });
            }
        }
        if is_unknown_shim(&place) {
            return Err(unknown_shim(toolchain, program, place));
        }
        if let Some(real) = look.real(&place) {
            return Ok(real);
        }
    }
    let hint = how_to_install(toolchain, program);
    Err(ToolError::Missing { toolchain: toolchain.to_owned(), program: program.to_owned(), looked_at, hint })
}

fn is_unknown_shim(place: &Path) -> bool {
    place.parent().and_then(Path::file_name) == Some(OsStr::new("shims"))
}

fn unknown_shim(toolchain: &str, program: &str, shim: PathBuf) -> ToolError {
    let hint = format!("put the directory of the real `{program}` before `{}` on PATH", shim.display());
    ToolError::UnknownShim { toolchain: toolchain.to_owned(), program: program.to_owned(), shim, hint }
}
