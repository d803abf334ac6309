//! Packages by hand: what an installer makes of them, and which are refused.

mod fixtures;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Assembly, Content, RelPath};
use sha2::Digest as _;

use self::fixtures::{Store, path, store, wheel, wheel_with_record};
use crate::archive::tests::fixtures::{gzip, member, program, tar, zip};

/// Returns the lines of a tree without the metadata that every wheel has.
fn installed(store: &Store, inputs: &[(RelPath, Content)]) -> String {
    let tree = store.make(Assembly::Wheels, inputs);
    tree.lines().filter(|line| !line.starts_with("x-1.dist-info/")).collect::<Vec<_>>().join("\n")
}

fn check_wheel(bytes: &[u8], expected: &str) {
    let store = store();
    assert_eq!(installed(&store, &[store.file("w/x-1-py3-none-any.whl", bytes)]), expected);
}

#[test]
fn the_files_of_a_wheel_are_installed_by_their_schemes() {
    check_wheel(
        &wheel(&[
            ("x/a.py", "a"),
            ("x-1.data/purelib/p.py", "p"),
            ("x-1.data/platlib/q.so", "q"),
            ("x-1.data/data/share/d", "d"),
            ("x-1.data/headers/h.h", "h"),
            ("x-1.data/scripts/s", "#!pythonw -E\nprint()\n"),
            ("x-1.data/scripts/sh", "#!/bin/sh\n"),
        ]),
        "bin/s* \"#!/usr/bin/env python3\\nprint()\\n\"\n\
         bin/sh* \"#!/bin/sh\\n\"\n\
         include/python/x/h.h \"h\"\n\
         p.py \"p\"\n\
         q.so \"q\"\n\
         share/d \"d\"\n\
         x/a.py \"a\"",
    );
}

#[test]
fn entry_points_become_scripts_in_place_of_the_packers_own() {
    let text = "# programs\n[console_scripts]\nrun = x.main:cli.start [extra]\n\n[other]\nno = x:y\n";
    let bytes =
        wheel(&[("x-1.dist-info/entry_points.txt", text), ("x-1.data/scripts/run-script.py", "made by a packer")]);
    check_wheel(
        &bytes,
        "bin/run* \"#!/usr/bin/env python3\\n# -*- coding: utf-8 -*-\\nimport re\\nimport sys\\nfrom x.main import cli\\n\
         if __name__ == '__main__':\\n    sys.argv[0] = re.sub(r'(-script\\\\.pyw|\\\\.exe)?$', '', sys.argv[0])\\n    \
         sys.exit(cli.start())\\n\"",
    );
    for bad in ["../run = x:y", "run = x", "run = x:y;import", "run = x:", "= x:y"] {
        let bytes = wheel(&[("x-1.dist-info/entry_points.txt", &format!("[console_scripts]\n{bad}\n"))]);
        let why = format!("the entry point `{bad}` cannot be made a script");
        check_wheel(&bytes, &format!("failed: x-1-py3-none-any.whl cannot be unpacked: {why}"));
    }
}

#[test]
fn a_wheel_that_cannot_be_trusted_is_refused_by_name() {
    let store = store();
    let check = |name: &str, bytes: &[u8], why: &str| {
        let made = installed(&store, &[store.file(&format!("w/{name}"), bytes)]);
        assert_eq!(made, format!("failed: {name} cannot be unpacked: {why}"));
    };
    let good = wheel(&[("x.py", "x")]);
    let name = "x-1-py3-none-any.whl";
    check("x-1.tar.gz", b"", "it is a source distribution, and only wheels are unpacked; it has to be built first");
    check("x.egg", b"", "its name does not end with .whl");
    check("x-1.whl", &good, "its name is not that of a wheel: name-version-python-abi-platform.whl");
    check("y-1-py3-none-any.whl", &good, "its .dist-info directory is that of another distribution, `x-1.dist-info`");
    check(name, b"PK", "it is not a zip archive");
    check(name, &zip(&[]), "it has 0 .dist-info directories, and has to have one");
    check(name, &wheel(&[("x-1.data/lib/x", "")]), "`x-1.data/lib/x` is of a kind that is not known");
    check(name, &wheel(&[("a", "1"), ("x-1.data/purelib/a", "2")]), "two of its files are installed as `a`");
    let record = |row: &str| wheel_with_record(&[("a,b", "x")], row);
    let right = "sha256=LXEWQrcmsEQBYnyp-3Cn0q9hFUQ-cZ_7zpVtlU_NTZE";
    let wrong = right.replace("LX", "MX");
    check(name, &record(&format!("\"a,b\",{wrong},1\n")), "`a,b` is not what its RECORD says");
    check(name, &record("\"a,b\",md5=x,1\n"), "its RECORD has a hash of a kind that protects nothing, `md5`");
    check(name, &record("\"a,b,x,1\n"), "row 1 of its RECORD cannot be read");
}

