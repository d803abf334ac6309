//! Output directories come in, and come out as assembled ones.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use cache::Executable;
use model::reapi::{Directory, DirectoryNode, FileNode, Message, SymlinkNode};
use model::{Digest, Lost};
use proptest::prelude::*;

use crate::setup::*;

/// Prints a tree: a line for each entry, with mode, and bytes or target.
pub fn print(path: &Path) -> String {
    let mut lines = Vec::new();
    walk(path, path, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn walk(top: &Path, path: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let shown = path.strip_prefix(top).unwrap().display().to_string();
        if metadata.is_dir() {
            lines.push(format!("{shown}/ {:o}", mode(&path)));
            walk(top, &path, lines);
        } else if metadata.is_symlink() {
            lines.push(format!("{shown} -> {}", fs::read_link(&path).unwrap().display()));
        } else {
            lines.push(format!("{shown} {:o} {:?}", mode(&path), String::from_utf8(fs::read(&path).unwrap()).unwrap()));
        }
    }
}

/// Takes what `make` leaves in a directory.
pub fn take(store: &Store, make: impl FnOnce(&Path)) -> Result<Digest, cache::CacheError> {
    let scratch = store.scratch().unwrap();
    let output = scratch.path().join("o");
    fs::create_dir(&output).unwrap();
    make(&output);
    store.take_directory(&output, &|_, target| target != "/refused")
}

pub fn small(output: &Path) {
    fs::create_dir_all(output.join("a/empty")).unwrap();
    fs::write(output.join("a/f"), "f").unwrap();
    fs::write(output.join("run"), "r").unwrap();
    set_mode(&output.join("run"), 0o700);
    symlink("../../outside", output.join("a/up")).unwrap();
    symlink("/absolute", output.join("l")).unwrap();
}

pub const SMALL: &str = "a/ 555\na/empty/ 555\na/f 644 \"f\"\na/up -> ../../outside\nl -> /absolute\nrun 755 \"r\"";

#[test]
fn a_directory_comes_out_as_it_came_in() {
    let store = store();
    let root = take(&store, small).unwrap();
    let place = store.assemble(&root).unwrap();
    assert_eq!(print(&place), SMALL);
    assert_eq!(mode(&place), 0o555);
    let store = {
        store.commit(&[done(1, with_directory(root))]).unwrap();
        store.again()
    };
    assert_eq!(print(&store.assemble(&root).unwrap()), SMALL);
}

#[test]
fn an_assembled_directory_shares_its_files_with_the_store() {
    let store = store();
    let root = take(&store, small).unwrap();
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let place = store.assemble(&root).unwrap();
    assert_eq!(inode(&place.join("a/f")), inode(&store.blob(&Digest::of(b"f"), Executable::No).unwrap()));
}

#[test]
fn the_digest_of_a_directory_is_that_of_the_protocol() {
    let store = store();
    let root = take(&store, |output| {
        fs::write(output.join("b"), "1").unwrap();
        fs::write(output.join("a"), "2").unwrap();
    });
    let file =
        |name: &str, bytes: &[u8]| FileNode { name: name.into(), digest: Digest::of(bytes), is_executable: false };
    let message = Directory { files: vec![file("a", b"2"), file("b", b"1")], ..Directory::default() };
    assert_eq!(root.unwrap(), Digest::of(&message.encode()));
}

#[test]
fn names_may_be_long_and_strange() {
    let store = store();
    let names = ["n".repeat(255), "-rf".into(), "a\nb".into(), " ".into(), "ä".into()];
    let root = take(&store, |output| {
        for name in &names {
            fs::write(output.join(name), "").unwrap();
        }
    });
    let place = store.assemble(&root.unwrap()).unwrap();
    assert!(names.iter().all(|name| place.join(name).is_file()));
}

#[test]
fn directories_and_files_that_nobody_may_read_are_taken() {
    let store = store();
    let root = take(&store, |output| {
        fs::create_dir(output.join("d")).unwrap();
        fs::write(output.join("d/f"), "x").unwrap();
        set_mode(&output.join("d/f"), 0o000);
        set_mode(&output.join("d"), 0o000);
        set_mode(output, 0o755);
    });
    assert_eq!(print(&store.assemble(&root.unwrap()).unwrap()), "d/ 555\nd/f 644 \"x\"");
}

#[test]
fn what_cannot_be_stored_is_refused_by_name() {
    let check = |make: fn(&Path), want: &str| {
        let store = store();
        assert_eq!(take(&store, make).unwrap_err().to_string(), want);
    };
    check(
        |output| {
            fs::create_dir(output.join("d")).unwrap();
            drop(std::os::unix::net::UnixListener::bind(output.join("d/s")).unwrap());
        },
        "the output `d/s` is a socket, a device or a fifo, which cannot be stored",
    );
    check(
        |output| fs::write(output.join(std::ffi::OsStr::from_bytes(b"x\xff\n")), "").unwrap(),
        r"the output `x\xFF\n` has a name or a link target that is not UTF-8",
    );
    check(
        |output| symlink(std::ffi::OsStr::from_bytes(b"\xff"), output.join("l")).unwrap(),
        "the output `l` has a name or a link target that is not UTF-8",
    );
    check(
        |output| symlink("/refused", output.join("l")).unwrap(),
        "the output `l` is a link that leads out of the outputs; copy the file instead",
    );
}

#[test]
fn a_directory_can_be_put_together_from_parts() {
    let store = store();
    let file = store.put_bytes(b"x").unwrap();
    let below = Directory {
        files: vec![FileNode { name: "f".into(), digest: file, is_executable: true }],
        ..Directory::default()
    };
    let below = store.put_directory(&below).unwrap();
    let node = |name: &str| DirectoryNode { name: name.into(), digest: below };
    let top = Directory {
        directories: vec![node("a"), node("b")],
        symlinks: vec![SymlinkNode { name: "l".into(), target: "a/f".into() }],
        ..Directory::default()
    };
    let root = store.put_directory(&top).unwrap();
    assert_eq!(store.directory(&root), Ok(top));
    let place = store.assemble(&root).unwrap();
    assert_eq!(print(&place), "a/ 555\na/f 755 \"x\"\nb/ 555\nb/f 755 \"x\"\nl -> a/f");
}

#[test]
fn a_message_that_would_leave_its_directory_is_lost() {
    for name in ["", ".", "..", "a/b", "/etc", "a\0b"] {
        let store = store();
        let link = SymlinkNode { name: name.into(), target: "x".into() };
        let root = store.put_directory(&Directory { symlinks: vec![link], ..Directory::default() }).unwrap();
        assert_eq!(store.assemble(&root), Err(Lost(root)), "{name:?}");
    }
    let store = store();
    let link = SymlinkNode { name: "a".into(), target: "/tmp".into() };
    let file = FileNode { name: "a".into(), digest: store.put_bytes(b"").unwrap(), is_executable: false };
    let twice = Directory { symlinks: vec![link], files: vec![file], ..Directory::default() };
    let root = store.put_directory(&twice).unwrap();
    assert_eq!(store.assemble(&root), Err(Lost(root)));
}

#[test]
fn assembling_names_the_blob_that_is_lost() {
    let store = store();
    let gone = Digest::of(b"gone");
    let file = FileNode { name: "f".into(), digest: gone, is_executable: false };
    let root = store.put_directory(&Directory { files: vec![file], ..Directory::default() }).unwrap();
    assert_eq!(store.assemble(&root), Err(Lost(gone)));
    assert_eq!(count(&store.below("trees")), 0);
}

#[test]
fn an_assembled_directory_that_was_changed_is_made_again_by_the_next_run() {
    let changes: [fn(&Path); 5] = [
        |place| fs::remove_file(place.join("run")).unwrap(),
        |place| fs::write(place.join("more"), "").unwrap(),
        |place| set_mode(&place.join("run"), 0o644),
        |place| {
            fs::remove_file(place.join("l")).unwrap();
            symlink("/elsewhere", place.join("l")).unwrap();
        },
        |place| {
            set_mode(&place.join("a"), 0o755);
            fs::remove_file(place.join("a/f")).unwrap();
            fs::write(place.join("a/f"), "longer").unwrap();
        },
    ];
    for change in changes {
        let store = store();
        let root = take(&store, small).unwrap();
        store.commit(&[done(1, with_directory(root))]).unwrap();
        let place = store.assemble(&root).unwrap();
        set_mode(&place, 0o755);
        change(&place);
        let store = store.again();
        // The mode of the linked file is the blob's own: it is put right when the blob is next verified.
        assert_eq!(print(&store.assemble(&root).unwrap()), SMALL);
    }
}

#[test]
fn many_assemble_one_directory_at_once() {
    let store = store();
    let root = take(&store, small).unwrap();
    store.commit(&[done(1, with_directory(root))]).unwrap();
    let others: Vec<_> = (0..3).map(|_| store.beside()).collect();
    std::thread::scope(|scope| {
        for cache in others.iter().chain([&store.cache]) {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(print(&cache.assemble(&root).unwrap()), SMALL));
            }
        }
    });
    assert_eq!(count(&store.below("trees")), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_and_assembling_are_inverse(files in prop::collection::btree_map("[a-c]/[a-c]/[d-z]{1,3}", "[a-z]{0,4}", 0..12)) {
        let store = store();
        let mut want: Vec<String> = files.iter().map(|(path, text)| format!("{path} 644 {text:?}")).collect();
        let root = take(&store, |output| {
            for (path, text) in &files {
                let path = output.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        });
        let place = store.assemble(&root.unwrap()).unwrap();
        want.sort();
        let got: Vec<String> = print(&place).lines().filter(|line| !line.contains("/ ")).map(String::from).collect();
        prop_assert_eq!(got, want);
    }
}
