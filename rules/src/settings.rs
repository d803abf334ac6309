//! The settings of a workspace: workspace.toml, overlaid by workspace.local.toml and a profile.
//! It knows no target and reads no file.

mod layer;
mod repo;
pub(crate) mod size;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{ImageDigest, Lock, Mistake, Platform, RelPath};
use serde::{Deserialize, Serialize};

use layer::Layers;
pub(crate) use layer::TABLES;

/// A value, and every mistake that was found while making it.
pub type Checked<T> = (T, Vec<Mistake>);

/// The texts that settings are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct SettingsTexts<'a> {
    /// The text of workspace.toml.
    pub main: &'a str,
    /// The text of workspace.local.toml, if there is one.
    pub local: Option<&'a str>,
    /// The profile that was asked for.
    pub profile: Option<&'a str>,
}

/// The settings of a workspace.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The name of the workspace.
    pub name: String,
    /// The branch that changes are compared with.
    pub default_branch: String,
    /// How releases name this repository.
    pub repository: Option<String>,
    /// What targets are built for.
    pub platform: Platform,
    /// Patterns of ignored files, in the language of .gitignore.
    pub ignore: Vec<String>,
    /// The toolchains, by name.
    pub toolchains: BTreeMap<Arc<str>, Toolchain>,
    /// All images that any profile names, as they are written: what rg.lock has entries for.
    pub images: BTreeSet<String>,
    /// What stands in for images: patterns of names, and what is taken in their place.
    pub image_overrides: BTreeMap<String, String>,
    /// Toolchains that are declared in a way that was reported: naming them is not reported again.
    pub refused_toolchains: BTreeSet<Arc<str>>,
    /// How actions are run; `None` leaves the choice to rg.
    pub executor: Option<ExecutorChoice>,
    /// The executor below which rg may not fall.
    pub strict: Option<ExecutorChoice>,
    /// How large the local store may grow.
    pub max_size_bytes: u64,
    /// Where the value of each secret comes from.
    pub secrets: BTreeMap<Arc<str>, SecretSource>,
    /// A file of further certificates for fetches.
    pub extra_ca: Option<String>,
    /// Directories, from the workspace root, in which every Python target looks for what it imports.
    pub python_roots: Vec<String>,
    /// Other repositories, by the name that labels have for them.
    pub repos: BTreeMap<Arc<str>, Repo>,
    /// All repositories that any profile names: what rg.lock has entries for.
    pub named_repos: BTreeSet<RepoSource>,
}

/// Another repository.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Repo {
    /// Where it comes from.
    pub source: RepoSource,
    /// What its own workspace.toml says; the default before [`Settings::adopt`].
    pub own: RepoSettings,
}

/// Where a repository comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RepoSource {
    /// Its place, as the `git` program takes it.
    pub git: String,
    /// The branch, tag or commit.
    pub reference: String,
}

/// What the workspace.toml of another repository says; toolchains and all else are those of the workspace.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct RepoSettings {
    /// Patterns of ignored files, in the language of .gitignore.
    pub ignore: Vec<String>,
    /// Directories, from its root, in which its Python targets look for what they import.
    pub python_roots: Vec<String>,
}

/// How rg.lock names it.
impl std::fmt::Display for RepoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.git, self.reference)
    }
}

/// Where the value of a secret comes from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum SecretSource {
    /// A variable of the environment.
    Variable(String),
    /// A file; `~/` begins one in the home directory, and others count from the root of the workspace.
    File(String),
}

/// One toolchain.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Toolchain {
    /// Programs of this machine.
    Host {
        /// The programs, as they are looked up on PATH.
        programs: Vec<Arc<str>>,
    },
    /// An image, which is the root directory of the actions that name the toolchain.
    Image {
        /// The image, as it is written.
        image: String,
        /// What rg.lock pins it to; `None` before [`Settings::pin`].
        pinned: Option<ImageDigest>,
    },
}

/// How actions are run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ExecutorChoice {
    /// The best that this machine offers.
    Auto,
    /// rg's own sandbox.
    Native,
    /// A changed root directory without namespaces of the user.
    ChrootLite,
    /// A container engine.
    Engine,
    /// Another machine.
    Remote,
    /// No isolation.
    Host,
}

impl ExecutorChoice {
    /// All choices, with the words that name them.
    pub const ALL: [(&'static str, ExecutorChoice); 6] = [
        ("auto", ExecutorChoice::Auto),
        ("native", ExecutorChoice::Native),
        ("chroot-lite", ExecutorChoice::ChrootLite),
        ("engine", ExecutorChoice::Engine),
        ("remote", ExecutorChoice::Remote),
        ("host", ExecutorChoice::Host),
    ];

    /// Returns the choice that a word names.
    pub fn parse(word: &str) -> Option<ExecutorChoice> {
        ExecutorChoice::ALL.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice)
    }

    /// Returns the word that names the choice.
    pub fn name(self) -> &'static str {
        ExecutorChoice::ALL.iter().find(|(_, choice)| *choice == self).map_or("auto", |(name, _)| name)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: String::new(),
            default_branch: "main".to_owned(),
            repository: None,
            platform: Platform::default(),
            ignore: Vec::new(),
            toolchains: BTreeMap::new(),
            images: BTreeSet::new(),
            image_overrides: BTreeMap::new(),
            refused_toolchains: BTreeSet::new(),
            executor: None,
            strict: None,
            max_size_bytes: 50 << 30,
            secrets: BTreeMap::new(),
            extra_ca: None,
            python_roots: Vec::new(),
            repos: BTreeMap::new(),
            named_repos: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Returns a hash of all settings.
    pub fn fingerprint(&self) -> [u8; 32] {
        let bytes = postcard::to_stdvec(self).expect("settings hold only strings, numbers and maps");
        *blake3::hash(&bytes).as_bytes()
    }

    /// Returns the roots of Python in a repository; the root is the workspace's own.
    pub(crate) fn python_roots_of(&self, repository: &RelPath) -> &[String] {
        match repository.as_str().strip_prefix('@') {
            Some(name) => self.repos.get(name).map_or(&[], |repo| &repo.own.python_roots),
            None => &self.python_roots,
        }
    }

    /// Takes over what the workspace.toml of a repository says. Mistakes are placed in `@name/workspace.toml`.
    pub fn adopt(&mut self, name: &str, text: &str) -> Vec<Mistake> {
        let (own, mistakes) = repo::settings(name, text);
        if let Some(repo) = self.repos.get_mut(name) {
            repo.own = own;
        }
        mistakes
    }

    /// Pins the toolchains that are images. Returns the images that the lock does not have.
    pub fn pin(&mut self, lock: &Lock) -> BTreeSet<String> {
        let mut unpinned = BTreeSet::new();
        for toolchain in self.toolchains.values_mut() {
            let Toolchain::Image { image, pinned } = toolchain else { continue };
            *pinned = lock.images.get(image).copied();
            if pinned.is_none() {
                unpinned.insert(image.clone());
            }
        }
        unpinned
    }
}

/// Parses the settings of a workspace. Later layers win: workspace.toml, workspace.local.toml, the profile.
pub fn settings(texts: SettingsTexts<'_>) -> Checked<Settings> {
    let main = file("workspace.toml");
    let local = file("workspace.local.toml");
    let mut layers = Layers::default();
    layers.parse(texts.main, &main);
    if let Some(text) = texts.local {
        layers.parse(text, &local);
    }
    layers.settings(texts.profile)
}

fn file(name: &str) -> RelPath {
    RelPath::new(name).expect("a normal path")
}

#[cfg(test)]
mod tests;
