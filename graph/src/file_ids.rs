//! The ids of all sources that steps read, as one snapshot: static keys, results and the bytes that enter the store
//! are held against the same ids, whatever happens to the files meanwhile.

use std::collections::{HashMap, HashSet};

use model::{FileId, FileSetId, Input, Origin, RelPath};

use crate::Graph;

/// The id of every source that some step reads.
pub struct FileIds {
    /// By set, aligned with the files of the set; empty for sets that no step reads.
    sets: Vec<Box<[FileId]>>,
    files: HashMap<RelPath, FileId>,
}

impl Graph {
    /// Identifies all sources. `identify` gets them all at once, so that it can hash what is new on all processors,
    /// and answers in the same order.
    pub fn file_ids(&self, identify: &dyn Fn(&[&RelPath]) -> Vec<FileId>) -> FileIds {
        let analysis = self.analysis();
        let mut used = vec![false; analysis.sets.len()];
        let mut singles: HashSet<&RelPath> = HashSet::new();
        for input in self.steps().flat_map(|step| &self.action(step).inputs) {
            match &input.from {
                Origin::File(file) => drop(singles.insert(file)),
                Origin::Files(set) => used[set.0 as usize] = true,
                Origin::Text(_) | Origin::Output(..) => {}
            }
        }
        let sets = || analysis.sets.iter().zip(&used).filter(|(_, used)| **used).map(|(set, _)| set);
        let all: Vec<&RelPath> = sets().flat_map(|set| &set.files).chain(singles.iter().copied()).collect();
        let mut ids = identify(&all).into_iter();
        let mut of_sets = Vec::with_capacity(analysis.sets.len());
        for (set, used) in analysis.sets.iter().zip(&used) {
            let count = if *used { set.files.len() } else { 0 };
            of_sets.push(ids.by_ref().take(count).collect());
        }
        FileIds { sets: of_sets, files: singles.into_iter().cloned().zip(ids).collect() }
    }

    /// Returns the sources that an input brings, with their ids.
    pub fn sources<'a>(&'a self, input: &'a Input, ids: &'a FileIds) -> impl Iterator<Item = (&'a RelPath, FileId)> {
        let (files, ids): (&[RelPath], &[FileId]) = match &input.from {
            Origin::File(file) => (std::slice::from_ref(file), std::slice::from_ref(ids.of_file(file))),
            Origin::Files(set) => (self.analysis().files(*set), ids.of_set(*set)),
            Origin::Text(_) | Origin::Output(..) => (&[], &[]),
        };
        files.iter().zip(ids.iter().copied())
    }
}

impl FileIds {
    /// Returns the ids of a set's files, in their order.
    pub fn of_set(&self, set: FileSetId) -> &[FileId] {
        &self.sets[set.0 as usize]
    }

    /// Returns the id of a file that some step reads by itself.
    pub fn of_file(&self, file: &RelPath) -> &FileId {
        &self.files[file]
    }

    /// Returns all ids.
    pub fn all(&self) -> impl Iterator<Item = &FileId> {
        self.sets.iter().flatten().chain(self.files.values())
    }
}
