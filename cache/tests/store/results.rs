//! Results by key.

use std::fs;
use std::time::Duration;

use model::reapi::{ActionResult, Directory, FileNode, OutputFile};
use model::{Digest, Lost};

use crate::setup::*;

#[test]
fn a_result_comes_back_as_it_was_stored() {
    let store = store();
    let digest = store.put_bytes(b"out").unwrap();
    let result = ActionResult {
        output_files: vec![OutputFile { path: "o".into(), digest, is_executable: true }],
        stdout_digest: Some(store.put_bytes(b"printed").unwrap()),
        duration: Some(Duration::new(3, 4)),
        ..ActionResult::default()
    };
    store.commit(&[done(1, result.clone())]).unwrap();
    assert_eq!(store.lookup(&[key(2), key(1)]), [None, Some(result.clone())]);
    assert_eq!(store.again().lookup(&[key(1)]), [Some(result)]);
}

#[test]
fn a_failed_result_is_never_stored() {
    let store = store();
    store.commit(&[done(1, ActionResult { exit_code: 1, ..ActionResult::default() })]).unwrap();
    assert!(!is_hit(&store, 1));
    assert!(store.history().is_empty());
}

#[test]
fn a_result_that_names_a_missing_file_is_a_miss_of_that_action_alone() {
    let store = store();
    let one = build(&store, 1, b"one");
    build(&store, 2, b"two");
    fs::remove_file(store.blob_file(&one)).unwrap();
    let store = store.again();
    assert_eq!((is_hit(&store, 1), is_hit(&store, 2)), (false, true));
    // Its row is gone: the file alone does not bring it back.
    store.put_bytes(b"one").unwrap();
    assert!(!is_hit(&store, 1));
}

#[test]
fn a_result_whose_files_never_came_is_a_miss() {
    let store = store();
    store.commit(&[done(1, with_file(Digest::of(b"never")))]).unwrap();
    assert!(!is_hit(&store, 1));
}

#[test]
fn files_without_results_do_no_harm() {
    let store = store();
    let digest = store.put_bytes(b"killed before the commit").unwrap();
    let store = store.again();
    assert!(!is_hit(&store, 1));
    store.commit(&[done(1, with_file(digest))]).unwrap();
    assert!(is_hit(&store, 1));
}

#[test]
fn a_directory_result_needs_all_that_is_below_it() {
    let store = store();
    let file = store.put_bytes(b"f").unwrap();
    let node = FileNode { name: "f".into(), digest: file, is_executable: false };
    let root = store.put_directory(&Directory { files: vec![node], ..Directory::default() }).unwrap();
    store.commit(&[done(1, with_directory(root)), done(2, with_directory(Digest::of(b"no message")))]).unwrap();
    assert_eq!((is_hit(&store, 1), is_hit(&store, 2)), (true, false));
    let store = store.again();
    fs::remove_file(store.blob_file(&file)).unwrap();
    assert!(!is_hit(&store, 1));
}

#[test]
fn what_is_lost_in_the_middle_of_a_run_is_no_hit_any_more() {
    let store = store();
    let file = store.put_bytes(b"f").unwrap();
    let node = FileNode { name: "f".into(), digest: file, is_executable: false };
    let root = store.put_directory(&Directory { files: vec![node], ..Directory::default() }).unwrap();
    store.commit(&[done(1, with_directory(root))]).unwrap();
    assert!(is_hit(&store, 1));
    fs::remove_file(store.blob_file(&file)).unwrap();
    assert_eq!(store.assemble(&root), Err(Lost(file)));
    assert!(!is_hit(&store, 1));
}

#[test]
fn messages_are_seen_before_and_after_the_commit() {
    let store = store();
    let directory = Directory::default();
    let digest = store.put_directory(&directory).unwrap();
    assert_eq!(store.directory(&digest).as_ref(), Ok(&directory));
    store.commit(&[]).unwrap();
    assert_eq!(store.directory(&digest).as_ref(), Ok(&directory));
    let store = store.again();
    assert_eq!(store.directory(&digest), Ok(directory));
    assert_eq!(store.directory(&Digest::of(b"x")), Err(Lost(Digest::of(b"x"))));
}

#[test]
fn many_messages_do_not_wait_in_memory() {
    let store = store();
    let name = "n".repeat(250);
    let mut last = None;
    for number in 0..60_u64 {
        let node = |i: u32| FileNode {
            name: format!("{i}{name}"),
            digest: Digest::of(&number.to_le_bytes()),
            is_executable: false,
        };
        last = Some(
            store.put_directory(&Directory { files: (0..256).map(node).collect(), ..Directory::default() }).unwrap(),
        );
    }
    assert!(store.directory(&last.unwrap()).is_ok());
    assert!(fs::metadata(store.below("db.sqlite-wal")).unwrap().len() > 4 << 20);
}

#[test]
fn the_last_duration_of_each_action_is_known() {
    let store = store();
    store.commit(&[done(1, ActionResult::default()), done(2, ActionResult::default())]).unwrap();
    let again = cache::Committed { duration: Duration::from_secs(9), ..done(1, ActionResult::default()) };
    store.commit(&[again]).unwrap();
    let durations = store.again().history();
    assert_eq!(durations["//a:1"].duration, Duration::from_secs(9));
    assert_eq!(durations["//a:2"].duration, Duration::from_millis(2));
}

#[test]
fn questions_to_a_store_that_is_not_there_yet_do_not_stop_it_from_being_made() {
    let store = store();
    assert!(store.history().is_empty());
    assert!(store.directory(&Digest::of(b"")).is_err());
    assert_eq!(store.stats().unwrap().results, 0);
    build(&store, 1, b"one");
    assert!(is_hit(&store.again(), 1));
}

#[test]
fn two_invocations_share_a_store_at_the_same_time() {
    let store = store();
    let other = store.beside();
    std::thread::scope(|scope| {
        for (cache, first) in [(&store.cache, 0), (&other, 100)] {
            scope.spawn(move || {
                for number in first..first + 20 {
                    build(cache, number, &number.to_le_bytes());
                }
            });
        }
    });
    for number in (0..20).chain(100..120) {
        assert!(is_hit(&store, number) && is_hit(&other, number));
    }
}
