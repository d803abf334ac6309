//! Extended headers of tar in the format of POSIX: records of `length key=value`, parsed to the last byte. A reader
//! that skips what it does not understand here sees other entries than one that understands it.

use super::TarError;

/// What an extended header changes of the entry that follows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size_bytes: Option<u64>,
}

/// Parses the records of the header at a position.
pub(super) fn parse(mut rest: &[u8], at: u64) -> Result<Pax, TarError> {
    let bad = |why| TarError::BadPax { at, why };
    let mut pax = Pax::default();
    while !rest.is_empty() {
        let (record, after) = split(rest).ok_or_else(|| bad("a record has a wrong length"))?;
        rest = after;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(|| bad("a record has no value"))?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"" => return Err(bad("a record has no key")),
            b"path" => set(&mut pax.path, value).map_err(bad)?,
            b"linkpath" => set(&mut pax.link, value).map_err(bad)?,
            b"size" if pax.size_bytes.is_some() => return Err(bad("a key is there twice")),
            b"size" => pax.size_bytes = Some(number(value).ok_or_else(|| bad("a size is not a number"))?),
            key if key.starts_with(b"GNU.sparse") => return Err(bad("it describes a file with holes")),
            _ => {}
        }
    }
    Ok(pax)
}

/// Returns the first record without its length, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let length = usize::try_from(number(&bytes[..space])?).ok()?;
    let record = bytes.get(space + 1..length)?;
    Some((record.strip_suffix(b"\n")?, &bytes[length..]))
}

fn set(field: &mut Option<Vec<u8>>, value: &[u8]) -> Result<(), &'static str> {
    if value.is_empty() {
        return Err("a path is empty");
    }
    match field.replace(value.to_vec()) {
        None => Ok(()),
        Some(_) => Err("a key is there twice"),
    }
}

/// Parses decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}
