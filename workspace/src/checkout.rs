//! A checkout as a tree. Scans once; afterwards everything but content is answered from memory.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Entry, EntryKind, FileId, RelPath, Tree, TreeError};
use rayon::prelude::*;
use rustix::fs::FileType;

use crate::clock;
use crate::codec::{self, Known};
use crate::content;
use crate::disk::{Disk, is_absence};
use crate::hash_cell::Put;
use crate::ignores::{Ignores, child};
use crate::refresh::{Findings, refresh};
use crate::stat::Kind;
use crate::table::{Node, Table};
use crate::walk::{Listings, Stopped, walk};

/// Up to this many files, and this many bytes, are hashed without starting a thread pool.
const FEW_FILES: usize = 32;
const FEW_BYTES: u64 = 8 * 1024 * 1024;

/// What a scan is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// The lines of `[workspace] ignore`, in the language of `.gitignore`. They have the last word.
    pub ignore: &'a [String],
    /// A directory outside the checkout where the file system may be asked for its time: the cache directory.
    pub clock_dir: &'a Path,
}

/// Why there is no checkout.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The root cannot be opened or listed.
    #[error("cannot read the workspace `{}`", .root.display())]
    Root {
        /// The root.
        root: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The files below a root, as one scan saw them.
#[derive(Debug)]
pub struct Checkout {
    root: PathBuf,
    disk: Disk,
    table: Table,
    ignores: Ignores,
    nested: Vec<RelPath>,
    trusted_before_ns: i64,
    memory: Memory,
}

/// How this run stands to what the last one knew.
#[derive(Debug)]
struct Memory {
    /// The checksum of the stat table that came in; empty if that was of no use.
    checksum: Vec<u8>,
    /// Whether anything is known now that was not, or was otherwise.
    differs: AtomicBool,
}

/// Scans the files below `root`.
///
/// `stats` is what [`Checkout::stats`] gave in the last run; if it is empty or cannot be decoded, nothing is known.
/// Files that vanish meanwhile are absent.
pub fn checkout(root: &Path, options: &ScanOptions, stats: &[u8]) -> Result<Checkout, CheckoutError> {
    let failed = |source| CheckoutError::Root { root: root.to_path_buf(), source };
    let disk = Disk::open_root(root).map_err(failed)?;
    let device = disk.stat("").map_err(failed)?.key.device;
    let trusted_before_ns = clock::trusted_before_ns(device, options.clock_dir);
    let mut ignores = Ignores::new(options.ignore);
    let known = codec::decode(stats);
    let checksum = known.as_ref().map(|_| codec::checksum(stats).to_vec()).unwrap_or_default();
    let (table, differs) = scan(&disk, &mut ignores, known).map_err(failed)?;
    let memory = Memory { checksum, differs: AtomicBool::new(differs) };
    let nested = borders(&table);
    Ok(Checkout { root: root.to_path_buf(), disk, table, ignores, nested, trusted_before_ns, memory })
}

/// Returns the table of what is there, and whether it differs from what was known.
fn scan(disk: &Disk, ignores: &mut Ignores, known: Option<Known>) -> io::Result<(Table, bool)> {
    let (mut table, rules_hold) = match known {
        Some(known) => {
            known.ignore_files.iter().for_each(|(dir, key)| ignores.add(dir, *key));
            let rules_hold = known.lines_hash == ignores.lines_hash() && ignores.are_current(disk);
            (known.table, rules_hold)
        }
        None => (Table::empty(), false),
    };
    let Findings { differs, relist } = refresh(disk, &mut table);
    if rules_hold && relist.is_empty() {
        return Ok((table, differs));
    }
    let listings = if rules_hold { Listings::Unchanged } else { Listings::None };
    let walked = match walk(disk, &table, ignores, listings) {
        Err(Stopped::RulesChanged) => walk(disk, &table, ignores, Listings::None),
        walked => walked,
    };
    match walked {
        Ok(table) => Ok((table, true)),
        Err(Stopped::Root(error)) => Err(error),
        Err(Stopped::RulesChanged) => Err(io::Error::other("the ignore files change while they are read")),
    }
}

/// Returns the nested workspaces, sorted.
fn borders(table: &Table) -> Vec<RelPath> {
    let mut found: Vec<RelPath> = Vec::new();
    for dir in &table.dirs {
        let borders = table.nodes_of(dir).iter().filter(|node| node.kind == Kind::Workspace);
        found.extend(borders.filter_map(|node| RelPath::new(&child(table.path(dir), table.name(node))).ok()));
    }
    found.sort();
    found
}

impl Checkout {
    /// Returns the root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directories below the root that have a `workspace.toml` of their own, sorted.
    pub fn nested(&self) -> &[RelPath] {
        &self.nested
    }

    /// Returns the ids of many files, in their order. Threads are started only if there is much to hash.
    pub fn ids(&self, files: &[&RelPath]) -> Vec<Result<FileId, TreeError>> {
        let nodes = self.table.find_all(files.iter().map(|file| file.as_str()));
        let unknown = nodes.iter().flatten().filter(|node| node.kind.of_file().is_some() && !node.hash.is_full());
        let (count, bytes) =
            unknown.fold((0, 0_u64), |(count, bytes), node| (count + 1, bytes.saturating_add(node.key.size_bytes)));
        let id = |(&file, node): (&&RelPath, &Option<&Node>)| self.id_of(file, *node);
        if count > FEW_FILES || (count > 1 && bytes > FEW_BYTES) {
            return files.par_iter().zip(&nodes).map(id).collect();
        }
        files.iter().zip(&nodes).map(id).collect()
    }

    /// Returns the stat table for the next run, with the ids that this run learned; `None` if it is the one that came in.
    pub fn stats(&self) -> Option<Vec<u8>> {
        if !self.memory.differs.load(Ordering::Acquire) {
            return None;
        }
        let encoded = codec::encode(&self.table, &self.ignores, self.trusted_before_ns);
        (codec::checksum(&encoded) != self.memory.checksum).then_some(encoded)
    }

    /// Stats the file again: whether it still is what was scanned. A path that was absent has to be absent.
    pub fn unchanged(&self, file: &RelPath) -> bool {
        match (self.table.node(file.as_str()), self.disk.stat(file.as_str())) {
            (Some(node), Ok(stat)) => node.key == stat.key,
            (None, Err(error)) => is_absence(&error),
            (Some(_), Err(_)) | (None, Ok(_)) => false,
        }
    }

    /// Returns the id of what is at a path that has this entry.
    fn id_of(&self, file: &RelPath, node: Option<&Node>) -> Result<FileId, TreeError> {
        let node = self.file_node(file, node)?;
        if let (Some(kind), Some(hash)) = (node.kind.of_file(), node.hash.get()) {
            return Ok(FileId { kind, hash });
        }
        let failed = |error| reading_failed(file, error);
        let (id, stat) = content::identify(&self.disk, file.as_str(), node.kind).map_err(failed)?;
        // The id of an edited file is true, but not of the stat that was scanned.
        let as_scanned = stat.is_some_and(|stat| stat.key == node.key && stat.kind == node.kind);
        if as_scanned && node.hash.put(id.hash) == Put::Done {
            self.memory.differs.store(true, Ordering::Release);
        }
        Ok(id)
    }

    /// Returns the entry if it has content, and else why not.
    fn file_node<'a>(&self, path: &RelPath, node: Option<&'a Node>) -> Result<&'a Node, TreeError> {
        let io = |kind: io::ErrorKind| TreeError::Io { path: path.clone(), source: kind.into() };
        let node = node.ok_or_else(|| self.missing(path))?;
        match node.kind {
            Kind::File | Kind::Executable | Kind::Symlink => Ok(node),
            Kind::Directory => Err(io(io::ErrorKind::IsADirectory)),
            Kind::Unusable => Err(io(io::ErrorKind::Unsupported)),
            Kind::Workspace | Kind::Gone => Err(TreeError::Absent(path.clone())),
        }
    }

    /// Returns why a path is not part of the tree: it is ignored, or not there.
    fn missing(&self, path: &RelPath) -> TreeError {
        let rule = self.disk.stat(path.as_str()).ok().and_then(|stat| self.rule(path, stat.kind));
        match rule {
            Some(rule) => TreeError::Ignored { path: path.clone(), rule },
            None => TreeError::Absent(path.clone()),
        }
    }

    /// Returns the rule that excludes a path that is there: it decides at the first segment that is not visible.
    fn rule(&self, path: &RelPath, kind: Kind) -> Option<String> {
        let mut dir = String::new();
        let mut segments = path.segments().peekable();
        while let Some(name) = segments.next() {
            let at = child(&dir, name);
            match self.table.node(&at).map(|node| node.kind) {
                Some(Kind::Directory) => dir = at,
                Some(_) => return None,
                None => {
                    let holds_more = segments.peek().is_some();
                    let file_type = if holds_more { Some(FileType::Directory) } else { kind.file_type() };
                    let rule = self.ignores.chain(&self.disk, &dir).rule(name.as_ref(), file_type)?;
                    return Some(rule.to_string());
                }
            }
        }
        None
    }
}

