//! Outputs of other targets that appear in the tree as if they were checked in. Nobody can read them before they exist;
//! only their paths are known.

use model::{Input, Origin, Provided, RelPath, TargetId};

use crate::lowering::Lowering;
use crate::written::ResolvedLabel;

/// Outputs that appear in the tree as if they were checked in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Generated {
    /// Where each appears, from the workspace root, and where it comes from.
    at: Vec<(RelPath, Origin)>,
}

impl Generated {
    /// Collects what the targets in `deps` provide.
    pub fn of(lowering: &Lowering, deps: &[ResolvedLabel]) -> Generated {
        let places = deps.iter().flat_map(|dep| {
            let provides = lowering.provides(&dep.target).iter();
            provides.map(|provided| (place(&dep.target, provided), provided.from.clone()))
        });
        Generated { at: places.collect() }
    }

    /// Whether a directory will hold Go files: a generated `.go` file in it, or a generated directory that reaches it.
    pub fn has_package(&self, dir: &RelPath) -> bool {
        self.at.iter().any(|(path, _)| match path.name().ends_with(".go") {
            true => path.parent().as_ref() == Some(dir),
            false => dir.starts_with(path),
        })
    }

    /// Whether anything will appear below a directory, or above it as a directory.
    pub fn has_files_below(&self, dir: &RelPath) -> bool {
        self.at.iter().any(|(path, _)| path.starts_with(dir) || dir.starts_with(path))
    }

    /// Returns where each appears, from the workspace root, and where it comes from.
    pub fn places(&self) -> &[(RelPath, Origin)] {
        &self.at
    }

    /// Returns the inputs that put them into a tree at `src`.
    pub fn inputs(&self, src: &RelPath) -> impl Iterator<Item = Input> {
        self.at.iter().map(|(path, from)| Input { at: src.join(path), from: from.clone() })
    }
}

/// A source appears where it lies; an output at `<package>/<output>`.
fn place(target: &TargetId, provided: &Provided) -> RelPath {
    match &provided.from {
        Origin::File(path) => path.clone(),
        Origin::Output(producer, name) => producer.label.package.join(name),
        Origin::Files(_) | Origin::Text(_) => target.label.package.join(&provided.name),
    }
}
