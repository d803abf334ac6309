//! Archives for tests, written byte by byte: well-kept writers refuse to make most of them.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

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

/// One member of a tar archive: its header and its body. Links lead to `../x`.
pub(crate) fn member(name: &str, kind: u8, body: &[u8]) -> Vec<u8> {
    with_body(header(name, kind, body.len(), 0o644), body)
}

/// A file that can be executed.
pub(crate) fn program(name: &str, body: &[u8]) -> Vec<u8> {
    with_body(header(name, b'0', body.len(), 0o755), body)
}

/// The header of a file without its body.
pub(crate) fn member_of_size(name: &str, size: usize) -> Vec<u8> {
    header(name, b'0', size, 0o644)
}

fn with_body(mut header: Vec<u8>, body: &[u8]) -> Vec<u8> {
    header.extend(body);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn header(name: &str, kind: u8, size: usize, mode: u32) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = kind;
    if matches!(kind, b'1' | b'2') {
        header[157..161].copy_from_slice(b"../x");
    }
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// An extended header.
pub(crate) fn pax(kind: u8, records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
        body += &format!("{length}{rest}");
    }
    member("pax", kind, body.as_bytes())
}

/// Joins members, and marks the end.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// Compresses.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