impl Tree for Checkout {
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError> {
        let Some(listed) = self.table.dir(dir.as_str()) else {
            return Err(match self.table.node(dir.as_str()) {
                Some(_) => TreeError::Absent(dir.clone()),
                None => self.missing(dir),
            });
        };
        if listed.errno != 0 {
            return Err(reading_failed(dir, io::Error::from_raw_os_error(listed.errno)));
        }
        let nodes = self.table.nodes_of(listed).iter();
        let entry = |node| Some(Entry { name: Arc::from(self.table.name(node)), kind: entry_kind(node.kind)? });
        Ok(nodes.filter_map(entry).collect())
    }

    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError> {
        let node = self.file_node(file, self.table.node(file.as_str()))?;
        let opened =
            content::open(&self.disk, file.as_str(), node.kind).map_err(|error| reading_failed(file, error))?;
        Ok(opened)
    }

    fn id(&self, file: &RelPath) -> Result<FileId, TreeError> {
        self.id_of(file, self.table.node(file.as_str()))
    }
}

/// Returns what a listing says of an entry; nothing if it vanished.
fn entry_kind(kind: Kind) -> Option<EntryKind> {
    match kind {
        Kind::File | Kind::Executable => Some(EntryKind::File),
        Kind::Symlink => Some(EntryKind::Symlink),
        Kind::Directory => Some(EntryKind::Directory),
        Kind::Workspace => Some(EntryKind::Workspace),
        Kind::Unusable => Some(EntryKind::Unusable),
        Kind::Gone => None,
    }
}

/// Says why reading failed: a file that vanished is absent.
fn reading_failed(path: &RelPath, error: io::Error) -> TreeError {
    if is_absence(&error) {
        return TreeError::Absent(path.clone());
    }
    TreeError::Io { path: path.clone(), source: error }
}
