//! The section of the memory file that holds results.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use graph::{Delivered, DeliveredFile, Failed, Known, Remembered, Results};
use model::{ActionKey, Content, Digest, FileId, FileKind, RelPath, StaticKey};
use proptest::prelude::*;
use testkit::analysis::{analysis, command, id, path};

use crate::shop::linked;

fn digest(seed: u8) -> Digest {
    Digest::of(&[seed])
}

fn remembered(seed: u8) -> Remembered {
    let outputs = vec![
        (path("a"), Content::File { digest: digest(seed), executable: seed.is_multiple_of(2) }),
        (path("b"), Content::Symlink(Arc::from("a"))),
        (path("c"), Content::Directory(digest(seed ^ 1))),
    ];
    let log = (seed > 9).then(|| digest(seed));
    let known = Known { key: ActionKey(digest(seed)), outputs, log, duration: Duration::from_millis(seed.into()) };
    Remembered { known: Arc::new(known), seen: [seed; 32] }
}

fn failed(seed: u8) -> Failed {
    Failed { why: format!("exit code {seed}"), log: seed.is_multiple_of(2).then(|| digest(seed)) }
}

fn results(seeds: &[u8]) -> Results {
    let mut results = Results::default();
    for seed in seeds {
        results.actions.insert(StaticKey([*seed; 32]), remembered(*seed));
        let learned = HashMap::from([(FileId::of(FileKind::Executable, &[*seed]), digest(*seed))]);
        results.digests.update(learned, &|_| true);
        let file = DeliveredFile {
            path: RelPath::root(),
            size_bytes: u64::MAX,
            modified_ns: i64::MIN,
            changed_ns: -1,
            inode: u64::from(*seed),
            mode: 0o100_755,
        };
        let outputs = remembered(*seed).known.outputs.clone();
        results.delivered.insert(id(&format!("//p{seed}")), Delivered { outputs, files: vec![file] });
        results.failures.insert(format!("//p{seed} compile"), failed(*seed));
    }
    results
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(seeds in prop::collection::vec(any::<u8>(), 0..20)) {
        let results = results(&seeds);
        prop_assert_eq!(&Results::decode(&results.encode(), results.digests.encode().to_vec()), &results);
    }

    #[test]
    fn the_encoding_does_not_depend_on_the_order_of_insertion(mut seeds in prop::collection::vec(any::<u8>(), 0..20)) {
        let forwards = results(&seeds).encode();
        seeds.reverse();
        prop_assert_eq!(forwards, results(&seeds).encode());
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), version in any::<bool>()) {
        let bytes = if version { [vec![2], bytes].concat() } else { bytes };
        Results::decode(&bytes, bytes.clone()).digests.known();
    }

    #[test]
    fn a_section_that_is_cut_off_counts_as_empty(cut in 0..500usize) {
        let bytes = results(&[1, 2, 3]).encode();
        prop_assert_eq!(Results::decode(&bytes[..cut.min(bytes.len() - 1)], Vec::new()), Results::default());
    }
}

#[test]
fn garbage_counts_as_empty() {
    for bytes in [&b""[..], b"garbage", &[2], &[2, 0xff, 0xff, 0xff, 0xff, 0xff], &[0, 0, 0, 0, 0], &[3, 0, 0, 0, 0]] {
        assert_eq!(Results::decode(bytes, Vec::new()), Results::default(), "{bytes:?}");
    }
}

#[test]
fn what_no_target_can_use_again_is_dropped() {
    let graph = linked(analysis([command("//a").sources(&["a/x"])]));
    let file = FileId::of(FileKind::File, b"x");
    let keys = graph.static_keys(&graph.file_ids(&|files| vec![file; files.len()]), "");
    let key = keys[graph.steps().next().unwrap()];
    let mut results = results(&[1, 2]);
    results.actions.insert(key, remembered(7));
    results.digests.update(HashMap::from([(file, digest(7))]), &|id| *id == file);
    results.failures.insert("//a:a".to_owned(), failed(7));
    results.retain(&graph, &keys);
    assert_eq!(results.actions.keys().collect::<Vec<_>>(), [&key]);
    assert_eq!(results.digests.known().keys().collect::<Vec<_>>(), [&file]);
    assert_eq!(results.failures.keys().collect::<Vec<_>>(), ["//a:a"]);
    assert_eq!(results.delivered.len(), 2, "deliveries are kept until they are deleted");
}
