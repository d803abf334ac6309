//! Garbage collection.

use std::collections::BTreeSet;
use std::fs;

use cache::Executable;
use model::reapi::{Directory, FileNode};
use model::{Digest, Lost};
use proptest::prelude::*;

use crate::setup::*;

fn bytes(number: u64) -> Vec<u8> {
    [number.to_le_bytes().as_slice(), &[0; 992]].concat()
}

/// Builds actions with 1,000 bytes each, every one in an invocation of its own.
fn built(numbers: impl IntoIterator<Item = u64>) -> Store {
    numbers.into_iter().fold(store(), |store, number| {
        build(&store, number, &bytes(number));
        store.again()
    })
}

fn hits(store: &Store, numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    numbers.into_iter().filter(|number| is_hit(store, *number)).collect()
}

#[test]
fn the_least_recently_used_results_go_first() {
    let store = built(0..5);
    assert!(is_hit(&store, 1));
    let store = store.again();
    let collected = store.gc(2500).unwrap();
    assert_eq!((collected.results, collected.blobs, collected.bytes, collected.kept_bytes), (3, 3, 3000, 2000));
    assert_eq!(hits(&store, 0..5), [1, 4]);
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn single_blobs_go_before_results() {
    let store = built([0]);
    let source = store.put_bytes(&bytes(9)).unwrap();
    let store = store.again();
    store.gc(1000).unwrap();
    assert_eq!((hits(&store, [0]), store.has(&[source])), (vec![0], vec![false]));
}

#[test]
fn nothing_goes_from_a_store_that_is_small_enough() {
    let store = built(0..3);
    let collected = store.gc(3000).unwrap();
    assert_eq!((collected.results, collected.blobs, collected.kept_bytes), (0, 0, 3000));
    assert_eq!(hits(&store, 0..3), [0, 1, 2]);
}

#[test]
fn what_a_living_invocation_has_touched_stays() {
    let store = built(0..4);
    let living = store.beside();
    assert!(is_hit(&living, 0));
    assert_eq!(living.has(&[Digest::of(&bytes(1))]), [true]);
    let fresh = living.put_bytes(b"fresh").unwrap();
    store.gc(0).unwrap();
    assert_eq!(living.has(&[Digest::of(&bytes(0)), Digest::of(&bytes(1)), fresh]), [true; 3]);
    assert!(living.blob(&Digest::of(&bytes(0)), Executable::No).is_ok());
    assert_eq!(hits(&store, 0..4), [0, 1]);
    drop(living);
    let store = store.again();
    store.gc(0).unwrap();
    assert_eq!(store.stats().unwrap().bytes, 0);
}

#[test]
fn a_dead_invocation_protects_nothing() {
    let store = built(0..2);
    fs::write(store.below("leases/dead"), "1").unwrap();
    fs::create_dir_all(store.below("tmp/dead/0/deep")).unwrap();
    set_mode(&store.below("tmp/dead/0"), 0o555);
    store.gc(0).unwrap();
    assert_eq!(store.stats().unwrap().bytes, 0);
    assert_eq!((count(&store.below("leases")), count(&store.below("tmp"))), (0, 0));
}

#[test]
fn a_collection_at_the_end_of_a_run_keeps_that_run() {
    let store = built(0..4).again_with(1000);
    for number in 4..8 {
        build(&store, number, &bytes(number));
    }
    store.collect_if_needed();
    assert_eq!(hits(&store, 0..8), [4, 5, 6, 7]);
}

#[test]
fn a_collection_at_the_end_of_a_run_goes_down_to_80_percent() {
    let store = built(0..10).again_with(10_000);
    store.collect_if_needed();
    build(&store, 10, &bytes(10));
    store.collect_if_needed();
    assert_eq!(store.stats().unwrap().bytes, 8000);
    assert_eq!(hits(&store, 0..11), [3, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn messages_go_with_the_results_that_need_them() {
    let store = store();
    let directory = |name: &str, store: &Store| {
        let digest = store.put_bytes(name.as_bytes()).unwrap();
        let node = FileNode { name: name.into(), digest, is_executable: false };
        store.put_directory(&Directory { files: vec![node], ..Directory::default() }).unwrap()
    };
    let old = directory("old", &store);
    store.commit(&[done(1, with_directory(old))]).unwrap();
    let store = store.again();
    let new = directory("new", &store);
    store.commit(&[done(2, with_directory(new))]).unwrap();
    let places = [store.assemble(&old).unwrap(), store.assemble(&new).unwrap()];
    let store = store.again();
    // Both were touched when they were assembled; only the directory of the kept result stays.
    let collected = store.gc(5).unwrap();
    assert_eq!((collected.results, collected.trees), (1, 1));
    assert_eq!((store.directory(&old), store.directory(&new).is_ok()), (Err(Lost(old)), true));
    assert_eq!(places.map(|place| place.exists()), [false, true]);
    assert!(is_hit(&store, 2));
}

#[test]
fn both_variants_of_a_blob_go_together() {
    let store = store();
    let digest = build(&store, 1, b"#!");
    store.blob(&digest, Executable::Yes).unwrap();
    assert_eq!((store.stats().unwrap().blobs, store.stats().unwrap().bytes), (1, 4));
    let store = store.again();
    store.gc(0).unwrap();
    assert_eq!(store.has(&[digest]), [false]);
    assert_eq!(store.stats().unwrap().bytes, 0);
}

#[test]
fn nothing_is_left_in_the_trash_or_among_temporary_files() {
    let store = built(0..3);
    fs::write(store.below("trash/old"), "x").unwrap();
    fs::create_dir_all(store.below("memory")).unwrap();
    fs::write(store.below("memory/.new-x"), "x").unwrap();
    store.gc(0).unwrap();
    assert_eq!(["trash", "tmp", "memory"].map(|name| count(&store.below(name))), [0, 0, 0]);
}

#[test]
fn collections_and_builds_go_on_at_the_same_time() {
    let store = built(0..20);
    let (one, two, three) = (store.beside(), store.beside(), store.beside());
    std::thread::scope(|scope| {
        for collector in [&one, &two] {
            scope.spawn(|| (0..10).for_each(|_| assert!(collector.gc(3000).is_ok())));
        }
        for number in 0..40 {
            if !is_hit(&three, number) {
                build(&three, number, &bytes(number));
            }
            // What a living invocation has been told is there stays there.
            assert!(three.blob(&Digest::of(&bytes(number)), Executable::No).is_ok(), "{number}");
        }
    });
    assert!(store.verify().unwrap().is_clean());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_goes_that_a_kept_result_needs(
        actions in prop::collection::vec(prop::collection::btree_set(0..12_u8, 0..5), 1..10),
        used in prop::collection::vec(0..10_usize, 0..4),
        to in 0..1500_u64,
    ) {
        let mut store = store();
        for (number, contents) in actions.iter().enumerate() {
            let node = |content: &u8| FileNode {
                name: format!("{content}"),
                digest: store.put_bytes(&[*content; 100]).unwrap(),
                is_executable: content.is_multiple_of(2),
            };
            let mut files: Vec<FileNode> = contents.iter().map(node).collect();
            files.sort_by(|a, b| a.name.cmp(&b.name));
            let root = store.put_directory(&Directory { files, ..Directory::default() }).unwrap();
            store.commit(&[done(number as u64, with_directory(root))]).unwrap();
            if number % 3 == 0 {
                store.assemble(&root).unwrap();
            }
            store = store.again();
        }
        for number in used {
            is_hit(&store, number as u64);
            store = store.again();
        }
        let collected = store.gc(to).unwrap();
        prop_assert!(collected.kept_bytes <= to);
        prop_assert_eq!(store.stats().unwrap().bytes, collected.kept_bytes);
        let verified = store.verify().unwrap();
        prop_assert!(verified.is_clean(), "{:?}", verified);
        let mut needed = BTreeSet::new();
        for (number, contents) in actions.iter().enumerate() {
            if let Some(result) = store.lookup(&[key(number as u64)]).remove(0) {
                needed.extend(contents);
                store.assemble(&result.output_directories[0].root_directory_digest).unwrap();
            }
        }
        for content in needed {
            prop_assert!(store.blob(&Digest::of(&[content; 100]), Executable::No).is_ok());
        }
    }
}
