//! An analysis with memory is equal to one without.

use proptest::prelude::*;
use testkit::MapTree;

use crate::{analyze, settings};

const BUILDS: [&str; 5] = [
    "[command.a]\nrun = \"true\"\ninputs = [\"*.txt\"]\n",
    "[command.a]\nrun = \"true\"\ninputs = [\"one.txt\"]\n[command.b]\nrun = \"true\"\ninputs = [\":a\", \"//p:a\"]\n",
    "[files.a]\nsrcs = [\"**\"]\n[test.t]\nrun = \"cat $(locations :a)\"\ninputs = [\":a\"]\n",
    "[suite.a]\ntests = [\"//...\"]\n",
    "[files.a]\nsrcs = [\"d/*\", \"!d/two.txt\"]\n",
];
const FILES: [&str; 9] = [
    "one.txt",
    "two.txt",
    "p/one.txt",
    "p/two.txt",
    "p/d/one.txt",
    "p/d/two.txt",
    "p/q/one.txt",
    "q/workspace.toml",
    "p/q/x.txt",
];
const DIRS: [&str; 4] = ["BUILD.toml", "p/BUILD.toml", "p/q/BUILD.toml", "p/d/BUILD.toml"];

#[derive(Clone, Debug)]
enum Edit {
    Write(usize, u8),
    Remove(usize),
    Link(usize, u8),
    Define(usize, usize),
    Undefine(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..FILES.len(), 0..3_u8).prop_map(|(file, text)| Edit::Write(file, text)),
        (0..FILES.len()).prop_map(Edit::Remove),
        (0..FILES.len(), 0..3_u8).prop_map(|(file, target)| Edit::Link(file, target)),
        (0..DIRS.len(), 0..BUILDS.len()).prop_map(|(dir, build)| Edit::Define(dir, build)),
        (0..DIRS.len()).prop_map(Edit::Undefine),
    ]
}

fn edited(tree: MapTree, edit: &Edit) -> MapTree {
    match edit {
        Edit::Write(file, text) => tree.with(FILES[*file], [*text]),
        Edit::Remove(file) => tree.without(FILES[*file]),
        Edit::Link(file, target) => {
            tree.with_symlink(FILES[*file], ["one.txt", "../one.txt", "/one.txt"][usize::from(*target)])
        }
        Edit::Define(dir, build) => tree.with(DIRS[*dir], BUILDS[*build]),
        Edit::Undefine(dir) => tree.without(DIRS[*dir]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_warm_analysis_equals_a_cold_one(edits in prop::collection::vec(edit(), 1..24)) {
        let mut tree = MapTree::new(&[("one.txt", ""), ("p/one.txt", ""), ("BUILD.toml", BUILDS[0])]);
        let mut memory = Vec::new();
        for edit in &edits {
            tree = edited(tree, edit);
            let cold = analyze(&tree);
            let warm = rules::analyze(&tree, &tree.nested(), &settings_of_test(), &model::Facts::default(), &memory);
            prop_assert_eq!(&cold.analysis, &warm.analysis);
            prop_assert_eq!(&cold.mistakes, &warm.mistakes);
            memory = warm.remember.unwrap_or(memory);
        }
    }
}

fn settings_of_test() -> rules::Settings {
    settings(&MapTree::default())
}

fn check(edit: impl Fn(MapTree) -> MapTree, still_good: &str) {
    let tree = MapTree::new(&[
        ("BUILD.toml", "[command.a]\nrun = \"true\"\ninputs = [\"one.txt\", \"d/*.txt\"]\n"),
        ("one.txt", "1"),
        ("d/x.txt", ""),
    ]);
    let first = analyze(&tree);
    let memory = first.remember.unwrap();
    let tree = edit(tree);
    let second = rules::analyze(&tree, &tree.nested(), &settings(&tree), &model::Facts::default(), &memory);
    assert_eq!(if second.remember.is_none() && second.mistakes.is_empty() { "yes" } else { "no" }, still_good);
}

#[test]
fn only_an_edit_that_analysis_could_see_makes_it_run_again() {
    check(|tree| tree, "yes");
    check(|tree| tree.with("one.txt", "2"), "yes");
    check(|tree| tree.with("README.md", "new"), "yes");
    check(|tree| tree.with("new/dir/file", "new"), "no");
    check(|tree| tree.with("d/y.txt", "new"), "no");
    check(|tree| tree.without("one.txt"), "no");
    check(|tree| tree.with("BUILD.toml", "# nothing\n"), "no");
    check(|tree| tree.with("d/BUILD.toml", ""), "no");
    check(|tree| tree.with("workspace.toml", "[workspace]\nname = \"other\"\n"), "no");
}

#[test]
fn damaged_memory_counts_as_none() {
    let tree = MapTree::new(&[("BUILD.toml", BUILDS[3]), ("p/BUILD.toml", BUILDS[2]), ("p/x", "")]);
    let cold = analyze(&tree);
    let memory = cold.remember.unwrap();
    for at in 0..memory.len() {
        let mut damaged = memory.clone();
        damaged[at] ^= 0x41;
        let again = rules::analyze(&tree, &tree.nested(), &settings(&tree), &model::Facts::default(), &damaged);
        assert_eq!(again.analysis, cold.analysis);
        assert!(again.remember.is_some());
        let again = rules::analyze(&tree, &tree.nested(), &settings(&tree), &model::Facts::default(), &memory[..at]);
        assert_eq!(again.analysis, cold.analysis);
    }
}
