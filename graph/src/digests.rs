//! The digests of sources that have been brought into the store: decoded only when something runs.

use std::cell::OnceCell;
use std::collections::HashMap;

use model::{Digest, FileId};

/// The digest of each source that has been brought into the store, by the source's id.
#[derive(Clone, Default, Debug)]
pub struct Digests {
    encoded: Vec<u8>,
    known: OnceCell<HashMap<FileId, Digest>>,
}

impl Digests {
    /// Takes what [`Digests::encode`] gave; bytes that cannot be decoded count as nothing, when they are looked at.
    pub fn encoded(bytes: Vec<u8>) -> Digests {
        Digests { encoded: bytes, known: OnceCell::new() }
    }

    /// Returns the digests.
    pub fn known(&self) -> &HashMap<FileId, Digest> {
        self.known.get_or_init(|| {
            let pairs: Vec<(FileId, Digest)> = postcard::from_bytes(&self.encoded).unwrap_or_default();
            pairs.into_iter().collect()
        })
    }

    /// Adds digests, and drops those of sources that are not there any more.
    pub fn update(&mut self, learned: HashMap<FileId, Digest>, is_current: &dyn Fn(&FileId) -> bool) {
        let before = self.known().len();
        let mut known = self.known.take().unwrap_or_default();
        known.retain(|id, _| is_current(id));
        if learned.is_empty() && known.len() == before {
            self.known = OnceCell::from(known);
            return;
        }
        known.extend(learned);
        let mut pairs: Vec<(FileId, Digest)> = known.iter().map(|(id, digest)| (*id, *digest)).collect();
        pairs.sort_unstable();
        self.encoded = postcard::to_stdvec(&pairs).expect("plain data always has an encoding");
        self.known = OnceCell::from(known);
    }

    /// Returns the encoding, in an order that does not depend on hashing.
    pub fn encode(&self) -> &[u8] {
        &self.encoded
    }
}

impl PartialEq for Digests {
    fn eq(&self, other: &Digests) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for Digests {}
