//! Bytes by digest.

use std::fs;
use std::os::unix::fs::MetadataExt;

use cache::{CacheError, Executable, Unusable};
use model::{Digest, FileId, FileKind, Lost};

use crate::setup::*;

#[test]
fn nothing_is_read_or_made_before_it_is_needed() {
    let store = store();
    assert_eq!(store.recall("absent"), model::Memory::default());
    assert!(!store.cache.dir().exists());
}

#[test]
fn bytes_come_back_by_their_digest_in_a_later_run() {
    let store = store();
    let digest = store.put_bytes(b"hello\n").unwrap();
    let store = store.again();
    assert_eq!(fs::read(store.blob(&digest, Executable::No).unwrap()).unwrap(), b"hello\n");
    assert_eq!(store.has(&[digest, Digest::of(b"other")]), [true, false]);
}

#[test]
fn a_source_is_hashed_with_both_functions_in_one_pass() {
    let store = store();
    let bytes = vec![7; 200_000];
    let (digest, changed) = store.put_source(&mut bytes.as_slice()).unwrap();
    assert_eq!((digest, changed), (Digest::of(&bytes), FileId::of(FileKind::File, &bytes).hash));
}

#[test]
fn the_executable_variant_is_a_file_of_its_own() {
    let store = store();
    let digest = store.put_bytes(b"#!/bin/sh\n").unwrap();
    let program = store.blob(&digest, Executable::Yes).unwrap();
    let plain = store.blob(&digest, Executable::No).unwrap();
    assert_eq!((mode(&program), mode(&plain)), (0o755, 0o644));
    let inode = |path| fs::metadata(path).unwrap().ino();
    assert_ne!(inode(&program), inode(&plain));
    assert_eq!(fs::read(&program).unwrap(), b"#!/bin/sh\n");
}

#[test]
fn an_output_is_moved_in_and_its_mode_becomes_the_stores() {
    for (before, executable, after) in
        [(0o777, Executable::Yes, 0o755), (0o600, Executable::No, 0o644), (0o4755, Executable::Yes, 0o755)]
    {
        let store = store();
        let scratch = store.scratch().unwrap();
        let output = scratch.path().join("o");
        fs::write(&output, "out").unwrap();
        set_mode(&output, before);
        let digest = store.take_file(&output).unwrap();
        assert!(!output.exists());
        assert_eq!(digest, Digest::of(b"out"));
        assert_eq!(mode(&store.blob(&digest, executable).unwrap()), after);
    }
}

#[test]
fn an_output_that_is_a_link_to_an_input_leaves_the_input_alone() {
    let store = store();
    let digest = store.put_bytes(b"in").unwrap();
    let blob = store.blob(&digest, Executable::Yes).unwrap();
    let scratch = store.scratch().unwrap();
    let output = scratch.path().join("o");
    fs::hard_link(&blob, &output).unwrap();
    assert_eq!(store.take_file(&output).unwrap(), digest);
    assert!(!output.exists());
    assert_eq!((mode(&blob), fs::metadata(&blob).unwrap().nlink()), (0o755, 1));
}

#[test]
fn only_a_plain_file_is_taken_as_a_file() {
    let store = store();
    let scratch = store.scratch().unwrap();
    let link = scratch.path().join("l");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    for path in [link.as_path(), scratch.path()] {
        let error = store.take_file(path).unwrap_err();
        assert!(matches!(error, CacheError::Entry { what: Unusable::NotAFile, .. }), "{error}");
    }
}

#[test]
fn a_digest_with_another_size_is_lost_and_spoils_nothing() {
    let store = store();
    let digest = store.put_bytes(b"hello").unwrap();
    let wrong = Digest { size_bytes: 6, ..digest };
    assert_eq!(store.has(&[wrong]), [false]);
    assert_eq!(store.blob(&wrong, Executable::No), Err(Lost(wrong)));
    assert!(store.blob(&digest, Executable::No).is_ok());
}

#[test]
fn a_store_that_cannot_be_made_says_so_and_still_answers() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let cache = cache::Cache::at(dir.path().join("file/rg"), PLENTY);
    let message = cache.put_bytes(b"x").unwrap_err().to_string();
    assert!(message.contains("file/rg"), "{message}");
    assert_eq!(cache.has(&[Digest::of(b"x")]), [false]);
    assert_eq!(cache.lookup(&[key(1)]), [None]);
    assert!(
        cache.commit(&[]).is_err()
            && cache.scratch().is_err()
            && cache.remember("m", &model::Memory::default()).is_err()
    );
    assert!(cache.claim(&key(1), &|| false).is_some());
    cache.collect_if_needed();
}

#[test]
fn what_another_version_left_is_left_alone() {
    let store = store();
    let other = store.cache.dir().join("v2/blobs");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("x"), "x").unwrap();
    build(&store, 1, b"one");
    store.gc(0).unwrap();
    assert_eq!(fs::read(other.join("x")).unwrap(), b"x");
}

#[test]
fn a_scratch_directory_goes_when_it_is_dropped_even_if_it_is_read_only() {
    let store = store();
    let scratch = store.scratch().unwrap();
    let (path, inner) = (scratch.path().to_owned(), scratch.path().join("a/b"));
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("f"), "").unwrap();
    set_mode(&inner, 0o755);
    set_mode(&path.join("a"), 0o000);
    drop(scratch);
    assert!(!path.exists());
}

#[test]
fn scratch_directories_outlive_the_cache_value_and_nothing_outlives_both() {
    let store = store();
    let scratch = store.scratch().unwrap();
    let (tmp, leases) = (store.below("tmp"), store.below("leases"));
    drop(store.cache);
    assert!(scratch.path().is_dir());
    drop(scratch);
    assert_eq!((count(&tmp), count(&leases)), (0, 0));
}
