//! Loads a workspace: one scan, one analysis, one graph, the identity of every source.

use std::cell::RefCell;
use std::path::Path;

use exec::Failure;
use graph::{FileIds, Graph, Results};
use model::{FileId, FileKind, Kind, Mistake, RelPath, TargetId, Tree, codes};
use rules::{Caller, Settings};
use workspace::{Forest, ScanOptions};

use super::machine::{executor, tool_surroundings};
use super::open::{Opened, Refused, Texts};
use crate::exit::Exit;
use crate::front::Session;
use crate::problem::Problem;

/// A workspace with everything that is known of it before anything runs.
pub struct Loaded {
    /// The files.
    pub tree: Forest,
    /// All actions, linked.
    pub graph: Graph,
    /// The analysis to remember; `None` if it is the remembered one.
    pub analysis: Option<Vec<u8>>,
    /// What is remembered of tools, if more was learned for the analysis.
    pub learned: Option<Vec<u8>>,
    /// Why a toolchain could not be asked what it is: then the analysis is a guess, and nothing may be built of it.
    pub unasked: Option<Failure>,
}

/// Scans and analyzes. All mistakes are reported at once.
pub fn load(opened: &mut Opened, session: &Session) -> Result<Loaded, Refused> {
    let repos = super::repos::open(opened, session)?;
    let ignore: Vec<String> = opened.settings.ignore.iter().cloned().chain(own_cache(opened)).collect();
    let options = ScanOptions { ignore: &ignore, clock_dir: opened.cache.dir() };
    let checkout = workspace::checkout(&opened.root, &options, &opened.memory.stats)
        .map_err(|error| Problem::of(Exit::Machine, &error))?;
    let tree = Forest::new(checkout, repos);
    let in_the_way: Vec<Mistake> = tree.hidden().iter().map(super::repos::in_the_way).collect();
    if !in_the_way.is_empty() {
        return Err(Refused::Mistakes(in_the_way, Texts::of(&opened.root)));
    }
    let surroundings = tool_surroundings(session, &opened.root)?;
    let (mut learned, unasked) = (None, RefCell::new(None));
    let mut facts = exec::tools::known_facts(&surroundings, &opened.memory.tools);
    let analyzed = loop {
        let analyzed = rules::analyze(&tree, tree.nested(), &opened.settings, &facts, &opened.memory.analysis);
        if analyzed.missing.is_empty() {
            break analyzed;
        }
        let images = super::pins::images(opened, session)?;
        let executor = executor(opened, session)?;
        let ask = |digest: &model::ImageDigest| {
            let asked = images.python(digest, &*executor, &opened.cache, &session.cancel);
            asked.unwrap_or_else(|failure| {
                *unasked.borrow_mut() = Some(failure);
                None
            })
        };
        let (more, remember) = exec::tools::learn(&analyzed.missing, &surroundings, &opened.memory.tools, &ask);
        facts.0.extend(more.0);
        if let Some(tools) = remember {
            opened.memory.tools.clone_from(&tools);
            learned = Some(tools);
        }
    };
    // Tens of megabytes in a large workspace; whoever writes the memory file again reads them again.
    opened.memory.analysis = Vec::new();
    opened.memory.stats = Vec::new();
    let (graph, more) = graph::link(analyzed.analysis);
    let mut mistakes = analyzed.mistakes;
    // What has mistakes makes nothing: that others take it is no further news.
    let is_whole = mistakes.is_empty();
    // A group that contains itself has been told with its edges.
    let has_group_cycle = mistakes.iter().any(|mistake| mistake.code == codes::GROUP_CYCLE);
    let is_news = |mistake: &Mistake| match mistake.code {
        codes::NO_PRODUCER => is_whole,
        codes::CYCLE => !has_group_cycle,
        _ => true,
    };
    mistakes.extend(more.into_iter().filter(is_news));
    if mistakes.is_empty() {
        let unasked = unasked.into_inner();
        return Ok(Loaded { tree, graph, analysis: analyzed.remember, learned, unasked });
    }
    let texts = Texts::of(&opened.root).and(&mistakes, &tree);
    Err(Refused::Mistakes(mistakes, texts))
}

/// Returns the pattern that leaves out a cache that lies in the workspace.
fn own_cache(opened: &Opened) -> Option<String> {
    let dir = opened.cache.dir().canonicalize().ok()?;
    let inside = dir.strip_prefix(&opened.root).ok()?.to_str()?;
    let escaped = |c: char| if "\\*?[]!#".contains(c) { format!("\\{c}") } else { c.to_string() };
    (!inside.is_empty()).then(|| format!("/{}", inside.chars().map(escaped).collect::<String>()))
}

/// Returns the mistakes in the definitions of a workspace whose settings have mistakes, too, but for those that may come
/// of these. Only settings that could be parsed say which files are to be ignored.
pub fn mistakes_beside(mistakes: &[Mistake], root: &Path, settings: &Settings) -> Vec<Mistake> {
    let options = ScanOptions { ignore: &settings.ignore, clock_dir: root };
    // What labels of other repositories name is not known without these.
    let is_parsed = settings.repos.is_empty() && mistakes.iter().all(|mistake| mistake.code != codes::SYNTAX);
    let Some(tree) = is_parsed.then(|| workspace::checkout(root, &options, &[]).ok()).flatten() else {
        return Vec::new();
    };
    let analyzed = rules::analyze(&tree, tree.nested(), settings, &model::Facts::default(), &[]);
    let of_settings = |code: &str| code == codes::UNKNOWN_SECRET || code >= codes::BAD_SETTING;
    analyzed.mistakes.into_iter().filter(|mistake| !of_settings(mistake.code)).collect()
}

/// Identifies all sources, reading those whose stats have changed.
pub fn identify(loaded: &Loaded) -> FileIds {
    // A file that vanished after analysis gets an id that no content has: whoever reads it finds it edited.
    let gone = FileId { kind: FileKind::File, hash: [0; 32] };
    loaded.graph.file_ids(&|files| loaded.tree.ids(files).into_iter().map(|id| id.unwrap_or(gone)).collect())
}

/// Decodes what earlier runs made.
pub fn results(opened: &mut Opened) -> Results {
    let memory = &mut opened.memory;
    Results::decode(&std::mem::take(&mut memory.results), std::mem::take(&mut memory.digests))
}

/// Selects targets by patterns.
pub fn select(patterns: &[String], opened: &Opened, graph: &Graph, caller: Caller) -> Result<Vec<TargetId>, Refused> {
    rules::select(patterns, &opened.here, graph.analysis(), caller)
        .map_err(|mistakes| Refused::Mistakes(mistakes, Texts::of(&opened.root)))
}

/// Returns what an alias leads to; another target stands for itself.
pub fn actual(graph: &Graph, id: TargetId) -> TargetId {
    let mut id = id;
    while let Some(target) = graph.target(&id).filter(|target| &*target.rule == "alias") {
        let Some(dep) = target.deps.first() else { break };
        id = dep.target.clone();
    }
    id
}

/// Returns the targets that one stands for: those that an alias or a suite leads to.
pub fn meant(graph: &Graph, id: TargetId) -> Vec<TargetId> {
    let id = actual(graph, id);
    match graph.target(&id).filter(|target| target.kind == Kind::Suite) {
        Some(suite) => suite.deps.iter().flat_map(|dep| meant(graph, dep.target.clone())).collect(),
        None => vec![id],
    }
}

/// Whether the workspace has a file.
pub fn exists(tree: &Forest, file: &RelPath) -> bool {
    tree.id(file).is_ok()
}
