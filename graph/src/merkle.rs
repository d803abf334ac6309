//! The Merkle tree of an input root: files, links and whole directories put at paths, merged where they meet.

use std::collections::BTreeMap;

use model::reapi::{Directory, Message};
use model::{Content, Digest, Lost, RelPath};

/// Why inputs do not make a tree.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Two inputs want one path, with different contents.
    #[error("two inputs of the action want the path `{0}`")]
    Conflict(RelPath),
    /// A directory that has to be merged is not in the cache any more.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Finds the `Directory` message of a digest.
pub(crate) type Load<'a> = &'a dyn Fn(&Digest) -> Result<Directory, Lost>;

/// A tree under construction. A directory known by digest stays a leaf until something else is put inside it.
#[derive(Default)]
pub(crate) struct Node {
    entries: BTreeMap<String, Entry>,
}

enum Entry {
    Leaf(Content),
    Node(Node),
}

/// A finished tree.
pub struct Merkle {
    /// The digest of its root.
    pub root: Digest,
    /// Each `Directory` message that was made, children first.
    pub messages: Vec<(Digest, Vec<u8>)>,
    /// What lies where: files, links, and directories known by digest; sorted by path, none inside another.
    pub layout: Vec<(RelPath, Content)>,
}

/// Makes a tree of contents at paths. Directories that meet are merged; `load` reads those.
pub fn merge(
    placed: impl IntoIterator<Item = (RelPath, Content)>,
    load: &dyn Fn(&Digest) -> Result<Directory, Lost>,
) -> Result<Merkle, EncodeError> {
    let mut root = Node::default();
    placed.into_iter().try_for_each(|(at, content)| root.put(&at, content, load))?;
    Ok(root.finish())
}

impl Node {
    /// Puts content at a path. A directory at the root is merged into it.
    pub fn put(&mut self, at: &RelPath, content: Content, load: Load<'_>) -> Result<(), EncodeError> {
        let Some(parent) = at.parent() else {
            return self.absorb(content, at, load);
        };
        let directory = self.directory(&parent, load)?;
        directory.place(at.name(), content, at, load)
    }

    /// Returns the directory at a path, made if it is not there.
    pub fn directory(&mut self, at: &RelPath, load: Load<'_>) -> Result<&mut Node, EncodeError> {
        let mut node = self;
        let mut here = RelPath::root();
        for segment in at.segments() {
            here = here.child(segment).expect("a segment of a normal path is normal");
            let entry = node.entries.entry(segment.to_owned()).or_insert_with(|| Entry::Node(Node::default()));
            node = entry.open(&here, load)?;
        }
        Ok(node)
    }

    fn place(&mut self, name: &str, content: Content, at: &RelPath, load: Load<'_>) -> Result<(), EncodeError> {
        match self.entries.get_mut(name) {
            None => {
                self.entries.insert(name.to_owned(), Entry::Leaf(content));
                Ok(())
            }
            Some(Entry::Leaf(there)) if *there == content => Ok(()),
            Some(entry) if matches!(content, Content::Directory(_)) => entry.open(at, load)?.absorb(content, at, load),
            Some(_) => Err(EncodeError::Conflict(at.clone())),
        }
    }

    /// Merges the entries of a directory into this one.
    fn absorb(&mut self, content: Content, at: &RelPath, load: Load<'_>) -> Result<(), EncodeError> {
        let Content::Directory(digest) = content else {
            return Err(EncodeError::Conflict(at.clone()));
        };
        for (name, content) in contents(&digest, load)? {
            let below = at.child(&name).expect("contents has checked the names");
            self.place(&name, content, &below, load)?;
        }
        Ok(())
    }

    /// Computes all digests.
    pub fn finish(self) -> Merkle {
        let mut merkle = Merkle { root: Digest::of(b""), messages: Vec::new(), layout: Vec::new() };
        merkle.root = self.seal(&RelPath::root(), &mut merkle.messages, &mut merkle.layout);
        merkle
    }

    fn seal(
        self,
        here: &RelPath,
        messages: &mut Vec<(Digest, Vec<u8>)>,
        layout: &mut Vec<(RelPath, Content)>,
    ) -> Digest {
        let mut entries = Vec::new();
        for (name, entry) in self.entries {
            let path = here.child(&name).expect("names come from normal paths");
            let content = match entry {
                Entry::Leaf(content) => {
                    layout.push((path, content.clone()));
                    content
                }
                Entry::Node(node) => Content::Directory(node.seal(&path, messages, layout)),
            };
            entries.push((name, content));
        }
        let bytes = Directory::of(entries).encode();
        let digest = Digest::of(&bytes);
        messages.push((digest, bytes));
        digest
    }
}

impl Entry {
    /// Returns the directory that this entry is, reading it if it is known by digest only.
    fn open(&mut self, at: &RelPath, load: Load<'_>) -> Result<&mut Node, EncodeError> {
        if let Entry::Leaf(Content::Directory(digest)) = self {
            let entries = contents(digest, load)?.into_iter().map(|(name, content)| (name, Entry::Leaf(content)));
            let entries = entries.collect();
            *self = Entry::Node(Node { entries });
        }
        match self {
            Entry::Node(node) => Ok(node),
            Entry::Leaf(_) => Err(EncodeError::Conflict(at.clone())),
        }
    }
}

/// Returns the entries of a directory. One with a name that is no path segment was not made by rg, and counts as lost.
fn contents(digest: &Digest, load: Load<'_>) -> Result<Vec<(String, Content)>, Lost> {
    let entries: Vec<(String, Content)> = load(digest)?.into_entries().collect();
    let is_segment = |name: &str| RelPath::new(name).is_ok_and(|path| path.segments().count() == 1);
    if entries.iter().all(|(name, _)| is_segment(name)) { Ok(entries) } else { Err(Lost(*digest)) }
}
