//! Which image of a list is the one for a platform.

use std::collections::BTreeSet;
use std::fmt;

use model::Platform;

use crate::spec::{Descriptor, ImageConfig, Index, Offered};

/// Why a list has no image for a platform.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectError {
    /// None is for the platform.
    #[error("it is not there for {wanted}: there is {}", listed(.there))]
    Absent {
        /// The platform.
        wanted: Platform,
        /// The platforms that there are, sorted.
        there: Vec<String>,
    },
    /// Several are, and none is the usual one.
    #[error("it is there for {wanted} in several variants, {}, and none of them is the usual one", .variants.join(", "))]
    Variants {
        /// The platform.
        wanted: Platform,
        /// The variants.
        variants: Vec<String>,
    },
    /// The config says another platform than was asked for.
    #[error("it is for {found}, and not for {wanted}")]
    Other {
        /// The platform.
        wanted: Platform,
        /// That of the config.
        found: String,
    },
}

fn listed(there: &[String]) -> String {
    if there.is_empty() { "none".to_owned() } else { there.join(", ") }
}

/// Returns the descriptor for a platform. One without a platform counts if it is the only one left: its config tells.
pub(crate) fn select<'a>(index: &'a Index, wanted: &Platform) -> Result<&'a Descriptor, SelectError> {
    let fits = |it: &&Descriptor| it.platform.as_ref().is_some_and(|offered| is_for(offered, wanted));
    let fitting: Vec<&Descriptor> = index.manifests.iter().filter(fits).collect();
    match fitting[..] {
        [] => untold(index).ok_or_else(|| absent(index, wanted)),
        [one] => Ok(one),
        _ => usual(&fitting, wanted),
    }
}

fn is_for(offered: &Offered, wanted: &Platform) -> bool {
    *offered.os == *wanted.os && *offered.architecture == *wanted.arch
}

/// Returns the only descriptor that says no platform.
fn untold(index: &Index) -> Option<&Descriptor> {
    let mut untold = index.manifests.iter().filter(|it| it.platform.is_none());
    untold.next().filter(|_| untold.next().is_none())
}

/// Returns the one without a variant, or with that which is meant when none is said.
fn usual<'a>(fitting: &[&'a Descriptor], wanted: &Platform) -> Result<&'a Descriptor, SelectError> {
    let variant =
        |it: &Descriptor| it.platform.as_ref().and_then(|offered| offered.variant.clone()).unwrap_or_default();
    let default = match &*wanted.arch {
        "arm" => "v7",
        "arm64" => "v8",
        "amd64" => "v1",
        _ => "",
    };
    let named = |name: &str| fitting.iter().find(|it| variant(it) == name).copied();
    named("").or_else(|| named(default)).ok_or_else(|| SelectError::Variants {
        wanted: wanted.clone(),
        variants: fitting.iter().map(|it| variant(it)).collect(),
    })
}

fn absent(index: &Index, wanted: &Platform) -> SelectError {
    let offered = index.manifests.iter().filter_map(|it| it.platform.as_ref());
    // What is for no platform is no image, but says something of one.
    let there: BTreeSet<String> = offered.filter(|it| it.os != "unknown").map(Offered::to_string).collect();
    SelectError::Absent { wanted: wanted.clone(), there: there.into_iter().collect() }
}

/// Refuses an image whose config is for another platform.
pub(crate) fn check(config: &ImageConfig, wanted: &Platform) -> Result<(), SelectError> {
    let ImageConfig { os, architecture, variant, .. } = config;
    let found = Offered { os: os.clone(), architecture: architecture.clone(), variant: variant.clone() };
    if is_for(&found, wanted) {
        return Ok(());
    }
    Err(SelectError::Other { wanted: wanted.clone(), found: found.to_string() })
}

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os.escape_debug(), self.architecture.escape_debug())?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{}", variant.escape_debug()),
        }
    }
}
