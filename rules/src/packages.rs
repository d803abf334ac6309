//! Finds the packages of a workspace: the directories that hold a BUILD.toml.
//! It reads no definition.

use std::collections::BTreeSet;

use model::{EntryKind, Label, LabelError, Location, Mistake, RelPath};

use crate::reads::{BUILD_FILE, Recorder};
use crate::sources::OUT_DIR;
use model::codes;

/// Returns all packages, those of other repositories too; reports those whose directory cannot be written in a label.
pub(crate) fn discover<'n>(
    recorder: &Recorder<'_>,
    repositories: impl Iterator<Item = &'n str>,
    mistakes: &mut Vec<Mistake>,
) -> BTreeSet<RelPath> {
    let mut packages = BTreeSet::new();
    let mut waiting = vec![RelPath::root()];
    // The root does not list them.
    let others: BTreeSet<RelPath> = repositories.filter_map(|name| RelPath::new(&format!("@{name}")).ok()).collect();
    waiting.extend(others.iter().cloned());
    while let Some(dir) = waiting.pop() {
        for entry in recorder.shape(&dir).iter().flat_map(|entries| entries.iter()) {
            let Ok(path) = dir.child(&entry.name) else { continue };
            match entry.kind {
                EntryKind::Directory if path.as_str() != OUT_DIR && &*entry.name != ".git" => waiting.push(path),
                EntryKind::File | EntryKind::Symlink if &*entry.name == BUILD_FILE => {
                    match refused(&dir, &path, &others) {
                        Some(mistake) => mistakes.push(mistake),
                        None => {
                            packages.insert(dir.clone());
                        }
                    }
                }
                EntryKind::Directory
                | EntryKind::File
                | EntryKind::Symlink
                | EntryKind::Workspace
                | EntryKind::Unusable => {}
            }
        }
    }
    packages
}

fn refused(dir: &RelPath, file: &RelPath, others: &BTreeSet<RelPath>) -> Option<Mistake> {
    let repository = dir.repository();
    let error = match Label::new(dir.clone(), "all") {
        Err(error) => error,
        // A directory of the workspace whose name begins as that of a repository.
        Ok(_) if !repository.is_root() && !others.contains(&repository) => LabelError::Package(dir.to_string()),
        Ok(_) => return None,
    };
    let mistake = Mistake::new(codes::BAD_PACKAGE_NAME, error.to_string()).at(Location::new(file.clone(), 0..0), "");
    Some(mistake.hint("rename the directory, or move the BUILD.toml to the directory above"))
}
