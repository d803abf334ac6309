//! The invariants of the house, as tests: what may depend on what, and how a page has to look. Each
//! failure lists every place at once. This file knows nothing of what rg does.
//!
//! The checks read text, not syntax trees: they rely on rustfmt's layout, and are simple on purpose.

mod manifests;
mod pages;
mod source;

use source::{Source, tracked};

/// Fails with every place that breaks a rule, after the reason for the rule.
#[track_caller]
fn none(reason: &str, places: Vec<String>) {
    assert!(places.is_empty(), "{reason}\n  {}\n", places.join("\n  "));
}

/// Fails with every line of the sources for which `broken` is true.
#[track_caller]
fn no_line(reason: &str, sources: impl Iterator<Item = Source>, broken: impl Fn(&str) -> bool) {
    let places = |source: Source| {
        let broken = source.code().filter(|(_, code)| broken(code)).map(|(line, _)| source.at(line));
        broken.collect::<Vec<_>>()
    };
    none(reason, sources.flat_map(places).collect());
}

/// Returns the Rust files that ship.
fn shipped() -> impl Iterator<Item = Source> {
    source::rust().into_iter().filter(|source| !source.is_test())
}

/// Returns the Rust files that ship in a library: all but the program.
fn libraries() -> impl Iterator<Item = Source> {
    shipped().filter(|source| !source.path.starts_with("cli/"))
}

#[test]
fn crates_depend_only_along_the_allowed_arrows() {
    none("an arrow that ARCHITECTURE.md does not have", manifests::forbidden_arrows());
}

#[test]
fn each_outside_world_is_behind_one_crate() {
    none("a dependency on the wrong side of its wall; manifests.rs has the table", manifests::broken_walls());
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    none("add `[lints] workspace = true`", manifests::without_lints());
}

#[test]
fn every_dependency_is_in_use() {
    none("declared in the workspace and named by no crate", manifests::unused());
}

#[test]
fn no_type_of_petgraph_leaves_graph() {
    let public = |line: &str| line.trim_start().starts_with("pub ") && line.contains("petgraph");
    no_line("petgraph is private to `graph`", libraries(), public);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = |source: &Source| !source.text.starts_with("//!");
    let places = source::rust().into_iter().filter(silent).map(|source| source.path);
    none("a file starts with `//!`: what it is for, what it does not know", places.collect());
}

#[test]
fn every_public_item_has_a_doc_sentence() {
    let places = shipped().flat_map(|source| pages::undocumented(&source));
    none("a public item without a doc comment", places.collect());
}

#[test]
fn nothing_unwraps_outside_tests() {
    no_line("return the error, or `expect` with the proof", shipped(), |code| code.contains(".unwrap()"));
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!(", "unimplemented!(", "dbg!("];
    no_line("unfinished work", shipped(), |code| words.iter().any(|word| code.contains(word)));
}

#[test]
fn libraries_do_not_print() {
    let words = ["println!(", "eprintln!(", " print!(", "eprint!("];
    no_line("only `cli` prints", libraries(), |code| words.iter().any(|word| code.contains(word)));
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let allowed = |code: &str| code.contains("#[allow(") || code.contains("#![allow(");
    no_line("write `#[expect(…, reason = \"…\")]`", shipped(), allowed);
    let places = shipped().flat_map(|source| pages::expected_without_reason(&source));
    none("`#[expect(…)]` without a reason", places.collect());
}

#[test]
fn only_the_kernel_module_of_the_sandbox_is_unsafe() {
    let others = shipped().filter(|source| !pages::may_be_unsafe(&source.path));
    no_line("`unsafe` outside the sandbox's kernel module", others, pages::is_unsafe);
    let places = shipped().flat_map(|source| pages::unsafe_without_safety(&source));
    none("an unsafe block without a `SAFETY:` line above it", places.collect());
}

#[test]
fn functions_fit_a_screen() {
    let places = shipped().flat_map(|source| pages::long_functions(&source));
    none("a function over 60 lines", places.collect());
}

#[test]
fn no_function_takes_a_boolean() {
    let places = shipped().flat_map(|source| pages::boolean_parameters(&source));
    none("a boolean parameter: name the choice with an enum", places.collect());
}

#[test]
fn files_hold_one_idea() {
    let (long, near): (Vec<_>, Vec<_>) =
        source::rust().iter().filter_map(pages::size_above_aim).partition(|it| it.over);
    for size in near {
        eprintln!("near the limit: {}", size.place);
    }
    none("a file over its limit: split it by idea", long.into_iter().map(|size| size.place).collect());
}

#[test]
fn no_file_names_a_place_on_some_machine() {
    let places =
        tracked().into_iter().filter_map(|path| Source::read(&path)).flat_map(|source| pages::machine_paths(&source));
    none("an absolute path of one machine", places.collect());
}

#[test]
fn nothing_that_is_built_is_committed() {
    let places = tracked().into_iter().filter(|path| pages::is_built(path));
    none("a build output", places.collect());
}

#[test]
fn every_code_of_an_error_is_explained() {
    none("not in docs/errors.md: run `python3 scripts/errors_page.py`", pages::unexplained_codes(shipped()));
}
