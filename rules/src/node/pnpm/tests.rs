//! pnpm-lock.yaml: what lies where, what is left out, and what is refused.

use proptest::prelude::*;

use crate::node::fixture::{lines, parse};

const LOCK: &str = include_str!("tests/pnpm-lock.yaml");
const ROOT: &str = r#"{"name": "root", "dependencies": {"ms": "2.1.3"}, "devDependencies": {"vite": "^5", "ms": "2"}}"#;
const UI: &str = r#"{"name": "@acme/ui", "dependencies": {"@acme/util": "workspace:*", "react-dom": "18.2.0"}, "peerDependencies": {"react": "18"}}"#;
const UTIL: &str = r#"{"name": "@acme/util", "dependencies": {"old": "npm:lodash@4.17.20"}, "optionalDependencies": {"fsevents": "2.3.3"}}"#;

fn files(lock: &str) -> Vec<(&str, &str)> {
    vec![
        ("pnpm-lock.yaml", lock),
        ("package.json", ROOT),
        ("packages/ui/package.json", UI),
        ("packages/util/package.json", UTIL),
    ]
}

#[test]
fn a_lock_says_what_lies_where() {
    let (layout, mistakes) = parse(super::parse, "pnpm-lock.yaml", &files(LOCK));
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(
        lines(&layout),
        [
            "node_modules/.pnpm/@esbuild+linux-x64@0.21.5/node_modules/@esbuild/linux-x64 @esbuild/linux-x64@0.21.5 (dev)",
            "node_modules/.pnpm/esbuild@0.21.5/node_modules/@esbuild/linux-x64 -> ../../../@esbuild+linux-x64@0.21.5/node_modules/@esbuild/linux-x64 (dev)",
            "node_modules/.pnpm/esbuild@0.21.5/node_modules/esbuild esbuild@0.21.5 (dev)",
            "node_modules/.pnpm/lodash@4.17.20/node_modules/lodash lodash@4.17.20",
            "node_modules/.pnpm/ms@2.1.3/node_modules/ms ms@2.1.3",
            "node_modules/.pnpm/node_modules/@acme/ui -> ../../../../packages/ui",
            "node_modules/.pnpm/node_modules/@acme/util -> ../../../../packages/util",
            "node_modules/.pnpm/node_modules/@esbuild/linux-x64 -> ../../@esbuild+linux-x64@0.21.5/node_modules/@esbuild/linux-x64 (dev)",
            "node_modules/.pnpm/node_modules/esbuild -> ../esbuild@0.21.5/node_modules/esbuild (dev)",
            "node_modules/.pnpm/node_modules/old -> ../lodash@4.17.20/node_modules/lodash",
            "node_modules/.pnpm/node_modules/react -> ../react@18.2.0/node_modules/react",
            "node_modules/.pnpm/node_modules/react-dom -> ../react-dom@18.2.0_react@18.2.0/node_modules/react-dom",
            "node_modules/.pnpm/react-dom@18.2.0_react@18.2.0/node_modules/react -> ../../react@18.2.0/node_modules/react",
            "node_modules/.pnpm/react-dom@18.2.0_react@18.2.0/node_modules/react-dom react-dom@18.2.0",
            "node_modules/.pnpm/react@18.2.0/node_modules/react react@18.2.0",
            "node_modules/.pnpm/vite@5.4.0/node_modules/esbuild -> ../../esbuild@0.21.5/node_modules/esbuild (dev)",
            "node_modules/.pnpm/vite@5.4.0/node_modules/vite vite@5.4.0 (dev)",
            "node_modules/ms -> .pnpm/ms@2.1.3/node_modules/ms",
            "node_modules/vite -> .pnpm/vite@5.4.0/node_modules/vite (dev)",
            "packages/ui/node_modules/@acme/util -> ../../../util",
            "packages/ui/node_modules/react -> ../../../node_modules/.pnpm/react@18.2.0/node_modules/react",
            "packages/ui/node_modules/react-dom -> ../../../node_modules/.pnpm/react-dom@18.2.0_react@18.2.0/node_modules/react-dom",
            "packages/util/node_modules/old -> ../../../node_modules/.pnpm/lodash@4.17.20/node_modules/lodash",
            "[] root:  | ",
            "[packages/ui] @acme/ui: packages/util | packages/util",
            "[packages/util] @acme/util:  | ",
        ]
    );
}

