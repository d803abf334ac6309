//! Who runs an action.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::setup::*;

#[test]
fn an_action_is_run_by_one_at_a_time_across_threads_and_invocations() {
    let store = store();
    let other = store.beside();
    let inside = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for cache in [&store.cache, &store.cache, &other, &other] {
            scope.spawn(|| {
                for _ in 0..5 {
                    let _claim = cache.claim(&key(1), &|| false).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
}

#[test]
fn a_waiting_claim_can_be_cancelled() {
    let store = store();
    let _held = store.claim(&key(1), &|| false).unwrap();
    let asked = AtomicU32::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::SeqCst) == 2;
    assert!(store.beside().claim(&key(1), &cancelled).is_none());
}

#[test]
fn there_are_never_more_than_1024_lock_files() {
    let store = store();
    for number in 0..3000 {
        drop(store.claim(&key(number), &|| false));
    }
    let files = count(&store.below("claims"));
    assert!((900..=1024).contains(&files), "{files}");
}