#[test]
fn hashes_of_all_kinds_are_verified() {
    let row = |body: &str| format!("a,sha512={},1\n", URL_SAFE_NO_PAD.encode(sha2::Sha512::digest(body)));
    check_wheel(&wheel_with_record(&[("a", "x")], &row("x")), "a \"x\"");
    let wrong = wheel_with_record(&[("a", "x")], &row("y"));
    check_wheel(&wrong, "failed: x-1-py3-none-any.whl cannot be unpacked: `a` is not what its RECORD says");
}

#[test]
fn wheels_share_equal_files_and_no_others() {
    let store = store();
    let other = |files: &[(&str, &str)]| {
        let renamed = wheel(files);
        store.file("b/x-1-1-py3-none-any.whl", &renamed)
    };
    let first = store.file("a/x-1-py3-none-any.whl", &wheel(&[("n/__init__.py", ""), ("n/a.py", "a")]));
    let check = |files: &[(&str, &str)], expected: &str| {
        assert_eq!(installed(&store, &[first.clone(), other(files)]), expected);
    };
    let differ = |path: &str| {
        format!("failed: `x-1-py3-none-any.whl` and `x-1-1-py3-none-any.whl` both have `{path}`, and the two differ")
    };
    check(&[("n/a.py", "b")], &differ("n/a.py"));
    check(&[("n", "file")], &differ("n"));
    check(&[("n/a.py/below", "b")], &differ("n/a.py/below"));
    let same = store.file("b/x-1-1-py3-none-any.whl", &wheel(&[("n/__init__.py", ""), ("n/a.py", "a")]));
    let inputs = [first.clone(), same];
    assert_eq!(installed(&store, &inputs), "n/__init__.py \"\"\nn/a.py \"a\"");
}

fn check_tarball(members: &[Vec<u8>], expected: &str) {
    let store = store();
    let inputs = [store.file("node_modules/p", &gzip(&tar(members)))];
    assert_eq!(store.make(Assembly::NpmTarballs, &inputs), expected);
}

#[test]
fn a_tarball_is_unpacked_as_npm_does() {
    let manifest = br#"{"name":"p","bin":{"one":"./cli.js","two":"lib/two"}}"#;
    check_tarball(
        &[
            member("package/lib/two", b'0', b"#!/usr/bin/env node\r\nx\r\n"),
            member("package/package.json", b'0', manifest),
            member("package/cli.js", b'0', b"#!node\n"),
            program("other/run", b"r"),
            member("package/.gitignore", b'0', b"g"),
            member("package/sub/.npmignore", b'0', b"n"),
            member("package/sub/.gitignore", b'0', b"g"),
            member("top", b'0', b"t"),
            member("package/a/link", b'2', b""),
        ],
        "node_modules/p/.npmignore \"g\"\n\
         node_modules/p/cli.js* \"#!node\\n\"\n\
         node_modules/p/lib/two* \"#!/usr/bin/env node\\nx\\r\\n\"\n\
         node_modules/p/package.json \"{\\\"name\\\":\\\"p\\\",\\\"bin\\\":{\\\"one\\\":\\\"./cli.js\\\",\\\"two\\\":\\\"lib/two\\\"}}\"\n\
         node_modules/p/run* \"r\"\n\
         node_modules/p/sub/.npmignore \"n\"",
    );
}

#[test]
fn a_tarball_with_two_different_files_of_one_name_is_refused() {
    let twice = |second: &[u8]| [member("p/a", b'0', b"1"), member("p/a", b'0', second)];
    check_tarball(&twice(b"1"), "node_modules/p/a \"1\"");
    check_tarball(&twice(b"2"), "failed: p cannot be unpacked: `a` is there twice");
}

