//! Static keys: the hash of each action's description before anything ran.

use model::{FileId, FileKind, FileSetId, Input, Origin, RelPath, StaticKey, Text};

use crate::describe::{Description, Property, describe, need_text};
use crate::{FileIds, Graph, StepId};

/// The static key of every step.
pub struct StaticKeys(Vec<StaticKey>);

impl std::ops::Index<StepId> for StaticKeys {
    type Output = StaticKey;

    fn index(&self, step: StepId) -> &StaticKey {
        &self.0[step.index()]
    }
}

impl Graph {
    /// Computes the static keys.
    pub fn static_keys(&self, ids: &FileIds, domain: &str) -> StaticKeys {
        let sets = self.analysis().sets.iter().zip(0..);
        let sets: Vec<blake3::Hash> =
            sets.map(|(set, number)| set_hash(&set.files, ids.of_set(FileSetId(number)))).collect();
        let mut keys: Vec<StaticKey> = Vec::with_capacity(self.len());
        for step in self.steps() {
            let mut hasher = Hasher::default();
            let mut producers = self.producers(step).iter();
            hash_description(&describe(self.action(step), domain), &mut hasher, &mut |hasher, input| {
                hasher.text(input.at.as_str());
                match &input.from {
                    Origin::File(file) => hasher.tag(b'f').file(ids.of_file(file)),
                    Origin::Files(FileSetId(set)) => hasher.tag(b's').hash(sets[*set as usize].as_bytes()),
                    Origin::Text(Text::Plain(text)) => hasher.tag(b't').text(text),
                    Origin::Text(Text::Script(text)) => hasher.tag(b'x').text(text),
                    Origin::Text(Text::Link(target)) => hasher.tag(b'l').text(target),
                    Origin::Output(_, output) => {
                        let producer = producers.next().expect("link gives each output input its producer");
                        hasher.tag(b'o').hash(&keys[producer.index()].0).text(output.as_str())
                    }
                };
            });
            keys.push(hasher.0.finalize().into());
        }
        StaticKeys(keys)
    }
}

fn set_hash(files: &[RelPath], ids: &[FileId]) -> blake3::Hash {
    let mut hasher = Hasher::default();
    for (file, id) in files.iter().zip(ids) {
        hasher.text(file.as_str()).file(id);
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
