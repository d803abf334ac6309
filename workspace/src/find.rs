//! Where a workspace begins. Knows the name of its file, not what is in it.

use std::path::{Path, PathBuf};

/// The file that makes a directory the root of a workspace.
pub(crate) const DEFINITION: &str = "workspace.toml";

/// Returns the root of the workspace that holds `from`: the nearest directory upwards that has a `workspace.toml`.
pub fn find(from: &Path) -> Option<PathBuf> {
    from.ancestors().find(|dir| has_definition(dir)).map(Path::to_path_buf)
}

/// Whether the directory has a `workspace.toml` that is a plain file: symlinks are never followed.
fn has_definition(dir: &Path) -> bool {
    dir.join(DEFINITION).symlink_metadata().is_ok_and(|found| found.is_file())
}
