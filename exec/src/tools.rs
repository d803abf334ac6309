//! Host toolchains: finds the programs of this machine that actions need, looks through shims and links to the real
//! installation, and reduces each to a fingerprint.
//!
//! Where a tool lies is for the sandbox and never in a key. Answers are remembered with the stats of all that was
//! looked at, so that a warm call reads nothing. This module knows needs; it does not know actions or mounts.

mod base;
mod error;
mod install;
mod look;
mod memory;
mod search;
mod shims;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use model::{Facts, Fingerprint, ImageDigest, Need, PythonEnvironment};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

pub use error::ToolError;
pub(crate) use install::{PYTHON_QUESTION, python_answer};
use look::Look;
use memory::Memory;
pub use search::which_all;

use crate::sandbox::Mount;

/// The directory in a container that holds the programs of host toolchains; it is first on every action's `PATH`.
pub const TOOLCHAIN_BIN: &str = "/toolchain/bin";
/// The version of what rg's Go cache server and `go` say to each other, and of how it keeps what it caches.
pub const GO_CACHE_PROTOCOL: u32 = 1;

/// The fingerprint of each need: what of this machine goes into keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pins(pub BTreeMap<Need, Fingerprint>);

/// Where each need lies on this machine: never in a key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tools(BTreeMap<Need, ToolView>);

/// What a container has to show for some needs, beside the base system.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ToolView {
    /// Files and directories of the machine, and where they appear: each at the path it was built for.
    pub mounts: Vec<(PathBuf, String)>,
    /// Names in [`TOOLCHAIN_BIN`], and the paths inside that they point to.
    pub links: BTreeMap<String, String>,
    /// Directories of the machine that are covered by empty ones: what a user has installed into a toolchain is no
    /// part of it.
    pub masks: BTreeSet<String>,
}

/// What decides which programs are found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Surroundings {
    /// The value of `PATH`.
    pub path: OsString,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The root of the workspace: version files are looked up from here upwards.
    pub directory: PathBuf,
    /// Environment values that choose versions, those of [`Surroundings::VARIABLES`] that are set.
    pub env: BTreeMap<String, String>,
    /// rg's own program, for [`Need::GoCache`].
    pub helper: PathBuf,
}

impl Surroundings {
    /// The environment values that matter.
    pub const VARIABLES: [&str; 5] = ["PYENV_ROOT", "PYENV_VERSION", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME"];
}

/// The answer to a set of needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// What goes into keys.
    pub pins: Pins,
    /// Where things lie.
    pub tools: Tools,
    /// What to give to the next call; `None` when it is what this call was given.
    pub remember: Option<Vec<u8>>,
}

/// Asks the interpreter of an image what it is; `None` if it does not answer.
pub type AskImage<'a> = &'a dyn Fn(&ImageDigest) -> Option<PythonEnvironment>;

/// What is known of one need.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Found {
    fingerprint: Fingerprint,
    view: ToolView,
    /// What analysis may ask of it.
    python: Option<PythonEnvironment>,
}

/// Resolves needs. `remembered` is what an earlier call returned to be remembered, or empty. All programs that are
/// missing are reported at once.
pub fn resolve(
    needs: &BTreeSet<Need>,
    surroundings: &Surroundings,
    remembered: &[u8],
) -> Result<Resolved, Vec<ToolError>> {
    resolve_at(needs, surroundings, remembered, clock_gettime(ClockId::RealtimeCoarse).tv_sec)
}

/// Returns what was learned of toolchains and still holds.
pub fn known_facts(surroundings: &Surroundings, remembered: &[u8]) -> Facts {
    Memory::decode(remembered, surroundings).facts()
}

