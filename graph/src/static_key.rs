//! Static keys: the hash of each action's description before anything ran.

use model::{FileId, FileKind, FileSetId, Input, Origin, RelPath, StaticKey};

use crate::describe::{Description, Property, describe, need_text};
use crate::{Graph, StepId};

/// The static key of every step.
pub struct StaticKeys(Vec<StaticKey>);

impl std::ops::Index<StepId> for StaticKeys {
    type Output = StaticKey;

    fn index(&self, step: StepId) -> &StaticKey {
        &self.0[step.index()]
    }
}

impl Graph {
    /// Returns all source files that any step reads, sorted, each once.
    pub fn files(&self) -> Vec<&RelPath> {
        let analysis = self.analysis();
        let mut sets = vec![false; analysis.sets.len()];
        let mut files: Vec<&RelPath> = Vec::new();
        for step in self.steps() {
            for input in &self.action(step).inputs {
                match &input.from {
                    Origin::File(file) => files.push(file),
                    Origin::Files(set) => sets[set.0 as usize] = true,
                    Origin::Text(_) | Origin::Output(..) => {}
                }
            }
        }
        let used = analysis.sets.iter().zip(sets).filter(|(_, used)| *used);
        files.extend(used.flat_map(|(set, _)| &set.files));
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Computes the static keys, given the id of every file of [`Graph::files`].
    pub fn static_keys(&self, id: &dyn Fn(&RelPath) -> FileId, domain: &str) -> StaticKeys {
        let sets: Vec<blake3::Hash> = self.analysis().sets.iter().map(|set| set_hash(&set.files, id)).collect();
        let mut keys: Vec<StaticKey> = Vec::with_capacity(self.len());
        for step in self.steps() {
            let mut hasher = Hasher::default();
            hash_description(&describe(self.action(step), domain), &mut hasher, &mut |hasher, input| {
                self.hash_input(input, id, &sets, &keys, hasher);
            });
            keys.push(hasher.0.finalize().into());
        }
        StaticKeys(keys)
    }

    fn hash_input(
        &self,
        input: &Input,
        id: &dyn Fn(&RelPath) -> FileId,
        sets: &[blake3::Hash],
        keys: &[StaticKey],
        hasher: &mut Hasher,
    ) {
        hasher.text(input.at.as_str());
        match &input.from {
            Origin::File(file) => hasher.tag(b'f').file(&id(file)),
            Origin::Files(FileSetId(set)) => hasher.tag(b's').hash(sets[*set as usize].as_bytes()),
            Origin::Text(text) => hasher.tag(b't').text(text),
            Origin::Output(target, output) => {
                let producer = self.producer(target, output).expect("link has checked that outputs have producers");
                hasher.tag(b'o').hash(&keys[producer.index()].0).text(output.as_str())
            }
        };
    }
}

fn set_hash(files: &[RelPath], id: &dyn Fn(&RelPath) -> FileId) -> blake3::Hash {
    let mut hasher = Hasher::default();
    for file in files {
        hasher.text(file.as_str()).file(&id(file));
    }
    hasher.0.finalize()
}

fn hash_description(description: &Description<'_>, hasher: &mut Hasher, input: &mut dyn FnMut(&mut Hasher, &Input)) {
    let Description { argv, env, directory, outputs, timeout, properties, salt, inputs } = description;
    hasher.text(salt).text(directory);
    hasher.count(argv.len());
    for word in argv {
        hasher.text(word);
    }
    hasher.count(env.len());
    for (name, value) in env {
        hasher.text(name).text(value);
    }
    hasher.count(outputs.len());
    for path in outputs {
        hasher.text(path);
    }
    hasher.text(&timeout.map(|timeout| timeout.as_nanos().to_string()).unwrap_or_default());
    hasher.count(properties.len());
    for (name, property) in properties {
        hasher.text(name);
        match property {
            Property::Text(text) => hasher.tag(b't').text(text),
            Property::Pin(need) => hasher.tag(b'p').text(&need_text(need)),
        };
    }
    hasher.count(inputs.len());
    inputs.iter().for_each(|each| input(hasher, each));
}

/// BLAKE3 over length-prefixed fields, so that no two descriptions share an encoding.
#[derive(Default)]
struct Hasher(blake3::Hasher);

impl Hasher {
    fn count(&mut self, count: usize) -> &mut Hasher {
        self.0.update(&(count as u64).to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Hasher {
        self.count(text.len());
        self.0.update(text.as_bytes());
        self
    }

    fn tag(&mut self, tag: u8) -> &mut Hasher {
        self.0.update(&[tag]);
        self
    }

    fn hash(&mut self, hash: &[u8; 32]) -> &mut Hasher {
        self.0.update(hash);
        self
    }

    fn file(&mut self, id: &FileId) -> &mut Hasher {
        let kind = match id.kind {
            FileKind::File => b'f',
            FileKind::Executable => b'x',
            FileKind::Symlink => b'l',
        };
        self.tag(kind).hash(&id.hash)
    }
}
