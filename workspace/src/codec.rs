//! The stat table as bytes, for the next run. What could change unseen is not written as known. Does no I/O.
//!
//! Layout: version, hash of the `[workspace] ignore` lines, counts, the ignore files with their stats, the root, then
//! each directory in the order of a walk with its entries; a checksum at the end. Numbers that are close to those of
//! the entry before are written as differences. Anything that does not decode counts as empty.

use crate::ignores::{Ignores, child};
use crate::packed::{Packer, Unpacker};
use crate::stat::{Kind, StatKey};
use crate::table::{Node, Table};

/// Changes with the layout.
const VERSION: &[u8; 8] = b"rgstats1";
const CHECKSUM_BYTES: usize = 16;

/// The kinds by their number in the lowest three bits of an entry's first byte.
const KINDS: [Kind; 7] =
    [Kind::File, Kind::Executable, Kind::Symlink, Kind::Directory, Kind::Workspace, Kind::Unusable, Kind::Gone];
const KIND_MASK: u8 = 7;
const HAS_HASH: u8 = 8;
const HAS_KEY: u8 = 16;
const SAME_DEVICE: u8 = 32;

/// What the last run knew.
pub(crate) struct Known {
    pub table: Table,
    /// The directories with a `.gitignore`, and the stat of that.
    pub ignore_files: Vec<(String, StatKey)>,
    /// The hash of the lines of `[workspace] ignore`.
    pub lines_hash: [u8; 16],
}

/// Returns the checksum at the end of an encoding.
pub(crate) fn checksum(encoded: &[u8]) -> &[u8] {
    &encoded[encoded.len().saturating_sub(CHECKSUM_BYTES)..]
}

/// Encodes a table. What changed at `trusted_before_ns` or later may change again without a trace: of such a file the
/// hash is left out, of such a directory and such a `.gitignore` the stat.
pub(crate) fn encode(table: &Table, ignores: &Ignores, trusted_before_ns: i64) -> Vec<u8> {
    let mut packer = KeyPacker::new(table.name_bytes() + table.nodes.len() * 56);
    packer.out.raw(VERSION);
    packer.out.raw(&ignores.lines_hash());
    for count in [table.dirs.len(), table.nodes.len(), table.name_bytes(), ignores.files().len()] {
        packer.out.number(count as u64);
    }
    for (dir, key) in ignores.files() {
        packer.entry(Kind::File, trusted(key, trusted_before_ns), None);
        packer.out.text(dir);
    }
    for node in &table.nodes[..1] {
        packer.node(node, trusted_before_ns);
    }
    for dir in &table.dirs {
        let nodes = table.nodes_of(dir);
        packer.out.number(nodes.len() as u64);
        for node in nodes {
            packer.node(node, trusted_before_ns);
            packer.out.text(table.name(node));
        }
    }
    let sum = sum(packer.out.as_bytes());
    packer.out.raw(&sum);
    packer.out.finish()
}

/// Decodes what [`encode`] made; `None` for anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<Known> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    let body_after_version = body.strip_prefix(VERSION)?;
    if sum(body) != checksum {
        return None;
    }
    let mut unpacker = KeyUnpacker { from: Unpacker::new(body_after_version), last: StatKey::UNKNOWN };
    let lines_hash = unpacker.from.array()?;
    let [dirs, nodes, name_bytes, ignore_files] = [(); 4].map(|()| unpacker.from.number());
    let mut table = Table::empty();
    let room = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    table.reserve(room(dirs?), room(nodes?), room(name_bytes?));
    let ignore_files = (0..ignore_files?).map(|_| unpacker.ignore_file()).collect::<Option<_>>()?;
    let (_, root_key, _) = unpacker.entry()?;
    table.nodes[0].key = root_key;
    let mut pending = vec![(0, String::new())];
    while let Some((node, path)) = pending.pop() {
        unpacker.dir(&mut table, node, &path, &mut pending)?;
    }
    unpacker.from.is_empty().then_some(Known { table, ignore_files, lines_hash })
}

/// Returns the stat if it can be relied on in the next run.
fn trusted(key: StatKey, trusted_before_ns: i64) -> StatKey {
    if key.is_older_than(trusted_before_ns) { key } else { StatKey::UNKNOWN }
}

fn sum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    sum
}

/// Packs stats, each as its difference from the last.
struct KeyPacker {
    out: Packer,
    last: StatKey,
}

impl KeyPacker {
    fn new(capacity_bytes: usize) -> KeyPacker {
        KeyPacker { out: Packer::with_capacity(capacity_bytes), last: StatKey::UNKNOWN }
    }

    fn node(&mut self, node: &Node, trusted_before_ns: i64) {
        let trusted = trusted(node.key, trusted_before_ns);
        if node.kind.is_directory() {
            return self.entry(node.kind, trusted, None);
        }
        let hash = node.hash.get().filter(|_| trusted != StatKey::UNKNOWN);
        self.entry(node.kind, node.key, hash);
    }

    fn entry(&mut self, kind: Kind, key: StatKey, hash: Option<[u8; 32]>) {
        let number = KINDS.iter().position(|&other| other == kind).unwrap_or_default() as u8;
        let has_hash = if hash.is_some() { HAS_HASH } else { 0 };
        let has_key = if key == StatKey::UNKNOWN { 0 } else { HAS_KEY };
        let same_device = if key.device == self.last.device { SAME_DEVICE } else { 0 };
        self.out.raw(&[number | has_hash | has_key | same_device]);
        if key != StatKey::UNKNOWN {
            self.key(key);
        }
        if let Some(hash) = hash {
            self.out.raw(&hash);
        }
    }

