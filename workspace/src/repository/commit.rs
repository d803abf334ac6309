//! A commit of another repository as a tree. Everything but bytes is answered from its listing.

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use model::{Entry, EntryKind, FileId, FileKind, RelPath, Tree, TreeError};

use super::listing::{Row, RowKind, blob};

/// The files of a commit, by their paths from the root of the repository.
#[derive(Debug)]
pub struct Commit {
    git_dir: PathBuf,
    rows: HashMap<RelPath, Row>,
    /// The entries of each directory, sorted by name.
    lists: HashMap<RelPath, Vec<Entry>>,
    ignores: Gitignore,
    nested: Vec<RelPath>,
}

impl Commit {
    /// Makes a tree of a listing.
    pub(super) fn new(git_dir: PathBuf, listed: Vec<Row>) -> Commit {
        let (mut rows, mut lists, mut nested) = (HashMap::new(), HashMap::new(), Vec::new());
        lists.insert(RelPath::root(), Vec::new());
        for row in listed {
            let Ok(path) = RelPath::new(&row.path) else { continue };
            match row.kind {
                RowKind::Directory => drop(lists.entry(path.clone()).or_default()),
                RowKind::Workspace => nested.push(path.clone()),
                RowKind::File | RowKind::Executable | RowKind::Symlink | RowKind::Submodule | RowKind::Unusable => {}
            }
            if let (Some(kind), Some(dir)) = (entry_kind(row.kind), path.parent()) {
                lists.entry(dir).or_default().push(Entry { name: Arc::from(path.name()), kind });
            }
            rows.insert(path, row);
        }
        lists.values_mut().for_each(|entries| entries.sort());
        nested.sort();
        Commit { git_dir, rows, lists, ignores: Gitignore::empty(), nested }
    }

    /// Leaves out what these lines name, in the language of `.gitignore`: the lines of the repository's own
    /// `[workspace] ignore`. Its `.gitignore` files say nothing of what was committed.
    #[must_use]
    pub fn ignoring(mut self, lines: &[String]) -> Commit {
        let mut builder = GitignoreBuilder::new("");
        for line in lines {
            // A line that is no pattern matches nothing, as for git.
            let _no_pattern = builder.add_line(None, line);
        }
        self.ignores = builder.build().unwrap_or_else(|_| Gitignore::empty());
        self
    }

    /// Returns the text of a file; `None` if there is none, or no text.
    pub fn text(&self, file: &RelPath) -> Option<String> {
        let mut text = String::new();
        self.open(file).ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Returns the directories with a `workspace.toml` of their own, sorted.
    pub fn nested(&self) -> &[RelPath] {
        &self.nested
    }

    /// Returns the row of something that has content, and else why not.
    fn file(&self, path: &RelPath) -> Result<(&Row, FileKind), TreeError> {
        self.check_visible(path)?;
        let row = self.rows.get(path).ok_or_else(|| TreeError::Absent(path.clone()))?;
        let io = |kind: io::ErrorKind| TreeError::Io { path: path.clone(), source: kind.into() };
        match row.kind {
            RowKind::File => Ok((row, FileKind::File)),
            RowKind::Executable => Ok((row, FileKind::Executable)),
            RowKind::Symlink => Ok((row, FileKind::Symlink)),
            RowKind::Directory => Err(io(io::ErrorKind::IsADirectory)),
            RowKind::Unusable => Err(io(io::ErrorKind::Unsupported)),
            RowKind::Workspace | RowKind::Submodule => Err(TreeError::Absent(path.clone())),
        }
    }

    /// Says which rule hides a path, or that it lies in a submodule.
    fn check_visible(&self, path: &RelPath) -> Result<(), TreeError> {
        let hidden = |rule: String| TreeError::Ignored { path: path.clone(), rule };
        let above = std::iter::successors(Some(path.clone()), RelPath::parent);
        let submodule = |dir: &RelPath| self.rows.get(dir).is_some_and(|row| row.kind == RowKind::Submodule);
        if let Some(dir) = above.filter(|dir| !dir.is_root()).find(submodule) {
            return Err(hidden(format!("rg itself: `{dir}` is a submodule, and submodules are not fetched")));
        }
        if self.is_ignored(path) {
            return Err(hidden("workspace.toml: [workspace] ignore".to_owned()));
        }
        Ok(())
    }

    fn is_ignored(&self, path: &RelPath) -> bool {
        if self.ignores.is_empty() || path.is_root() {
            return false;
        }
        let is_dir = self.lists.contains_key(path);
        self.ignores.matched_path_or_any_parents(path.as_str(), is_dir).is_ignore()
    }
}

impl Tree for Commit {
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError> {
        self.check_visible(dir)?;
        let entries = self.lists.get(dir).ok_or_else(|| TreeError::Absent(dir.clone()))?;
        let is_visible = |entry: &&Entry| dir.child(&entry.name).is_ok_and(|path| !self.is_ignored(&path));
        Ok(entries.iter().filter(is_visible).cloned().collect())
    }

    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError> {
        let (row, _) = self.file(file)?;
        let repository = git2::Repository::open_bare(&self.git_dir).map_err(io::Error::other);
        let bytes = repository.and_then(|repository| blob(&repository, &row.object));
        let bytes = bytes.map_err(|source| TreeError::Io { path: file.clone(), source })?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn id(&self, file: &RelPath) -> Result<FileId, TreeError> {
        let (row, kind) = self.file(file)?;
        Ok(FileId { kind, hash: row.hash })
    }
}

/// Returns what a listing of a directory says; a submodule is not listed, as what is ignored is not.
fn entry_kind(kind: RowKind) -> Option<EntryKind> {
    match kind {
        RowKind::File | RowKind::Executable => Some(EntryKind::File),
        RowKind::Symlink => Some(EntryKind::Symlink),
        RowKind::Directory => Some(EntryKind::Directory),
        RowKind::Workspace => Some(EntryKind::Workspace),
        RowKind::Unusable => Some(EntryKind::Unusable),
        RowKind::Submodule => None,
    }
}
