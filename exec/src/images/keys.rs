//! The keys of work on images, and what its results look like: as those of all work inside rg.

use model::reapi::{Action, ActionResult, Command, Directory, Message, OutputDirectory, OutputFile};
use model::{ActionKey, Digest, ImageDigest, Platform};

/// A key with the messages that it is the digest of.
pub(super) struct Keyed {
    pub key: ActionKey,
    pub messages: Vec<(Digest, Vec<u8>)>,
}

/// The key of the root directory of an image. The number is raised when another tree is made of the same layers.
pub(super) fn root(digest: &ImageDigest, platform: &Platform) -> Keyed {
    keyed(&["rg", "image", "root/1", &digest.to_string(), &platform.to_string()], &["config", "root"])
}

/// The key of the tree of one layer. The number is raised when another tree is made of the same bytes.
pub(super) fn layer(diff_id: &ImageDigest) -> Keyed {
    keyed(&["rg", "image", "layer/1", &diff_id.to_string()], &["tree"])
}

fn keyed(words: &[&str], outputs: &[&str]) -> Keyed {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let command = Command { arguments: texts(words), output_paths: texts(outputs), ..Command::default() }.encode();
    let empty = Directory::default().encode();
    let action = Action {
        command_digest: Digest::of(&command),
        input_root_digest: Digest::of(&empty),
        timeout: None,
        do_not_cache: false,
        salt: Vec::new(),
        platform: Vec::new(),
    }
    .encode();
    let key = ActionKey(Digest::of(&action));
    Keyed { key, messages: [empty, command, action].map(|bytes| (Digest::of(&bytes), bytes)).into() }
}

/// Returns a result of files and directories.
pub(super) fn result<const F: usize>(files: [(&str, Digest); F], directories: [(&str, Digest); 1]) -> ActionResult {
    let file = |(path, digest): (&str, Digest)| OutputFile { path: path.to_owned(), digest, is_executable: false };
    let directory = |(path, root): (&str, Digest)| OutputDirectory {
        path: path.to_owned(),
        tree_digest: None,
        root_directory_digest: root,
    };
    ActionResult {
        output_files: files.map(file).into(),
        output_directories: directories.map(directory).into(),
        ..ActionResult::default()
    }
}
