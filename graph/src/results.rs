//! What earlier runs made: the results by static key, digests of source files, and what lies delivered.
//! The `results` section of the memory file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{ActionKey, Content, Digest, Fingerprint, Need, Origin, RelPath, StaticKey, TargetId};
use serde::{Deserialize, Serialize};

use crate::describe::need_name;
use crate::{Digests, Graph, StaticKeys, StepId};

/// The version of the encoding; a section of another version counts as empty.
const VERSION: u8 = 2;

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

/// How a step failed when it was tried last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failed {
    /// Why, for people.
    pub why: String,
    /// What it printed, if it printed anything.
    pub log: Option<Digest>,
}

/// What earlier runs made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Results {
    /// Results by static key.
    pub actions: HashMap<StaticKey, Remembered>,
    /// The digests of sources that have been brought into the store, stored in a section of their own.
    pub digests: Digests,
    /// What lies in `rg-out`.
    pub delivered: BTreeMap<TargetId, Delivered>,
    /// The last failures, by the step's title.
    pub failures: BTreeMap<String, Failed>,
}

/// The order in which the parts are stored.
type Stored = (Vec<(StaticKey, Remembered)>, BTreeMap<TargetId, Delivered>, BTreeMap<String, Failed>);

impl Results {
    /// Decodes the sections `results` and `digests`; what cannot be decoded counts as empty.
    pub fn decode(results: &[u8], digests: Vec<u8>) -> Results {
        let digests = Digests::encoded(digests);
        let Some((&VERSION, rest)) = results.split_first() else { return Results { digests, ..Results::default() } };
        match postcard::from_bytes::<Stored>(rest) {
            Ok((actions, delivered, failures)) => {
                Results { actions: actions.into_iter().collect(), digests, delivered, failures }
            }
            Err(_) => Results { digests, ..Results::default() },
        }
    }

    /// Encodes the section `results`, in an order that does not depend on hashing.
    pub fn encode(&self) -> Vec<u8> {
        let mut actions: Vec<_> = self.actions.iter().map(|(key, known)| (*key, known.clone())).collect();
        actions.sort_unstable_by_key(|(key, _)| *key);
        let stored: Stored = (actions, self.delivered.clone(), self.failures.clone());
        let start = vec![VERSION];
        postcard::to_extend(&stored, start).expect("plain data always has an encoding")
    }

    /// Drops what no target of the graph can use again: results under other static keys, failures of steps that are
    /// gone.
    pub fn retain(&mut self, graph: &Graph, keys: &StaticKeys) {
        let mut kept = HashMap::with_capacity(self.actions.len());
        for step in graph.steps() {
            if let Some((key, remembered)) = self.actions.remove_entry(&keys[step]) {
                kept.insert(key, remembered);
            }
        }
        self.actions = kept;
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
        let mut producers = self.producers(step).iter();
        for input in &action.inputs {
            if let Origin::Output(_, name) = &input.from {
                let known = output(*producers.next()?)?;
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
        output: &dyn Fn(StepId) -> Arc<Known>,
    ) -> Vec<(RelPath, Content)> {
        let mut placed = Vec::new();
        let mut producers = self.producers(step).iter();
        for input in &self.action(step).inputs {
            match &input.from {
                Origin::File(path) => placed.push((input.at.clone(), file(path))),
                Origin::Files(set) => {
                    let files = self.analysis().files(*set);
                    placed.extend(files.iter().map(|path| (input.at.join(path), file(path))));
                }
                Origin::Text(text) => placed.push((input.at.clone(), text.content())),
                Origin::Output(_, name) => {
                    let producer = producers.next().expect("link gives each output input its producer");
                    placed.extend(output(*producer).output(name).map(|content| (input.at.clone(), content.clone())));
                }
            }
        }
        placed
    }
}
