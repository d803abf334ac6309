//! pnpm-lock.yaml as pnpm writes it, version 6 brought to the form of version 9. It judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::dep_path;
use crate::node::layout::InstallScripts;
use crate::node::manifest::{Asks, RunsOn};

/// A pnpm-lock.yaml: what is read of it.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct File {
    /// The version of the format.
    pub lockfile_version: String,
    /// How it was made.
    pub settings: Settings,
    /// What stands for what some manifests ask for, by selectors.
    pub overrides: BTreeMap<String, String>,
    /// The optional dependencies that are never installed.
    pub ignored_optional_dependencies: BTreeSet<String>,
    /// The packages that are changed after they were fetched.
    pub patched_dependencies: BTreeMap<String, serde::de::IgnoredAny>,
    /// The packages of the repository, by directory; `.` is the lock's own.
    pub importers: BTreeMap<String, Importer>,
    /// What a package is, by name and version.
    pub packages: BTreeMap<String, Package>,
    /// What a package finds, by name, version and peers.
    pub snapshots: BTreeMap<String, Package>,
    /// The only package of the repository, where version 6 has no importers.
    #[serde(flatten)]
    only: Importer,
}

/// How a lock was made.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings {
    /// Whether a missing peer counts as asked for.
    pub auto_install_peers: bool,
    /// Whether links are in no lock.
    pub exclude_links_from_lockfile: bool,
}

/// A package of the repository.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Importer {
    /// What it needs when it runs.
    pub dependencies: BTreeMap<String, Asked>,
    /// What it needs when somebody works on it.
    pub dev_dependencies: BTreeMap<String, Asked>,
    /// What it goes on without.
    pub optional_dependencies: BTreeMap<String, Asked>,
}

/// What a manifest asks for, and what stands for it.
#[derive(Deserialize, Debug, Clone)]
pub(super) struct Asked {
    /// The range in the manifest.
    pub specifier: String,
    /// The version, with its peers; or a link.
    pub version: String,
}

/// An entry of `packages` or of `snapshots`; version 6 has both in one.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Package {
    /// Where it comes from.
    pub resolution: Resolution,
    /// The version, where the key has none.
    pub version: Option<String>,
    /// What it finds, by the name it uses.
    pub dependencies: BTreeMap<String, String>,
    /// What it finds, and goes on without.
    pub optional_dependencies: BTreeMap<String, String>,
    /// Whether everything that needs it goes on without it.
    pub optional: bool,
    requires_build: bool,
    os: Vec<String>,
    cpu: Vec<String>,
    libc: Vec<String>,
}

/// Where a package comes from.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(default)]
pub(super) struct Resolution {
    /// Its hash.
    pub integrity: Option<String>,
    /// The address of its archive, where the registry does not follow the rule.
    pub tarball: Option<String>,
    /// The repository it is in.
    pub repo: Option<String>,
    /// The directory it is in.
    pub directory: Option<String>,
}

impl File {
    /// Returns whether this is version 6.
    pub fn is_old(&self) -> bool {
        self.lockfile_version.starts_with("6.")
    }

    /// Brings version 6 to the form of version 9.
    #[must_use]
    pub fn normal(mut self) -> File {
        if !self.is_old() {
            return self;
        }
        if self.importers.is_empty() {
            self.importers.insert(".".to_owned(), std::mem::take(&mut self.only));
        }
        for importer in self.importers.values_mut() {
            let tables =
                [&mut importer.dependencies, &mut importer.dev_dependencies, &mut importer.optional_dependencies];
            tables.into_iter().flat_map(BTreeMap::values_mut).for_each(|asked| unslash(&mut asked.version));
        }
        for (mut key, mut package) in std::mem::take(&mut self.packages) {
            unslash(&mut key);
            package.dependencies.values_mut().chain(package.optional_dependencies.values_mut()).for_each(unslash);
            self.packages.insert(dep_path::base(&key).to_owned(), package.clone());
            self.snapshots.insert(key, package);
        }
        self
    }
}

/// Version 6 writes a slash before each name with a version.
fn unslash(text: &mut String) {
    if text.starts_with('/') {
        text.remove(0);
    }
}

impl Importer {
    /// Returns what the lock was made for.
    pub fn asks(&self) -> Asks {
        let specifiers = |table: &BTreeMap<String, Asked>| {
            table.iter().map(|(name, asked)| (name.clone(), asked.specifier.clone())).collect()
        };
        Asks {
            production: specifiers(&self.dependencies),
            development: specifiers(&self.dev_dependencies),
            optional: specifiers(&self.optional_dependencies),
            ..Asks::default()
        }
    }
}

impl Package {
    /// Returns where it runs.
    pub fn runs_on(&self) -> RunsOn {
        RunsOn { os: self.os.clone(), cpu: self.cpu.clone(), libc: self.libc.clone() }
    }

    /// Returns whether it wants to run something when it is installed, which version 9 does not say.
    pub fn scripts(&self, file: &File) -> InstallScripts {
        match (file.is_old(), self.requires_build) {
            (false, _) => InstallScripts::Unknown,
            (true, true) => InstallScripts::Present,
            (true, false) => InstallScripts::Absent,
        }
    }
}
