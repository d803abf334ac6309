//! The golden vectors: digests that other implementations of the protocol compute for the same messages.

use std::time::Duration;

use super::*;
use crate::Digest;

fn check(message: &(impl Message + PartialEq + std::fmt::Debug), want: &str) -> Digest {
    let bytes = message.encode();
    let digest = Digest::of(&bytes);
    assert_eq!(format!("{digest:?}"), want);
    let decoded = Message::decode(&bytes).unwrap();
    assert_eq!(message, &decoded);
    digest
}

#[test]
fn the_golden_vectors_hold() {
    let script = Digest::of(b"#!/bin/sh\necho hi\n");
    let hello = Digest::of(b"hello\n");
    let bin = Directory {
        files: vec![FileNode { name: "run.sh".into(), digest: script, is_executable: true }],
        ..Directory::default()
    };
    let bin_digest = check(&bin, "0e7879d7b625dc7a1d8e088a4dc3f78fd9d3120c26b59d940692491b8bc6b876/82");
    let root = Directory {
        files: vec![FileNode { name: "hello.txt".into(), digest: hello, is_executable: false }],
        directories: vec![DirectoryNode { name: "bin".into(), digest: bin_digest }],
        symlinks: vec![SymlinkNode { name: "link".into(), target: "hello.txt".into() }],
    };
    let input_root_digest = check(&root, "d0642e5521d66a79943aec12cc8a4a370b80219720d59bc469d45615a18b9a55/179");
    let command = Command {
        arguments: ["/bin/sh", "-c", "bin/run.sh > out.txt"].map(String::from).to_vec(),
        environment_variables: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_directory: String::new(),
        output_paths: vec!["out.txt".into()],
    };
    let command_digest = check(&command, "58db4ca2ae95542f22a9e56d280317d1ee0d2f80bb5ac036db970b61b4d867f9/67");
    let image = format!("docker://docker.io/library/golang@sha256:{}", "0".repeat(64));
    let action = Action {
        command_digest,
        input_root_digest,
        timeout: Some(Duration::from_secs(600)),
        do_not_cache: false,
        salt: Vec::new(),
        platform: vec![("OSFamily".into(), "Linux".into()), ("container-image".into(), image)],
    };
    check(&action, "8d05f94ed3f3050f57a8c66dda6d41df659fdb85e26b5b36ef06f3d3d62eee07/294");
    let tree = Tree { root, children: vec![bin] };
    check(&tree, "ff68db7a3d92206120f9a21c0893864dba334ab3ebe4e50b7d39bab787194ebd/266");
}

#[test]
fn every_field_of_a_result_survives_the_round_trip() {
    let digest = Digest::of(b"x");
    let result = ActionResult {
        output_files: vec![OutputFile { path: "a".into(), digest, is_executable: true }],
        output_directories: vec![OutputDirectory {
            path: "d".into(),
            tree_digest: Some(digest),
            root_directory_digest: Digest::of(b"root"),
        }],
        output_symlinks: vec![OutputSymlink { path: "l".into(), target: "a".into() }],
        exit_code: 3,
        stdout_digest: Some(digest),
        duration: Some(Duration::new(2, 5)),
    };
    assert_eq!(ActionResult::decode(&result.encode()), Ok(result));
}

#[test]
fn hostile_bytes_are_an_error_not_a_panic() {
    let good = Tree { root: Directory::default(), children: vec![Directory::default()] }.encode();
    for end in 0..good.len() {
        let _ = Tree::decode(&good[..end]);
    }
    assert!(Directory::decode(&[0x0a, 0xff]).is_err());
    assert!(Directory::decode(&[0xff; 12]).is_err());
    assert!(Action::decode(&[0x0a, 0x04, 0x0a, 0x02, b'z', b'z']).is_err());
}
