//! A checkout and commits of other repositories as one tree: those stand below `@name`, which the root does not list.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use model::{Entry, FileId, RelPath, Tree, TreeError};

use crate::{Checkout, Commit};

/// A checkout, with other repositories beside it.
#[derive(Debug)]
pub struct Forest {
    checkout: Checkout,
    others: BTreeMap<Arc<str>, Commit>,
    nested: Vec<RelPath>,
}

/// Where a path lies.
enum Place<'a> {
    Checkout,
    /// In another repository, at this path of its own.
    Other(&'a Commit, RelPath),
}

impl Forest {
    /// Puts them together, by the names of the repositories.
    pub fn new(checkout: Checkout, others: BTreeMap<Arc<str>, Commit>) -> Forest {
        let below = |(name, commit): (&Arc<str>, &Commit)| {
            let root = root_of(name);
            commit.nested().iter().map(|dir| root.join(dir)).collect::<Vec<_>>()
        };
        let mut nested: Vec<RelPath> = checkout.nested().to_vec();
        nested.extend(others.iter().flat_map(below));
        nested.sort();
        Forest { checkout, others, nested }
    }

    /// Returns the directories of the checkout that have the name of a repository's root, and are hidden by it.
    pub fn hidden(&self) -> Vec<RelPath> {
        let entries = self.checkout.list(&RelPath::root()).unwrap_or_default();
        entries.iter().filter(|entry| self.is_root(&entry.name)).filter_map(|it| RelPath::new(&it.name).ok()).collect()
    }

    /// Returns the directories that have a `workspace.toml` of their own, sorted.
    pub fn nested(&self) -> &[RelPath] {
        &self.nested
    }

    /// Returns the ids of many files, in their order.
    pub fn ids(&self, files: &[&RelPath]) -> Vec<Result<FileId, TreeError>> {
        if self.others.is_empty() {
            return self.checkout.ids(files);
        }
        let own: Vec<&RelPath> = files.iter().copied().filter(|file| file.repository().is_root()).collect();
        let mut own = self.checkout.ids(&own).into_iter();
        let id = |file: &&RelPath| match file.repository().is_root() {
            true => own.next().unwrap_or_else(|| Err(TreeError::Absent((*file).clone()))),
            false => self.id(file),
        };
        files.iter().map(id).collect()
    }

    /// Returns the stat table of the checkout for the next run; `None` if it is the one that came in.
    pub fn stats(&self) -> Option<Vec<u8>> {
        self.checkout.stats()
    }

    fn place(&self, path: &RelPath) -> Place<'_> {
        let root = path.repository();
        let commit = root.as_str().strip_prefix('@').and_then(|name| self.others.get(name));
        match (commit, path.strip_prefix(&root)) {
            (Some(commit), Some(inside)) => Place::Other(commit, inside),
            _ => Place::Checkout,
        }
    }

    fn is_root(&self, name: &str) -> bool {
        name.strip_prefix('@').is_some_and(|name| self.others.contains_key(name))
    }
}

impl Tree for Forest {
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError> {
        match self.place(dir) {
            Place::Other(commit, inside) => commit.list(&inside).map_err(|error| told_of(dir, error)),
            Place::Checkout if dir.is_root() => {
                let entries = self.checkout.list(dir)?;
                Ok(entries.into_iter().filter(|entry| !self.is_root(&entry.name)).collect())
            }
            Place::Checkout => self.checkout.list(dir),
        }
    }

    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError> {
        match self.place(file) {
            Place::Other(commit, inside) => commit.open(&inside).map_err(|error| told_of(file, error)),
            Place::Checkout => self.checkout.open(file),
        }
    }

    fn id(&self, file: &RelPath) -> Result<FileId, TreeError> {
        match self.place(file) {
            Place::Other(commit, inside) => commit.id(&inside).map_err(|error| told_of(file, error)),
            Place::Checkout => self.checkout.id(file),
        }
    }
}

/// Returns where the files of a repository stand.
fn root_of(name: &str) -> RelPath {
    RelPath::new(&format!("@{name}")).expect("the name of a repository is one segment")
}

/// Names the path as the workspace does.
fn told_of(path: &RelPath, error: TreeError) -> TreeError {
    let path = path.clone();
    match error {
        TreeError::Absent(_) => TreeError::Absent(path),
        TreeError::Ignored { rule, .. } => TreeError::Ignored { path, rule },
        TreeError::Io { source, .. } => TreeError::Io { path, source },
    }
}
