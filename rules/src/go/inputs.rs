//! What Go targets of both rules take: modules, file sets, outputs of other targets, dependencies.

use std::rc::Rc;

use model::{FileSetId, Label, Location, Mistake, RelPath, codes};

use super::closure::{Closure, Code};
use super::modules::Root;
use crate::lowering::Lowering;
use crate::parts;

/// Returns the modules that a directory is built with; reports a directory without any.
pub(crate) fn root(code: &mut Code, dir: &RelPath, at: &Location) -> Option<Rc<Root>> {
    let root = code.root(dir);
    let problem = match &root {
        Some(root) => Label::new(root.dir.clone(), "go_modules").err().map(|error| error.to_string()),
        None => Some(format!("`{}` lies in no Go module", parts::shown(dir))),
    };
    let Some(message) = problem else { return root };
    let mistake = Mistake::new(codes::GO_NO_MODULE, message).at(at.clone(), "");
    code.report(mistake.hint("run `go mod init MODULE` in the directory that is to be the module"));
    None
}

/// Returns the file sets of all packages of a closure, each with what its code embeds.
pub(crate) fn package_sets(code: &mut Code, closure: &Closure) -> Vec<FileSetId> {
    let mut sets = Vec::new();
    for (dir, embeds) in &closure.packages {
        let mut files = code.listing(dir).map(|listing| listing.files()).unwrap_or_default();
        files.extend(embeds.iter().cloned());
        if !files.is_empty() {
            sets.push(code.lowering.file_set(files));
        }
    }
    sets
}

/// Adds the set of module files, which are read although only their meaning is staged.
pub(crate) fn with_module_files(lowering: &mut Lowering, mut sets: Vec<FileSetId>, root: &Root) -> Vec<FileSetId> {
    sets.push(lowering.file_set(root.files.clone()));
    sets.sort();
    sets.dedup();
    sets
}
