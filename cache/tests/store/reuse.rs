//! Assembled directories that another process uses again: what was changed between the two is found, though what
//! looks as it did is not compared once more.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cache::{Cache, Executable};
use model::{Digest, Lost};

use crate::directories::{SMALL, print, small, take};
use crate::setup::*;

/// A store with the small directory, assembled, and used by as many other processes one after the other.
fn used(processes: u32) -> (Store, Digest, PathBuf) {
    let store = store();
    let root = take(&store, small).unwrap();
    store.commit(&[done(1, with_directory(root))]).unwrap();
    let place = store.assemble(&root).unwrap();
    let use_again = |store: Store, _| {
        let store = store.again();
        store.assemble(&root).unwrap();
        store
    };
    ((0..processes).fold(store, use_again), root, place)
}

/// Changes a directory that is read-only. Root needs no other mode for it, which would be one more change.
fn change(directory: &Path, make: impl FnOnce(&Path)) {
    if !rustix::process::geteuid().is_root() {
        set_mode(directory, 0o755);
    }
    make(directory);
}

fn truncate(path: &Path) {
    File::options().write(true).open(path).unwrap().set_len(0).unwrap();
}

fn record(store: &Store, root: &Digest) -> PathBuf {
    store.below("stamps").join(root.hex())
}

fn check_found(make: impl Fn(&Path)) {
    for processes in 0..3 {
        let (store, root, place) = used(processes);
        make(&place);
        let store = store.again();
        assert_eq!(print(&store.assemble(&root).unwrap()), SMALL, "after {processes} other processes");
        // What was made anew is known like what was made at first.
        let store = store.again();
        assert_eq!(print(&store.assemble(&root).unwrap()), SMALL);
    }
}

#[test]
fn a_file_that_was_removed_is_found() {
    check_found(|place| change(&place.join("a"), |a| fs::remove_file(a.join("f")).unwrap()));
    check_found(|place| change(place, |top| fs::remove_file(top.join("run")).unwrap()));
}

#[test]
fn a_file_that_was_added_is_found() {
    check_found(|place| change(&place.join("a"), |a| fs::write(a.join("more"), "").unwrap()));
    check_found(|place| change(&place.join("a/empty"), |empty| fs::write(empty.join("more"), "").unwrap()));
    check_found(|place| change(place, |top| fs::create_dir(top.join("more")).unwrap()));
}

#[test]
fn a_file_that_was_replaced_is_found() {
    let replace = |a: &Path| {
        fs::remove_file(a.join("f")).unwrap();
        fs::write(a.join("f"), "longer").unwrap();
    };
    check_found(|place| change(&place.join("a"), replace));
    // Whatever the time of the directory says.
    check_found(|place| {
        let a = place.join("a");
        let before = fs::metadata(&a).unwrap().modified().unwrap();
        change(&a, replace);
        File::open(&a).unwrap().set_times(FileTimes::new().set_modified(before)).unwrap();
    });
    check_found(|place| {
        let new = place.with_file_name("new");
        fs::write(&new, "longer").unwrap();
        change(&place.join("a"), |a| fs::rename(&new, a.join("f")).unwrap());
    });
}

#[test]
fn a_directory_that_was_emptied_is_found() {
    check_found(|place| {
        change(&place.join("a"), |a| {
            ["f", "up"].iter().for_each(|name| fs::remove_file(a.join(name)).unwrap());
            fs::remove_dir(a.join("empty")).unwrap();
        });
    });
}

#[test]
fn a_directory_that_was_replaced_is_found() {
    check_found(|place| {
        change(place, |top| {
            set_mode(&top.join("a"), 0o755);
            fs::rename(top.join("a"), top.with_file_name("aside")).unwrap();
            fs::create_dir(top.join("a")).unwrap();
        });
    });
    // What is behind a link is what the directory was, with the times that it had.
    check_found(|place| {
        change(&place.join("a"), |a| {
            let aside = a.parent().unwrap().with_file_name("aside");
            set_mode(&a.join("empty"), 0o755);
            fs::rename(a.join("empty"), &aside).unwrap();
            set_mode(&aside, 0o555);
            symlink(aside, a.join("empty")).unwrap();
        });
    });
}

#[test]
fn a_link_that_was_changed_is_found() {
    check_found(|place| {
        change(&place.join("a"), |a| {
            fs::remove_file(a.join("up")).unwrap();
            symlink("../../Outside", a.join("up")).unwrap();
        });
    });
    check_found(|place| {
        change(place, |top| {
            fs::remove_file(top.join("l")).unwrap();
            symlink("/Absolute", top.join("l")).unwrap();
        });
    });
}

/// A file that is truncated in place moves no time of its directory: the blob is the same file.
fn check_truncated(look: impl FnOnce(&Store)) {
    let (store, root, place) = used(2);
    truncate(&place.join("a/f"));
    let store = store.again();
    look(&store);
    assert_eq!(store.assemble(&root), Err(Lost(Digest::of(b"f"))));
    assert!(!place.exists() && !record(&store, &root).exists());
}

#[test]
fn a_file_that_was_truncated_in_place_is_found_by_whoever_looks_at_its_blob() {
    let file = Digest::of(b"f");
    check_truncated(|store| assert!(!is_hit(store, 1)));
    check_truncated(|store| assert_eq!(store.has(&[file]), [false]));
    check_truncated(|store| assert_eq!(store.blob(&file, Executable::No), Err(Lost(file))));
    check_truncated(|store| assert_eq!(store.verify().unwrap().bad_trees, 1));
    // Storing it again heals the blob; the directory still holds the truncated file, and is made anew.
    let (store, root, place) = used(2);
    truncate(&place.join("a/f"));
    let store = store.again();
    store.put_bytes(b"f").unwrap();
    let store = store.again();
    assert_eq!(print(&store.assemble(&root).unwrap()), SMALL);
}

