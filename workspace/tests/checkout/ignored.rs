//! What is not part of a checkout, and which rule says so.

use crate::fixture::{Fixture, paths, refusal};

#[track_caller]
fn check(files: &[(&str, &str)], visible: &str) {
    let fixture = Fixture::new(&[]);
    files.iter().for_each(|(path, content)| fixture.write(path, content));
    let visible_files: Vec<_> = paths(&fixture.cold()).split(' ').map(str::to_owned).collect();
    let files = visible_files.iter().filter(|path| !path.ends_with('/') && !path.ends_with(".gitignore"));
    assert_eq!(files.cloned().collect::<Vec<_>>().join(" "), visible);
}

#[test]
fn ignore_files_work_at_every_level_with_negation() {
    check(
        &[
            (".gitignore", "*.log\n/build/\n!keep.log\n"),
            ("a/.gitignore", "!a.log\nkeep.log\n"),
            ("x.log", ""),
            ("keep.log", ""),
            ("a/a.log", ""),
            ("a/b/a.log", ""),
            ("a/keep.log", ""),
            ("build/x", ""),
            ("a/build/x", ""),
        ],
        "a/a.log a/b/a.log a/build/x keep.log",
    );
}

#[test]
fn what_lies_in_an_ignored_directory_cannot_be_taken_back() {
    check(&[(".gitignore", "out\n!out/x\n"), ("out/x", ""), ("out/.gitignore", "!x\n")], "");
}

#[test]
fn a_directory_pattern_does_not_match_a_file_or_a_link() {
    check(&[(".gitignore", "out/\n"), ("a/out/x", ""), ("out", "")], "out");
}

#[test]
fn a_line_that_is_no_pattern_and_a_byte_order_mark_do_no_harm() {
    check(&[(".gitignore", "\u{feff}a\n{b\n*.c\n"), ("a", ""), ("x.c", ""), ("d", "")], "d");
}

#[test]
fn an_ignored_file_names_its_rule() {
    let mut fixture = Fixture::new(&["b/x.log", "b/out/deep/y", "gen/z", "gen.txt"]);
    fixture.write("b/.gitignore", "# logs\n\n*.log\nout/\n");
    fixture.ignore(&["gen/"]);
    let checkout = fixture.cold();
    assert_eq!(paths(&checkout), "b/ b/.gitignore gen.txt");
    for (path, rule) in [
        ("b/x.log", "b/.gitignore:3: *.log"),
        ("b/out/deep/y", "b/.gitignore:4: out/"),
        ("gen/z", "workspace.toml: [workspace] ignore"),
    ] {
        assert_eq!(refusal(&checkout, path), format!("`{path}` is ignored by {rule}"));
    }
    assert_eq!(refusal(&checkout, "b/missing.log"), "`b/missing.log` does not exist");
}

#[test]
fn the_local_overlay_is_seen_even_if_it_is_ignored() {
    check(
        &[(".gitignore", "*.local.toml\n"), ("workspace.local.toml", ""), ("a/workspace.local.toml", "")],
        "workspace.local.toml",
    );
}

#[test]
fn the_workspace_has_the_last_word() {
    let mut fixture = Fixture::new(&["a.gen", "b.gen"]);
    fixture.write(".gitignore", "*.gen\n");
    fixture.ignore(&["!a.gen"]);
    assert_eq!(paths(&fixture.cold()), ".gitignore a.gen");
}

#[test]
fn a_changed_rule_counts_in_directories_that_did_not_change() {
    let mut fixture = Fixture::new(&["a/b/x.log", "a/b/y"]);
    let mut stats = fixture.remember();
    for (rules, visible) in [("*.log", "a/ a/b/ a/b/y"), ("y", "a/ a/b/ a/b/x.log"), ("", "a/ a/b/ a/b/x.log a/b/y")] {
        // Quick edits and slow ones.
        for content in [rules.to_owned(), format!("{rules}\n")] {
            fixture.write("a/.gitignore", &content);
            let checkout = fixture.warm(&stats);
            assert_eq!(paths(&checkout).replace(" a/.gitignore", ""), visible);
            stats = checkout.stats().unwrap_or(stats);
        }
        fixture.settle();
    }
    fixture.ignore(&["b"]);
    assert_eq!(paths(&fixture.warm(&stats)), "a/ a/.gitignore");
    fixture.ignore(&[]);
    fixture.write("a/.gitignore", "b");
    let stats = fixture.warm(&stats).stats().unwrap();
    fixture.remove("a/.gitignore");
    assert_eq!(paths(&fixture.warm(&stats)), "a/ a/b/ a/b/x.log a/b/y");
}
