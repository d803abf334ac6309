//! Archives that are as they should be, and one for each way in which they are not.

pub(crate) mod fixtures;

use std::fs::File;
use std::io::Write;

use self::fixtures::{Part, gzip, member, member_of_size, pax, tar, zip};
use super::*;

/// Returns the entries as lines, or why the archive is refused.
fn listing(read: impl FnOnce(&mut Visit<'_, ArchiveError>) -> Result<(), ArchiveError>) -> String {
    let mut lines = Vec::new();
    let done = read(&mut |entry: Entry<'_>| {
        lines.push(match entry.kind {
            Kind::Directory => format!("{}/", entry.path),
            Kind::Link => format!("{} ->", entry.path),
            Kind::File { executable, body } => {
                let mut text = String::new();
                body.read_to_string(&mut text).map_err(ArchiveError::Read)?;
                format!("{}{} {text}", entry.path, if executable { "*" } else { "" })
            }
        });
        Ok(())
    });
    done.map_or_else(|error| format!("refused: {error}"), |()| lines.join(", "))
}

fn check_zip(bytes: &[u8], expected: &str) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    assert_eq!(listing(|visit| read_zip(&file, visit)), expected);
}

fn check_tar(members: &[Vec<u8>], expected: &str) {
    check_tgz(&gzip(&tar(members)), expected);
}

fn check_tgz(bytes: &[u8], expected: &str) {
    assert_eq!(listing(|visit| read_tgz(bytes, bytes.len() as u64, Duplicates::Refuse, visit)), expected);
}

/// Replaces the first occurrence of some bytes, or the one after it.
fn patched(bytes: &[u8], from: &[u8], to: &[u8], occurrence: usize) -> Vec<u8> {
    let mut places = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(from));
    let at = places.nth(occurrence).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_zip_archive_gives_its_entries() {
    check_zip(&zip(&[]), "");
    let parts = [Part::new("a/", ""), Part::new("a/b", "bb"), Part { mode: 0o100_755, ..Part::new("c", "ccc") }];
    check_zip(&zip(&parts), "a/, a/b bb, c* ccc");
    check_zip(&zip(&[Part { mode: 0o104_777, ..Part::new("setuid", "x") }]), "setuid* x");
    check_zip(&zip(&[Part { mode: 0o120_777, ..Part::new("l", "../x") }]), "l ->");
    check_zip(&zip(&[Part { described_after: true, ..Part::new("a", "aa") }, Part::new("b", "")]), "a aa, b ");
}

#[test]
fn a_zip_archive_with_a_bad_name_is_refused() {
    for (name, why) in [
        ("../a", "an entry has a bad name: `../a` leaves its directory with `..`"),
        ("a/../../b", "an entry has a bad name: `a/../../b` leaves its directory with `..`"),
        ("/a", "an entry has a bad name: `/a` is absolute; paths are relative"),
        ("", "an entry has no name"),
        ("/", "an entry has no name"),
        (".", "an entry has no name"),
        ("a\0b", "an entry has a bad name: `a\\0b` holds a NUL byte"),
        ("a\\b", "the name `a\\\\b` holds a backslash"),
    ] {
        check_zip(&zip(&[Part::new("good", "x"), Part::new(name, "")]), &format!("refused: {why}"));
    }
    // Clients of registries pack such names, and npm and pip take them.
    check_zip(&zip(&[Part::new("./a//b", "x"), Part::new("c/./d", "")]), "a/b x, c/d ");
    check_zip(&zip(&[Part::new("a//b", "x"), Part::new("./a/b", "y")]), "refused: `a/b` is there twice");
    let long = "n".repeat(256);
    check_zip(&zip(&[Part::new(&long, "")]), &format!("refused: the name `{long}` is too long for a file system"));
    let bytes = patched(&patched(&zip(&[Part::new("aaaa", "")]), b"aaaa", b"a\xff\xffa", 0), b"aaaa", b"a\xff\xffa", 0);
    check_zip(&bytes, "refused: the name `a\u{fffd}\u{fffd}a` is not UTF-8");
}

#[test]
fn a_zip_archive_whose_entries_disagree_is_refused() {
    check_zip(&zip(&[Part::new("a", "1"), Part::new("a", "2")]), "refused: `a` is there twice");
    check_zip(&zip(&[Part::new("a", "1"), Part::new("a/b", "2")]), "refused: `a/b` lies below `a`, which is a file");
    check_zip(&zip(&[Part::new("a/b", "1"), Part::new("a", "2")]), "refused: `a` is there twice");
    for kind in [0o020_644, 0o010_644, 0o140_644, 0o040_755] {
        let why = "refused: `d` is a device, a pipe, or of a kind that is not known";
        check_zip(&zip(&[Part { mode: kind, ..Part::new("d", "") }]), why);
    }
}

