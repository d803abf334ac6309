//! Holds `model::reapi` against prost: the structs below have the fields and tags of the published stubs
//! (`bazel-remote-apis` 0.30), which themselves would bring a gRPC stack.

use std::time::Duration;

use model::Digest;
use model::reapi::{self, Message as _};
use proptest::prelude::*;

mod stubs {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub struct Digest {
        #[prost(string, tag = "1")]
        pub hash: String,
        #[prost(int64, tag = "2")]
        pub size_bytes: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Span {
        #[prost(int64, tag = "1")]
        pub seconds: i64,
        #[prost(int32, tag = "2")]
        pub nanos: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Pair {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Platform {
        #[prost(message, repeated, tag = "1")]
        pub properties: Vec<Pair>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Action {
        #[prost(message, optional, tag = "1")]
        pub command_digest: Option<Digest>,
        #[prost(message, optional, tag = "2")]
        pub input_root_digest: Option<Digest>,
        #[prost(message, optional, tag = "6")]
        pub timeout: Option<Span>,
        #[prost(bool, tag = "7")]
        pub do_not_cache: bool,
        #[prost(bytes = "vec", tag = "9")]
        pub salt: Vec<u8>,
        #[prost(message, optional, tag = "10")]
        pub platform: Option<Platform>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Command {
        #[prost(string, repeated, tag = "1")]
        pub arguments: Vec<String>,
        #[prost(message, repeated, tag = "2")]
        pub environment_variables: Vec<Pair>,
        #[prost(string, tag = "6")]
        pub working_directory: String,
        #[prost(string, repeated, tag = "7")]
        pub output_paths: Vec<String>,
    }

    /// FileNode, DirectoryNode and OutputFile have the same tags.
    #[derive(Clone, PartialEq, Message)]
    pub struct Node {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(message, optional, tag = "2")]
        pub digest: Option<Digest>,
        #[prost(bool, tag = "4")]
        pub is_executable: bool,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Directory {
        #[prost(message, repeated, tag = "1")]
        pub files: Vec<Node>,
        #[prost(message, repeated, tag = "2")]
        pub directories: Vec<Node>,
        #[prost(message, repeated, tag = "3")]
        pub symlinks: Vec<Pair>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Tree {
        #[prost(message, optional, tag = "1")]
        pub root: Option<Directory>,
        #[prost(message, repeated, tag = "2")]
        pub children: Vec<Directory>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct OutputDirectory {
        #[prost(string, tag = "1")]
        pub path: String,
        #[prost(message, optional, tag = "3")]
        pub tree_digest: Option<Digest>,
        #[prost(message, optional, tag = "5")]
        pub root_directory_digest: Option<Digest>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Metadata {
        #[prost(message, optional, tag = "12")]
        pub virtual_execution_duration: Option<Span>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct ActionResult {
        #[prost(message, repeated, tag = "2")]
        pub output_files: Vec<Node>,
        #[prost(message, repeated, tag = "3")]
        pub output_directories: Vec<OutputDirectory>,
        #[prost(int32, tag = "4")]
        pub exit_code: i32,
        #[prost(message, optional, tag = "6")]
        pub stdout_digest: Option<Digest>,
        #[prost(message, optional, tag = "9")]
        pub execution_metadata: Option<Metadata>,
        #[prost(message, repeated, tag = "12")]
        pub output_symlinks: Vec<Pair>,
    }
}

fn digest(digest: &Digest) -> Option<stubs::Digest> {
    Some(stubs::Digest { hash: digest.hex(), size_bytes: digest.size_bytes as i64 })
}

fn span(duration: Duration) -> stubs::Span {
    stubs::Span { seconds: duration.as_secs() as i64, nanos: duration.subsec_nanos() as i32 }
}

fn pair(name: &str, value: &str) -> stubs::Pair {
    stubs::Pair { name: name.into(), value: value.into() }
}

fn node(name: &str, of: &Digest, is_executable: bool) -> stubs::Node {
    stubs::Node { name: name.into(), digest: digest(of), is_executable }
}

fn pairs(pairs: &[(String, String)]) -> Vec<stubs::Pair> {
    pairs.iter().map(|(name, value)| pair(name, value)).collect()
}

fn directory(message: &reapi::Directory) -> stubs::Directory {
    stubs::Directory {
        files: message.files.iter().map(|file| node(&file.name, &file.digest, file.is_executable)).collect(),
        directories: message.directories.iter().map(|below| node(&below.name, &below.digest, false)).collect(),
        symlinks: message.symlinks.iter().map(|link| pair(&link.name, &link.target)).collect(),
    }
}

fn any_digest() -> impl Strategy<Value = Digest> {
    (any::<[u8; 32]>(), 0..u64::MAX / 2).prop_map(|(hash, size_bytes)| Digest { hash, size_bytes })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{1,9}", "[a-z]{120,140}"]
}

fn any_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((any_text(), any_text()), 0..4)
}

fn any_duration() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0..1_u64 << 40, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)))
}

fn any_directory() -> impl Strategy<Value = reapi::Directory> {
    let file = (any_text(), any_digest(), any::<bool>()).prop_map(|(name, digest, is_executable)| reapi::FileNode {
        name,
        digest,
        is_executable,
    });
    let below = (any_text(), any_digest()).prop_map(|(name, digest)| reapi::DirectoryNode { name, digest });
    let link = (any_text(), any_text()).prop_map(|(name, target)| reapi::SymlinkNode { name, target });
    let list = 0..4_usize;
    (
        prop::collection::vec(file, list.clone()),
        prop::collection::vec(below, list.clone()),
        prop::collection::vec(link, list),
    )
        .prop_map(|(files, directories, symlinks)| reapi::Directory { files, directories, symlinks })
}

fn any_action() -> impl Strategy<Value = reapi::Action> {
    let salt = prop::collection::vec(any::<u8>(), 0..9);
    (any_digest(), any_digest(), any_duration(), any::<bool>(), salt, any_pairs()).prop_map(
        |(command_digest, input_root_digest, timeout, do_not_cache, salt, platform)| reapi::Action {
            command_digest,
            input_root_digest,
            timeout,
            do_not_cache,
            salt,
            platform,
        },
    )
}

fn any_command() -> impl Strategy<Value = reapi::Command> {
    let texts = || prop::collection::vec(any_text(), 0..4);
    (texts(), any_pairs(), any_text(), texts()).prop_map(
        |(arguments, environment_variables, working_directory, output_paths)| reapi::Command {
            arguments,
            environment_variables,
            working_directory,
            output_paths,
        },
    )
}

fn any_result() -> impl Strategy<Value = reapi::ActionResult> {
    let file = (any_text(), any_digest(), any::<bool>()).prop_map(|(path, digest, is_executable)| reapi::OutputFile {
        path,
        digest,
        is_executable,
    });
    let below = (any_text(), prop::option::of(any_digest()), any_digest()).prop_map(
        |(path, tree_digest, root_directory_digest)| reapi::OutputDirectory {
            path,
            tree_digest,
            root_directory_digest,
        },
    );
    let link = (any_text(), any_text()).prop_map(|(path, target)| reapi::OutputSymlink { path, target });
    (
        prop::collection::vec(file, 0..4),
        prop::collection::vec(below, 0..4),
        prop::collection::vec(link, 0..4),
        0..256_u32,
        prop::option::of(any_digest()),
        any_duration(),
    )
        .prop_map(|(output_files, output_directories, output_symlinks, exit_code, stdout_digest, duration)| {
            reapi::ActionResult {
                output_files,
                output_directories,
                output_symlinks,
                exit_code,
                stdout_digest,
                duration,
            }
        })
}

/// Both encodings are the same bytes, and they decode to the same message.
fn check<M: reapi::Message + PartialEq + std::fmt::Debug>(
    ours: &M,
    theirs: &impl prost::Message,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.encode(), theirs.encode_to_vec());
    prop_assert_eq!(&M::decode(&theirs.encode_to_vec()).unwrap(), ours);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn actions_are_encoded_as_prost_does(ours in any_action()) {
        let platform = (!ours.platform.is_empty()).then(|| stubs::Platform { properties: pairs(&ours.platform) });
        let theirs = stubs::Action {
            command_digest: digest(&ours.command_digest),
            input_root_digest: digest(&ours.input_root_digest),
            timeout: ours.timeout.map(span),
            do_not_cache: ours.do_not_cache,
            salt: ours.salt.clone(),
            platform,
        };
        check(&ours, &theirs)?;
    }

    #[test]
    fn commands_are_encoded_as_prost_does(ours in any_command()) {
        let theirs = stubs::Command {
            arguments: ours.arguments.clone(),
            environment_variables: pairs(&ours.environment_variables),
            working_directory: ours.working_directory.clone(),
            output_paths: ours.output_paths.clone(),
        };
        check(&ours, &theirs)?;
    }

    #[test]
    fn directories_and_trees_are_encoded_as_prost_does(
        root in any_directory(),
        children in prop::collection::vec(any_directory(), 0..3),
    ) {
        check(&root, &directory(&root))?;
        let theirs = stubs::Tree { root: Some(directory(&root)), children: children.iter().map(directory).collect() };
        check(&reapi::Tree { root, children }, &theirs)?;
    }

    #[test]
    fn results_are_encoded_as_prost_does(ours in any_result()) {
        let below = |below: &reapi::OutputDirectory| stubs::OutputDirectory {
            path: below.path.clone(),
            tree_digest: below.tree_digest.as_ref().and_then(digest),
            root_directory_digest: digest(&below.root_directory_digest),
        };
        let theirs = stubs::ActionResult {
            output_files: ours.output_files.iter().map(|file| node(&file.path, &file.digest, file.is_executable)).collect(),
            output_directories: ours.output_directories.iter().map(below).collect(),
            exit_code: ours.exit_code as i32,
            stdout_digest: ours.stdout_digest.as_ref().and_then(digest),
            execution_metadata: ours.duration.map(|duration| stubs::Metadata {
                virtual_execution_duration: Some(span(duration)),
            }),
            output_symlinks: ours.output_symlinks.iter().map(|link| pair(&link.path, &link.target)).collect(),
        };
        check(&ours, &theirs)?;
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (reapi::Action::decode(&bytes), reapi::Command::decode(&bytes), reapi::Tree::decode(&bytes));
        let _ = reapi::ActionResult::decode(&bytes);
    }
}
