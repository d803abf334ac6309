//! kill -9 at any moment: a real process is killed in the middle of storing, and the store is right.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use cache::Cache;

use crate::setup::*;

const STORE: &str = "RG_TEST_STORE";

/// The victim: not a test of its own. Without a store it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "a process of its own is told by its environment which store it has")]
fn victim() {
    let Some(dir) = std::env::var_os(STORE) else { return };
    let cache = Cache::at(dir.into(), PLENTY);
    for number in 0.. {
        let scratch = cache.scratch().unwrap();
        let output = scratch.path().join("o");
        std::fs::create_dir(&output).unwrap();
        std::fs::write(output.join("f"), format!("{number}").repeat(1000)).unwrap();
        let root = cache.take_directory(&output, &|_, _| true).unwrap();
        cache.commit(&[done(number, with_directory(root))]).unwrap();
        cache.assemble(&root).unwrap();
        println!("\nstored {number}");
        std::io::stdout().flush().unwrap();
    }
}

fn start(store: &Store) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--nocapture"])
        .env(STORE, store.cache.dir())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// Waits until the victim has stored a number.
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, number: u64) {
    let want = format!("stored {number}");
    assert!(lines.any(|line| line.unwrap() == want), "the victim ended before it stored {number}");
}

#[test]
fn whatever_was_stored_before_the_end_is_whole_and_nothing_is_left_over() {
    let store = store();
    for last in [0, 1, 3, 8] {
        let (mut child, mut lines) = start(&store);
        wait_for(&mut lines, last);
        child.kill().unwrap();
        child.wait().unwrap();
        let next = store.beside();
        assert!((0..=last).all(|number| is_hit(&next, number)));
        let verified = next.verify().unwrap();
        assert!(verified.is_clean(), "{verified:?}");
        // One lease and one directory: those of `next`.
        assert_eq!((count(&store.below("leases")), count(&store.below("tmp"))), (1, 1));
    }
}

#[test]
fn a_collection_beside_a_running_process_takes_nothing_of_it_until_it_is_dead() {
    let store = store();
    let (mut child, mut lines) = start(&store);
    wait_for(&mut lines, 2);
    store.gc(0).unwrap();
    assert!((0..=2).all(|number| is_hit(&store.beside(), number)));
    wait_for(&mut lines, 5);
    child.kill().unwrap();
    child.wait().unwrap();
    store.later();
    store.gc(0).unwrap();
    assert_eq!(store.stats().unwrap().bytes, 0);
    assert_eq!(count(&store.below("trees")), 0);
}