#[test]
fn a_zip_archive_that_two_readers_read_differently_is_refused() {
    let good = zip(&[Part::new("aaaa", "body"), Part::new("bbbb", "")]);
    check_zip(&good, "aaaa body, bbbb ");
    let differ = |what| format!("refused: `aaaa` has two headers that contradict each other: {what}");
    check_zip(&patched(&good, b"aaaa", b"aaab", 0), &differ("their names"));
    check_zip(&patched(&good, &4u32.to_le_bytes(), &5u32.to_le_bytes(), 1), &differ("their sizes or checksums"));
    check_zip(
        &[&b"before"[..], &good].concat(),
        "refused: its list of entries is damaged: it does not end where the end of the archive begins",
    );
    check_zip(&[&good, &b"after"[..]].concat(), "refused: something follows its end");
    check_zip(&good[..good.len() - 3], "refused: it is not a zip archive");
    check_zip(b"", "refused: it is not a zip archive");
    let described = zip(&[Part { described_after: true, ..Part::new("aaaa", "body") }]);
    let wrong = patched(&described, b"PK\x07\x08", b"PK\x07\x09", 0);
    check_zip(&wrong, &differ("their sizes or checksums"));
}

#[test]
fn a_zip_archive_with_a_body_that_is_not_as_told_is_refused() {
    let good = zip(&[Part::new("aaaa", "body")]);
    check_zip(&patched(&good, b"body", b"BODY", 0), "refused: `aaaa` has another checksum than its header says");
    let packed = zip(&[Part { deflate: true, ..Part::new("a", &"long ".repeat(100)) }]);
    check_zip(&packed, &format!("a {}", "long ".repeat(100)));
    let size = 500u32.to_le_bytes();
    for (other, occurrences) in [(499u32, 2), (501, 2)] {
        let mut bytes = packed.clone();
        for _ in 0..occurrences {
            bytes = patched(&bytes, &size, &other.to_le_bytes(), 0);
        }
        check_zip(&bytes, "refused: `a` is not as long as its header says");
    }
    let encrypted = zip(&[Part { flags: 1, ..Part::new("a", "x") }]);
    check_zip(&encrypted, "refused: `a` is encrypted");
}

#[test]
fn what_would_fill_a_disk_is_refused_before_it_is_unpacked() {
    let bomb = "refused: its files are more than 200 times its own size, as in an archive that is made to fill a disk";
    let huge = 100u32 << 20;
    let zip = zip(&[Part { deflate: true, ..Part::new("zeros", &"0".repeat(0x1234)) }]);
    let said = 0x1234u32.to_le_bytes();
    check_zip(&patched(&patched(&zip, &said, &huge.to_le_bytes(), 0), &said, &huge.to_le_bytes(), 0), bomb);
    check_tar(&[member_of_size("zeros", huge as usize)], bomb);
    let limits = Limits { entries: 2, size_bytes: 10, small_bytes: 10, ratio: 1 };
    let mut budget = Budget::new(limits, 10);
    assert!(budget.spend(5).is_ok() && budget.spend(5).is_ok());
    assert!(matches!(budget.spend(0), Err(ArchiveError::TooManyEntries(2))));
    assert!(matches!(Budget::new(limits, 100).spend(11), Err(ArchiveError::TooLarge(10))));
}

#[test]
fn a_tarball_gives_its_entries() {
    let long = format!("p/{}/x", "d".repeat(200));
    check_tar(
        &[
            pax(b'g', &[("comment", "made by hand")]),
            member("p/", b'5', b""),
            member("./p/a", b'0', b"aa"),
            [pax(b'x', &[("path", &long), ("mtime", "1.5")]), member("short", b'0', b"b")].concat(),
            [member("././@LongLink", b'L', format!("{long}2\0").as_bytes()), member("short", b'0', b"c")].concat(),
            member("p/l", b'2', b""),
        ],
        &format!("p/, p/a aa, {long} b, {long}2 c, p/l ->"),
    );
}

