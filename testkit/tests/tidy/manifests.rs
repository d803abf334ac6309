//! What the manifests of the crates may say: arrows between crates, and walls around the outside.
//! Only what ships counts: a test may depend on whatever it needs.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::source::{Source, tracked};

/// Which crates of the house each crate may depend on. A crate that is not here is a new one: it
/// needs a row, and a reason in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("workspace", &["model"]),
    ("rules", &["model"]),
    ("graph", &["model"]),
    ("cache", &["model"]),
    ("fetch", &["model"]),
    ("oci", &["model", "fetch"]),
    ("exec", &["model", "graph", "cache", "fetch", "oci"]),
    ("cli", &["model", "workspace", "rules", "graph", "cache", "fetch", "oci", "exec"]),
    ("testkit", &["model"]),
    ("benches", &["model", "workspace", "rules", "graph", "cache", "exec", "testkit"]),
];

/// Which crates may use which outside world.
const WALLS: &[(&str, &[&str])] = &[
    ("annotate-snippets", &["cli"]),
    ("anstream", &["cli"]),
    ("anstyle", &["cli"]),
    ("base64", &["cli", "exec", "fetch"]),
    ("bollard", &["exec"]),
    ("bytes", &["exec"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("fixedbitset", &["graph"]),
    ("flate2", &["exec", "fetch", "oci"]),
    ("futures-util", &["exec"]),
    ("git2", &["workspace"]),
    ("libz-sys", &["workspace"]),
    ("globset", &["rules"]),
    ("ignore", &["workspace"]),
    ("indicatif", &["cli"]),
    ("landlock", &["exec"]),
    ("libc", &["exec"]),
    ("mime_guess", &["cli"]),
    ("pep440_rs", &["exec", "rules"]),
    ("petgraph", &["graph"]),
    ("quick-junit", &["cli"]),
    ("rayon", &["workspace", "rules"]),
    ("regex", &["graph"]),
    ("ring", &["fetch"]),
    ("rusqlite", &["cache"]),
    ("rustix", &["workspace", "cache", "oci", "exec"]),
    ("rustls", &["fetch"]),
    ("ruzstd", &["oci"]),
    ("seccompiler", &["exec"]),
    ("serde-saphyr", &["rules"]),
    ("signal-hook", &["cli"]),
    ("strsim", &["rules", "graph", "exec", "cli"]),
    ("tar", &["exec", "oci"]),
    ("tiny_http", &["cli"]),
    ("tokio", &["exec"]),
    ("toml", &["rules"]),
    ("ureq", &["fetch"]),
];

/// Values and codecs, which are no outside world: any crate may use them.
const FREE: &[&str] = &["blake3", "postcard", "serde", "serde_json", "sha2", "tempfile", "thiserror"];

/// Returns each dependency between crates of the house that is not in the table.
pub fn forbidden_arrows() -> Vec<String> {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut places = Vec::new();
    for (name, manifest) in crates() {
        let Some(allowed) = arrows.get(name.as_str()) else {
            places.push(format!("{name} has no row in the table of arrows"));
            continue;
        };
        let inside = shipped_dependencies(&manifest).into_iter().filter(|it| arrows.contains_key(it.as_str()));
        let forbidden = inside.filter(|it| !allowed.contains(&it.as_str()));
        places.extend(forbidden.map(|it| format!("{name} -> {it}")));
    }
    places
}

/// Returns each outside dependency of a crate that may not have it, or that no table knows.
pub fn broken_walls() -> Vec<String> {
    let walls: BTreeMap<&str, &[&str]> = WALLS.iter().copied().collect();
    let inside: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut places = Vec::new();
    for (name, manifest) in crates() {
        for it in shipped_dependencies(&manifest) {
            match walls.get(it.as_str()) {
                Some(users) if users.contains(&name.as_str()) => {}
                Some(users) => places.push(format!("{name} uses {it}, which belongs to {}", users.join(", "))),
                None if FREE.contains(&it.as_str()) || inside.contains(it.as_str()) => {}
                None if name == "benches" || name == "testkit" => {}
                None => places.push(format!("{name} uses {it}, which has no row")),
            }
        }
    }
    places
}

/// Returns each crate that does not take the lints of the workspace.
pub fn without_lints() -> Vec<String> {
    let takes = |manifest: &Table| {
        manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    crates().into_iter().filter(|(_, manifest)| !takes(manifest)).map(|(name, _)| name).collect()
}

/// Returns each dependency that the workspace declares and no crate names.
pub fn unused() -> Vec<String> {
    let root = parsed("Cargo.toml");
    let declared = root["workspace"].get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default();
    let used: BTreeSet<String> = crates().iter().flat_map(|(_, manifest)| dependencies(manifest, &ALL)).collect();
    declared.into_iter().map(|(name, _)| name).filter(|it| !used.contains(it)).collect()
}

/// The tables of a manifest that name dependencies.
const ALL: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

fn shipped_dependencies(manifest: &Table) -> BTreeSet<String> {
    dependencies(manifest, &ALL[..2])
}

/// Returns the names in the given tables of a manifest, those for single platforms too.
fn dependencies(manifest: &Table, tables: &[&str]) -> BTreeSet<String> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    let named = places.flat_map(|place| tables.iter().filter_map(|table| place.get(*table)?.as_table()));
    named.flat_map(|table| table.keys().cloned()).collect()
}

/// Returns the name and the manifest of each crate.
fn crates() -> Vec<(String, Table)> {
    let manifest = |path: &String| {
        let folder = path.strip_suffix("/Cargo.toml").filter(|folder| !folder.contains('/'))?;
        Some((folder.to_owned(), parsed(path)))
    };
    tracked().iter().filter_map(manifest).collect()
}

fn parsed(path: &str) -> Table {
    let source = Source::read(path).expect("a manifest is readable");
    source.text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}
