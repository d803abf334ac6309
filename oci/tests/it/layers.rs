//! Layers that are read, and layers that are refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};

use oci::Digest;
use oci::layer::{Entry, Limits, Unread, read, read_within};
use oci::spec::{Compression, LayerType};
use testkit::tar::{link, member, member_of_size, named, pax, program, tar, with_mode};

use crate::fixtures::{gzip, zstd};

const PLAIN: LayerType = LayerType::Oci(Compression::None);
const BY_GZIP: LayerType = LayerType::Docker(Compression::Gzip);
const BY_ZSTD: LayerType = LayerType::Oci(Compression::Zstd);

/// Keeps bodies by their digests.
#[derive(Default)]
struct Store(RefCell<BTreeMap<model::Digest, String>>);

impl Store {
    fn keep(&self, body: &mut dyn Read) -> io::Result<model::Digest> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        let digest = model::Digest::of(&bytes);
        self.0.borrow_mut().insert(digest, String::from_utf8_lossy(&bytes).into_owned());
        Ok(digest)
    }
}

/// Reads a layer; returns what it has, or why it is refused.
fn unpacked(stored: &[u8], layer_type: LayerType, diff_id: Digest) -> String {
    let store = Store::default();
    match read(stored, layer_type, diff_id, &|body, _| store.keep(body)) {
        Ok(entries) => entries.iter().map(|(path, entry)| line(path, entry, &store)).collect::<Vec<_>>().join(", "),
        Err(Unread::Layer(error)) => format!("refused: {error}"),
        Err(Unread::Kept(error)) => format!("not kept: {error}"),
    }
}

#[track_caller]
fn check(members: &[Vec<u8>], want: &str) {
    let archive = tar(members);
    assert_eq!(unpacked(&archive, PLAIN, Digest::of(&archive)), want);
}

fn line(path: &str, entry: &Entry, store: &Store) -> String {
    match entry {
        Entry::Directory => format!("{path}/"),
        Entry::Symlink(target) => format!("{path} -> {target}"),
        Entry::Mark => format!("{path} hides"),
        Entry::File { digest, executable } => {
            let program = if *executable { "*" } else { "" };
            format!("{path}{program} {}", store.0.borrow()[digest])
        }
    }
}

#[test]
fn a_layer_has_files_links_and_directories() {
    check(
        &[
            member("./", b'5', b""),
            with_mode("a/", b'5', 0o2755, b""),
            with_mode("a/tool", b'0', 0o4711, b"run"),
            member("./b/c/deep", b'0', b"implicit"),
            with_mode("b/", b'5', 0o500, b""),
            with_mode("secret", b'0', 0o000, b"s"),
            link("a/abs", b'2', "/etc/passwd"),
            link("a/up", b'2', "../../../x"),
            link("hard", b'1', "a/tool"),
            link("hard-link-to-link", b'1', "./a/abs"),
            with_mode("tmp", b'5', 0o1777, b""),
            with_mode("null", b'3', 0o666, b""),
            with_mode("pipe", b'6', 0o666, b""),
            program(r"name with \x2d and space", b""),
        ],
        "a/, a/abs -> /etc/passwd, a/tool* run, a/up -> ../../../x, b/, b/c/, b/c/deep implicit, hard* run, \
         hard-link-to-link -> /etc/passwd, name with \\x2d and space* , secret s, tmp/",
    );
    check(&[], "");
    let latin = "refused: it has an entry with a bad name, `caf\u{fffd}`: it is not UTF-8";
    check(&[named(b"caf\xe9", b"latin")], latin);
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(150));
    check(&[pax(b'x', &[("path", &long)]), member("short", b'0', b"x")], &format!("{0}/, {long} x", "d".repeat(150)));
}

#[test]
fn what_a_layer_hides_is_marked() {
    check(
        &[member("etc/.wh.passwd", b'0', b""), member("etc/group", b'0', b"g"), member(".wh.gone", b'0', b"")],
        ".wh.gone hides, etc/, etc/.wh.passwd hides, etc/group g",
    );
    check(
        &[member("var/", b'5', b""), member("var/.wh..wh..opq", b'0', b""), member("var/new", b'0', b"n")],
        "var/, var/.wh..wh..opq hides, var/new n",
    );
    // What is of the same layer stays, in whichever order it comes.
    check(&[member(".wh.a", b'0', b""), member("a", b'0', b"new")], ".wh.a hides, a new");
    check(&[member("a", b'0', b"new"), member(".wh.a", b'0', b"")], ".wh.a hides, a new");
    check(&[member(".wh.d", b'0', b""), member("d/x", b'0', b"new")], ".wh.d hides, d/, d/x new");
    // AUFS kept its own books in layers.
    check(
        &[member(".wh..wh.plnk", b'5', b""), member(".wh..wh.plnk/1.2", b'0', b"x"), member(".wh..wh.aufs", b'0', b"")],
        "",
    );
    for (name, why) in [
        (".wh.", "it hides no name"),
        (".wh..", "it hides no name"),
        ("a/.wh...", "it hides no name"),
        (".wh.a/b", "it lies below a mark for what is hidden"),
    ] {
        let name_is_bad = format!("refused: it has an entry with a bad name, `{name}`: {why}");
        check(&[member(name, b'0', b"")], &name_is_bad);
    }
    let is_none = "refused: `.wh.a` has the name of a mark for what is hidden, and is none";
    check(&[member(".wh.a", b'0', b"x")], is_none);
    check(&[member(".wh.a", b'5', b"")], is_none);
}

