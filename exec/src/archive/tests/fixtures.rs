//! Archives for tests, written byte by byte: well-kept writers refuse to make most of them.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

pub(crate) use testkit::tar::{member, member_of_size, pax, program, tar};

/// One entry of a zip archive.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub name: &'a str,
    pub body: &'a [u8],
    pub mode: u32,
    pub flags: u16,
    pub deflate: bool,
    pub described_after: bool,
}

impl<'a> Part<'a> {
    /// A plain file, stored as it is.
    pub fn new(name: &'a str, body: &'a str) -> Part<'a> {
        Part { name, body: body.as_bytes(), mode: 0o100_644, flags: 0, deflate: false, described_after: false }
    }
}

/// Packs a zip archive.
pub(crate) fn zip(parts: &[Part<'_>]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for part in parts {
        let offset = out.len() as u32;
        let mut crc = Crc::new();
        crc.update(part.body);
        let packed = if part.deflate { deflate(part.body) } else { part.body.to_vec() };
        let flags = part.flags | if part.described_after { 8 } else { 0 };
        let method: u16 = if part.deflate { 8 } else { 0 };
        let sizes = [crc.sum(), packed.len() as u32, part.body.len() as u32];
        let said = if part.described_after { [0; 3] } else { sizes };
        let name = part.name.as_bytes();
        out.extend(b"PK\x03\x04\x14\0");
        shorts(&mut out, &[flags, method, 0, 0]);
        longs(&mut out, &said);
        shorts(&mut out, &[name.len() as u16, 0]);
        out.extend([name, &packed].concat());
        if part.described_after {
            out.extend(b"PK\x07\x08");
            longs(&mut out, &sizes);
        }
        list.extend(b"PK\x01\x02\x14\x03\x14\0");
        shorts(&mut list, &[flags, method, 0, 0]);
        longs(&mut list, &sizes);
        shorts(&mut list, &[name.len() as u16, 0, 0, 0, 0]);
        longs(&mut list, &[part.mode << 16, offset]);
        list.extend(name);
    }
    let start = out.len() as u32;
    out.extend(&list);
    out.extend(b"PK\x05\x06\0\0\0\0");
    shorts(&mut out, &[parts.len() as u16, parts.len() as u16]);
    longs(&mut out, &[list.len() as u32, start]);
    shorts(&mut out, &[0]);
    out
}

fn shorts(out: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

fn longs(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Compresses.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
