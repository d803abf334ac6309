//! What Go targets of both rules take: modules, file sets, outputs of other targets, dependencies.

use std::collections::BTreeSet;
use std::rc::Rc;

use model::{Dependency, EntryKind, FileSetId, Input, Label, Location, Mistake, Origin, RelPath, TargetId, codes};

use super::closure::{Closure, Code, shown};
use super::modules::Root;
use super::recipe;
use crate::lowering::{self, Lowering};
use crate::written::ResolvedLabel;

/// Returns the modules that a directory is built with; reports a directory without any.
pub(crate) fn root(code: &mut Code, dir: &RelPath, at: &Location) -> Option<Rc<Root>> {
    let root = code.root(dir);
    let problem = match &root {
        Some(root) => Label::new(root.dir.clone(), "go_modules").err().map(|error| error.to_string()),
        None => Some(format!("`{}` lies in no Go module", shown(dir))),
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

/// Returns the declared dependencies and the implicit ones, sorted by target.
pub(crate) fn dependencies(labels: &[ResolvedLabel], implicit: BTreeSet<TargetId>) -> Vec<Dependency> {
    let mut deps = lowering::dependencies(labels);
    deps.extend(implicit.into_iter().map(|target| Dependency { target, at: None }));
    deps.sort();
    deps
}

/// Returns the inputs that targets named as data bring: their outputs at `rg-out/…`, their sources where they lie.
pub(crate) fn label_inputs(lowering: &Lowering, labels: &[ResolvedLabel]) -> Vec<Input> {
    let provided = labels.iter().flat_map(|label| lowering.provides(&label.target));
    let place = |from: &Origin| match from {
        Origin::File(path) => Some(path.clone()),
        Origin::Output(producer, name) => Some(lowering.out_dir(producer).join(name)),
        Origin::Files(_) | Origin::Text(_) => None,
    };
    let input = |from: &Origin| Some(Input { at: recipe::src().join(&place(from)?), from: from.clone() });
    provided.filter_map(|provided| input(&provided.from)).collect()
}

/// Returns all files below a directory.
pub(crate) fn files_below(lowering: &Lowering, dir: &RelPath) -> Vec<RelPath> {
    let mut files = Vec::new();
    for entry in lowering.list(dir).unwrap_or_default().iter() {
        let Ok(path) = dir.child(&entry.name) else { continue };
        match entry.kind {
            EntryKind::File | EntryKind::Symlink => files.push(path),
            EntryKind::Directory => files.extend(files_below(lowering, &path)),
            EntryKind::Workspace | EntryKind::Unusable => {}
        }
    }
    files
}
