//! Tar archives, written byte by byte: well-kept writers refuse to make most of them.

/// One member of an archive: its header and its body. Links lead to `../x`.
pub fn member(name: &str, kind: u8, body: &[u8]) -> Vec<u8> {
    with_body(header(name.as_bytes(), kind, body.len(), 0o644, "../x"), body)
}

/// A file that can be executed.
pub fn program(name: &str, body: &[u8]) -> Vec<u8> {
    with_mode(name, b'0', 0o755, body)
}

/// A member with a mode.
pub fn with_mode(name: &str, kind: u8, mode: u32, body: &[u8]) -> Vec<u8> {
    with_body(header(name.as_bytes(), kind, body.len(), mode, "../x"), body)
}

/// A link, symbolic (`2`) or hard (`1`).
pub fn link(name: &str, kind: u8, target: &str) -> Vec<u8> {
    header(name.as_bytes(), kind, 0, 0o777, target)
}

/// A file whose name is any bytes.
pub fn named(name: &[u8], body: &[u8]) -> Vec<u8> {
    with_body(header(name, b'0', body.len(), 0o644, ""), body)
}

/// The header of a file without its body.
pub fn member_of_size(name: &str, size: usize) -> Vec<u8> {
    header(name.as_bytes(), b'0', size, 0o644, "")
}

/// An extended header.
pub fn pax(kind: u8, records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let fits = |length: &usize| length.to_string().len() + rest.len() == *length;
        let length = (1..).find(fits).expect("some length fits");
        body += &format!("{length}{rest}");
    }
    member("pax", kind, body.as_bytes())
}

/// Joins members, and marks the end.
pub fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

fn with_body(mut header: Vec<u8>, body: &[u8]) -> Vec<u8> {
    header.extend(body);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn header(name: &[u8], kind: u8, size: usize, mode: u32, link: &str) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = kind;
    if matches!(kind, b'1' | b'2') {
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    }
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}
