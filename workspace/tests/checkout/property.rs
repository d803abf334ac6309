//! A warm scan shows what a cold scan shows, whatever was edited in between, fast or slow.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use model::Tree;
use proptest::prelude::*;

use crate::fixture::{Fixture, picture, rel};

#[derive(Clone, Debug)]
enum Edit {
    Write(String, String),
    WriteAndSetBack(String, String),
    Touch(String),
    Remove(String),
    Directory(String),
    Link(String, String),
    Mode(String, u32),
    Rename(String, String),
    Settle,
}

const DIRS: [&str; 6] = ["", "a/", "a/b/", "a-b/", "c/", "c/d/"];
const NAMES: [&str; 7] = ["x", "y.log", "b", "a", ".gitignore", "workspace.toml", "-n\n"];
const CONTENTS: [&str; 7] = ["1", "2", "", "*.log", "x\nb/", "!y.log", "/a"];

fn path() -> impl Strategy<Value = String> {
    (prop::sample::select(&DIRS[..]), prop::sample::select(&NAMES[..])).prop_map(|(dir, name)| format!("{dir}{name}"))
}

fn edit() -> impl Strategy<Value = Edit> {
    let content = || prop::sample::select(&CONTENTS[..]).prop_map(str::to_owned);
    prop_oneof![
        6 => (path(), content()).prop_map(|(path, content)| Edit::Write(path, content)),
        2 => (path(), content()).prop_map(|(path, content)| Edit::WriteAndSetBack(path, content)),
        1 => path().prop_map(Edit::Touch),
        3 => path().prop_map(Edit::Remove),
        1 => path().prop_map(Edit::Directory),
        1 => (path(), path()).prop_map(|(path, target)| Edit::Link(path, target)),
        1 => (path(), prop::sample::select(vec![0o600, 0o644, 0o755])).prop_map(|(path, mode)| Edit::Mode(path, mode)),
        2 => (path(), path()).prop_map(|(from, to)| Edit::Rename(from, to)),
        3 => Just(Edit::Settle),
    ]
}

/// Applies an edit as far as the file system lets it.
#[expect(clippy::disallowed_methods, reason = "a file that is touched is of now")]
fn apply(fixture: &Fixture, edit: &Edit) -> std::io::Result<()> {
    match edit {
        Edit::Write(path, content) => write(&fixture.path(path), content),
        Edit::WriteAndSetBack(path, content) => {
            let before = fixture.path(path).symlink_metadata()?.modified()?;
            write(&fixture.path(path), content)?;
            set_modified(&fixture.path(path), before)
        }
        Edit::Touch(path) => set_modified(&fixture.path(path), std::time::SystemTime::now()),
        Edit::Remove(path) => remove(&fixture.path(path)),
        Edit::Directory(path) => fs::create_dir_all(fixture.path(path)),
        Edit::Link(path, target) => std::os::unix::fs::symlink(target, fixture.path(path)),
        Edit::Mode(path, mode) => fs::set_permissions(fixture.path(path), Permissions::from_mode(*mode)),
        Edit::Rename(from, to) => fs::rename(fixture.path(from), fixture.path(to)),
        Edit::Settle => {
            fixture.settle();
            Ok(())
        }
    }
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, content)
}

fn set_modified(path: &Path, time: std::time::SystemTime) -> std::io::Result<()> {
    File::options().write(true).open(path)?.set_times(FileTimes::new().set_modified(time))
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// What a path outside the tree says must not depend on the stat table either.
fn answers(checkout: &workspace::Checkout) -> Vec<String> {
    let all = DIRS.iter().flat_map(|dir| NAMES.iter().map(move |name| format!("{dir}{name}")));
    all.map(|path| match checkout.id(&rel(&path)) {
        Ok(id) => format!("{id:?}"),
        Err(error) => error.to_string(),
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_warm_scan_equals_a_cold_one(batches in prop::collection::vec(prop::collection::vec(edit(), 1..6), 1..8)) {
        let fixture = Fixture::new(&["a/x", "a/b/y.log", "a-b/x", "c/d/a"]);
        let mut stats = fixture.remember();
        for batch in batches {
            for edit in &batch {
                // An edit that the file system refuses is none.
                let _refused = apply(&fixture, edit);
            }
            let (warm, cold) = (fixture.warm(&stats), fixture.cold());
            prop_assert_eq!(picture(&warm), picture(&cold));
            prop_assert_eq!(answers(&warm), answers(&cold));
            prop_assert_eq!(warm.nested(), cold.nested());
            stats = warm.stats().unwrap_or(stats);
        }
    }
}
