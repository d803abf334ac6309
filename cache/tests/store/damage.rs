//! Damaged files and databases: slower, never wronger.

use std::fs;

use cache::{Cache, Executable};
use model::Lost;
use model::reapi::{Directory, FileNode};

use crate::setup::*;

#[test]
fn a_blob_with_other_bytes_is_lost_and_gone() {
    for damage in [b"ab".as_slice(), b"abd", b"abcd", b""] {
        let store = store();
        let digest = build(&store, 1, b"abc");
        overwrite(&store.blob_file(&digest), damage);
        let store = store.again();
        assert_eq!(store.blob(&digest, Executable::No), Err(Lost(digest)), "{damage:?}");
        assert!(!store.blob_file(&digest).exists());
        assert!(!is_hit(&store, 1));
        // Whoever makes it again heals the store.
        build(&store, 1, b"abc");
        assert!(store.blob(&digest, Executable::No).is_ok() && is_hit(&store, 1));
    }
}

#[test]
fn a_truncated_blob_is_replaced_by_the_next_who_stores_it() {
    let store = store();
    let digest = store.put_bytes(b"abc").unwrap();
    overwrite(&store.blob_file(&digest), b"");
    let store = store.again();
    assert_eq!(store.has(&[digest]), [false]);
    store.put_bytes(b"abc").unwrap();
    assert!(store.blob(&digest, Executable::No).is_ok());
}

#[test]
fn a_symlink_or_a_directory_in_place_of_a_blob_is_not_followed() {
    let store = store();
    let digest = store.put_bytes(b"abc").unwrap();
    let file = store.blob_file(&digest);
    let elsewhere = store.dir.path().join("elsewhere");
    fs::write(&elsewhere, "abc").unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let store = store.again();
    assert_eq!((store.has(&[digest]), store.blob(&digest, Executable::No)), (vec![false], Err(Lost(digest))));
    fs::create_dir(&file).unwrap();
    let store = store.again();
    assert_eq!((store.has(&[digest]), store.blob(&digest, Executable::No)), (vec![false], Err(Lost(digest))));
    assert_eq!(fs::read(elsewhere).unwrap(), b"abc");
}

#[test]
fn an_assembled_directory_goes_with_the_corrupt_blob_that_it_shares() {
    let store = store();
    let file = store.put_bytes(b"abc").unwrap();
    let node = FileNode { name: "f".into(), digest: file, is_executable: false };
    let root = store.put_directory(&Directory { files: vec![node], ..Directory::default() }).unwrap();
    store.commit(&[done(1, with_directory(root))]).unwrap();
    let place = store.assemble(&root).unwrap();
    overwrite(&store.blob_file(&file), b"abX");
    let store = store.again();
    assert_eq!(store.blob(&file, Executable::No), Err(Lost(file)));
    assert!(!place.exists());
    assert_eq!(store.assemble(&root), Err(Lost(file)));
    store.put_bytes(b"abc").unwrap();
    assert_eq!(fs::read(store.assemble(&root).unwrap().join("f")).unwrap(), b"abc");
}