#[test]
fn a_mode_that_was_changed_in_place_is_mended_by_whoever_looks_at_the_blob() {
    let looks: [fn(&Store); 2] = [
        |store| drop(store.blob(&Digest::of(b"f"), Executable::No).unwrap()),
        |store| assert!(store.verify().unwrap().is_clean()),
    ];
    for look in looks {
        let (store, root, place) = used(2);
        set_mode(&place.join("a/f"), 0o755);
        let store = store.again();
        look(&store);
        assert_eq!(print(&store.assemble(&root).unwrap()), SMALL);
    }
}

/// The record is the only thing that makes the truncated file go unseen: where it counts as none, it is found.
fn check_ignored(what: &str, damage: impl FnOnce(&Path)) {
    let (store, root, place) = used(2);
    truncate(&place.join("a/f"));
    damage(&record(&store, &root));
    let store = store.again();
    assert_eq!(store.assemble(&root), Err(Lost(Digest::of(b"f"))), "{what}");
}

/// Writes other bytes, with a seal that is right.
fn reseal(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(bytes.len() - 32);
    edit(&mut bytes);
    let seal = blake3::hash(&bytes);
    fs::write(path, [bytes.as_slice(), seal.as_bytes()].concat()).unwrap();
}

#[test]
fn a_record_that_is_broken_counts_as_none() {
    check_ignored("none", |path| fs::remove_file(path).unwrap());
    check_ignored("empty", |path| fs::write(path, "").unwrap());
    check_ignored("another file", |path| fs::write(path, [0x5a; 4096]).unwrap());
    check_ignored("a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    let (store, root, _) = used(2);
    let length = fs::metadata(record(&store, &root)).unwrap().len() as usize;
    for at in [0, 20, 60, length / 2, length - 40, length - 1] {
        check_ignored("truncated", |path| fs::write(path, &fs::read(path).unwrap()[..at]).unwrap());
        check_ignored("a flipped bit", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        });
        // The seal is right, and what it seals ends too early.
        check_ignored("cut off", |path| reseal(path, |bytes| bytes.truncate(at.saturating_sub(40))));
    }
}

#[test]
fn a_record_of_another_boot_format_tree_or_store_counts_as_none() {
    check_ignored("another boot", |path| reseal(path, |bytes| bytes[16..52].rotate_left(1)));
    check_ignored("another format", |path| reseal(path, |bytes| bytes[10] += 1));
    check_ignored("another tree", |path| {
        let (other, root, _) = used(2);
        let more = take(&other, |output| fs::write(output.join("x"), "").unwrap()).unwrap();
        other.assemble(&more).unwrap();
        assert_ne!(more, root);
        fs::copy(record(&other, &more), path).unwrap();
    });
    check_ignored("another store", |path| {
        let (other, root, _) = used(2);
        fs::copy(record(&other, &root), path).unwrap();
    });
}

#[test]
fn a_store_that_was_copied_compares_what_came_with_it() {
    let (store, root, place) = used(2);
    truncate(&place.join("a/f"));
    let copy = store.dir.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-a").args([store.cache.dir(), &copy]).status().unwrap().success());
    assert_eq!(Cache::at(copy, PLENTY).assemble(&root), Err(Lost(Digest::of(b"f"))));
}

#[test]
fn a_record_that_was_broken_is_written_again() {
    let (store, root, place) = used(2);
    fs::write(record(&store, &root), "").unwrap();
    let store = store.again();
    assert_eq!(store.assemble(&root), Ok(place.clone()));
    // It is in use again: what is truncated in place goes unseen until somebody looks at the blob.
    truncate(&place.join("a/f"));
    let store = store.again();
    assert_eq!(store.assemble(&root), Ok(place));
}

#[test]
fn a_collection_leaves_no_record_of_what_it_removed() {
    let (store, root, place) = used(2);
    fs::write(store.below("stamps").join(Digest::of(b"gone").hex()), "of a tree that a killed process removed")
        .unwrap();
    let store = store.again();
    let collected = store.gc(0).unwrap();
    assert_eq!((collected.trees, place.exists(), record(&store, &root).exists()), (1, false, false));
    assert_eq!(count(&store.below("stamps")), 0);
}

#[test]
fn a_collection_keeps_the_record_of_what_stays() {
    let (store, root, place) = used(2);
    let living = store.beside();
    living.assemble(&root).unwrap();
    store.gc(0).unwrap();
    assert!(place.exists() && record(&store, &root).exists());
}

#[test]
fn many_processes_that_use_one_directory_at_once_all_find_what_was_changed() {
    // Many rounds, as what two of them do to a third is a matter of moments.
    for round in 0..60 {
        let (store, root, place) = used(round % 3);
        change(&place.join("a"), |a| fs::remove_file(a.join("f")).unwrap());
        let others: Vec<_> = (0..4).map(|_| store.beside()).collect();
        std::thread::scope(|scope| {
            for other in &others {
                scope.spawn(|| assert_eq!(print(&other.assemble(&root).unwrap()), SMALL));
            }
        });
    }
}
