//! yarn.lock against `yarn install`: every package finds what the lock says, wherever each of the two puts it.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Mistake, Platform, RelPath};

use super::clients::{NATIVE, PEERS, Project, RESOLUTIONS, WORKSPACES, client, project, run};
use super::disk;
use crate::node::layout::{Layout, What};
use crate::node::yarn::{self, Surroundings};

/// Parses with the directories of all projects of these tests.
fn parse(
    text: &str,
    file: &RelPath,
    manifests: &dyn Fn(&RelPath) -> Option<String>,
    platform: &Platform,
) -> (Layout, Vec<Mistake>) {
    let directories = |glob: &str| {
        let dirs = ["packages/ui", "packages/util", "apps/web"].into_iter();
        let inside = dirs.filter(|dir| dir.split('/').next() == glob.split('/').next());
        inside.map(|dir| RelPath::new(dir).unwrap()).collect()
    };
    yarn::parse(text, file, &Surroundings { manifests, directories: &directories, platform })
}

/// Returns what each package finds by each name: packages by name and version, of the layout.
fn wanted(layout: &Layout) -> BTreeMap<String, String> {
    let id = |place: &RelPath| match &layout.at(place).unwrap().what {
        What::Package(package) => format!("{}@{}", package.name, package.version),
        What::Link(target) => target.rsplit('/').next().unwrap().to_owned(),
    };
    let mut found = BTreeMap::new();
    for placed in &layout.places {
        for need in &placed.needs {
            let name = crate::node::names::split_place(need).unwrap().1;
            found.insert(format!("{} {name}", id(&placed.at)), id(need));
        }
    }
    found
}

/// Returns the same of a directory of the disk, for the names that the layout has: of the copy that is found first.
fn found(top: &Path, layout: &Layout) -> BTreeMap<String, String> {
    let mut copies = BTreeMap::new();
    for (place, id) in disk::found(top) {
        copies.entry(id).or_insert(place);
    }
    let find = |from: &str, name: &str| {
        let above = top.join(from);
        let dir = above.ancestors().map(|dir| dir.join("node_modules").join(name)).find(|dir| dir.exists())?;
        disk::id(&dir)
    };
    let keys = wanted(layout).into_keys();
    let pair = |key: String| {
        let (id, name) = key.split_once(' ')?;
        let found = find(copies.get(id)?, name)?;
        Some((key, found))
    };
    keys.filter_map(pair).collect()
}

#[test]
fn every_package_finds_what_yarn_lets_it_find() {
    let Some((program, _installed)) = client("yarn", "yarn@1") else { return };
    let check = |files: Project| {
        let dir = project(files);
        let cache = dir.path().join("cache");
        let options = ["--ignore-scripts", "--non-interactive", "--cache-folder", cache.to_str().unwrap()];
        run(&program, dir.path(), &[&["install"], &options[..]].concat())?;
        std::fs::remove_dir_all(&cache).unwrap();
        let layout = disk::parse(parse, dir.path(), "yarn.lock");
        disk::assert_equal(&wanted(&layout), &found(dir.path(), &layout));
        disk::assert_finds(&layout);
        Some(())
    };
    let _ =
        check(WORKSPACES).and_then(|()| check(NATIVE)).and_then(|()| check(PEERS)).and_then(|()| check(RESOLUTIONS));
}
