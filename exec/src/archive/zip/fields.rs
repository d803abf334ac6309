//! Numbers in the headers of zip: little-endian, and 64 bits wide in a record of their own where 32 are too few.

use super::super::ArchiveError;

/// The record of wide numbers.
const WIDE: u16 = 0x0001;

/// Bytes of a header.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub(super) fn u16(&self, at: usize) -> Result<u16, ArchiveError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, ArchiveError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64, ArchiveError> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], ArchiveError> {
        let bytes = self.0.get(at..at + N).ok_or(ArchiveError::Truncated)?;
        Ok(bytes.try_into().expect("the slice has this length"))
    }
}

/// Replaces each number that is all ones by the wide one of the extra records, in their order.
pub(super) fn wide(extra: &[u8], narrow: &[u32]) -> Result<Vec<u64>, ArchiveError> {
    let record = record(extra)?;
    let mut at = 0;
    let mut numbers = Vec::with_capacity(narrow.len());
    for &number in narrow {
        match record {
            Some(record) if number == u32::MAX => {
                let short = |_| ArchiveError::BadList("a wide number is missing");
                numbers.push(Fields(record).u64(at).map_err(short)?);
                at += 8;
            }
            _ => numbers.push(u64::from(number)),
        }
    }
    Ok(numbers)
}

/// Returns the record of wide numbers; two of them are one too many.
fn record(extra: &[u8]) -> Result<Option<&[u8]>, ArchiveError> {
    let mut found = None;
    let mut rest = extra;
    while !rest.is_empty() {
        let bad = || ArchiveError::BadList("an extra field has a wrong length");
        let fields = Fields(rest);
        let (id, length) = (fields.u16(0).map_err(|_| bad())?, usize::from(fields.u16(2).map_err(|_| bad())?));
        let body = rest.get(4..4 + length).ok_or_else(bad)?;
        if id == WIDE && found.replace(body).is_some() {
            return Err(ArchiveError::BadList("an entry has two records of wide numbers"));
        }
        rest = &rest[4 + length..];
    }
    Ok(found)
}
