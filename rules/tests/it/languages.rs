//! Mistakes in targets of Python and Node, seen from outside: each with its place and what helps. That they are not
//! confused with one another: a lock of one language changes no target of another.

use model::{Analysis, Target};
use testkit::MapTree;

use crate::{analyze, rendered, sound};

const SETTINGS: &str =
    "[workspace]\nname = \"test\"\n[toolchain.python]\nhost = [\"python3\"]\n[toolchain.node]\nhost = [\"node\"]\n";

/// Checks what is wrong with a workspace that has both toolchains.
fn check(files: &[(&str, &str)], want: &str) {
    let tree = MapTree::new(files).with("workspace.toml", SETTINGS);
    assert_eq!(rendered(&analyze(&tree).mistakes, &tree), want);
}

#[test]
fn an_entry_is_a_module_of_the_roots_or_a_file() {
    let files = [
        (
            "s/BUILD.toml",
            "[python_service.a]\nentry = \"shop.mian\"\n[python_service.b]\nentry = \"nope\"\n[python_service.c]\nentry = \"gone.py\"\n",
        ),
        ("s/shop/__init__.py", ""),
        ("s/shop/main.py", ""),
    ];
    let hint = "write a module, as \"shop.main\", or a .py file of the package; `roots` says where modules begin";
    check(
        &files,
        &format!(
            "s/BUILD.toml:2: [\"shop.mian\"] RG0905 there is no module `shop.mian` in `s`\n  hint: write \"shop.main\"\n\
             s/BUILD.toml:4: [\"nope\"] RG0905 there is no module `nope` in `s`\n  hint: {hint}\n\
             s/BUILD.toml:6: [\"gone.py\"] RG0905 `gone.py` does not exist\n  hint: {hint}\n"
        ),
    );
}

#[test]
fn a_root_and_a_lock_that_are_named_have_to_be_there() {
    let files = [
        (
            "s/BUILD.toml",
            "[python_service.a]\nentry = \"m.py\"\nroots = [\"nope\", \"//gone\"]\nlock = \"//req.txt\"\n",
        ),
        ("s/m.py", ""),
    ];
    let hint =
        "write a directory of the package, as \".\" or \"src\", or from the workspace root, as \"//libs/common\"";
    check(
        &files,
        &format!(
            "s/BUILD.toml:3: [\"nope\"] RG0202 root `nope` is no directory of the workspace\n  hint: {hint}\n\
             s/BUILD.toml:3: [\"//gone\"] RG0202 root `//gone` is no directory of the workspace\n  hint: {hint}\n\
             s/BUILD.toml:4: [\"//req.txt\"] RG0901 `//req.txt` does not exist\n  \
             hint: write the path of a lock, from the package, or from the workspace root as \"//…\"\n"
        ),
    );
}

#[test]
fn what_is_imported_without_a_lock_is_told_at_the_import() {
    let files = [("s/BUILD.toml", "[python_service.a]\nentry = \"m.py\"\n"), ("s/m.py", "import os\nimport six\n")];
    check(
        &files,
        "s/m.py:2: [six] RG0901 `six` is imported, and //s:a has no lock that could provide it\n  \
         hint: write a requirements.txt with hashes (`pip-compile --generate-hashes`, `uv pip compile --generate-hashes`), \
         a uv.lock or a poetry.lock at or above `s`; a module of the workspace is found in `roots`\n",
    );
}

#[test]
fn tests_of_python_need_a_lock_with_pytest() {
    let build = "[python_test.a]\ntests = [\"t.py\"]\ncoverage = true\n";
    check(
        &[("s/BUILD.toml", build), ("s/t.py", "")],
        "s/BUILD.toml:1: [[python_test.a]] RG0901 //s:a has no lock: tests are run by the pytest of a lock\n  \
         hint: write a requirements.txt with hashes, a uv.lock or a poetry.lock at or above the package\n",
    );
    check(
        &[("s/BUILD.toml", build), ("s/t.py", ""), ("s/requirements.txt", "")],
        "s/BUILD.toml:1: [[python_test.a]] RG0906 //s:a needs `coverage`, which s/requirements.txt lacks\n  \
         hint: add `coverage` to what is locked, and lock again\n\
         s/BUILD.toml:1: [[python_test.a]] RG0906 //s:a needs `pytest`, which s/requirements.txt lacks\n  \
         hint: add `pytest` to what is locked, and lock again\n",
    );
}

const LOCK: &str = "{\"name\":\"w\",\"lockfileVersion\":3,\"packages\":{\"\":{\"name\":\"w\"}}}";

