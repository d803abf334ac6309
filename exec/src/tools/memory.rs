//! What earlier calls found, with the stats of all they looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{Facts, Fingerprint, Need};
use serde::{Deserialize, Serialize};

use super::look::{Look, Seen};
use super::{Found, Surroundings};

/// The version of this format and of how needs are fingerprinted.
const VERSION: u32 = 2;

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// Whose answers these are: other surroundings have others.
    surroundings: Option<Fingerprint>,
    entries: BTreeMap<Need, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    found: Found,
    seen: Vec<(PathBuf, Seen)>,
}

/// Remembered answers, and whether they have changed since they were read.
pub(super) struct Memory {
    stored: Stored,
    changed: Changed,
}

#[derive(PartialEq)]
enum Changed {
    No,
    Yes,
}

impl Memory {
    /// Reads what was remembered; whatever cannot be used is as if it had never been.
    pub(super) fn decode(bytes: &[u8], surroundings: &Surroundings) -> Memory {
        let here = postcard::to_stdvec(surroundings).ok().map(|bytes| Fingerprint::from(blake3::hash(&bytes)));
        let stored: Stored = postcard::from_bytes(bytes).unwrap_or_default();
        if stored.version == VERSION && stored.surroundings == here && here.is_some() {
            return Memory { stored, changed: Changed::No };
        }
        let stored = Stored { version: VERSION, surroundings: here, entries: BTreeMap::new() };
        Memory { stored, changed: Changed::No }
    }

    /// Returns what was found before, if all that was looked at is as it was.
    pub(super) fn recall(&self, need: &Need) -> Option<Found> {
        let entry = self.stored.entries.get(need)?;
        Look::is_unchanged(&entry.seen).then(|| entry.found.clone())
    }

    /// Returns what analysis may ask of everything that is as it was.
    pub(super) fn facts(&self) -> Facts {
        let unchanged = |(need, entry): (&Need, &Entry)| {
            let python = entry.found.python.clone()?;
            Look::is_unchanged(&entry.seen).then(|| (need.clone(), python))
        };
        Facts(self.stored.entries.iter().filter_map(unchanged).collect())
    }

    /// Keeps what was found, unless something of it is too young to be told from what it may become.
    pub(super) fn keep(&mut self, need: &Need, found: &Found, look: Look, now_seconds: i64) {
        let before = self.stored.entries.remove(need);
        if let Some(seen) = look.into_trusted(now_seconds) {
            self.stored.entries.insert(need.clone(), Entry { found: found.clone(), seen });
            self.changed = Changed::Yes;
        } else if before.is_some() {
            self.changed = Changed::Yes;
        }
    }

    /// Returns the bytes to remember if they are not those that were read.
    pub(super) fn encode_if_changed(&self) -> Option<Vec<u8>> {
        match self.changed {
            Changed::No => None,
            Changed::Yes => postcard::to_stdvec(&self.stored).ok(),
        }
    }
}
