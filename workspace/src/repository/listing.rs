//! What lies in a commit: made once through git2, and kept in a file, so that a later run opens no repository.
//! A listing follows from its commit alone, so a file of it is never out of date.

use std::fs;
use std::io;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Tree};
use model::RelPath;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::find::DEFINITION;

/// How deep directories may lie in one another: deeper ones are no work of people.
const DEPTH: usize = 256;

/// The permissions that git gives executable files, symbolic links and submodules.
const EXECUTABLE: i32 = 0o100_755;
const SYMLINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// One path of a commit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Where it lies, from the root of the repository.
    pub path: String,
    /// What it is.
    pub kind: RowKind,
    /// The object of git.
    pub object: [u8; 20],
    /// The hash of its bytes, if it has any.
    pub hash: [u8; 32],
}

/// What lies at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum RowKind {
    File,
    Executable,
    Symlink,
    Directory,
    /// A directory with a workspace.toml of its own, which is not entered.
    Workspace,
    /// Another repository inside this one; those are not brought.
    Submodule,
    /// A name that is no text.
    Unusable,
}

/// Returns the tree of a commit that is in a bare repository.
pub(crate) fn tree_of(git_dir: &Path, commit: &str) -> io::Result<(Repository, Oid)> {
    let repository = Repository::open_bare(git_dir).map_err(io::Error::other)?;
    let id = Oid::from_str(commit).map_err(io::Error::other)?;
    let tree = repository.find_commit(id).map_err(io::Error::other)?.tree_id();
    Ok((repository, tree))
}

/// Lists a commit, and hashes all of its files.
pub(crate) fn make(git_dir: &Path, commit: &str) -> io::Result<Vec<Row>> {
    let (repository, tree) = tree_of(git_dir, commit)?;
    let tree = repository.find_tree(tree).map_err(io::Error::other)?;
    let mut rows = Vec::new();
    walk(&repository, &tree, &RelPath::root(), 0, &mut rows)?;
    let open = || Repository::open_bare(git_dir).map_err(io::Error::other);
    let hashed = rows.into_par_iter().map_init(open, |repository, row| match repository {
        Ok(repository) => hashed(repository, row),
        Err(error) => Err(io::Error::other(error.to_string())),
    });
    hashed.collect()
}

fn walk(repository: &Repository, tree: &Tree<'_>, dir: &RelPath, depth: usize, rows: &mut Vec<Row>) -> io::Result<()> {
    if depth > DEPTH {
        return Err(io::Error::other(format!("`{dir}` lies in more than {DEPTH} directories")));
    }
    for entry in tree {
        let Some(path) = child(dir, entry.name_bytes()) else {
            let name = String::from_utf8_lossy(entry.name_bytes()).replace('/', "\u{fffd}");
            rows.extend(dir.child(&name).ok().map(|path| row(&path, RowKind::Unusable, entry.id())));
            continue;
        };
        // What rg and git keep at the root of a checkout for themselves is no part of any.
        if path.name() == ".git" || path.as_str() == "rg-out" {
            continue;
        }
        match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => {
                let below = repository.find_tree(entry.id()).map_err(io::Error::other)?;
                if below.get_name(DEFINITION).is_some_and(|it| it.kind() == Some(ObjectType::Blob)) {
                    rows.push(row(&path, RowKind::Workspace, entry.id()));
                    continue;
                }
                rows.push(row(&path, RowKind::Directory, entry.id()));
                walk(repository, &below, &path, depth + 1, rows)?;
            }
            (_, SUBMODULE) => rows.push(row(&path, RowKind::Submodule, entry.id())),
            (_, SYMLINK) => rows.push(row(&path, RowKind::Symlink, entry.id())),
            (_, EXECUTABLE) => rows.push(row(&path, RowKind::Executable, entry.id())),
            (_, _) => rows.push(row(&path, RowKind::File, entry.id())),
        }
    }
    Ok(())
}

/// Returns the path of an entry whose name can be a segment of one.
fn child(dir: &RelPath, name: &[u8]) -> Option<RelPath> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains('/'))?;
    dir.child(name).ok()
}

fn row(path: &RelPath, kind: RowKind, object: Oid) -> Row {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(object.as_bytes());
    Row { path: path.as_str().to_owned(), kind, object: bytes, hash: [0; 32] }
}

fn hashed(repository: &Repository, mut row: Row) -> io::Result<Row> {
    match row.kind {
        RowKind::File | RowKind::Executable | RowKind::Symlink => {
            row.hash = *blake3::hash(&blob(repository, &row.object)?).as_bytes();
        }
        RowKind::Directory | RowKind::Workspace | RowKind::Submodule | RowKind::Unusable => {}
    }
    Ok(row)
}

/// Returns the bytes of a file, as git keeps them: no filter of attributes is applied.
pub(crate) fn blob(repository: &Repository, object: &[u8; 20]) -> io::Result<Vec<u8>> {
    let id = Oid::from_bytes(object).map_err(io::Error::other)?;
    Ok(repository.find_blob(id).map_err(io::Error::other)?.content().to_vec())
}

/// Reads a listing that was kept; `None` if there is none that is whole.
pub(crate) fn read(place: &Path) -> Option<Vec<Row>> {
    let bytes = fs::read(place).ok()?;
    let (checksum, body) = bytes.split_at_checked(32)?;
    (blake3::hash(body).as_bytes() == checksum).then(|| postcard::from_bytes(body).ok()).flatten()
}

/// Keeps a listing, whole or not at all.
pub(crate) fn write(place: &Path, rows: &[Row]) -> io::Result<()> {
    let dir = place.parent().unwrap_or(place);
    fs::create_dir_all(dir)?;
    let body = postcard::to_stdvec(rows).map_err(io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    io::Write::write_all(&mut file, blake3::hash(&body).as_bytes())?;
    io::Write::write_all(&mut file, &body)?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}
