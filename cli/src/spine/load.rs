//! Loads a workspace: one scan, one analysis, one graph, the identity of every source.

use std::collections::HashMap;

use graph::{Graph, Results, StaticKeys};
use model::{FileId, FileKind, RelPath, TargetId, Tree};
use workspace::{Checkout, ScanOptions};

use super::open::{Opened, Refused};
use crate::exit::Exit;
use crate::problem::Problem;

/// A workspace with everything that is known of it before anything runs.
pub struct Loaded {
    /// The files.
    pub tree: Checkout,
    /// All actions, linked.
    pub graph: Graph,
    /// The analysis to remember; `None` if it is the remembered one.
    pub analysis: Option<Vec<u8>>,
}

/// Scans and analyzes. All mistakes are reported at once.
pub fn load(opened: &Opened) -> Result<Loaded, Refused> {
    let options = ScanOptions { ignore: &opened.settings.ignore, clock_dir: opened.cache.dir() };
    let tree = workspace::checkout(&opened.root, &options, &opened.memory.stats)
        .map_err(|error| Problem::of(Exit::Machine, &error))?;
    let analyzed = rules::analyze(&tree, tree.nested(), &opened.settings, &opened.memory.analysis);
    let (graph, more) = graph::link(analyzed.analysis);
    let mut mistakes = analyzed.mistakes;
    mistakes.extend(more);
    if mistakes.is_empty() {
        return Ok(Loaded { tree, graph, analysis: analyzed.remember });
    }
    Err(Refused::Mistakes(mistakes, opened.root.clone()))
}

/// The id of each source file.
pub struct Ids(HashMap<RelPath, FileId>);

impl Ids {
    /// Returns the id of a source of the graph.
    pub fn id(&self, file: &RelPath) -> FileId {
        // A file that vanished after analysis gets an id that no content has: whoever reads it finds it edited.
        self.0.get(file).copied().unwrap_or(FileId { kind: FileKind::File, hash: [0; 32] })
    }
}

/// Identifies all sources, reading those whose stats have changed.
pub fn identify(loaded: &Loaded) -> Ids {
    let files = loaded.graph.files();
    let ids = loaded.tree.ids(&files);
    Ids(files.into_iter().zip(ids).filter_map(|(file, id)| Some((file.clone(), id.ok()?))).collect())
}

/// Computes the static keys.
pub fn static_keys(graph: &Graph, ids: &Ids, domain: &str) -> StaticKeys {
    graph.static_keys(&|file| ids.id(file), domain)
}

/// Decodes what earlier runs made.
pub fn results(opened: &Opened) -> Results {
    Results::decode(&opened.memory.results)
}

/// Selects targets by patterns.
pub fn select(patterns: &[String], opened: &Opened, graph: &Graph) -> Result<Vec<TargetId>, Refused> {
    rules::select(patterns, &opened.here, graph.analysis(), rules::Wildcards::SkipManual)
        .map_err(|mistakes| Refused::Mistakes(mistakes, opened.root.clone()))
}

/// Whether the workspace has a file, for hints about undeclared reads.
pub fn exists(tree: &Checkout, file: &RelPath) -> bool {
    tree.id(file).is_ok()
}