#[test]
fn a_layer_with_a_hostile_entry_is_refused() {
    let name = |name: &str, why: &str| format!("refused: it has an entry with a bad name, `{name}`: {why}");
    let long = "n".repeat(256);
    for (members, want) in [
        (vec![member("../a", b'0', b"")], name("../a", "it leaves its directory with `..`")),
        (vec![member("a/../../b", b'0', b"")], name("a/../../b", "it leaves its directory with `..`")),
        (vec![member("./..", b'5', b"")], name("./..", "it leaves its directory with `..`")),
        (vec![member("/etc/a", b'0', b"")], name("/etc/a", "it is absolute")),
        (vec![member("a//b", b'0', b"")], name("a//b", "it has an empty segment or `.`")),
        (vec![member("a/./b", b'0', b"")], name("a/./b", "it has an empty segment or `.`")),
        (vec![member("", b'0', b"")], name("", "it is empty")),
        (vec![member(".", b'0', b"x")], name(".", "it is the directory of the layer itself")),
        (vec![pax(b'x', &[("path", "a\0b")]), member("x", b'0', b"")], name("a\\0b", "it holds a NUL byte")),
        (vec![pax(b'x', &[("path", &long)]), member("x", b'0', b"")], name(&long, "it is too long for a file system")),
        (vec![member("a", b'0', b"1"), member("a", b'0', b"2")], "refused: `a` is there twice".to_owned()),
        (vec![member("a", b'5', b""), member("a", b'0', b"2")], "refused: `a` is there twice".to_owned()),
        (vec![member("a", b'0', b""), member("a", b'5', b"")], "refused: `a` is there twice".to_owned()),
        (vec![link("a", b'2', "/"), member("a", b'5', b"")], "refused: `a` is there twice".to_owned()),
        (vec![link("a", b'2', "x"), link("a", b'2', "y")], "refused: `a` is there twice".to_owned()),
        (vec![member("a", b'0', b""), link("a", b'1', "a")], "refused: `a` is there twice".to_owned()),
        (vec![member(".wh.a", b'0', b""), member(".wh.a", b'0', b"")], "refused: `.wh.a` is there twice".to_owned()),
        (
            vec![link("a", b'2', ".."), member("a/b", b'0', b"x")],
            "refused: `a/b` lies below `a`, which is a link".to_owned(),
        ),
        (
            vec![link("d/a", b'2', "/"), member("d/a/.wh.etc", b'0', b"")],
            "refused: `d/a/.wh.etc` lies below `d/a`, which is a link".to_owned(),
        ),
        (
            vec![link("a", b'2', ".."), member("a/.wh..wh..opq", b'0', b"")],
            "refused: `a/.wh..wh..opq` lies below `a`, which is a link".to_owned(),
        ),
        (
            vec![member("a", b'0', b""), member("a/b/c", b'0', b"x")],
            "refused: `a/b/c` lies below `a`, which is a file".to_owned(),
        ),
        (
            vec![link("a", b'1', "../x")],
            "refused: the hard link `a` leads to `../x`: it leaves its directory with `..`".to_owned(),
        ),
        (
            vec![link("a", b'1', "/etc/passwd")],
            "refused: the hard link `a` leads to `/etc/passwd`: it is absolute".to_owned(),
        ),
        (
            vec![link("up", b'2', "/etc"), link("a", b'1', "up/passwd")],
            "refused: the hard link `a` leads to `up/passwd`: the layer has no such file before it".to_owned(),
        ),
        (
            vec![link("a", b'1', "later"), member("later", b'0', b"")],
            "refused: the hard link `a` leads to `later`: the layer has no such file before it".to_owned(),
        ),
        (
            vec![member("d", b'5', b""), link("a", b'1', "d")],
            "refused: the hard link `a` leads to `d`: that is a directory".to_owned(),
        ),
        (vec![member("s", b'S', b"")], "refused: `s` is of a kind that is not known".to_owned()),
        (vec![member("v", b'V', b"")], "refused: `v` is of a kind that is not known".to_owned()),
        (vec![member("d", b'5', b"x")], "refused: `d` is not as long as its header says".to_owned()),
        (vec![member("c", b'3', b"x")], "refused: `c` is not as long as its header says".to_owned()),
        (
            vec![pax(b'x', &[("size", "2")]), member("a", b'0', b"x")],
            "refused: `a` has two headers that contradict each other: their sizes".to_owned(),
        ),
        (
            vec![pax(b'x', &[("path", "b"), ("path", "c")]), member("a", b'0', b"x")],
            "refused: the extended header at 0 is damaged: a key is there twice".to_owned(),
        ),
        (
            vec![member("x", b'x', b"99 path=b\n"), member("a", b'0', b"x")],
            "refused: the extended header at 0 is damaged: a record has a wrong length".to_owned(),
        ),
        (
            vec![pax(b'g', &[("path", "b")]), member("a", b'0', b"x")],
            "refused: the extended header at 0 is damaged: it names or measures all entries that follow".to_owned(),
        ),
    ] {
        check(&members, &want);
    }
}

