//! A tree of files held in a map: the fake beside the real checkout.
//! It knows nothing of ignore rules but what a test tells it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Bound;
use std::sync::Arc;

use model::{Entry, EntryKind, FileId, FileKind, RelPath, Tree, TreeError};

/// A tree of files held in a map. Directories exist where a file lies beneath them;
/// one below the root that holds a `workspace.toml` is a border, as in a checkout.
#[derive(Clone, Debug, Default)]
pub struct MapTree {
    nodes: BTreeMap<RelPath, Node>,
}

#[derive(Clone, Debug)]
enum Node {
    File(FileKind, Vec<u8>),
    Ignored(String),
    Unusable,
}

impl MapTree {
    /// Makes a tree of text files.
    pub fn new(files: &[(&str, &str)]) -> MapTree {
        files.iter().fold(MapTree::default(), |tree, (path, text)| tree.with(path, text))
    }

    /// Returns the tree with a file more, or with another content of it.
    #[must_use]
    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> MapTree {
        self.node(path, Node::File(FileKind::File, content.as_ref().to_vec()))
    }

    /// Returns the tree with an executable file more.
    #[must_use]
    pub fn with_executable(self, path: &str, content: impl AsRef<[u8]>) -> MapTree {
        self.node(path, Node::File(FileKind::Executable, content.as_ref().to_vec()))
    }

    /// Returns the tree with a symbolic link more.
    #[must_use]
    pub fn with_symlink(self, path: &str, target: &str) -> MapTree {
        self.node(path, Node::File(FileKind::Symlink, target.as_bytes().to_vec()))
    }

    /// Returns the tree with a file that exists but is ignored by `rule`, as `.gitignore:3: *.log`.
    #[must_use]
    pub fn with_ignored(self, path: &str, rule: &str) -> MapTree {
        self.node(path, Node::Ignored(rule.to_owned()))
    }

    /// Returns the tree with an entry that cannot be an input: a socket, or a name that is not UTF-8.
    #[must_use]
    pub fn with_unusable(self, path: &str) -> MapTree {
        self.node(path, Node::Unusable)
    }

    /// Returns the tree without a file.
    #[must_use]
    pub fn without(mut self, path: &str) -> MapTree {
        self.nodes.remove(path);
        self
    }

    /// Returns the directories below the root that are workspaces of their own.
    pub fn nested(&self) -> Vec<RelPath> {
        let holds = |path: &&RelPath| path.name() == "workspace.toml";
        let dirs = self.nodes.keys().filter(holds).filter_map(RelPath::parent);
        dirs.filter(|dir| !dir.is_root()).collect()
    }

    fn node(mut self, path: &str, node: Node) -> MapTree {
        self.nodes.insert(RelPath::new(path).expect("tests write normal paths"), node);
        self
    }

    fn kind_of(&self, path: &RelPath) -> Option<EntryKind> {
        match self.nodes.get(path) {
            Some(Node::File(FileKind::Symlink, _)) => Some(EntryKind::Symlink),
            Some(Node::File(..)) => Some(EntryKind::File),
            Some(Node::Unusable) => Some(EntryKind::Unusable),
            Some(Node::Ignored(_)) => None,
            None if self.is_border(path) => Some(EntryKind::Workspace),
            None => self.has_beneath(path).then_some(EntryKind::Directory),
        }
    }

    fn has_beneath(&self, dir: &RelPath) -> bool {
        self.beneath(dir).any(|(_, node)| !matches!(node, Node::Ignored(_)))
    }

    fn is_border(&self, dir: &RelPath) -> bool {
        !dir.is_root() && dir.child("workspace.toml").is_ok_and(|file| self.nodes.contains_key(&file))
    }

    fn beneath<'a>(&'a self, dir: &'a RelPath) -> impl Iterator<Item = (&'a RelPath, &'a Node)> {
        let prefix = if dir.is_root() { String::new() } else { format!("{dir}/") };
        let from = self.nodes.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.take_while(move |(path, _)| path.as_str().starts_with(&prefix))
    }

    fn crosses_border(&self, path: &RelPath) -> bool {
        std::iter::successors(Some(path.clone()), RelPath::parent).any(|dir| self.is_border(&dir))
    }

    fn content(&self, file: &RelPath) -> Result<(FileKind, &[u8]), TreeError> {
        if self.crosses_border(file) {
            return Err(TreeError::Absent(file.clone()));
        }
        match self.nodes.get(file) {
            Some(Node::File(kind, content)) => Ok((*kind, content)),
            Some(Node::Ignored(rule)) => Err(TreeError::Ignored { path: file.clone(), rule: rule.clone() }),
            Some(Node::Unusable) | None => Err(TreeError::Absent(file.clone())),
        }
    }
}

impl Tree for MapTree {
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError> {
        if self.crosses_border(dir) || !(dir.is_root() || self.has_beneath(dir)) {
            return Err(TreeError::Absent(dir.clone()));
        }
        let mut names: Vec<&str> = Vec::new();
        for (path, _) in self.beneath(dir) {
            let skip = if dir.is_root() { 0 } else { dir.as_str().len() + 1 };
            names.push(path.as_str()[skip..].split('/').next().unwrap_or_default());
        }
        names.sort_unstable();
        names.dedup();
        let entry = |name: &str| {
            let kind = self.kind_of(&dir.child(name).ok()?)?;
            Some(Entry { name: Arc::from(name), kind })
        };
        Ok(names.into_iter().filter_map(entry).collect())
    }

    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError> {
        Ok(Box::new(Cursor::new(self.content(file)?.1)))
    }

    fn id(&self, file: &RelPath) -> Result<FileId, TreeError> {
        let (kind, content) = self.content(file)?;
        Ok(FileId::of(kind, content))
    }
}