#[test]
fn version_6_says_the_same_with_slashes() {
    let lock = "lockfileVersion: '6.0'\n\ndependencies:\n  a:\n    specifier: npm:b@^1\n    version: /b@1.0.0(c@2.0.0)\n\n\
        packages:\n\n  /b@1.0.0(c@2.0.0):\n    resolution: {integrity: sha512-ab==}\n    requiresBuild: true\n    dependencies:\n      c: 2.0.0\n    dev: false\n\n\
        \x20 /c@2.0.0:\n    resolution: {integrity: sha512-ac==}\n    dev: false\n";
    let manifest = r#"{"dependencies": {"a": "npm:b@^1"}}"#;
    let (layout, mistakes) =
        parse(super::parse, "pnpm-lock.yaml", &[("pnpm-lock.yaml", lock), ("package.json", manifest)]);
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(
        lines(&layout),
        [
            "node_modules/.pnpm/b@1.0.0_c@2.0.0/node_modules/b b@1.0.0 with scripts",
            "node_modules/.pnpm/b@1.0.0_c@2.0.0/node_modules/c -> ../../c@2.0.0/node_modules/c",
            "node_modules/.pnpm/c@2.0.0/node_modules/c c@2.0.0",
            "node_modules/.pnpm/node_modules/c -> ../c@2.0.0/node_modules/c",
            "node_modules/a -> .pnpm/b@1.0.0_c@2.0.0/node_modules/b",
            "[] -:  | ",
        ]
    );
}

#[test]
fn a_package_json_that_asks_for_something_else_is_told() {
    let mut files = files(LOCK);
    files[1].1 = "{\"name\": \"root\",\n\"dependencies\": {\"ms\": \"^2\", \"left-pad\": \"1\"}}";
    files.pop();
    let (_, mistakes) = parse(super::parse, "pnpm-lock.yaml", &files);
    assert_eq!(
        mistakes,
        [
            "RG0923 js/package.json:2: js/package.json asks for `left-pad` 1, which js/pnpm-lock.yaml does not have (pnpm install)",
            "RG0923 js/package.json:1: js/pnpm-lock.yaml has `vite` ^5 for js/package.json, which does not ask for it (pnpm install)",
            "RG0926 js/pnpm-lock.yaml:1: js/pnpm-lock.yaml has a package in packages/util, and js/packages/util/package.json is missing (pnpm install)",
        ]
    );
}

/// Checks the mistakes of the lock with one text in place of another.
fn check(from: &str, to: &str, expected: &[&str]) {
    let lock = LOCK.replace(from, to);
    let (_, mistakes) = parse(super::parse, "pnpm-lock.yaml", &files(&lock));
    assert_eq!(mistakes, expected);
}

#[test]
fn what_cannot_be_used_is_told() {
    check(
        "'9.0'",
        "5.4",
        &[
            "RG0922 js/pnpm-lock.yaml:1: js/pnpm-lock.yaml has version `5.4`; rg reads versions 6 and 9.0, of pnpm 8 and later (npx pnpm@10 install --lockfile-only)",
        ],
    );
    check(
        "overrides:",
        "patchedDependencies:",
        &[
            "RG0922 js/pnpm-lock.yaml:7: js/pnpm-lock.yaml patches packages, which rg does not (publish the patched package, or make it a package of the workspace)",
        ],
    );
    check(
        "link:../util",
        "link:../../../util",
        &[
            "RG0922 js/pnpm-lock.yaml:26: `@acme/util` is a link to `../../../util`, which is no package of the lock (pnpm install)",
        ],
    );
    check(
        "version: lodash@4.17.20",
        "version: lodash@4.17.21",
        &["RG0922 js/pnpm-lock.yaml:38: `lodash@4.17.21` is asked for, and has no entry (pnpm install)"],
    );
    check(
        "{integrity: sha512-ae==}",
        "{tarball: https://example.org/x.tgz}",
        &[
            "RG0922 js/pnpm-lock.yaml:37: `lodash@4.17.20` has no hash (`integrity`) (depend on a version that a registry has, or lock again: remove pnpm-lock.yaml, then `pnpm install`)",
        ],
    );
    check(
        "{integrity: sha512-ae==}",
        "{type: git, repo: x, commit: y}",
        &[
            "RG0922 js/pnpm-lock.yaml:37: `lodash@4.17.20` does not come from a registry (depend on a version that a registry has, or on a package of the workspace with `workspace:*`)",
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", from in 0..LOCK.len(), length in 0..60_usize) {
        parse(super::parse, "pnpm-lock.yaml", &files(&text));
        let to = (from + length).min(LOCK.len());
        parse(super::parse, "pnpm-lock.yaml", &files(&[&LOCK[..from], &text, &LOCK[to..]].concat()));
    }

    #[test]
    fn no_name_leads_out_of_the_directory(name in "(node_modules|\\.\\.|a|@b|/|\\\\|:|\\(|\\)|@1|link:){0,6}", place in 0..4_usize) {
        let from = ["packages/util:", "lodash@4.17.20", "link:../util", "old:"][place];
        let to = if from.ends_with(':') { format!("'{name}':") } else { format!("'{name}'") };
        let lock = LOCK.replace(&format!("{from}\n"), &format!("{to}\n")).replace(&format!("{from}: {{}}"), &format!("{to}: {{}}"));
        let (layout, _) = parse(super::parse, "pnpm-lock.yaml", &files(&lock));
        for placed in &layout.places {
            prop_assert!(crate::node::names::split_place(&placed.at).is_some());
            let link = matches!(placed.what, crate::node::layout::What::Link(_));
            prop_assert_eq!(link, placed.target().is_some());
        }
    }
}
