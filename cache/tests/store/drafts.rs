//! Directories that are filled while their files are stored.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use cache::Executable;
use model::reapi::{Directory, DirectoryNode, FileNode};
use model::{Digest, RelPath};
use proptest::prelude::*;

use crate::directories::print;
use crate::setup::*;

type Files = BTreeMap<&'static str, &'static str>;

/// Stores files in a draft that says what they are. Returns the digest of the directory.
fn draft(store: &Store, files: &Files) -> Digest {
    let draft = store.draft().unwrap();
    for (path, text) in files {
        draft.put_file(&RelPath::new(path).unwrap(), &mut text.as_bytes(), Executable::No).unwrap();
    }
    let root = put(store, files);
    draft.finish(&root);
    root
}

/// Stores the messages of a directory.
fn put(store: &Store, files: &Files) -> Digest {
    let mut directory = Directory::default();
    let mut below = BTreeMap::<&str, Files>::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some((name, rest)) => drop(below.entry(name).or_default().insert(rest, text)),
            None => {
                let digest = Digest::of(text.as_bytes());
                directory.files.push(FileNode { name: (*path).into(), digest, is_executable: false });
            }
        }
    }
    let node = |(name, files): (&str, Files)| DirectoryNode { name: name.into(), digest: put(store, &files) };
    directory.directories = below.into_iter().map(node).collect();
    store.put_directory(&directory).unwrap()
}

/// Returns what a directory in a tree looks like when it is assembled.
fn expected(files: &Files) -> String {
    let mut lines: Vec<String> = files.iter().map(|(path, text)| format!("{path} 644 {text:?}")).collect();
    let directories = files.keys().flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    lines.extend(directories.map(|path| format!("{path}/ 555")).collect::<std::collections::BTreeSet<_>>());
    lines.sort();
    lines.join("\n")
}

/// Assembles a tree that holds a directory, and returns how many names one of its files has.
fn check_names(store: &Store, package: Digest, files: &Files) -> u64 {
    let node = DirectoryNode { name: "p".into(), digest: package };
    let tree = store.put_directory(&Directory { directories: vec![node], ..Directory::default() }).unwrap();
    let place = store.assemble(&tree).unwrap();
    assert_eq!(mode(&place.join("p")), 0o555);
    assert_eq!(print(&place.join("p")), expected(files));
    fs::metadata(place.join("p").join(files.keys().next().unwrap())).unwrap().nlink()
}

const FILES: [(&str, &str); 3] = [("lib/a", "A"), ("lib/in/b", "B"), ("top", "T")];

#[test]
fn a_draft_is_moved_into_the_first_tree_that_holds_it() {
    let (store, files) = (store(), Files::from(FILES));
    let root = draft(&store, &files);
    assert_eq!(check_names(&store, root, &files), 2, "the blob's and the tree's");
    store.put_bytes(b"N").unwrap();
    let again = Files::from([("lib/a", "A"), ("lib/in/b", "B"), ("new", "N")]);
    assert_eq!(check_names(&store, put(&store, &again), &again), 3, "and that of another tree");
}

/// As rg unpacks a package: its directory lies deep in the draft.
#[test]
fn a_directory_of_a_draft_is_moved_into_a_tree() {
    let (store, files) = (store(), Files::from(FILES));
    draft(
        &store,
        &[("out/unpacked/p/lib/a", "A"), ("out/unpacked/p/lib/in/b", "B"), ("out/unpacked/p/top", "T")].into(),
    );
    assert_eq!(check_names(&store, put(&store, &files), &files), 2);
}

#[test]
fn a_part_of_a_draft_is_moved_into_a_tree_that_holds_more() {
    let (store, files) = (store(), Files::from(FILES));
    draft(&store, &files);
    store.put_bytes(b"N").unwrap();
    let more = files.iter().map(|(path, text)| (*path, *text)).chain([("new", "N")]).collect();
    assert_eq!(check_names(&store, put(&store, &more), &more), 2);
}

#[test]
fn a_draft_that_is_not_what_its_digest_says_is_not_used() {
    let (store, files) = (store(), Files::from(FILES));
    let draft = store.draft().unwrap();
    for text in ["A", "B", "T"] {
        store.put_bytes(text.as_bytes()).unwrap();
    }
    draft.put_file(&RelPath::new("lib/a").unwrap(), &mut &b"A"[..], Executable::No).unwrap();
    let root = put(&store, &files);
    draft.finish(&root);
    assert_eq!(check_names(&store, root, &files), 2);
}

#[test]
fn the_last_file_of_a_path_counts() {
    let (store, files) = (store(), Files::from([("f", "last")]));
    let draft = store.draft().unwrap();
    let at = RelPath::new("f").unwrap();
    draft.put_file(&at, &mut &b"first"[..], Executable::Yes).unwrap();
    let last = store.put_bytes(b"last").unwrap();
    draft.put_stored(&at, &last, Executable::No);
    let root = put(&store, &files);
    draft.finish(&root);
    assert_eq!(check_names(&store, root, &files), 2);
}

fn arb_files() -> impl Strategy<Value = Files> {
    let paths = prop::sample::select(vec!["a/x", "a/y", "a/b/x", "c/a/x", "c/a/y", "c/z", "t"]);
    let texts = prop::sample::select(vec!["1", "2"]);
    prop::collection::btree_map(paths, texts, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_and_without_drafts_trees_are_the_same(
        drafts in prop::collection::vec(arb_files(), 0..4),
        trees in prop::collection::vec(arb_files(), 1..5),
    ) {
        let store = store();
        for text in ["1", "2"] {
            store.put_bytes(text.as_bytes()).unwrap();
        }
        for files in &drafts {
            draft(&store, files);
        }
        for files in drafts.iter().chain(&trees).chain(&drafts) {
            check_names(&store, put(&store, files), files);
        }
    }
}
