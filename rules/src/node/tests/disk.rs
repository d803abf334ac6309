//! What a client has put on disk, as lines that a layout is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::{Platform, RelPath};

use crate::node::fixture::Parse;
use crate::node::layout::{Layout, What};
use crate::node::names;

/// Parses the lock of a directory of the disk for the machine that runs the test.
pub(super) fn parse(parse: Parse, top: &Path, lock: &str) -> Layout {
    let text = std::fs::read_to_string(top.join(lock)).unwrap();
    let read = |path: &RelPath| std::fs::read_to_string(top.join(path)).ok();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let platform: Platform = format!("linux/{arch}").parse().unwrap();
    let (layout, mistakes) = parse(&text, &RelPath::new(lock).unwrap(), &read, &platform);
    assert_eq!(mistakes, []);
    layout
}

/// Fails with each place at which a layout differs from the disk.
#[track_caller]
pub(super) fn assert_same(layout: &Layout, top: &Path) {
    assert_equal(&wanted(layout), &found(top));
}

/// Fails with each key whose values differ.
#[track_caller]
pub(super) fn assert_equal(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differ = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
    let lines = differ.map(|key| format!("{key}: {:?}, the client {:?}", ours.get(key), theirs.get(key)));
    assert_eq!(lines.collect::<Vec<_>>(), [""; 0]);
    assert!(ours.len() > 2);
}

/// Fails with each need of a layout that a look-up does not find at its place, as Node looks it up.
#[track_caller]
pub(super) fn assert_finds(layout: &Layout) {
    for placed in &layout.places {
        for need in &placed.needs {
            let (_, name) = names::split_place(need).unwrap();
            let above = std::iter::successors(Some(placed.at.clone()), RelPath::parent);
            let candidates = above.filter_map(|dir| names::place(&dir, name));
            let found = candidates.into_iter().find(|place| layout.at(place).is_some());
            assert_eq!(found.as_ref(), Some(need), "{}", placed.at);
        }
    }
}

/// Returns what a layout puts where: a version or the text of a link, by place.
fn wanted(layout: &Layout) -> BTreeMap<String, String> {
    let what = |what: &What| match what {
        What::Package(package) => format!("{}@{}", package.name, package.version),
        What::Link(target) => format!("-> {target}"),
    };
    layout.places.iter().map(|placed| (placed.at.to_string(), what(&placed.what))).collect()
}

/// Returns what lies where in all `node_modules` of a directory.
pub(super) fn found(top: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    find(top, "", &mut found);
    found
}

fn find(top: &Path, dir: &str, found: &mut BTreeMap<String, String>) {
    for name in names(&top.join(dir)) {
        let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
        let is_modules = path.ends_with("/node_modules") || path == "node_modules";
        match is_modules {
            true => find_packages(top, &path, found),
            false if !top.join(&path).is_symlink() && top.join(&path).is_dir() => find(top, &path, found),
            false => {}
        }
    }
}

fn find_packages(top: &Path, modules: &str, found: &mut BTreeMap<String, String>) {
    for name in names(&top.join(modules)) {
        let path = format!("{modules}/{name}");
        if name == ".pnpm" {
            find(top, &path, found);
        } else if name.starts_with('@') && !top.join(&path).is_symlink() {
            find_packages(top, &path, found);
        } else if !name.starts_with('.') {
            find_package(top, &path, found);
        }
    }
}

/// A directory below `node_modules` with a package.json is a package, and may hold more of them.
fn find_package(top: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    let full = top.join(path);
    if let Ok(target) = std::fs::read_link(&full) {
        let target = target.to_str().unwrap().trim_end_matches('/').to_owned();
        found.insert(path.to_owned(), format!("-> {target}"));
    } else if let Some(id) = id(&full) {
        found.insert(path.to_owned(), id);
        let inner = format!("{path}/node_modules");
        find_packages(top, &inner, found);
    }
}

/// Returns the name and the version of the package in a directory.
pub(super) fn id(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    Some(format!("{}@{}", manifest["name"].as_str()?, manifest["version"].as_str()?))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