/// Damages the database of a store with one result; afterwards there may be a miss, and all works again.
fn check_database(damage: impl FnOnce(&Store)) {
    let store = store();
    build(&store, 1, b"one");
    let store = store.again();
    damage(&store);
    is_hit(&store, 1);
    build(&store, 2, b"two");
    assert!(is_hit(&store, 2));
    let store = store.again();
    is_hit(&store, 1);
    assert!(is_hit(&store, 2));
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_database_of_garbage_is_made_anew() {
    check_database(|store| fs::write(store.below("db.sqlite"), "garbage ".repeat(5000)).unwrap());
    check_database(|store| fs::write(store.below("db.sqlite"), "").unwrap());
    check_database(|store| {
        let bytes = fs::read(store.below("db.sqlite")).unwrap();
        fs::write(store.below("db.sqlite"), &bytes[..bytes.len() / 2]).unwrap();
    });
    check_database(|store| {
        let mut bytes = fs::read(store.below("db.sqlite")).unwrap();
        bytes[4096..].fill(0x5a);
        fs::write(store.below("db.sqlite"), bytes).unwrap();
    });
    check_database(|store| fs::write(store.below("db.sqlite-wal"), "garbage ".repeat(5000)).unwrap());
    check_database(|store| fs::remove_file(store.below("db.sqlite")).unwrap());
}

#[test]
fn a_log_that_outlives_its_database_is_not_replayed() {
    let store = store();
    build(&store, 1, b"one");
    // As after a crash: the log is not merged.
    let log = fs::read(store.below("db.sqlite-wal")).unwrap();
    assert!(!log.is_empty());
    let store = store.again();
    fs::remove_file(store.below("db.sqlite")).unwrap();
    fs::write(store.below("db.sqlite-wal"), log).unwrap();
    assert!(!is_hit(&store, 1));
    build(&store, 2, b"two");
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_database_of_an_unknown_schema_is_moved_away() {
    check_database(|store| {
        let file = rusqlite::Connection::open(store.below("db.sqlite")).unwrap();
        file.execute_batch("PRAGMA user_version = 7").unwrap();
    });
    check_database(|store| {
        let file = rusqlite::Connection::open(store.below("db.sqlite")).unwrap();
        file.execute_batch("DROP TABLE message").unwrap();
    });
}

#[test]
fn a_flipped_bit_in_any_row_is_a_miss_or_harmless() {
    for sql in [
        "UPDATE result SET bytes = zeroblob(length(bytes))",
        "UPDATE result SET bytes = x''",
        "UPDATE result SET seal = x'00'",
        "UPDATE result SET key = zeroblob(40)",
        "UPDATE result SET key = x'00'",
        "UPDATE message SET hash = substr(hash, 2)",
        "UPDATE message SET bytes = x'ff'",
    ] {
        let store = store();
        let root = store.put_directory(&Directory::default()).unwrap();
        store.commit(&[done(1, with_directory(root))]).unwrap();
        rusqlite::Connection::open(store.below("db.sqlite")).unwrap().execute(sql, []).unwrap();
        let store = store.again();
        assert!(!is_hit(&store, 1), "{sql}");
        store.put_directory(&Directory::default()).unwrap();
        store.commit(&[done(1, with_directory(root))]).unwrap();
        assert!(is_hit(&store, 1), "{sql}");
    }
}

#[test]
fn a_broken_database_that_another_invocation_has_open_is_not_moved() {
    let store = store();
    build(&store, 1, b"one");
    let other = store.beside();
    assert!(is_hit(&other, 1));
    // The header's schema version is what a newcomer looks at first.
    rusqlite::Connection::open(store.below("db.sqlite")).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    let newcomer = store.beside();
    assert_eq!(newcomer.lookup(&[key(1)]), [None]);
    assert!(newcomer.commit(&[]).is_err());
    assert!(is_hit(&other, 1));
}

/// Sets the mode of all directories of a store, and with it whether anybody but root can write it.
fn set_directories(path: &std::path::Path, to: u32) {
    if path.is_dir() && !path.is_symlink() {
        set_mode(path, 0o755);
        fs::read_dir(path).unwrap().for_each(|entry| set_directories(&entry.unwrap().path(), to));
        set_mode(path, to);
    }
}

#[test]
fn a_store_that_cannot_be_written_is_still_read() {
    let store = store();
    let digest = build(&store, 1, b"one");
    let root = store.put_directory(&Directory::default()).unwrap();
    store.commit(&[done(2, with_directory(root))]).unwrap();
    store.assemble(&root).unwrap();
    let store = store.again();
    set_directories(store.cache.dir(), 0o555);
    set_mode(&store.below("db.sqlite"), 0o444);
    let reads = [
        is_hit(&store, 1),
        is_hit(&store, 2),
        !is_hit(&store, 3),
        store.blob(&digest, Executable::No).is_ok(),
        store.directory(&root).is_ok(),
        store.assemble(&root).is_ok(),
        store.history().len() == 2,
        store.claim(&key(1), &|| false).is_some(),
    ];
    store.collect_if_needed();
    // Root writes all the same.
    let refused = rustix::process::geteuid().is_root() || store.put_bytes(b"two").is_err();
    set_directories(store.cache.dir(), 0o755);
    assert_eq!((reads, refused), ([true; 8], true));
}

#[test]
fn verify_finds_nothing_in_a_sound_store() {
    let store = store();
    let digest = build(&store, 1, b"one");
    store.blob(&digest, Executable::Yes).unwrap();
    let root = store.put_directory(&Directory::default()).unwrap();
    store.commit(&[done(2, with_directory(root))]).unwrap();
    store.assemble(&root).unwrap();
    let verified = store.verify().unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    assert_eq!((verified.blobs, verified.results), (2, 2));
    assert!(Cache::at(store.dir.path().join("absent"), 0).verify().unwrap().is_clean());
}

#[test]
fn verify_removes_all_that_is_bad_and_nothing_else() {
    let store = store();
    let good = build(&store, 1, b"good");
    let bad = build(&store, 2, b"bad");
    let gone = build(&store, 3, b"gone");
    let node = FileNode { name: "f".into(), digest: good, is_executable: true };
    let root = store.put_directory(&Directory { files: vec![node], ..Directory::default() }).unwrap();
    store.commit(&[done(4, with_directory(root))]).unwrap();
    let place = store.assemble(&root).unwrap();
    overwrite(&store.blob_file(&bad), b"xxx");
    fs::remove_file(store.blob_file(&gone)).unwrap();
    overwrite(&place.join("f"), b"goXd");
    fs::write(store.below("blobs/stranger"), "").unwrap();
    let verified = store.verify().unwrap();
    let mut corrupt = verified.corrupt.clone();
    corrupt.sort();
    let mut want = vec![bad, good];
    want.sort();
    assert_eq!(corrupt, want);
    let mut bad_results = verified.bad_results.clone();
    bad_results.sort();
    let mut want = vec![key(2), key(3)];
    want.sort();
    assert_eq!(bad_results, want);
    assert_eq!((verified.strangers, verified.bad_trees, place.exists()), (1, 1, false));
    assert_eq!([1, 2, 3, 4].map(|number| is_hit(&store, number)), [true, false, false, true]);
    assert!(store.verify().unwrap().is_clean());
}