#[test]
fn a_tarball_with_a_hostile_entry_is_refused() {
    for (name, kind, why) in [
        ("../a", b'0', "an entry has a bad name: `../a` leaves its directory with `..`"),
        ("/a", b'0', "an entry has a bad name: `/a` is absolute; paths are relative"),
        ("p\\a", b'0', "the name `p\\\\a` holds a backslash"),
        ("", b'0', "an entry has no name"),
        ("p", b'3', "`p` is a device, a pipe, or of a kind that is not known"),
        ("p", b'4', "`p` is a device, a pipe, or of a kind that is not known"),
        ("p", b'6', "`p` is a device, a pipe, or of a kind that is not known"),
        ("p", b'S', "`p` is a device, a pipe, or of a kind that is not known"),
        ("p", b'Z', "`p` is a device, a pipe, or of a kind that is not known"),
        ("outside", b'2', "the link `outside` leads outside, to `../x`"),
        ("outside", b'1', "the link `outside` leads outside, to `../x`"),
    ] {
        check_tar(&[member(name, kind, b"")], &format!("refused: {why}"));
    }
    let through = [member("p/l", b'2', b""), member("p/l/a", b'0', b"x")];
    check_tar(&through, "refused: `p/l/a` lies below `p/l`, which is a link");
    check_tar(&[member("p/a", b'0', b"1"), member("p/a", b'0', b"2")], "refused: `p/a` is there twice");
    check_tar(&[member("p/a", b'5', b"1")], "refused: `p/a` is not as long as its header says");
}

#[test]
fn a_tarball_with_a_malformed_extended_header_is_refused() {
    let bad = |records: &[u8], why: &str| {
        let members = [member("x", b'x', records), member("p/a", b'0', b"1")];
        check_tar(&members, &format!("refused: the extended header at 0 is damaged: {why}"));
    };
    bad(b"99 path=p/b\n", "a record has a wrong length");
    bad(b"11 path=p/b\n", "a record has a wrong length");
    bad(b"+2 path=p/b\n", "a record has a wrong length");
    bad(b"12 path=p/b\n\0\0", "a record has a wrong length");
    bad(b"10 nothing\n", "a record has a wrong length");
    bad(b"11 nothing\n", "a record has no value");
    bad(b"8 path=\n", "a path is empty");
    bad(b"12 path=p/b\n12 path=p/c\n", "a key is there twice");
    bad(b"11 size=1x\n", "a size is not a number");
    bad(b"22 GNU.sparse.major=1\n", "it describes a file with holes");
    let differ = "refused: `p/a` has two headers that contradict each other: their sizes";
    check_tar(&[pax(b'x', &[("size", "512")]), member("p/a", b'0', b"1")], differ);
    let global = "refused: the extended header at 0 is damaged: it names or measures all entries that follow";
    check_tar(&[pax(b'g', &[("path", "p/b")]), member("p/a", b'0', b"1")], global);
    let twice = "refused: the extended header at 1024 is damaged: an entry has two of them";
    check_tar(
        &[pax(b'x', &[]), pax(b'x', &[]), pax(b'x', &[])].map(|it| [it, pax(b'x', &[("a", "b")])].concat()),
        "refused: the extended header at 512 is damaged: an entry has two of them",
    );
    check_tar(&[pax(b'x', &[("path", "a")]), pax(b'x', &[("path", "b")])], twice);
    check_tar(&[pax(b'x', &[("path", "a")])], "refused: it ends too early");
}

#[test]
fn a_tarball_that_does_not_end_where_it_should_is_refused() {
    let inner = tar(&[member("p/a", b'0', b"1")]);
    let good = gzip(&inner);
    check_tgz(&good, "p/a 1");
    check_tgz(&gzip(&inner[..1024]), "refused: it ends too early");
    check_tgz(&gzip(&inner[..700]), "refused: it ends too early");
    check_tgz(&gzip(&[&inner[..], b"more"].concat()), "refused: something follows its end");
    check_tgz(&[&good[..], b"more"].concat(), "refused: something follows its end");
    check_tgz(&[&good[..], &good].concat(), "refused: something follows its end");
    check_tgz(&good[..good.len() - 4], "refused: it ends too early");
    check_tgz(&inner, "refused: it is not compressed by gzip");
    check_tgz(b"", "refused: it is not compressed by gzip");
    let mut wrong = inner.clone();
    wrong[0] = b'q';
    check_tgz(&gzip(&wrong), "refused: the header at 0 is damaged");
    let mut sum = good.clone();
    let at = sum.len() - 8;
    sum[at] ^= 1;
    check_tgz(&sum, "refused: it cannot be read: corrupt gzip stream does not have a matching checksum");
}

#[test]
fn no_damage_makes_the_readers_panic() {
    let parts = [Part::new("a/b", "bb"), Part { deflate: true, described_after: true, ..Part::new("c", "ccc") }];
    let packed = zip(&parts);
    for at in 0..packed.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = packed.clone();
            bytes[at] ^= change;
            let mut file: File = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            listing(|visit| read_zip(&file, visit));
        }
    }
    let inner = tar(&[[pax(b'x', &[("path", "p/a")]), member("q", b'0', b"1")].concat()]);
    for at in 0..inner.len() {
        let mut bytes = inner.clone();
        bytes[at] ^= 0x11;
        let bytes = gzip(&bytes);
        listing(|visit| read_tgz(&bytes[..], bytes.len() as u64, Duplicates::Pass, visit));
    }
}
