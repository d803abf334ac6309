//! What lies in `rg-out` that nobody remembers: after the memory file was lost, or rg was killed while it delivered.
//! `rg-out` is rg's own, so what belongs to no target goes, as in a clean build.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use graph::{Delivered, Graph};
use model::{RelPath, TargetId};

use crate::deliver::{OUT, is_marked, lock_out, record};

/// What a delivery is called while it is made. Its maker holds a lock on the directory.
pub(crate) const UNBORN: &str = ".new-";

/// Removes what belongs to no target, and returns what lies where the outputs of one belong: nobody knows what these
/// are, but if their target goes, they go.
pub(crate) fn take_stock(root: &Path, graph: &Graph) -> BTreeMap<TargetId, Delivered> {
    let out = root.join(OUT);
    // Most runs without a memory are the first ones.
    if !is_marked(&out) {
        return BTreeMap::new();
    }
    let _lock = lock_out(root);
    let platform = &graph.analysis().platform;
    let makes = graph.analysis().targets.iter().filter(|target| target.actions.iter().any(|it| !it.outputs.is_empty()));
    let owners: BTreeMap<PathBuf, &TargetId> =
        makes.map(|target| (root.join(target.id.out_dir(platform)), &target.id)).collect();
    let mut found = BTreeMap::new();
    visit(&out, &owners, &mut found);
    found
}

fn visit(directory: &Path, owners: &BTreeMap<PathBuf, &TargetId>, found: &mut BTreeMap<TargetId, Delivered>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (place, is_directory) = (entry.path(), entry.file_type().is_ok_and(|it| it.is_dir()));
        let holds_owners = || owners.range(place.clone()..).next().is_some_and(|(it, _)| it.starts_with(&place));
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            // rg's own, or a delivery that is being made.
        } else if let Some(owner) = owners.get(&place) {
            let mut files = Vec::new();
            if record(&place, &RelPath::root(), &mut files).is_ok() {
                found.insert((*owner).clone(), Delivered { outputs: Vec::new(), files });
            }
        } else if is_directory && holds_owners() {
            visit(&place, owners, found);
        } else {
            // What cannot be removed is nobody's output any more.
            let _ = if is_directory { fs::remove_dir_all(&place) } else { fs::remove_file(&place) };
        }
    }
}

/// Removes deliveries that a process was making when it was killed, or could not remove: whoever still makes one holds
/// its lock.
pub(crate) fn sweep(root: &Path) {
    let out = root.join(OUT);
    for entry in fs::read_dir(&out).into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(UNBORN.as_bytes()) {
            continue;
        }
        // The lock of rg-out is held while a directory is made and locked, so none is met in between.
        let lock = File::open(out.join(".lock")).and_then(|lock| lock.lock().map(|()| lock));
        if lock.is_ok() && File::open(entry.path()).is_ok_and(|made| made.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
