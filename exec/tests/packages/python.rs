//! Wheels against `pip install --target`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model::{Assembly, Content, RelPath};

use crate::setup::{assert_same, bench, client, files};

/// Pure and native ones, one with scripts, one with headers, some with entry points.
const WHEELS: [&str; 9] =
    ["six", "markupsafe", "packaging", "pytest", "uvicorn", "jmespath", "greenlet", "pyyaml", "setuptools"];

/// The files that pip writes for itself.
const OF_PIP: [&str; 4] = ["INSTALLER", "REQUESTED", "RECORD", "direct_url.json"];

#[test]
fn wheels_are_installed_as_pip_does() {
    let bench = bench();
    let (wheels, target) = (bench.dir.path().join("wheels"), bench.dir.path().join("target"));
    let download = ["download", "-q", "--no-deps", "--only-binary=:all:", "-d", wheels.to_str().unwrap()];
    if !client("pip", &[&download[..], &WHEELS].concat(), bench.dir.path()) {
        return;
    }
    let names: Vec<_> = fs::read_dir(&wheels).unwrap().map(|entry| entry.unwrap().path()).collect();
    let install = ["install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", target.to_str().unwrap()];
    let words: Vec<&str> = install.into_iter().chain(names.iter().map(|name| name.to_str().unwrap())).collect();
    assert!(client("pip", &words, bench.dir.path()));

    let at = |name: &Path| format!("wheels/{}", name.file_name().unwrap().to_str().unwrap());
    let inputs: Vec<(RelPath, Content)> = names.iter().map(|name| bench.input(&at(name), name)).collect();
    let at_once = bench.make(Assembly::Wheels, inputs.clone());
    let one_by_one = inputs.into_iter().map(|input| bench.unpack(Assembly::Wheels, input)).collect();
    assert_eq!(bench.make(Assembly::Merge, one_by_one), at_once, "each by itself, then merged");

    let place = bench.cache.assemble(&at_once).unwrap();
    assert_same(&without_pips_own(&place), &without_pips_own(&target));
}

/// Returns the files without those of pip, and the scripts without their first line, which names an interpreter.
fn without_pips_own(top: &Path) -> BTreeMap<String, String> {
    let mut found = files(top);
    found.retain(|name, _| {
        let (directory, name) = name.rsplit_once('/').unwrap_or(("", name));
        !(directory.ends_with(".dist-info") && OF_PIP.contains(&name))
    });
    for (name, value) in found.iter_mut().filter(|(name, _)| name.starts_with("bin/")) {
        let text = fs::read_to_string(top.join(name)).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let star = if value.starts_with('*') { "*" } else { "" };
        assert!(first.starts_with("#!"), "{name}");
        // What an entry point's script does is the same; how pip words it is a matter of its version.
        let is_wrapper = rest.contains("sys.exit(") && rest.contains("sys.argv[0] = ");
        *value = if is_wrapper { format!("{star}entry point") } else { format!("{star}{rest}") };
    }
    found
}
