//! One package each through the registries of whoever runs the tests.
#![expect(clippy::disallowed_methods, reason = "the user of these tests is the user whose registries are asked")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetch::{Patience, Programs, Registries, User};
use model::{Locked, SeenAt};

/// Brings a package as the user would. Where that cannot be, CI fails, and people are told.
fn check(locked: &Locked, want: &str, bytes: u64) {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let is_ci = environment.get("CI").is_some_and(|it| it == "true");
    let path = environment.get("PATH").cloned().unwrap_or_default();
    let find = |name: &str| std::env::split_paths(&path).map(|it| it.join(name)).find(|it| it.is_file());
    let (npm, python) = (find("npm"), find("python3"));
    let home = environment.get("HOME").map(PathBuf::from);
    let directory = tempfile::tempdir().unwrap();
    let user = User { environment, home, extra_ca: None, root: directory.path().to_owned() };
    let registries = Registries::new(user, Patience::default(), Arc::new(|| false));
    let programs = Programs { npm: npm.as_deref(), python: python.as_deref() };
    let to = tempfile::tempdir().unwrap();
    match registries.bring(locked, programs, to.path(), &|_, _| {}) {
        Ok(file) => {
            assert_eq!(file.file_name(), Path::new(want).file_name());
            assert_eq!(file.metadata().unwrap().len(), bytes);
        }
        Err(error) if is_ci => panic!("{error}"),
        Err(error) => eprintln!("not tested: {error}"),
    }
}

#[test]
fn a_wheel_comes_from_the_index_of_the_user() {
    let locked = Locked::PythonFile {
        name: "six".into(),
        version: "1.16.0".into(),
        file: "six-1.16.0-py2.py3-none-any.whl".into(),
        sha256: "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254".into(),
        seen_at: SeenAt(None),
    };
    check(&locked, "six-1.16.0-py2.py3-none-any.whl", 11_053);
}

#[test]
fn a_tarball_comes_from_the_registry_of_the_user() {
    let integrity = "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==";
    let (name, version) = ("is-number".into(), "7.0.0".into());
    let locked =
        Locked::NpmPackage { name, version, integrity: integrity.into(), seen_at: SeenAt(None), locked_in: Vec::new() };
    check(&locked, "package.tgz", 3_730);
}
