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

/// Returns a path that may be meant instead: of a required module, or of a directory beside the one that is missing.
pub(crate) fn near_import(root: &Root, import: &str, siblings: &[String]) -> Option<String> {
    let modules = root.required.keys().chain(root.local.iter().map(|(path, _)| path));
    let parent = import.rfind('/').map_or("", |end| &import[..=end]);
    let beside: Vec<String> = siblings.iter().map(|name| format!("{parent}{name}")).collect();
    let candidates = modules.chain(&beside).map(String::as_str);
    nearest(import, candidates).map(str::to_owned)
}