#[test]
fn a_script_an_output_and_an_entry_are_those_of_the_package() {
    let build = "[frontend.a]\nscript = \"biuld\"\n[frontend.b]\nout = \"../dist\"\n[frontend.c]\nout = \".\"\n\
                 [node_service.d]\nentry = \"gone.js\"\n";
    let files = [
        ("w/BUILD.toml", build),
        ("w/package.json", "{\"name\":\"w\",\"scripts\":{\"build\":\"true\"},\"main\":\"m.js\"}"),
        ("w/package-lock.json", LOCK),
    ];
    let hint = "write the directory that the script makes, from the package: \"dist\"";
    check(
        &files,
        &format!(
            "w/BUILD.toml:2: [\"biuld\"] RG0925 w/package.json has no script `biuld`\n  hint: write `script = \"build\"`; it has `build`\n\
             w/BUILD.toml:4: [\"../dist\"] RG0401 `out`: `../dist` leaves its directory with `..`\n  hint: {hint}\n\
             w/BUILD.toml:6: [\".\"] RG0401 `out`: `.` is not a normal path: it has an empty segment or `.`\n  hint: {hint}\n\
             w/BUILD.toml:8: [\"gone.js\"] RG0927 `gone.js` is no file of `w`\n  hint: write `entry = \"m.js\"`, as `main` of package.json says\n"
        ),
    );
}

#[test]
fn a_package_without_a_manifest_or_a_lock_is_told_at_the_target() {
    let build = ("w/BUILD.toml", "[node_test.a]\n");
    check(
        &[build],
        "w/BUILD.toml:1: [[node_test.a]] RG0924 //w:a has no package.json beside it\n  \
         hint: run `npm init` in its directory, or move the target to its package\n",
    );
    check(
        &[("w/BUILD.toml", "[node_test.a]\n[node_test.b]\n"), ("w/package.json", "{}")],
        "w/BUILD.toml:1: [[node_test.a]] RG0921 there is no lock of npm packages in `w` or above it\n  \
         hint: `npm install --package-lock-only` writes a package-lock.json\n",
    );
    check(
        &[
            build,
            ("w/package.json", "{\"scripts\":{\"test\":\"true\"}}"),
            ("package-lock.json", LOCK),
            ("package.json", "{\"name\":\"w\"}"),
        ],
        "w/BUILD.toml:1: [[node_test.a]] RG0923 `w` is no package of package-lock.json\n  \
         hint: name it in `workspaces` of the package.json there, and run `npm install`\n",
    );
}

#[test]
fn a_package_json_that_is_no_json_is_told_once_and_not_held_against_its_lock() {
    let lock = r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"ms": "1"}}, "w": {}}}"#;
    let text = "package.json:2: [] RG0924 package.json is not valid JSON: key must be a string\n  \
                hint: mend it there, at line 2, column 1; npm cannot read it either\n";
    check(
        &[
            ("BUILD.toml", "[node_test.a]\n[node_test.b]\n"),
            ("w/BUILD.toml", "[node_test.c]\n"),
            ("w/package.json", "{}"),
            ("package.json", "{\n,}"),
            ("package-lock.json", lock),
        ],
        text,
    );
}

/// Returns the targets of some rules.
fn of_rules<'a>(analysis: &'a Analysis, rules: &[&str]) -> Vec<&'a Target> {
    analysis.targets.iter().filter(|target| rules.contains(&&*target.rule)).collect()
}

// Trap 8.
#[test]
fn a_pnpm_lock_changes_no_target_of_go_or_python() {
    let lock = |version: &str| {
        format!(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      left:\n        specifier: '*'\n        version: {version}\n\
             packages:\n  left@{version}:\n    resolution: {{integrity: sha512-AA==}}\nsnapshots:\n  left@{version}: {{}}\n"
        )
    };
    let tree = |version: &str| {
        MapTree::new(&[
            ("workspace.toml", &format!("{SETTINGS}[toolchain.go]\nhost = [\"go\"]\n")),
            ("go.mod", "module m\n\ngo 1.21\n"),
            ("main.go", "package main\n\nfunc main() {}\n"),
            ("main.py", ""),
            ("requirements.txt", ""),
            ("server.js", ""),
            ("package.json", "{\"dependencies\":{\"left\":\"*\"}}"),
            ("pnpm-lock.yaml", &lock(version)),
            (
                "BUILD.toml",
                "[go_binary.go]\nmain = \".\"\n[python_service.py]\nentry = \"main.py\"\n[node_service.js]\nentry = \"server.js\"\n",
            ),
        ])
    };
    let (before, after) = (sound(&tree("1.0.0")), sound(&tree("2.0.0")));
    let others = ["go_binary", "python_service"];
    assert_eq!(of_rules(&before, &others).len(), 2);
    assert_eq!(of_rules(&before, &others), of_rules(&after, &others));
    assert_ne!(of_rules(&before, &["node_service"]), of_rules(&after, &["node_service"]));
}
