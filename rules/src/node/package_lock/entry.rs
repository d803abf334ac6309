//! The entries of a package-lock.json as npm writes them. It judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::node::layout::{InstallScripts, Use};
use crate::node::manifest::{Asks, RunsOn};

/// A package-lock.json: what is read of it.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    /// The version of the format.
    pub lockfile_version: Option<u64>,
    /// What lies where; absent before version 2.
    pub packages: Option<BTreeMap<String, Entry>>,
}

/// What lies at one place.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    /// The name, where the place has another.
    pub name: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// Where it was seen; for a link, the directory.
    pub resolved: Option<String>,
    /// The hash.
    pub integrity: Option<String>,
    link: bool,
    in_bundle: bool,
    extraneous: bool,
    dev: bool,
    optional: bool,
    has_install_script: bool,
    dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    peer_dependencies: BTreeMap<String, String>,
    peer_dependencies_meta: BTreeMap<String, PeerMeta>,
    #[serde(deserialize_with = "one_or_many")]
    os: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    cpu: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    libc: Vec<String>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
struct PeerMeta {
    optional: bool,
}

/// What kind of thing an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A package that is fetched.
    Package,
    /// A package that lies in the tarball of the one above it.
    Bundled,
    /// A symlink.
    Link,
    /// Nothing needs it: npm removes it.
    Extraneous,
}

/// Whether an installation goes on without a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Strength {
    /// It does not.
    Required,
    /// It does.
    Optional,
}

impl Entry {
    /// Returns what kind of thing it is.
    pub fn kind(&self) -> Kind {
        match (self.extraneous, self.link, self.in_bundle) {
            (true, _, _) => Kind::Extraneous,
            (_, true, _) => Kind::Link,
            (_, _, true) => Kind::Bundled,
            _ => Kind::Package,
        }
    }

    /// Returns who needs it.
    pub fn used(&self) -> Use {
        if self.dev { Use::Development } else { Use::Production }
    }

    /// Returns whether an installation goes on without it.
    pub fn strength(&self) -> Strength {
        if self.optional { Strength::Optional } else { Strength::Required }
    }

    /// Returns whether it wants to run something when it is installed.
    pub fn scripts(&self) -> InstallScripts {
        if self.has_install_script { InstallScripts::Present } else { InstallScripts::Absent }
    }

    /// Returns where it runs.
    pub fn runs_on(&self) -> RunsOn {
        RunsOn { os: self.os.clone(), cpu: self.cpu.clone(), libc: self.libc.clone() }
    }

    /// Returns what it asks for.
    pub fn asks(&self) -> Asks {
        let optional = self.peer_dependencies_meta.iter().filter(|(_, meta)| meta.optional);
        let asks = Asks {
            production: self.dependencies.clone(),
            development: self.dev_dependencies.clone(),
            optional: self.optional_dependencies.clone(),
            peer: self.peer_dependencies.clone(),
            optional_peers: optional.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(),
        };
        asks.normal()
    }
}

/// npm writes what a package.json says, and there one text is as good as a list of one.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<OneOrMany>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(name)) => vec![name],
        Some(OneOrMany::Many(names)) => names,
    })
}
