//! package-lock.json: what lies where, what is left out, and what is refused.

use proptest::prelude::*;

use crate::node::fixture::{lines, parse};

const LOCK: &str = include_str!("tests/package-lock.json");
const ROOT: &str = r#"{"name": "root", "workspaces": ["packages/*"], "dependencies": {"ms": "2.1.3"}, "devDependencies": {"vite": "^5"}}"#;
const UI: &str =
    r#"{"name": "@acme/ui", "dependencies": {"@acme/util": "*", "ms": "2.0.0"}, "peerDependencies": {"react": "18"}}"#;
const UTIL: &str = r#"{"name": "@acme/util", "dependencies": {"old": "npm:lodash@4.17.20"}, "optionalDependencies": {"fsevents": "2.3.3"}, "devDependencies": {"@acme/ui": "*"}}"#;

fn files(lock: &str) -> Vec<(&str, &str)> {
    vec![
        ("package-lock.json", lock),
        ("package.json", ROOT),
        ("packages/ui/package.json", UI),
        ("packages/util/package.json", UTIL),
    ]
}

fn check(lock: &str, expected: &[&str]) {
    let (_, mistakes) = parse(super::parse, "package-lock.json", &files(lock));
    assert_eq!(mistakes, expected);
}

#[test]
fn a_lock_says_what_lies_where() {
    let (layout, mistakes) = parse(super::parse, "package-lock.json", &files(LOCK));
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(
        lines(&layout),
        [
            "node_modules/@acme/ui -> ../../packages/ui",
            "node_modules/@acme/util -> ../../packages/util",
            "node_modules/@esbuild/linux-x64 @esbuild/linux-x64@0.21.5 (dev)",
            "node_modules/esbuild esbuild@0.21.5 with scripts (dev)",
            "node_modules/ms ms@2.1.3",
            "node_modules/old lodash@4.17.20",
            "node_modules/react react@18.2.0",
            "node_modules/vite vite@5.4.0 (dev)",
            "packages/ui/node_modules/ms ms@2.0.0",
            "[] root:  | ",
            "[packages/ui] @acme/ui: packages/util | packages/util",
            "[packages/util] @acme/util: packages/ui | ",
        ]
    );
}

#[test]
fn a_package_json_that_asks_for_something_else_is_told() {
    let mut files = files(LOCK);
    files[1].1 = "{\"name\": \"root\",\n\"dependencies\": {\"ms\": \"^2\", \"left-pad\": \"1\"}}";
    files[2].1 = "{\"name\": \"@acme/uii\", \"dependencies\": {\"@acme/util\": \"*\", \"ms\": \"2.0.0\"}, \"peerDependencies\": {\"react\": \"18\"}}";
    files.pop();
    let (_, mistakes) = parse(super::parse, "package-lock.json", &files);
    assert_eq!(
        mistakes,
        [
            "RG0923 js/package.json:2: js/package.json asks for `left-pad` 1, which js/package-lock.json does not have (npm install)",
            "RG0923 js/package.json:2: js/package.json asks for `ms` ^2, and js/package-lock.json was made for 2.1.3 (npm install)",
            "RG0923 js/package.json:1: js/package-lock.json has `vite` ^5 for js/package.json, which does not ask for it (npm install)",
            "RG0923 js/packages/ui/package.json:1: js/packages/ui/package.json is called `@acme/uii`, and `@acme/ui` in js/package-lock.json (npm install)",
            "RG0926 js/package-lock.json:1: js/package-lock.json has a package in packages/util, and js/packages/util/package.json is missing (npm install)",
        ]
    );
}

#[test]
fn a_lock_that_is_none_is_refused() {
    check(
        "{",
        &[
            "RG0922 js/package-lock.json:1: js/package-lock.json is not a package-lock.json: EOF while parsing an object (npm install)",
        ],
    );
    check(
        "{\n\"lockfileVersion\": 1, \"dependencies\": {}}",
        &[
            "RG0922 js/package-lock.json:2: js/package-lock.json has version 1; rg reads versions 2 and 3, which npm writes from 7 on (npm install --package-lock-only)",
        ],
    );
    check(
        "{\"lockfileVersion\": 3, \"packages\": {}}",
        &[
            "RG0922 js/package-lock.json:1: js/package-lock.json does not say what it was made for: it has no entry `\"\"` (npm install)",
        ],
    );
}

/// Checks the mistake of one more entry.
fn check_entry(key: &str, entry: &str, expected: &str) {
    let lock = LOCK.replacen("\"packages\": {", &format!("\"packages\": {{ {key:?}: {entry},"), 1);
    let (layout, mistakes) = parse(super::parse, "package-lock.json", &files(&lock));
    let expected = format!("RG0922 js/package-lock.json:6: {expected}");
    assert_eq!(mistakes, [expected]);
    assert_eq!(layout.places.len(), 9);
}