    fn key(&mut self, key: StatKey) {
        self.out.number(key.size_bytes);
        self.out.step(self.last.modified_ns, key.modified_ns);
        self.out.step(key.modified_ns, key.changed_ns);
        self.out.step(self.last.inode as i64, key.inode as i64);
        if key.device != self.last.device {
            self.out.number(key.device.into());
        }
        self.last = key;
    }
}

/// Unpacks what [`KeyPacker`] packed.
struct KeyUnpacker<'a> {
    from: Unpacker<'a>,
    last: StatKey,
}

impl KeyUnpacker<'_> {
    fn ignore_file(&mut self) -> Option<(String, StatKey)> {
        let (_, key, _) = self.entry()?;
        Some((self.from.text()?.to_owned(), key))
    }

    /// Takes the entries of one directory, and notes the directories among them.
    fn dir(&mut self, table: &mut Table, node: u32, path: &str, pending: &mut Vec<(u32, String)>) -> Option<()> {
        table.begin(path, node);
        let first = pending.len();
        for _ in 0..self.from.count()? {
            let (kind, key, hash) = self.entry()?;
            let name = self.from.text()?;
            let at = table.push_known(name, kind, key, hash);
            if kind == Kind::Directory {
                pending.push((at, child(path, name)));
            }
        }
        pending[first..].reverse();
        Some(())
    }

    #[inline]
    fn entry(&mut self) -> Option<(Kind, StatKey, Option<[u8; 32]>)> {
        let tag = self.from.byte()?;
        let kind = *KINDS.get(usize::from(tag & KIND_MASK))?;
        let key = if tag & HAS_KEY == 0 { StatKey::UNKNOWN } else { self.key(tag)? };
        let hash = if tag & HAS_HASH == 0 { None } else { Some(self.from.array()?) };
        Some((kind, key, hash))
    }

    #[inline]
    fn key(&mut self, tag: u8) -> Option<StatKey> {
        let size_bytes = self.from.number()?;
        let modified_ns = self.from.step(self.last.modified_ns)?;
        let changed_ns = self.from.step(modified_ns)?;
        let inode = self.from.step(self.last.inode as i64)? as u64;
        let device = if tag & SAME_DEVICE == 0 { u32::try_from(self.from.number()?).ok()? } else { self.last.device };
        self.last = StatKey { size_bytes, modified_ns, changed_ns, inode, device };
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_NS: i64 = 1_000;

    fn key(modified_ns: i64, changed_ns: i64) -> StatKey {
        StatKey { size_bytes: 3, modified_ns, changed_ns, inode: 9, device: 1 }
    }

    fn node(kind: Kind, key: StatKey) -> Node {
        let node = Node::new(kind, key);
        node.hash.put([7; 32]);
        node
    }

    /// Returns the table that the next run starts from.
    fn next(table: &Table, ignores: &Ignores) -> Known {
        decode(&encode(table, ignores, NOW_NS)).expect("what was just encoded")
    }

    #[test]
    fn a_file_that_changed_in_the_last_tick_loses_its_id() {
        for (key, kept) in [
            (key(NOW_NS - 1, NOW_NS - 1), true),
            (key(NOW_NS, NOW_NS - 1), false),
            (key(NOW_NS - 1, NOW_NS), false),
            (key(i64::MAX, 0), false),
        ] {
            let mut table = Table::empty();
            table.begin("", 0);
            table.push("f", node(Kind::File, key));
            let next = next(&table, &Ignores::new(&[])).table;
            let found = next.node("f").expect("the file");
            assert_eq!((found.key, found.hash.is_full()), (key, kept));
        }
    }

    #[test]
    fn a_directory_and_an_ignore_file_that_changed_in_the_last_tick_are_looked_at_again() {
        for (key, kept) in
            [(key(NOW_NS - 1, NOW_NS - 1), key(NOW_NS - 1, NOW_NS - 1)), (key(1, NOW_NS), StatKey::UNKNOWN)]
        {
            let mut table = Table::empty();
            table.begin("", 0);
            let dir = table.push("d", Node::new(Kind::Directory, key));
            table.push("w", Node::new(Kind::Workspace, key));
            table.begin("d", dir);
            let mut ignores = Ignores::new(&[]);
            ignores.add("d", key);
            let next = next(&table, &ignores);
            assert_eq!(["d", "w"].map(|path| next.table.node(path).expect("both entries").key), [kept, kept]);
            assert_eq!(next.ignore_files, [("d".to_owned(), kept)]);
        }
    }

    fn any_key() -> impl Strategy<Value = StatKey> {
        any::<(u64, i64, i64, u64, u32)>().prop_map(|(size_bytes, modified_ns, changed_ns, inode, device)| StatKey {
            size_bytes,
            modified_ns,
            changed_ns,
            inode,
            device,
        })
    }

    proptest! {
        #[test]
        fn any_stat_survives_the_encoding(keys in prop::collection::vec(any_key(), 0..20)) {
            let mut table = Table::empty();
            table.begin("", 0);
            for (number, key) in keys.iter().enumerate() {
                table.push(&format!("{number:02}"), Node::new(KINDS[number % 3], *key));
            }
            let next = next(&table, &Ignores::new(&[])).table;
            prop_assert_eq!(next.nodes[1..].iter().map(|node| node.key).collect::<Vec<_>>(), keys);
        }
    }
}
