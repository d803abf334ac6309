//! Tarballs and `node_modules` against `npm ci`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Assembly, Content, RelPath};
use serde_json::Value;

use crate::setup::{Bench, assert_same, bench, client, files, path};

const PROJECT: &str = r#"{"name":"p","version":"1.0.0","workspaces":["packages/*"],
    "devDependencies":{"vite":"*","vitest":"*","typescript":"*","semver":"*","npm-run-all":"*","express":"*"}}"#;
const WORKSPACE: &str = r#"{"name":"@s/ui","version":"1.0.0","dependencies":{"semver":"5","which":"1"}}"#;

#[test]
fn node_modules_are_made_as_npm_does() {
    let bench = bench();
    let project = bench.dir.path().join("project");
    fs::create_dir_all(project.join("packages/ui")).unwrap();
    fs::write(project.join("package.json"), PROJECT).unwrap();
    fs::write(project.join("packages/ui/package.json"), WORKSPACE).unwrap();
    let cache = bench.dir.path().join("npm");
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache.to_str().unwrap()];
    if !client("npm", &install, &project) {
        return;
    }
    let ci =
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--cache", cache.to_str().unwrap()];
    assert!(client("npm", &ci, &project));

    let inputs = inputs(&bench, &project, &cache);
    assert!(inputs.len() > 100, "only {} packages", inputs.len());
    let root = bench.make(Assembly::NodeModules, inputs);
    let is_ours = |name: &str| name.starts_with("node_modules/") || name.contains("/node_modules/");
    let mut theirs: BTreeMap<String, String> = files(&project).into_iter().filter(|(name, _)| is_ours(name)).collect();
    theirs.remove("node_modules/.package-lock.json");
    assert_same(&bench.stored(&root), &theirs);
}

/// Unpacks each package that npm has installed, by itself, as its lock places it.
fn inputs(bench: &Bench, project: &Path, cache: &Path) -> Vec<(RelPath, Content)> {
    let lock: Value = serde_json::from_slice(&fs::read(project.join("package-lock.json")).unwrap()).unwrap();
    let mut inputs = Vec::new();
    for (at, package) in lock["packages"].as_object().unwrap() {
        if !at.contains("node_modules/") || package["inBundle"] == true {
            continue;
        }
        if package["link"] == true {
            let parent = path(at).parent().unwrap();
            let target = path(package["resolved"].as_str().unwrap()).relative_to(&parent);
            inputs.push((path(at), Content::Symlink(target.into())));
        } else if project.join(at).exists() {
            let tarball = cached(cache, package["integrity"].as_str().unwrap());
            inputs.push(bench.unpack(Assembly::NpmTarballs, bench.input(at, &tarball)));
        }
    }
    inputs
}

/// Finds a tarball in npm's cache by its hash.
fn cached(cache: &Path, integrity: &str) -> PathBuf {
    let (algorithm, hash) = integrity.split_once('-').unwrap();
    let hex: String = STANDARD.decode(hash).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    cache.join("_cacache/content-v2").join(algorithm).join(&hex[..2]).join(&hex[2..4]).join(&hex[4..])
}