/// Makes the links of packages, each with a package.json and its files.
fn linked(packages: &[(&str, &str, &[&str])], links: &[(&str, &str)]) -> String {
    let store = store();
    let mut inputs = Vec::new();
    for (at, manifest, files) in packages {
        inputs.push(store.file(&format!("{at}/package.json"), manifest.as_bytes()));
        inputs.extend(files.iter().map(|file| store.file(&format!("{at}/{file}"), b"")));
    }
    inputs.extend(links.iter().map(|(at, target)| (path(at), Content::Symlink((*target).into()))));
    let tree = store.make(Assembly::NodeModules, &inputs);
    tree.lines().filter(|line| line.contains("/.bin/")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_program_of_a_package_is_linked_beside_it() {
    let made = linked(
        &[
            ("node_modules/a", r#"{"name":"a","bin":"cli.js"}"#, &["cli.js"]),
            ("node_modules/@s/b", r#"{"name":"@s/b","bin":"bin/b.js"}"#, &["bin/b.js"]),
            ("node_modules/a/node_modules/c", r#"{"name":"c","bin":{"c":"c","gone":"gone.js"}}"#, &["c"]),
            ("apps/x/node_modules/d", r#"{"directories":{"bin":"bin"}}"#, &["bin/d1", "bin/sub/d2", "bin/.h"]),
            ("node_modules/e/test/node_modules/f", r#"{"name":"f","bin":"f"}"#, &["f"]),
        ],
        &[],
    );
    let expected = "apps/x/node_modules/.bin/d1 -> ../d/bin/d1\n\
        apps/x/node_modules/.bin/d2 -> ../d/bin/sub/d2\n\
        node_modules/.bin/a -> ../a/cli.js\n\
        node_modules/.bin/b -> ../@s/b/bin/b.js\n\
        node_modules/a/node_modules/.bin/c -> ../c/c";
    assert_eq!(made, expected);
}

#[test]
fn the_first_of_two_packages_gets_the_name() {
    let bin = r#"{"bin":{"same":"cli.js"}}"#;
    let gone = r#"{"bin":{"same":"gone.js"}}"#;
    let made = |first: &str, second: &str| {
        let at = |name: &str| format!("node_modules/{name}");
        linked(&[(&at(first), bin, &["cli.js"]), (&at(second), bin, &["cli.js"])], &[])
    };
    assert_eq!(made("b", "a"), "node_modules/.bin/same -> ../a/cli.js");
    assert_eq!(made("a", "@z/a"), "node_modules/.bin/same -> ../@z/a/cli.js");
    assert_eq!(made("a-b", "a_b"), "node_modules/.bin/same -> ../a_b/cli.js");
    assert_eq!(made("a-b", "a"), "node_modules/.bin/same -> ../a/cli.js");
    assert_eq!(linked(&[("node_modules/a", gone, &[]), ("node_modules/b", bin, &["cli.js"])], &[]), "");
    let link = ("node_modules/a", "../packages/a");
    let packages: [(&str, &str, &[&str]); 2] = [("node_modules/b", bin, &["cli.js"]), ("packages/a", bin, &["cli.js"])];
    assert_eq!(linked(&packages, &[link]), "node_modules/.bin/same -> ../b/cli.js");
}

#[test]
fn links_to_packages_are_followed_as_npm_and_pnpm_do() {
    let manifest = r#"{"name":"a","bin":"cli.js"}"#;
    let made = linked(
        &[
            ("node_modules/.pnpm/a@1/node_modules/a", manifest, &["cli.js"]),
            ("packages/ui", r#"{"bin":{"ui":"ui.js"}}"#, &["ui.js"]),
        ],
        &[
            ("node_modules/a", ".pnpm/a@1/node_modules/a"),
            ("apps/x/node_modules/a", "../../../node_modules/.pnpm/a@1/node_modules/a"),
            ("node_modules/@s/ui", "../../packages/ui"),
            ("node_modules/gone", "../packages/gone"),
            ("node_modules/out", "../../../out"),
        ],
    );
    let expected = "apps/x/node_modules/.bin/a -> ../../../../node_modules/.pnpm/a@1/node_modules/a/cli.js\n\
        node_modules/.bin/a -> ../.pnpm/a@1/node_modules/a/cli.js\n\
        node_modules/.bin/ui -> ../@s/ui/ui.js";
    assert_eq!(made, expected);
}
