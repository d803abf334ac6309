//! From an import path to what provides it: the standard library, a directory of the workspace, a required module.
//! It knows modules and directories, not files.

use model::RelPath;

use super::modules::{Choice, Root};
use crate::near::nearest;

/// What provides an import path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Provider<'a> {
    /// The standard library, or the compiler itself (`C`, `unsafe`).
    Standard,
    /// A package of the workspace.
    Local(RelPath),
    /// A required module, by its path.
    Module(&'a str, &'a Choice),
    /// Nothing. The directory in which it would lie, if a local module owns the path.
    Nothing(Option<RelPath>),
}

/// Finds what provides an import path. `has_package` says whether a directory holds Go files that belong to the
/// module in another directory.
pub(crate) fn resolve<'a>(
    root: &'a Root,
    import: &str,
    mut has_package: impl FnMut(&RelPath, &RelPath) -> bool,
) -> Provider<'a> {
    let mut missing = None;
    let mut locals = root.local.iter().filter(|(module, _)| below(import, module).is_some()).peekable();
    let mut prefix = Some(import);
    // The longest module path that is a prefix wins, if it has the package.
    while let Some(path) = prefix {
        while let Some((module, dir)) = locals.next_if(|(module, _)| module == path) {
            let package = below(import, module).and_then(|rest| dir.child(rest).ok());
            let Some(package) = package else { continue };
            if has_package(&package, dir) {
                return Provider::Local(package);
            }
            missing.get_or_insert(package);
        }
        if let Some((module, choice)) = root.required.get_key_value(path) {
            return Provider::Module(module, choice);
        }
        prefix = path.rfind('/').map(|end| &path[..end]);
    }
    match missing {
        None if is_standard(import) => Provider::Standard,
        missing => Provider::Nothing(missing),
    }
}

/// Whether a path that no module owns is left to the standard library: its first part has no dot. Which packages a
/// toolchain has is the toolchain's to say.
fn is_standard(import: &str) -> bool {
    !import.split('/').next().unwrap_or_default().contains('.')
}

/// Returns the rest of an import path below a module's path.
fn below<'a>(import: &'a str, module: &str) -> Option<&'a str> {
    let rest = import.strip_prefix(module)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Returns a path that may be meant instead: in a module whose path is nearly the beginning of it, or in a directory
/// beside the one that is missing.
pub(crate) fn near_import(root: &Root, import: &str, siblings: &[String]) -> Option<String> {
    let modules = root.required.keys().chain(root.local.iter().map(|(path, _)| path));
    let in_module = modules.filter_map(|module| {
        let (head, rest) = split_like(import, module)?;
        (strsim::damerau_levenshtein(head, module) <= NEAR).then(|| format!("{module}{rest}"))
    });
    let (parent, name) = import.rfind('/').map_or(("", import), |end| import.split_at(end + 1));
    let beside = nearest(name, siblings.iter().map(String::as_str)).map(|near| format!("{parent}{near}"));
    beside.or_else(|| in_module.filter(|near| near != import).min())
}

/// How many letters of a module's path may be wrong.
const NEAR: usize = 2;

/// Splits an import path after as many segments as a module's path has.
fn split_like<'i>(import: &'i str, module: &str) -> Option<(&'i str, &'i str)> {
    let count = module.split('/').count();
    let mut ends = import.match_indices('/').map(|(at, _)| at).chain([import.len()]);
    ends.nth(count - 1).map(|end| import.split_at(end))
}
