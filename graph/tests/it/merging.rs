//! Input roots: however their parts come, as files or as directories known by digest, the tree is the same.

use std::collections::{BTreeMap, HashMap};

use graph::{EncodeError, Encoded, encode};
use model::reapi::{Directory, FileNode, Message};
use model::{Action, Content, Digest, Fingerprint, Limits, Lost, Need, Purpose, RelPath, Work};
use proptest::prelude::*;
use testkit::analysis::path;

/// The `Directory` messages that can be loaded.
type Store = HashMap<Digest, Vec<u8>>;

fn tree() -> Action {
    Action {
        name: "".into(),
        work: Work::Tree(model::Assembly::Merge),
        purpose: Purpose::Internal,
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs: Vec::new(),
        limits: Limits::default(),
        grants: model::Grants::default(),
        rule_version: 1,
    }
}

fn encoded(placed: Vec<(RelPath, Content)>, store: &Store) -> Result<Encoded, EncodeError> {
    let load = |digest: &Digest| {
        let bytes = store.get(digest).ok_or(Lost(*digest))?;
        Directory::decode(bytes).map_err(|_| Lost(*digest))
    };
    encode(&tree(), "", placed, &|_: &Need| Fingerprint([0; 32]), &load)
}

/// Stores a tree, and returns it as one directory.
fn stored(files: Vec<(RelPath, Content)>, store: &mut Store) -> Content {
    let encoded = encoded(files, store).unwrap();
    store.extend(encoded.messages);
    Content::Directory(encoded.input_root)
}

fn file(text: &str) -> Content {
    Content::File { digest: Digest::of(text.as_bytes()), executable: text.len().is_multiple_of(2) }
}

fn files(list: &[&str]) -> Vec<(RelPath, Content)> {
    list.iter().map(|name| (path(name), file(name))).collect()
}

/// Files without one inside another: the last segment begins with `f`, the others do not.
fn some_files() -> impl Strategy<Value = BTreeMap<String, u8>> {
    prop::collection::btree_map("([abc]/){0,3}f[xy]?", any::<u8>(), 0..12)
}

/// How one layer of the files comes: which of them (by bits), and as a directory at which place.
fn layers() -> impl Strategy<Value = Vec<(u16, Option<&'static str>)>> {
    prop::collection::vec((any::<u16>(), prop::option::of(prop::sample::select(vec!["", "a", "a/b", "c"]))), 0..4)
}

fn layer(files: &[(RelPath, Content)], bits: u16, mount: Option<&str>, store: &mut Store) -> Vec<(RelPath, Content)> {
    let chosen = files.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, file)| file.clone());
    let Some(mount) = mount.map(path) else { return chosen.collect() };
    let (below, mut beside): (Vec<_>, Vec<_>) = chosen.partition(|(at, _)| at.starts_with(&mount));
    if !below.is_empty() {
        let below = below.into_iter().map(|(at, content)| (at.strip_prefix(&mount).unwrap(), content));
        let directory = stored(below.collect(), store);
        beside.push((mount, directory));
    }
    beside
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_directories_equals_building_the_tree_flat(files in some_files(), layers in layers()) {
        let flat: Vec<(RelPath, Content)> =
            files.iter().map(|(at, text)| (path(at), file(&text.to_string()))).collect();
        let mut store = Store::new();
        let mut placed: Vec<(RelPath, Content)> =
            layers.iter().flat_map(|(bits, mount)| layer(&flat, *bits, *mount, &mut store)).collect();
        let covered = layers.iter().fold(0, |all, (bits, _)| all | bits);
        placed.extend(layer(&flat, !covered, None, &mut store));
        let want = encoded(flat.clone(), &store).unwrap();
        let merged = encoded(placed, &store).unwrap();
        prop_assert_eq!(merged.input_root, want.input_root);
        prop_assert_eq!(merged.key, want.key);
        prop_assert_eq!(opened(merged.layout, &store), flat);
    }
}

/// Opens the directories of a layout.
fn opened(layout: Vec<(RelPath, Content)>, store: &Store) -> Vec<(RelPath, Content)> {
    let mut all = Vec::new();
    for (at, content) in layout {
        let Content::Directory(digest) = content else {
            all.push((at, content));
            continue;
        };
        let directory = Directory::decode(&store[&digest]).unwrap();
        let files = directory.files.into_iter();
        let files =
            files.map(|file| (file.name, Content::File { digest: file.digest, executable: file.is_executable }));
        let directories = directory.directories.into_iter().map(|node| (node.name, Content::Directory(node.digest)));
        let below = files.chain(directories).map(|(name, content)| (at.child(&name).unwrap(), content));
        all.extend(opened(below.collect(), store));
    }
    all.sort();
    all
}

#[test]
fn two_files_at_one_path_are_a_conflict() {
    let store = Store::new();
    let placed = vec![(path("a/x"), file("one")), (path("a/x"), file("two"))];
    let conflict = encoded(placed, &store).err().unwrap();
    assert_eq!(conflict.to_string(), "two inputs of the action want the path `a/x`");
    assert!(encoded(vec![(path("a/x"), file("one")), (path("a/x"), file("one"))], &store).is_ok());
}

#[test]
fn a_file_below_a_file_is_a_conflict() {
    let store = Store::new();
    for (first, second) in [("a", "a/b"), ("a/b", "a")] {
        assert!(matches!(encoded(files(&[first, second]), &store), Err(EncodeError::Conflict(_))), "{first} {second}");
    }
}

#[test]
fn a_directory_that_meets_nothing_is_not_loaded() {
    let lost = Content::Directory(Digest::of(b"nobody has this"));
    let store = Store::new();
    assert!(encoded(vec![(path("a"), lost.clone()), (path("b/c"), file("x"))], &store).is_ok());
    assert!(matches!(encoded(vec![(path("a"), lost), (path("a/c"), file("x"))], &store), Err(EncodeError::Lost(_))));
}

#[test]
fn a_directory_with_names_that_leave_it_counts_as_lost() {
    for name in ["..", "a/b", "", ".", "/etc"] {
        let node = FileNode { name: name.to_owned(), digest: Digest::of(b""), is_executable: false };
        let bytes = Directory { files: vec![node], ..Directory::default() }.encode();
        let digest = Digest::of(&bytes);
        let store = Store::from([(digest, bytes)]);
        let placed = vec![(path("d"), Content::Directory(digest)), (path("d/x"), file("x"))];
        assert!(matches!(encoded(placed, &store), Err(EncodeError::Lost(_))), "{name:?}");
    }
}
