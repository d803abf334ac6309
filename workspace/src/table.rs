//! The stat table: every visible entry of a checkout in flat arrays, about a hundred bytes each. Does no I/O.

use std::cmp::Ordering;

use crate::hash_cell::HashCell;
use crate::stat::{Kind, StatKey};

/// All visible entries, grouped by directory.
///
/// Invariants: `nodes[0]` is the root itself. Directories are in the order of a walk (a parent before its children,
/// siblings by name), each for one node of kind `Directory`; the nodes of `dirs[i]` are sorted by name and end where those of `dirs[i + 1]` begin.
#[derive(Debug)]
pub(crate) struct Table {
    names: String,
    pub dirs: Vec<Dir>,
    pub nodes: Vec<Node>,
}

/// A directory that was listed.
#[derive(Debug)]
pub(crate) struct Dir {
    path: Span,
    /// Its own node.
    pub node: u32,
    first: u32,
    end: u32,
    /// The error number of the attempt to list it, 0 if it could be.
    pub errno: i32,
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    name: Span,
    pub kind: Kind,
    pub state: State,
    pub key: StatKey,
    /// The BLAKE3 of the content that was there when the stat was `key`.
    pub hash: HashCell,
}

/// What the stat of a remembered entry says in this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// `key` is the stat of this run.
    Current,
    /// A directory that has to be listed again; `key` is the stat of this run.
    Relist,
    /// It is not there any more, or is something else.
    Gone,
}

/// A text in the arena of names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    len: u16,
}

impl Node {
    /// Makes a node whose name has its place in no table yet.
    pub fn new(kind: Kind, key: StatKey) -> Node {
        Node { name: Span { start: 0, len: 0 }, kind, state: State::Current, key, hash: HashCell::default() }
    }
}

impl Table {
    /// Returns a table that knows only that there is a root.
    pub fn empty() -> Table {
        Table { names: String::new(), dirs: Vec::new(), nodes: vec![Node::new(Kind::Directory, StatKey::UNKNOWN)] }
    }

    /// Makes room for what is about to be added.
    pub fn reserve(&mut self, dirs: usize, nodes: usize, name_bytes: usize) {
        self.dirs.reserve(dirs);
        self.nodes.reserve(nodes);
        self.names.reserve(name_bytes);
    }

    /// Begins the next directory in the order of the walk; its nodes follow by [`Table::push`].
    pub fn begin(&mut self, path: &str, node: u32) {
        let path = self.intern(path);
        let at = index(self.nodes.len());
        self.dirs.push(Dir { path, node, first: at, end: at, errno: 0 });
    }

    /// Adds an entry to the last directory; entries come sorted by name.
    pub fn push(&mut self, name: &str, node: Node) -> u32 {
        let name = self.intern(name);
        self.place(Node { name, ..node })
    }

    /// Adds an entry of which a stat, and perhaps a hash, is remembered. The hot call of decoding: the node is made
    /// where it stays.
    pub fn push_known(&mut self, name: &str, kind: Kind, key: StatKey, hash: Option<[u8; 32]>) -> u32 {
        let name = self.intern(name);
        let hash = hash.map(HashCell::full).unwrap_or_default();
        self.place(Node { name, kind, state: State::Current, key, hash })
    }

    #[inline]
    fn place(&mut self, node: Node) -> u32 {
        let at = index(self.nodes.len());
        self.nodes.push(node);
        if let Some(dir) = self.dirs.last_mut() {
            dir.end = at + 1;
        }
        at
    }

    /// Returns the listed directory at a path.
    pub fn dir(&self, path: &str) -> Option<&Dir> {
        let at = self.dirs.binary_search_by(|dir| walk_order(self.path(dir), path)).ok()?;
        Some(&self.dirs[at])
    }

    /// Returns the entry at a path.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.find_all(std::iter::once(path)).pop().flatten()
    }

    /// Returns the entries at many paths. Neighbours that lie in one directory share the search for it.
    pub fn find_all<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Vec<Option<&Node>> {
        let mut last: Option<&Dir> = None;
        let find = |path: &str| {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            if last.is_none_or(|dir| self.path(dir) != parent) {
                last = self.dir(parent);
            }
            if path.is_empty() { self.nodes.first() } else { self.child(last?, name) }
        };
        paths.map(find).collect()
    }

    /// Returns the entry of a directory that has the name.
    pub fn child(&self, dir: &Dir, name: &str) -> Option<&Node> {
        let nodes = self.nodes_of(dir);
        // A lossy name may equal a real one, which sorts first.
        let at = nodes.partition_point(|node| self.name(node) < name);
        nodes.get(at).filter(|node| self.name(node) == name && node.kind != Kind::Gone)
    }

    /// Returns the entries of a directory.
    pub fn nodes_of(&self, dir: &Dir) -> &[Node] {
        &self.nodes[dir.first as usize..dir.end as usize]
    }

    /// Returns the path of a directory.
    pub fn path(&self, dir: &Dir) -> &str {
        self.text(dir.path)
    }

    /// Returns the name of an entry.
    pub fn name(&self, node: &Node) -> &str {
        self.text(node.name)
    }

    /// Returns the number of bytes of all names and paths.
    pub fn name_bytes(&self) -> usize {
        self.names.len()
    }

    /// Splits the table into what does not change in a refresh and the nodes, which do.
    pub fn split_mut(&mut self) -> (Names<'_>, &[Dir], &mut [Node]) {
        (Names(&self.names), &self.dirs, &mut self.nodes)
    }

    fn intern(&mut self, text: &str) -> Span {
        let span = Span { start: index(self.names.len()), len: u16::try_from(text.len()).unwrap_or(u16::MAX) };
        self.names.push_str(text);
        span
    }

    fn text(&self, span: Span) -> &str {
        Names(&self.names).text(span)
    }
}

/// The arena of names.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a>(&'a str);

impl<'a> Names<'a> {
    /// Returns the path of a directory.
    pub fn path(self, dir: &Dir) -> &'a str {
        self.text(dir.path)
    }

    /// Returns the name of an entry.
    pub fn name(self, node: &Node) -> &'a str {
        self.text(node.name)
    }

    fn text(self, span: Span) -> &'a str {
        let start = span.start as usize;
        &self.0[start..start + usize::from(span.len)]
    }
}

impl Dir {
    /// Returns the range of its nodes.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.first as usize..self.end as usize
    }
}

/// Compares paths in the order of a walk: as text, with `/` before all other characters.
fn walk_order(one: &str, other: &str) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match one.bytes().zip(other.bytes()).find(|(a, b)| a != b) {
        Some((a, b)) => rank(a).cmp(&rank(b)),
        None => one.len().cmp(&other.len()),
    }
}

/// Returns a position as it is stored.
fn index(position: usize) -> u32 {
    u32::try_from(position).expect("a checkout has less than four billion entries and bytes of names")
}
