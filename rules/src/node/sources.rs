//! The sources of a Node target: the files of its own package, and those of the packages of the repository that it
//! reaches. What bundlers read is code, so no scanner can say less.

use std::collections::BTreeSet;

use model::{EntryKind, RelPath};

use super::locks::read;
use super::names::NODE_MODULES;
use super::repository::{Lock, Repositories};
use crate::lowering::Lowering;
use crate::parts;

/// What is left out of applications: it is for who works on them.
const TESTS: [&str; 4] = ["__tests__", "test", "tests", "e2e"];

/// Returns the files of some packages of the repository, from the workspace root, with the configurations that they
/// extend. What scripts make (`out`) is not among them.
pub(super) fn files(
    lock: &Lock,
    packages: &BTreeSet<RelPath>,
    out: Option<&RelPath>,
    repositories: &Repositories,
) -> Vec<RelPath> {
    let lowering = &*repositories.lowering;
    let others: BTreeSet<RelPath> = lock.layout.workspaces.iter().map(|it| lock.dir.join(&it.dir)).collect();
    let mut files = BTreeSet::new();
    for package in packages {
        let dir = lock.dir.join(package);
        let enters = |path: &RelPath| path.name() != NODE_MODULES && Some(path) != out && !others.contains(path);
        let own = parts::files_where(lowering, &dir, &|path| enters(path) && !is_package(lowering, path));
        files.extend(own.into_iter().filter(|file| file.name() != crate::reads::BUILD_FILE && *file != lock.file));
    }
    extended(files, lowering)
}

/// Returns those of the files of some packages, from the workspace root, that an application consists of.
pub(super) fn of_application(files: Vec<RelPath>, packages: &BTreeSet<RelPath>) -> Vec<RelPath> {
    let is_test = |file: &RelPath| {
        let of_test = |name: &str| name.contains(".test.") || name.contains(".spec.");
        of_test(file.name()) || file.parent().is_some_and(|dir| dir.segments().any(|segment| TESTS.contains(&segment)))
    };
    files.into_iter().filter(|file| !is_test(file) && !is_for_readers(file, packages)).collect()
}

/// Whether a file beside a package.json is read by people: an edit of it changes no application.
fn is_for_readers(file: &RelPath, packages: &BTreeSet<RelPath>) -> bool {
    let name = file.name().to_ascii_lowercase();
    ["readme.md", "changelog.md"].contains(&&*name) && file.parent().is_some_and(|dir| packages.contains(&dir))
}

/// Whether a directory is a package of rg of its own.
fn is_package(lowering: &Lowering, dir: &RelPath) -> bool {
    dir.child(crate::reads::BUILD_FILE).is_ok_and(|file| lowering.entry(&file) == Some(EntryKind::File))
}

/// Adds the configurations of TypeScript that others extend.
fn extended(mut files: BTreeSet<RelPath>, lowering: &Lowering) -> Vec<RelPath> {
    let is_configuration = |file: &RelPath| {
        let name = file.name();
        (name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json")
    };
    let mut open: Vec<RelPath> = files.iter().filter(|file| is_configuration(file)).cloned().collect();
    while let Some(file) = open.pop() {
        let Some(text) = read(lowering, &file) else { continue };
        let directory = file.parent().unwrap_or_else(RelPath::root);
        for base in bases(&text) {
            let names = [base.to_owned(), format!("{base}.json")];
            let there = |path: &RelPath| lowering.entry(path) == Some(EntryKind::File);
            let found = names.iter().filter_map(|name| directory.resolve_inside(name).ok()).find(there);
            open.extend(found.filter(|base| files.insert(base.clone())));
        }
    }
    files.into_iter().collect()
}

/// Returns the relative paths that a configuration extends: one, or a list. It may have comments and trailing commas,
/// so it is searched and not parsed.
fn bases(text: &str) -> Vec<&str> {
    let Some((_, rest)) = text.split_once("\"extends\"") else { return Vec::new() };
    let value = rest.trim_start().strip_prefix(':').unwrap_or_default().trim_start();
    let (values, most) = match value.strip_prefix('[') {
        Some(list) => (list.split(']').next().unwrap_or_default(), usize::MAX),
        None => (value, 1),
    };
    let quoted = values.split('"').skip(1).step_by(2).take(most);
    quoted.filter(|path| path.starts_with('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_what_it_extends() {
        assert_eq!(bases("{\n  // c\n  \"extends\": \"../base.json\", \"x\": \"./no\" }"), ["../base.json"]);
        assert_eq!(bases("{ \"extends\": [ \"./a\", \"@tsconfig/node20\", \"../b\", ] }"), ["./a", "../b"]);
        assert_eq!(bases("{ \"extends\": \"@tsconfig/strictest\" }"), [""; 0]);
        assert_eq!(bases("{}"), [""; 0]);
        assert_eq!(bases("\"extends\""), [""; 0]);
    }
}