#[test]
fn entries_that_cannot_be_used_are_told_and_left_out() {
    let good = r#"{"version": "1.0.0", "integrity": "sha512-ab=="}"#;
    for key in ["../node_modules/x", "/node_modules/x", "node_modules/../x", "node_modules//x"] {
        check_entry(key, good, &format!("`{key}` is not a place below the lock (npm install)"));
    }
    for key in ["node_modules/a/b", "node_modules/.bin", "node_modules"] {
        check_entry(key, good, &format!("`{key}` is not the place of a package (npm install)"));
    }
    check_entry(
        "node_modules/@acme/ui/node_modules/x",
        good,
        "`node_modules/@acme/ui/node_modules/x` lies in `node_modules/@acme/ui`, which the lock does not have (npm install)",
    );
    check_entry("x/node_modules/x", good, "`x/node_modules/x` lies in `x`, which the lock does not have (npm install)");
    check_entry(
        "node_modules/x",
        r#"{"version": "1/.."}"#,
        "`node_modules/x` has no proper name and version (npm install)",
    );
    check_entry(
        "node_modules/x",
        r#"{"version": "1.0.0", "name": ".."}"#,
        "`node_modules/x` has no proper name and version (npm install)",
    );
    check_entry(
        "node_modules/x",
        r#"{"version": "1.0.0"}"#,
        "`x` 1.0.0 has no hash (`integrity`) (remove node_modules and package-lock.json, then run `npm install`: it writes what is missing)",
    );
    let registry = "(depend on a version that a registry has, or make it a package of the workspace)";
    check_entry(
        "node_modules/x",
        r#"{"version": "1.0.0", "resolved": "git+ssh://git@example.org/x.git#abc"}"#,
        &format!("`x` 1.0.0 comes from git: `git+ssh://git@example.org/x.git#abc` {registry}"),
    );
    check_entry(
        "node_modules/x",
        r#"{"version": "1.0.0", "resolved": "file:x.tgz"}"#,
        &format!("`x` 1.0.0 comes from a file: `file:x.tgz` {registry}"),
    );
    check_entry(
        "node_modules/x",
        r#"{"link": true, "resolved": "../x"}"#,
        "`node_modules/x` is a link to something that is not below the lock's directory (a package outside of it needs a lock of its own, or comes from a registry)",
    );
    check_entry(
        "node_modules/x",
        r#"{"version": "1.0.0", "integrity": "sha512-ab==", "os": "darwin"}"#,
        "`x` 1.0.0 does not run on linux/amd64, and is not optional (move what brings it to `optionalDependencies`, or build for another platform)",
    );
}

#[test]
fn what_lies_in_a_tarball_and_what_nothing_needs_is_left_out() {
    let more = r#""packages": {
        "node_modules/gone": {"extraneous": true},
        "node_modules/vite/node_modules/inner": {"version": "1.0.0", "inBundle": true, "dependencies": {"ms": "*"}},"#;
    let lock = LOCK.replacen("\"packages\": {", more, 1);
    let (layout, mistakes) = parse(super::parse, "package-lock.json", &files(&lock));
    assert_eq!(mistakes, [""; 0]);
    let vite = layout.places.iter().find(|placed| placed.at.name() == "vite").unwrap();
    let needs: Vec<&str> = vite.needs.iter().map(|place| place.as_str()).collect();
    assert_eq!(needs, ["node_modules/esbuild", "node_modules/ms"]);
    assert_eq!(layout.places.len(), 9);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}", from in 0..LOCK.len(), length in 0..60_usize) {
        parse(super::parse, "package-lock.json", &files(&text));
        let to = (from + length).min(LOCK.len());
        parse(super::parse, "package-lock.json", &files(&[&LOCK[..from], &text, &LOCK[to..]].concat()));
    }

    #[test]
    fn no_key_makes_it_panic(key in "(node_modules|\\.\\.|a|@b|/|\\\\\\\\|ui|packages){0,8}", target in "(\\.\\.|/|packages|ui|node_modules){0,4}") {
        let entry = format!("\"packages\": {{ \"{key}\": {{\"link\": true, \"resolved\": \"{target}\"}},");
        let lock = LOCK.replacen("\"packages\": {", &entry, 1);
        let (layout, _) = parse(super::parse, "package-lock.json", &files(&lock));
        for placed in &layout.places {
            prop_assert!(placed.target().is_none_or(|target| target.is_root() || target.as_str().starts_with("packages/")));
        }
    }
}
