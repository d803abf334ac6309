//! Targets, and an analysis: all targets of a workspace.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Action, Location, Origin, Platform, RelPath, TargetId};

/// A declared unit, or an implicit one, lowered to actions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// Its name and platform.
    pub id: TargetId,
    /// The rule that made it: `go_binary`.
    pub rule: Arc<str>,
    /// What a command line does with it.
    pub kind: Kind,
    /// Where it is declared; `None` for implicit targets.
    pub declared: Option<Declared>,
    /// What `$(location)`, dependents and delivery see of it, sorted by name.
    pub provides: Vec<Provided>,
    /// Its actions, in an order in which later ones may use outputs of earlier ones.
    pub actions: Vec<Action>,
    /// The targets it names or reaches, sorted by id, each once.
    pub deps: Vec<Dependency>,
    /// Patterns of packages that may depend on it (`//services/...`, `//a:all`); empty means everyone.
    pub visibility: Vec<Arc<str>>,
    /// Its tags, sorted.
    pub tags: Vec<Arc<str>>,
    /// The source files that the target owns or reads directly, sorted: for `owner`, `rdeps` of a file, and error messages.
    pub sources: Vec<FileSetId>,
    /// Its attributes as written, for queries: each value as JSON text.
    pub attributes: BTreeMap<Arc<str>, Arc<str>>,
}

/// What a command line does with a target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// It is built.
    Build,
    /// It is built, and tested by `rg test`.
    Test,
    /// It groups tests: `rg test` runs those that it depends on.
    Suite,
    /// It only points to files or to another target.
    Group,
    /// It is not declared by anyone; it is built for those who depend on it, and matches no wildcard.
    Implicit,
}

/// Where a target is declared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Declared {
    /// The header of its table.
    pub at: Location,
    /// The line of the header, from 1.
    pub line: u32,
}

/// One thing that a target provides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Provided {
    /// Its name: a path below the target's output directory, or a source's path from the workspace root.
    pub name: RelPath,
    /// Where it comes from: `File` or `Output`.
    pub from: Origin,
}

/// One edge of the target graph.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Dependency {
    /// The target that is depended on.
    pub target: TargetId,
    /// The label as written; `None` for inferred edges.
    pub at: Option<Location>,
}

/// An index into [`Analysis::sets`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FileSetId(pub u32);

/// Source files that travel together, such as the files of one Go package: shared by all who take them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct FileSet {
    /// Paths from the workspace root, sorted, each once.
    pub files: Vec<RelPath>,
}

/// All targets of a workspace, lowered: a pure function of what was read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Analysis {
    /// The workspace's own platform.
    pub platform: Platform,
    /// All targets, sorted by id.
    pub targets: Vec<Target>,
    /// The file sets that targets and actions share.
    pub sets: Vec<FileSet>,
    /// All packages (directories with a BUILD.toml), sorted.
    pub packages: Vec<RelPath>,
    /// The names of the other repositories, sorted.
    pub repositories: Vec<Arc<str>>,
    /// Directories below the root that are workspaces of their own, sorted.
    pub nested: Vec<RelPath>,
}

impl Analysis {
    /// Returns the files of a set.
    pub fn files(&self, set: FileSetId) -> &[RelPath] {
        &self.sets[set.0 as usize].files
    }
}
