//! yarn.lock: what lies where, what is left out, and what is refused.

use model::{Mistake, Platform, RelPath};
use proptest::prelude::*;

use super::Surroundings;
use crate::node::fixture::{lines, parse as parse_files};
use crate::node::layout::Layout;

const LOCK: &str = include_str!("tests/yarn.lock");
const ROOT: &str = r#"{"name": "root", "workspaces": ["./packages/*/", "!packages/old"], "dependencies": {"ms": "2.1.3"}, "devDependencies": {"esbuild": "^0.21.3"}}"#;
const UI: &str =
    r#"{"name": "@acme/ui", "dependencies": {"@acme/util": "*", "ms": "2.0.0"}, "devDependencies": {"debug": "^4"}}"#;
const UTIL: &str = r#"{"name": "@acme/util", "dependencies": {"old": "npm:lodash@4.17.20", "ms": "^2"}, "devDependencies": {"@acme/ui": "*"}}"#;

/// Parses with directories that only the globs of these tests find.
fn parse(
    text: &str,
    file: &RelPath,
    manifests: &dyn Fn(&RelPath) -> Option<String>,
    platform: &Platform,
) -> (Layout, Vec<Mistake>) {
    let directories = |glob: &str| {
        let dirs: &[&str] = match glob {
            "packages/*" => &["packages/empty", "packages/old", "packages/ui", "packages/util"],
            "packages/old" => &["packages/old"],
            _ => &[],
        };
        dirs.iter().map(|dir| RelPath::new(dir).unwrap()).collect()
    };
    super::parse(text, file, &Surroundings { manifests, directories: &directories, platform })
}

fn files(lock: &str) -> Vec<(&str, &str)> {
    vec![
        ("yarn.lock", lock),
        ("package.json", ROOT),
        ("packages/old/package.json", "{"),
        ("packages/ui/package.json", UI),
        ("packages/util/package.json", UTIL),
    ]
}

#[test]
fn what_a_lock_has_is_hoisted() {
    let (layout, mistakes) = parse_files(parse, "yarn.lock", &files(LOCK));
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(
        lines(&layout),
        [
            "node_modules/@acme/ui -> ../../packages/ui",
            "node_modules/@acme/util -> ../../packages/util",
            "node_modules/@esbuild/linux-x64 @esbuild/linux-x64@0.21.5 (dev)",
            "node_modules/debug debug@4.3.4 (dev)",
            "node_modules/debug/node_modules/ms ms@2.1.2 (dev)",
            "node_modules/esbuild esbuild@0.21.5 (dev)",
            "node_modules/ms ms@2.1.3",
            "node_modules/old lodash@4.17.20",
            "packages/ui/node_modules/ms ms@2.0.0",
            "[] root:  | ",
            "[packages/ui] @acme/ui: packages/util | packages/util",
            "[packages/util] @acme/util: packages/ui | ",
        ]
    );
}

#[test]
fn resolutions_stand_for_what_is_asked_for() {
    let mut files = files(LOCK);
    files[1].1 = r#"{"dependencies": {"ms": "1", "debug": "^4"}, "resolutions": {"**/ms": "2.1.3", "a/ms": "1"}}"#;
    let lock = LOCK.replace("ms@2.1.2:", "ms@unused:");
    files[0].1 = &lock;
    let (layout, mistakes) = parse_files(parse, "yarn.lock", &files);
    assert_eq!(
        mistakes,
        [
            "RG0922 js/package.json:1: `resolutions` has `a/ms`, and rg reads names alone (write `**/` and the name of the package)"
        ]
    );
    assert_eq!(lines(&layout), ["node_modules/debug debug@4.3.4", "node_modules/ms ms@2.1.3", "[] -:  | "]);
}

/// Checks the mistakes of the lock with one text in place of another.
fn check(from: &str, to: &str, expected: &str) {
    let lock = LOCK.replace(from, to);
    let (_, mistakes) = parse_files(parse, "yarn.lock", &files(&lock));
    assert_eq!(mistakes, [expected]);
}

#[test]
fn what_cannot_be_used_is_told() {
    check(
        "ms@2.1.3, ms@^2:",
        "ms@^2:",
        "RG0923 js/package.json:1: js/package.json asks for `ms` 2.1.3, which js/yarn.lock does not have (yarn install)",
    );
    check(
        "ms@2.1.2:",
        "ms@2.1.4:",
        "RG0922 js/yarn.lock:15: `ms` 2.1.2 is asked for, and js/yarn.lock has no entry for it (yarn install)",
    );
    check(
        "  integrity sha512-ah==\n",
        "",
        "RG0922 js/yarn.lock:43: `lodash` 4.17.20 has no hash (`integrity`) (`yarn install` writes it for what a registry has; depend on such a version)",
    );
    check(
        "\"https://registry.example.org/ms/-/ms-2.0.0.tgz#ae\"",
        "\"git+ssh://x/y.git#ae\"",
        "RG0922 js/yarn.lock:30: `ms` 2.0.0 does not come from a registry (depend on a version that a registry has, or make it a package of the workspace)",
    );
    check(
        "version \"2.1.2\"",
        "version \"../..\"",
        "RG0922 js/yarn.lock:35: `ms@2.1.2` has no proper name and version (yarn install)",
    );
    check(
        "  version \"2.1.2\"",
        "<<<<<<< HEAD",
        "RG0922 js/yarn.lock:36: a line of js/yarn.lock is not understood: `<<<<<<< HEAD` (yarn install)",
    );
    check(
        "# yarn lockfile v1",
        "__metadata:",
        "RG0922 js/yarn.lock:2: js/yarn.lock is of yarn 2 or later, which rg does not read (`npx pnpm@10 import` makes a pnpm-lock.yaml of it, which rg reads)",
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,100}", from in 0..LOCK.len(), length in 0..60_usize) {
        parse_files(parse, "yarn.lock", &files(&text));
        let to = (from + length).min(LOCK.len());
        parse_files(parse, "yarn.lock", &files(&[&LOCK[..from], &text, &LOCK[to..]].concat()));
    }

    #[test]
    fn no_name_leads_out_of_the_directory(name in "(node_modules|\\.\\.|a|@b|/|@1|npm:){0,6}") {
        let lock = LOCK.replace("    ms \"2.1.2\"", &format!("    {name:?} \"1\"")).replace("ms@2.1.2:", &format!("{:?}:", format!("{name}@1")));
        let (layout, _) = parse_files(parse, "yarn.lock", &files(&lock));
        for placed in &layout.places {
            prop_assert!(crate::node::names::split_place(&placed.at).is_some());
        }
    }
}
