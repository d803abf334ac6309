//! The remembered analysis: what was read, with the answers, and what came of it.
//! Bytes that cannot be decoded count as nothing remembered.

use model::{Analysis, Facts, RelPath, Tree};

use crate::reads::{Reads, still_hold};
use crate::settings::Settings;

/// Grows with every change of what analysis does or of how it is encoded.
const FORMAT: u32 = 4;

/// What an analysis depends on besides its reads.
#[derive(PartialEq, Eq)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// Makes the question of a workspace.
    pub fn new(settings: &Settings, nested: &[RelPath], facts: &Facts) -> Question {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(&FORMAT.to_le_bytes());
        hasher.update(&settings.fingerprint());
        hasher.update(&postcard::to_stdvec(facts).expect("facts hold only strings, numbers and maps"));
        for dir in nested {
            hasher.update(dir.as_str().as_bytes()).update(&[0]);
        }
        Question(*hasher.finalize().as_bytes())
    }
}

/// Returns the bytes to remember: the question, a checksum, the reads, the analysis.
pub(crate) fn encode(question: &Question, reads: &Reads, analysis: &Analysis) -> Vec<u8> {
    let known = "paths, hashes and texts have an encoding";
    let body = postcard::to_stdvec(reads).expect(known);
    let body = postcard::to_extend(analysis, body).expect(known);
    let mut bytes = question.0.to_vec();
    bytes.extend(blake3::hash(&body).as_bytes());
    bytes.extend(body);
    bytes
}

/// Returns the remembered analysis if it answers the same question and every read still has its answer.
pub(crate) fn recall(bytes: &[u8], question: &Question, tree: &dyn Tree) -> Option<Analysis> {
    let body = bytes.strip_prefix(&question.0)?;
    let (checksum, body) = body.split_at_checked(32)?;
    // The numbers of file sets inside are trusted, so a damaged byte must not get this far.
    if blake3::hash(body).as_bytes() != checksum {
        return None;
    }
    let (reads, rest): (Reads, &[u8]) = postcard::take_from_bytes(body).ok()?;
    if !still_hold(&reads, tree) {
        return None;
    }
    postcard::from_bytes(rest).ok()
}
