//! Trees put elsewhere: as other names of the same files where nobody can change them, else as copies.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use crate::sandbox::INSIDE_ID;

/// What becomes of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum As {
    /// Hard links to files of the store, which are read only; copies of those that do not belong to root, since a user's
    /// store may be the user's inside.
    Links,
    /// Root's own copies, which are read only.
    Copies,
    /// Copies that belong to the user inside.
    Own,
}

/// Puts what lies at `from` to a place that does not exist yet; a link at `from` itself is followed.
pub(super) fn put(from: &Path, to: &Path, how: As) -> io::Result<()> {
    put_as(&fs::metadata(from)?, from, to, how)
}

fn put_as(data: &Metadata, from: &Path, to: &Path, how: As) -> io::Result<()> {
    if data.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if data.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            put_as(&entry.metadata()?, &entry.path(), &to.join(entry.file_name()), how)?;
        }
    } else if how == As::Links && data.uid() == 0 {
        return fs::hard_link(from, to);
    } else if data.is_file() {
        fs::copy(from, to)?;
    } else {
        // Sockets and the like among what a user has.
        return Ok(());
    }
    if !data.is_symlink() {
        fs::set_permissions(to, Permissions::from_mode(mode(data, how)))?;
    }
    if how == As::Own { lchown(to, Some(INSIDE_ID), Some(INSIDE_ID)) } else { Ok(()) }
}

/// Nobody but an owner may write, and an owner may do so in each of its directories.
fn mode(data: &Metadata, how: As) -> u32 {
    let mode = data.permissions().mode();
    match how {
        As::Own if data.is_dir() => mode & 0o777 | 0o700,
        As::Own => mode & 0o777,
        As::Links | As::Copies => mode & 0o755,
    }
}
