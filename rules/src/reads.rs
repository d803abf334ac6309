//! All reads of the tree, recorded with their answers: the record says whether an analysis is still good.
//! It does not know why something is read.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Entry, EntryKind, FileId, FileKind, RelPath, Tree, TreeError};
use serde::{Deserialize, Serialize};

/// The file that makes a directory a package.
pub(crate) const BUILD_FILE: &str = "BUILD.toml";

/// One question to the tree. A question is as narrow as its use, so that few edits change its answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    /// What the directories below a directory are called, and whether it is a package.
    Shape(RelPath),
    /// All entries of a directory.
    List(RelPath),
    /// What a single entry is.
    Entry(RelPath),
    /// The content of a file, or the target of a symlink.
    Content(RelPath),
}

/// The answer to a question, as far as it has to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// There is nothing, or nothing that may be seen.
    Absent,
    /// A hash of the answer.
    Hash([u8; 32]),
    /// The id of a file.
    File(FileId),
}

/// The questions that were asked, sorted, each with its answer.
pub(crate) type Reads = Vec<(Question, Answer)>;

/// A tree that notes what was asked of it.
pub(crate) struct Recorder<'a> {
    tree: &'a dyn Tree,
    asked: Mutex<HashMap<Question, Answer>>,
    lists: Mutex<HashMap<RelPath, Option<Arc<[Entry]>>>>,
}

impl<'a> Recorder<'a> {
    /// Makes a recorder that was asked nothing yet.
    pub fn new(tree: &'a dyn Tree) -> Recorder<'a> {
        Recorder { tree, asked: Mutex::default(), lists: Mutex::default() }
    }

    /// Returns the directories directly below a directory, and whether it holds a file `BUILD.toml`.
    pub fn shape(&self, dir: &RelPath) -> Option<Arc<[Entry]>> {
        let entries = self.entries(dir)?;
        self.note(Question::Shape(dir.clone()), shape_of(&entries));
        Some(entries)
    }

    /// Returns the entries of a directory, sorted by name; `None` if there is no such directory.
    pub fn list(&self, dir: &RelPath) -> Option<Arc<[Entry]>> {
        let entries = self.entries(dir);
        self.note(Question::List(dir.clone()), entries.as_deref().map_or(Answer::Absent, hash_of));
        entries
    }

    /// Returns what a path is; `None` if it is absent or ignored.
    pub fn entry(&self, path: &RelPath) -> Option<EntryKind> {
        let kind = path.parent().and_then(|dir| find(&self.entries(&dir)?, path.name()));
        self.note(Question::Entry(path.clone()), entry_answer(kind));
        kind
    }

    /// Returns the bytes of a file, or the target text of a symlink, and what it is.
    pub fn read(&self, file: &RelPath) -> Result<(FileKind, Vec<u8>), TreeError> {
        let outcome = self.bytes(file);
        let answer = match &outcome {
            // The id of what was read, not of what the scan saw: an edit in between is noticed next time.
            Ok((kind, bytes)) => Answer::File(FileId::of(*kind, bytes)),
            Err(_) => Answer::Absent,
        };
        self.note(Question::Content(file.clone()), answer);
        outcome
    }

    /// Returns the rule that ignores a path, if it exists and is ignored. Not recorded: it only words a mistake,
    /// and an analysis with mistakes is not remembered.
    pub fn ignored_by(&self, path: &RelPath) -> Option<String> {
        match self.tree.id(path) {
            Err(TreeError::Ignored { rule, .. }) => Some(rule),
            Ok(_) | Err(TreeError::Absent(_) | TreeError::Io { .. }) => None,
        }
    }

    /// Returns the entries of a directory to word a mistake; not recorded.
    pub fn peek(&self, dir: &RelPath) -> Arc<[Entry]> {
        self.entries(dir).unwrap_or_default()
    }

    /// Returns all questions with their answers, sorted.
    pub fn into_reads(self) -> Reads {
        let asked = self.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let sorted: BTreeMap<Question, Answer> = asked.into_iter().collect();
        sorted.into_iter().collect()
    }

    fn bytes(&self, file: &RelPath) -> Result<(FileKind, Vec<u8>), TreeError> {
        let kind = self.tree.id(file)?.kind;
        let mut bytes = Vec::new();
        let failed = |source| TreeError::Io { path: file.clone(), source };
        self.tree.open(file)?.read_to_end(&mut bytes).map_err(failed)?;
        Ok((kind, bytes))
    }

    fn entries(&self, dir: &RelPath) -> Option<Arc<[Entry]>> {
        if let Some(known) = locked(&self.lists).get(dir) {
            return known.clone();
        }
        let entries: Option<Arc<[Entry]>> = self.tree.list(dir).ok().map(Arc::from);
        locked(&self.lists).insert(dir.clone(), entries.clone());
        entries
    }

    fn note(&self, question: Question, answer: Answer) {
        locked(&self.asked).insert(question, answer);
    }
}

/// Whether every recorded question still has its answer.
pub(crate) fn still_hold(reads: &Reads, tree: &dyn Tree) -> bool {
    // The questions are sorted by path within a kind, so one remembered list serves the entries of a directory.
    let mut last: Option<(RelPath, Option<Vec<Entry>>)> = None;
    let mut list = |dir: &RelPath, answer: &dyn Fn(&[Entry]) -> Answer| {
        if last.as_ref().is_none_or(|(known, _)| known != dir) {
            last = Some((dir.clone(), tree.list(dir).ok()));
        }
        last.as_ref().and_then(|(_, entries)| entries.as_deref()).map_or(Answer::Absent, answer)
    };
    reads.iter().all(|(question, answer)| match question {
        Question::Shape(dir) => list(dir, &shape_of) == *answer,
        Question::List(dir) => list(dir, &hash_of) == *answer,
        Question::Entry(path) => {
            let dir = path.parent().unwrap_or_else(RelPath::root);
            let now = list(&dir, &|entries| entry_answer(find(entries, path.name())));
            now == *answer
        }
        Question::Content(file) => tree.id(file).map_or(Answer::Absent, Answer::File) == *answer,
    })
}

fn find(entries: &[Entry], name: &str) -> Option<EntryKind> {
    let at = entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
    Some(entries[at].kind)
}

fn entry_answer(kind: Option<EntryKind>) -> Answer {
    kind.map_or(Answer::Absent, |kind| {
        let mut hash = [0; 32];
        hash[0] = kind_byte(kind);
        Answer::Hash(hash)
    })
}

fn shape_of(entries: &[Entry]) -> Answer {
    let counts = |entry: &&Entry| entry.kind == EntryKind::Directory || &*entry.name == BUILD_FILE;
    hash_all(entries.iter().filter(counts))
}

fn hash_of(entries: &[Entry]) -> Answer {
    hash_all(entries.iter())
}

fn hash_all<'a>(entries: impl Iterator<Item = &'a Entry>) -> Answer {
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        // A name holds no NUL byte, so the sequence cannot be confused with another.
        hasher.update(entry.name.as_bytes()).update(&[0, kind_byte(entry.kind)]);
    }
    Answer::Hash(*hasher.finalize().as_bytes())
}

fn kind_byte(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File => 1,
        EntryKind::Symlink => 2,
        EntryKind::Directory => 3,
        EntryKind::Workspace => 4,
        EntryKind::Unusable => 5,
    }
}

fn locked<K: Eq + Hash, V>(map: &Mutex<HashMap<K, V>>) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}