#[test]
fn a_layer_that_does_not_end_where_it_should_is_refused() {
    let archive = tar(&[member("a", b'0', b"1")]);
    let diff_id = Digest::of(&archive);
    let cut_body = "refused: `a` cannot be unpacked: it ends too early";
    assert_eq!(unpacked(&archive[..1024 + 256], PLAIN, diff_id), "refused: it ends too early");
    assert_eq!(unpacked(&archive[..700], PLAIN, diff_id), cut_body);
    assert_eq!(
        unpacked(&member_of_size("a", 99), PLAIN, diff_id),
        "refused: `a` cannot be unpacked: it ends too early"
    );
    assert_eq!(unpacked(&[&archive[..], b"more"].concat(), PLAIN, diff_id), "refused: something follows its end");
    let after = [gzip(&archive), b"more than a header".to_vec()].concat();
    assert_eq!(unpacked(&after, BY_GZIP, diff_id), "refused: it cannot be read: invalid gzip header");
    let cut = gzip(&archive);
    assert_eq!(unpacked(&cut[..cut.len() - 4], BY_GZIP, diff_id), "refused: it ends too early");
    assert_eq!(unpacked(&archive, BY_GZIP, diff_id), "refused: it cannot be read: invalid gzip header");
    assert_eq!(unpacked(b"", BY_ZSTD, diff_id), "refused: it ends too early");
    let after = [zstd(&archive), b"more".to_vec()].concat();
    let refused = unpacked(&after, BY_ZSTD, diff_id);
    assert!(refused.starts_with("refused: it cannot be read: corrupt zstd stream: "), "{refused}");
    let other = Digest::of(b"other");
    let want = format!("refused: it unpacks to {diff_id}, and the image says {other}");
    assert_eq!(unpacked(&archive, PLAIN, other), want);
}

#[test]
fn a_layer_is_read_however_it_is_compressed() {
    let archive = tar(&[member("a", b'0', &vec![b'a'; 200_000])]);
    let diff_id = Digest::of(&archive);
    let want = format!("a {}", "a".repeat(200_000));
    let (first, second) = archive.split_at(100_001);
    let skippable = [&0x184d_2a50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
    for (stored, layer_type) in [
        (archive.clone(), PLAIN),
        (gzip(&archive), BY_GZIP),
        ([gzip(first), gzip(second)].concat(), BY_GZIP),
        (zstd(&archive), BY_ZSTD),
        ([zstd(first), skippable, zstd(second)].concat(), BY_ZSTD),
    ] {
        assert!(unpacked(&stored, layer_type, diff_id) == want, "{layer_type:?}");
    }
}

#[test]
fn a_layer_may_not_fill_the_disk() {
    let archive = tar(&[member("a", b'0', b"1234"), member("b", b'0', b"5678")]);
    let check = |limits: Limits, want: &str| {
        let store = Store::default();
        let keep = |body: &mut dyn Read, _| store.keep(body);
        let told = match read_within(&archive[..], PLAIN, Digest::of(&archive), limits, &keep) {
            Ok(entries) => format!("{} entries", entries.len()),
            Err(Unread::Layer(error)) => error.to_string(),
            Err(Unread::Kept(error)) => error.to_string(),
        };
        assert_eq!(told, want);
    };
    check(Limits { entries: 2, size_bytes: 1032 }, "2 entries");
    check(Limits { entries: 1, size_bytes: 1032 }, "it holds more than 1 entries");
    check(Limits { entries: 2, size_bytes: 1031 }, "it unpacks to more than 1031 bytes");
}
