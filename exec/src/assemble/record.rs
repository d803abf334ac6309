//! RECORD, the list of a wheel's files with their hashes: rows of `path,algorithm=hash,size`.
//!
//! A file without a hash passes, as with other installers: what protects the wheel as a whole is the lock. A hash that
//! is there has to be right.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cache::{Cache, Executable};
use model::{Digest, RelPath};

use super::Refused;
use super::wheel::WheelError;
use crate::archive::ArchiveError;

/// Compares the files of a wheel with the hashes of its RECORD.
pub(super) fn verify(record: &str, packed: &BTreeMap<RelPath, Digest>, cache: &Cache) -> Result<(), Refused> {
    for (number, line) in record.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fields = fields(line).ok_or(WheelError::BadRecord(number + 1))?;
        let (Some(path), Some(hash)) = (fields.first(), fields.get(1)) else { continue };
        let Some((path, digest)) = RelPath::new(path).ok().and_then(|path| packed.get_key_value(&path)) else {
            continue;
        };
        if !hash.is_empty() && !is_right(hash, digest, cache)? {
            return Err(WheelError::WrongHash(path.to_string()).into());
        }
    }
    Ok(())
}

fn is_right(hash: &str, digest: &Digest, cache: &Cache) -> Result<bool, Refused> {
    let (algorithm, said) = hash.split_once('=').unwrap_or((hash, ""));
    let said = URL_SAFE_NO_PAD.decode(said.trim_end_matches('=')).unwrap_or_default();
    let got = match algorithm {
        "sha256" => digest.hash.to_vec(),
        "sha384" => hashed::<sha2::Sha384>(digest, cache)?,
        "sha512" => hashed::<sha2::Sha512>(digest, cache)?,
        _ => return Err(WheelError::WeakHash(algorithm.to_owned()).into()),
    };
    Ok(got == said)
}

/// Hashes bytes of the store by another function than the store's own.
fn hashed<H: sha2::Digest>(digest: &Digest, cache: &Cache) -> Result<Vec<u8>, Refused> {
    let path = cache.blob(digest, Executable::No)?;
    let bytes = std::fs::read(path).map_err(ArchiveError::Read)?;
    Ok(H::digest(&bytes).to_vec())
}

/// Splits a row as CSV has it: a field in quotes may hold commas, and quotes twice.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        let field = fields.last_mut()?;
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            char => field.push(char),
        }
    }
    (!quoted).then_some(fields)
}
