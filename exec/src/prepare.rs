//! The question to the cache: what lies in the input root, under which key, and is the result known?

use std::collections::HashMap;
use std::sync::Arc;

use graph::{EncodeError, Encoded, FileIds, Graph, Known, StepId};
use model::reapi::{ActionResult, Message};
use model::{Action, ActionKey, Content, RelPath, Work};

use crate::Failure;
use crate::ingest::Sources;
use crate::machine::{Machine, Storing};
use crate::owners;
use crate::scheduler::Asking;

/// A step with its key.
pub(crate) struct Prepared {
    pub encoded: Encoded,
    /// What the result depends on beside the static key, as it was when the key was computed.
    pub seen: Option<[u8; 32]>,
}

/// Why a step has no key.
pub(crate) enum Unprepared {
    /// Outputs of these steps are lost.
    Lost(Vec<StepId>),
    Failed(Failure),
}

/// Computes the key of a step.
pub(crate) fn prepare(
    step: StepId,
    graph: &Graph,
    deps: HashMap<StepId, Arc<Known>>,
    ids: &FileIds,
    sources: &Sources<'_>,
    machine: &Machine<'_>,
    domain: &str,
) -> Result<Prepared, Unprepared> {
    let mut contents: HashMap<&RelPath, Content> = HashMap::new();
    for (file, id) in graph.action(step).inputs.iter().flat_map(|input| graph.sources(input, ids)) {
        contents.insert(file, sources.content(file, id).map_err(Unprepared::Failed)?);
    }
    let placed = graph.placed(step, &|file| contents[file].clone(), &|dep| deps[&dep].clone());
    let pin = |need: &model::Need| machine.pins.0[need];
    let encoded = graph::encode(graph.action(step), domain, placed, &pin, &|digest| machine.cache.directory(digest));
    let seen = graph.seen(step, &|need| machine.pins.0.get(need).copied(), &|dep| deps.get(&dep).cloned());
    match encoded {
        Ok(encoded) => Ok(Prepared { encoded, seen }),
        Err(EncodeError::Conflict(at)) => {
            let clash = owners::clash(graph, step, &deps, &|digest| machine.cache.directory(digest).ok());
            Err(Unprepared::Failed(clash.unwrap_or(Failure::Conflict(at))))
        }
        Err(EncodeError::Lost(_)) => Err(Unprepared::Lost(directory_producers(graph, step, &deps))),
    }
}

/// Returns the dependencies that made directories: one of them has lost its listing.
fn directory_producers(graph: &Graph, step: StepId, deps: &HashMap<StepId, Arc<Known>>) -> Vec<StepId> {
    let made_directory =
        |dep: &&StepId| deps[*dep].outputs.iter().any(|(_, content)| matches!(content, Content::Directory(_)));
    graph.deps(step).iter().filter(made_directory).copied().collect()
}

/// Asks the cache for the result of a prepared step.
pub(crate) fn ask(action: &Action, key: &ActionKey, asking: Asking, machine: &Machine<'_>) -> Option<Known> {
    if asking == Asking::Never || machine.storing == Storing::Nothing {
        return None;
    }
    let result = machine.cache.lookup(std::slice::from_ref(key)).pop().flatten()?;
    known(action, *key, &result)
}

/// Translates a result of the protocol to outputs by name. `None` if it lacks a declared output: that is a miss.
fn known(action: &Action, key: ActionKey, result: &ActionResult) -> Option<Known> {
    let files = result
        .output_files
        .iter()
        .map(|file| (&file.path, Content::File { digest: file.digest, executable: file.is_executable }));
    let directories =
        result.output_directories.iter().map(|made| (&made.path, Content::Directory(made.root_directory_digest)));
    let links = result.output_symlinks.iter().map(|link| (&link.path, Content::Symlink(link.target.as_str().into())));
    let by_path: HashMap<&String, Content> = files.chain(directories).chain(links).collect();
    let mut outputs = Vec::new();
    for output in &action.outputs {
        match by_path.get(&path_of(action, &output.at)) {
            Some(content) => outputs.push((output.name.clone(), content.clone())),
            None if is_optional(output.kind) => {}
            None => return None,
        }
    }
    (result.exit_code == 0).then(|| Known {
        key,
        outputs,
        log: result.stdout_digest,
        duration: result.duration.unwrap_or_default(),
    })
}

/// Returns the path of an output as results name it: relative to the working directory.
fn path_of(action: &Action, at: &RelPath) -> String {
    match &action.work {
        Work::Command(command) => at.relative_to(&command.directory),
        Work::Fetch(_) => graph::FETCHED.to_owned(),
        Work::Tree(_) => at.to_string(),
    }
}

/// Whether an action succeeds without this output.
pub(crate) fn is_optional(kind: model::OutputKind) -> bool {
    use model::OutputKind::{Directory, File, OptionalDirectory, OptionalFile};
    match kind {
        OptionalFile | OptionalDirectory => true,
        File | Directory => false,
    }
}

/// Translates outputs by name to a result of the protocol.
pub(crate) fn result(action: &Action, known: &Known) -> ActionResult {
    let mut result =
        ActionResult { stdout_digest: known.log, duration: Some(known.duration), ..ActionResult::default() };
    for (name, content) in &known.outputs {
        let Some(output) = action.outputs.iter().find(|output| output.name == *name) else { continue };
        let path = path_of(action, &output.at);
        match content {
            Content::File { digest, executable } => {
                let file = model::reapi::OutputFile { path, digest: *digest, is_executable: *executable };
                result.output_files.push(file);
            }
            Content::Directory(root) => result.output_directories.push(model::reapi::OutputDirectory {
                path,
                tree_digest: None,
                root_directory_digest: *root,
            }),
            Content::Symlink(target) => {
                let link = model::reapi::OutputSymlink { path, target: target.to_string() };
                result.output_symlinks.push(link);
            }
        }
    }
    result.output_files.sort_by(|a, b| a.path.cmp(&b.path));
    result.output_directories.sort_by(|a, b| a.path.cmp(&b.path));
    result.output_symlinks.sort_by(|a, b| a.path.cmp(&b.path));
    result
}

/// Makes the directories that the key names readable for whoever mounts or merges them.
pub(crate) fn keep_directories(encoded: &Encoded, machine: &Machine<'_>) -> Result<(), Failure> {
    for (_, bytes) in &encoded.messages[..encoded.messages.len() - 2] {
        let directory = model::reapi::Directory::decode(bytes).expect("these messages were encoded in this process");
        machine.cache.put_directory(&directory).map_err(|error| Failure::store(&error))?;
    }
    Ok(())
}