/// Learns of toolchains what analysis asks for. Each question is answered: of a toolchain that is not there by what
/// analysis assumes anyway, since whoever needs it is refused later. Returns what is to be remembered, if it is new.
pub fn learn(
    asked: &BTreeSet<Need>,
    surroundings: &Surroundings,
    remembered: &[u8],
    ask_image: AskImage<'_>,
) -> (Facts, Option<Vec<u8>>) {
    let mut memory = Memory::decode(remembered, surroundings);
    let now_seconds = clock_gettime(ClockId::RealtimeCoarse).tv_sec;
    let mut facts = Facts::default();
    for need in asked {
        let found = match need {
            Need::Image { digest, .. } => memory.recall(need).filter(|found| found.python.is_some()).or_else(|| {
                let found = Found { python: Some(ask_image(digest)?), ..image(digest) };
                memory.keep(need, &found, Look::default(), now_seconds);
                Some(found)
            }),
            _ => memory.recall(need).map_or_else(|| find(need, surroundings, &mut memory, now_seconds), Ok).ok(),
        };
        facts.0.insert(need.clone(), found.and_then(|found| found.python).unwrap_or_default());
    }
    (facts, memory.encode_if_changed())
}

fn resolve_at(
    needs: &BTreeSet<Need>,
    surroundings: &Surroundings,
    remembered: &[u8],
    now_seconds: i64,
) -> Result<Resolved, Vec<ToolError>> {
    let mut memory = Memory::decode(remembered, surroundings);
    let (mut resolved, mut mistakes) = (Resolved::empty(), Vec::new());
    for need in needs {
        match memory.recall(need).map_or_else(|| find(need, surroundings, &mut memory, now_seconds), Ok) {
            Ok(found) => resolved.add(need, found),
            Err(more) => mistakes.extend(more),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    resolved.remember = memory.encode_if_changed();
    Ok(resolved)
}

fn find(
    need: &Need,
    surroundings: &Surroundings,
    memory: &mut Memory,
    now_seconds: i64,
) -> Result<Found, Vec<ToolError>> {
    let mut look = Look::default();
    let found = match need {
        Need::Base => base::find(&mut look).map_err(|mistake| vec![mistake])?,
        Need::GoCache => go_cache(surroundings),
        Need::Host { toolchain, programs } => install::find(toolchain, programs, surroundings, &mut look)?,
        Need::Image { digest, .. } => image(digest),
    };
    memory.keep(need, &found, look, now_seconds);
    Ok(found)
}

/// Its digest is all there is to know of it.
fn image(digest: &ImageDigest) -> Found {
    Found { fingerprint: Fingerprint(digest.0), view: ToolView::default(), python: None }
}

fn go_cache(surroundings: &Surroundings) -> Found {
    let fingerprint = blake3::hash(format!("go cache protocol {GO_CACHE_PROTOCOL}").as_bytes()).into();
    let mounts = vec![(surroundings.helper.clone(), format!("{TOOLCHAIN_BIN}/rg-gocache"))];
    Found { fingerprint, view: ToolView { mounts, ..ToolView::default() }, python: None }
}

impl Resolved {
    fn empty() -> Resolved {
        Resolved { pins: Pins::default(), tools: Tools::default(), remember: None }
    }

    fn add(&mut self, need: &Need, found: Found) {
        self.pins.0.insert(need.clone(), found.fingerprint);
        self.tools.0.insert(need.clone(), found.view);
    }
}

impl Tools {
    /// Returns what a container has to show for some needs together; a name that two toolchains have is the first's.
    pub fn view(&self, needs: &[Need]) -> ToolView {
        let mut view = ToolView::default();
        for part in needs.iter().filter_map(|need| self.0.get(need)) {
            view.mounts.extend(part.mounts.iter().cloned());
            for (name, path) in &part.links {
                view.links.entry(name.clone()).or_insert_with(|| path.clone());
            }
            view.masks.extend(part.masks.iter().cloned());
        }
        view.mounts.sort_by(|left, right| left.1.cmp(&right.1));
        view.mounts.dedup();
        view
    }
}

impl ToolView {
    /// Returns the mounts of a sandbox that show it; they come after the base system.
    pub fn to_mounts(&self) -> Vec<Mount> {
        let bind = |(from, at): &(PathBuf, String)| Mount::Bind { from: from.clone(), at: at.clone() };
        let link = |(name, to): (&String, &String)| {
            let at = format!("{TOOLCHAIN_BIN}/{name}");
            Mount::Symlink { at, to: to.clone() }
        };
        let mask = |at: &String| Mount::Tmpfs { at: at.clone(), mode: 0o555 };
        self.mounts.iter().map(bind).chain(self.links.iter().map(link)).chain(self.masks.iter().map(mask)).collect()
    }
}
