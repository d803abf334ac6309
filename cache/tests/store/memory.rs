//! The memory file.

use std::fs;

use model::Memory;

use crate::setup::*;

fn memory() -> Memory {
    Memory {
        stats: b"stats".to_vec(),
        analysis: Vec::new(),
        results: vec![0; 100],
        digests: b"d".to_vec(),
        tools: b"t".to_vec(),
    }
}

#[test]
fn what_was_remembered_is_recalled_by_name() {
    let store = store();
    store.remember("a", &memory()).unwrap();
    store.remember("b", &Memory::default()).unwrap();
    let store = store.again();
    assert_eq!((store.recall("a"), store.recall("b")), (memory(), Memory::default()));
    assert!(!store.below("db.sqlite").exists());
}

#[test]
fn a_damaged_memory_counts_as_empty() {
    let store = store();
    store.remember("m", &memory()).unwrap();
    let file = store.below("memory/m");
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&file, &bad).unwrap();
        assert_eq!(store.recall("m"), Memory::default(), "bit flipped in byte {at}");
        fs::write(&file, &good[..at]).unwrap();
        assert_eq!(store.recall("m"), Memory::default(), "truncated to {at}");
    }
    fs::write(&file, [good.as_slice(), b"more"].concat()).unwrap();
    assert_eq!(store.recall("m"), Memory::default());
    fs::write(&file, &good).unwrap();
    assert_eq!(store.recall("m"), memory());
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let store = store();
    for name in ["", ".", "..", "a/b", "/x", ".new-x"] {
        assert!(store.remember(name, &memory()).is_err(), "{name}");
        assert_eq!(store.recall(name), Memory::default());
    }
}
