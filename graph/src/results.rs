//! What earlier runs made: the results by static key, digests of source files, and what lies delivered.
//! The `results` section of the memory file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{ActionKey, Content, Digest, FileId, Fingerprint, Need, Origin, RelPath, StaticKey, TargetId};
use serde::{Deserialize, Serialize};

use crate::describe::need_name;
use crate::{Graph, StaticKeys, StepId};

/// The version of the encoding; a section of another version counts as empty.
const VERSION: u8 = 1;

/// What an action made, as far as the next run has to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The key it ran under.
    pub key: ActionKey,
    /// Its outputs by name, sorted; an optional output that was not made is left out.
    pub outputs: Vec<(RelPath, Content)>,
    /// What it printed.
    pub log: Option<Digest>,
    /// How long it ran.
    pub duration: Duration,
}

impl Known {
    /// Returns the content of an output.
    pub fn output(&self, name: &RelPath) -> Option<&Content> {
        self.outputs.iter().find(|(made, _)| made == name).map(|(_, content)| content)
    }
}

/// A result, with what it depended on beside its static key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// The result.
    pub known: Arc<Known>,
    /// [`Graph::seen`] of the step when it was made.
    pub seen: [u8; 32],
}

/// What was delivered for a target, with the state of each file right after.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Delivered {
    /// The outputs by name, sorted.
    pub outputs: Vec<(RelPath, Content)>,
    /// Every file, link and directory below the target's output directory, sorted by path.
    pub files: Vec<DeliveredFile>,
}

/// The state of a delivered file: if all of it is as it was, nobody has touched the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeliveredFile {
    /// The path below the target's output directory; the root for the directory itself.
    pub path: RelPath,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The time of the last modification, in nanoseconds since the epoch.
    pub modified_ns: i64,
    /// The time of the last change of the inode, in nanoseconds since the epoch.
    pub changed_ns: i64,
    /// The inode number.
    pub inode: u64,
    /// The mode.
    pub mode: u32,
}

/// What earlier runs made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Results {
    /// Results by static key.
    pub actions: HashMap<StaticKey, Remembered>,
    /// The digests of source files that have been brought into the store.
    pub digests: HashMap<FileId, Digest>,
    /// What lies in `rg-out`.
    pub delivered: BTreeMap<TargetId, Delivered>,
    /// The logs of the last failures, by the step's title.
    pub failures: BTreeMap<String, Digest>,
}

/// The order in which the parts are stored.
type Stored =
    (Vec<(StaticKey, Remembered)>, Vec<(FileId, Digest)>, BTreeMap<TargetId, Delivered>, BTreeMap<String, Digest>);

impl Results {
    /// Decodes the section; one that cannot be decoded counts as empty.
    pub fn decode(bytes: &[u8]) -> Results {
        let Some((&VERSION, rest)) = bytes.split_first() else { return Results::default() };
        let Ok((actions, digests, delivered, failures)) = postcard::from_bytes::<Stored>(rest) else {
            return Results::default();
        };
        Results { actions: actions.into_iter().collect(), digests: digests.into_iter().collect(), delivered, failures }
    }

    /// Encodes the section, in an order that does not depend on hashing.
    pub fn encode(&self) -> Vec<u8> {
        let mut actions: Vec<_> = self.actions.iter().map(|(key, known)| (*key, known.clone())).collect();
        actions.sort_unstable_by_key(|(key, _)| *key);
        let mut digests: Vec<_> = self.digests.iter().map(|(id, digest)| (*id, *digest)).collect();
        digests.sort_unstable_by_key(|(id, _)| *id);
        let stored: Stored = (actions, digests, self.delivered.clone(), self.failures.clone());
        let start = vec![VERSION];
        postcard::to_extend(&stored, start).expect("plain data always has an encoding")
    }

    /// Drops what no target of the graph can use again: results under other static keys, digests of files that
    /// are not there any more, failures of steps that are gone.
    pub fn retain(&mut self, graph: &Graph, keys: &StaticKeys, is_current: &dyn Fn(&FileId) -> bool) {
        let mut kept = HashMap::with_capacity(self.actions.len());
        for step in graph.steps() {
            if let Some((key, remembered)) = self.actions.remove_entry(&keys[step]) {
                kept.insert(key, remembered);
            }
        }
        self.actions = kept;
        self.digests.retain(|id, _| is_current(id));
        if !self.failures.is_empty() {
            let titles: std::collections::BTreeSet<String> = graph.steps().map(|step| graph.title(step)).collect();
            self.failures.retain(|title, _| titles.contains(title));
        }
    }
}

impl Graph {
    /// Hashes what a step depends on beside its static key: the pins of its needs, and the contents of the outputs
    /// that it takes. `None` if one of these is not known.
    pub fn seen(
        &self,
        step: StepId,
        pin: &dyn Fn(&Need) -> Option<Fingerprint>,
        output: &dyn Fn(StepId) -> Option<Arc<Known>>,
    ) -> Option<[u8; 32]> {
        let action = self.action(step);
        let mut hasher = blake3::Hasher::new();
        if matches!(action.work, model::Work::Command(_)) {
            for need in &action.needs {
                hasher.update(need_name(need).as_bytes()).update(&pin(need)?.0);
            }
        }
        for input in &action.inputs {
            if let Origin::Output(target, name) = &input.from {
                let known = output(self.producer(target, name)?)?;
                let content = known.output(name);
                let bytes = postcard::to_stdvec(&content).expect("plain data always has an encoding");
                hasher.update(&bytes);
            }
        }
        Some(*hasher.finalize().as_bytes())
    }

    /// Returns what lies where in a step's input root. An optional output that was not made is left out.
    pub fn placed(
        &self,
        step: StepId,
        file: &dyn Fn(&RelPath) -> Content,
        text: &dyn Fn(&str) -> Content,
        output: &dyn Fn(StepId) -> Arc<Known>,
    ) -> Vec<(RelPath, Content)> {
        let mut placed = Vec::new();
        for input in &self.action(step).inputs {
            match &input.from {
                Origin::File(path) => placed.push((input.at.clone(), file(path))),
                Origin::Files(set) => {
                    let files = self.analysis().files(*set);
                    placed.extend(files.iter().map(|path| (input.at.join(path), file(path))));
                }
                Origin::Text(content) => placed.push((input.at.clone(), text(content))),
                Origin::Output(target, name) => {
                    let producer = self.producer(target, name).expect("link has checked that outputs have producers");
                    placed.extend(output(producer).output(name).map(|content| (input.at.clone(), content.clone())));
                }
            }
        }
        placed
    }
}
