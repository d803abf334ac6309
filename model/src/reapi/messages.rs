//! The messages: plain structs with the protocol's own field names.

use std::time::Duration;

use super::Message;
use super::wire::{DecodeError, Value, Writer, fields};
use crate::{Content, Digest};

/// What is run, on which inputs, within which limits. Its digest is the action key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// The digest of the [`Command`].
    pub command_digest: Digest,
    /// The digest of the root [`Directory`] of the inputs.
    pub input_root_digest: Digest,
    /// After this time the action has failed.
    pub timeout: Option<Duration>,
    /// Whether the result may be stored.
    pub do_not_cache: bool,
    /// Bytes that separate results which must not be shared.
    pub salt: Vec<u8>,
    /// Platform properties, sorted by name, then value.
    pub platform: Vec<(String, String)>,
}

/// A command line with its environment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// The environment, sorted by name.
    pub environment_variables: Vec<(String, String)>,
    /// The working directory, relative to the input root.
    pub working_directory: String,
    /// The outputs, relative to the working directory, sorted.
    pub output_paths: Vec<String>,
}

/// One directory of a Merkle tree; each list is sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directory {
    /// The files.
    pub files: Vec<FileNode>,
    /// The directories.
    pub directories: Vec<DirectoryNode>,
    /// The symbolic links.
    pub symlinks: Vec<SymlinkNode>,
}

impl Directory {
    /// Returns the entry of a name.
    pub fn entry(&self, name: &str) -> Option<Content> {
        let file = self.files.iter().find(|node| node.name == name);
        let file = file.map(|node| Content::File { digest: node.digest, executable: node.is_executable });
        let directory =
            || self.directories.iter().find(|node| node.name == name).map(|it| Content::Directory(it.digest));
        let link =
            || self.symlinks.iter().find(|node| node.name == name).map(|it| Content::Symlink((*it.target).into()));
        file.or_else(directory).or_else(link)
    }

    /// Returns all entries by name.
    pub fn into_entries(self) -> impl Iterator<Item = (String, Content)> {
        let file = |file: FileNode| (file.name, Content::File { digest: file.digest, executable: file.is_executable });
        let directory = |node: DirectoryNode| (node.name, Content::Directory(node.digest));
        let link = |link: SymlinkNode| (link.name, Content::Symlink(link.target.into()));
        let files = self.files.into_iter().map(file);
        files.chain(self.directories.into_iter().map(directory)).chain(self.symlinks.into_iter().map(link))
    }

    /// Makes a directory of entries, which come sorted by name.
    pub fn of(entries: impl IntoIterator<Item = (String, Content)>) -> Directory {
        let mut directory = Directory::default();
        for (name, content) in entries {
            match content {
                Content::File { digest, executable } => {
                    directory.files.push(FileNode { name, digest, is_executable: executable });
                }
                Content::Symlink(target) => {
                    directory.symlinks.push(SymlinkNode { name, target: target.to_string() });
                }
                Content::Directory(digest) => directory.directories.push(DirectoryNode { name, digest }),
            }
        }
        directory
    }
}

/// A file of a [`Directory`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileNode {
    /// One path segment.
    pub name: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Whether its owner may execute it.
    pub is_executable: bool,
}

/// A directory of a [`Directory`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryNode {
    /// One path segment.
    pub name: String,
    /// The digest of its `Directory` message.
    pub digest: Digest,
}

/// A symbolic link of a [`Directory`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SymlinkNode {
    /// One path segment.
    pub name: String,
    /// The target text.
    pub target: String,
}

/// A directory with all directories below it in one message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    /// The top.
    pub root: Directory,
    /// All others, each once.
    pub children: Vec<Directory>,
}

/// What an action left behind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ActionResult {
    /// The files, sorted by path.
    pub output_files: Vec<OutputFile>,
    /// The directories, sorted by path.
    pub output_directories: Vec<OutputDirectory>,
    /// The symbolic links, sorted by path.
    pub output_symlinks: Vec<OutputSymlink>,
    /// The exit code.
    pub exit_code: u32,
    /// What the action printed, both streams as they came; absent when nothing was.
    pub stdout_digest: Option<Digest>,
    /// How long the program ran (`execution_metadata.virtual_execution_duration`).
    pub duration: Option<Duration>,
}

/// A file that an action left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputFile {
    /// The path, relative to the working directory.
    pub path: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Whether its owner may execute it.
    pub is_executable: bool,
}

/// A directory that an action left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputDirectory {
    /// The path, relative to the working directory.
    pub path: String,
    /// The digest of its [`Tree`] message; absent in the local store, which can make it from the root.
    pub tree_digest: Option<Digest>,
    /// The digest of its root [`Directory`] message.
    pub root_directory_digest: Digest,
}

/// A symbolic link that an action left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputSymlink {
    /// The path, relative to the working directory.
    pub path: String,
    /// The target text.
    pub target: String,
}

const NO_DIGEST: Digest = Digest { hash: [0; 32], size_bytes: 0 };

/// Decodes a message with exactly two text fields, tags 1 and 2.
fn pair(value: Value<'_>) -> Result<(String, String), DecodeError> {
    let mut pair = (String::new(), String::new());
    fields(value.bytes()?, |tag, value| {
        match tag {
            1 => pair.0 = value.text()?,
            2 => pair.1 = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(pair)
}

fn encode_pair(name: &str, value: &str) -> Vec<u8> {
    let mut inner = Writer::default();
    inner.bytes(1, name.as_bytes());
    inner.bytes(2, value.as_bytes());
    inner.finish()
}

fn flag(value: Value<'_>) -> Result<bool, DecodeError> {
    Ok(value.number()? != 0)
}

impl Message for Action {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.digest(1, &self.command_digest);
        out.digest(2, &self.input_root_digest);
        if let Some(timeout) = self.timeout {
            out.duration(6, timeout);
        }
        out.number(7, u64::from(self.do_not_cache));
        out.bytes(9, &self.salt);
        if !self.platform.is_empty() {
            let mut platform = Writer::default();
            for (name, value) in &self.platform {
                platform.message(1, &encode_pair(name, value));
            }
            out.message(10, &platform.finish());
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Action, DecodeError> {
        let mut action = Action {
            command_digest: NO_DIGEST,
            input_root_digest: NO_DIGEST,
            timeout: None,
            do_not_cache: false,
            salt: Vec::new(),
            platform: Vec::new(),
        };
        fields(bytes, |tag, value| {
            match tag {
                1 => action.command_digest = value.digest()?,
                2 => action.input_root_digest = value.digest()?,
                6 => action.timeout = Some(value.duration()?),
                7 => action.do_not_cache = flag(value)?,
                9 => action.salt = value.bytes()?.to_vec(),
                10 => fields(value.bytes()?, |_, value| {
                    action.platform.push(pair(value)?);
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(action)
    }
}

impl Message for Command {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for argument in &self.arguments {
            out.message(1, argument.as_bytes());
        }
        for (name, value) in &self.environment_variables {
            out.message(2, &encode_pair(name, value));
        }
        out.bytes(6, self.working_directory.as_bytes());
        for path in &self.output_paths {
            out.message(7, path.as_bytes());
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Command, DecodeError> {
        let mut command = Command::default();
        fields(bytes, |tag, value| {
            match tag {
                1 => command.arguments.push(value.text()?),
                2 => command.environment_variables.push(pair(value)?),
                6 => command.working_directory = value.text()?,
                7 => command.output_paths.push(value.text()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(command)
    }
}

impl Message for Directory {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for file in &self.files {
            let mut node = Writer::default();
            node.bytes(1, file.name.as_bytes());
            node.digest(2, &file.digest);
            node.number(4, u64::from(file.is_executable));
            out.message(1, &node.finish());
        }
        for directory in &self.directories {
            let mut node = Writer::default();
            node.bytes(1, directory.name.as_bytes());
            node.digest(2, &directory.digest);
            out.message(2, &node.finish());
        }
        for link in &self.symlinks {
            out.message(3, &encode_pair(&link.name, &link.target));
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Directory, DecodeError> {
        let mut directory = Directory::default();
        fields(bytes, |tag, value| {
            match tag {
                1 => {
                    let (name, digest, is_executable) = file_fields(value.bytes()?)?;
                    directory.files.push(FileNode { name, digest, is_executable });
                }
                2 => {
                    let (name, digest, _) = file_fields(value.bytes()?)?;
                    directory.directories.push(DirectoryNode { name, digest });
                }
                3 => {
                    let (name, target) = pair(value)?;
                    directory.symlinks.push(SymlinkNode { name, target });
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(directory)
    }
}

/// Decodes what files and directories of both kinds share: a name, a digest and an executable bit.
fn file_fields(bytes: &[u8]) -> Result<(String, Digest, bool), DecodeError> {
    let (mut name, mut digest, mut is_executable) = (String::new(), NO_DIGEST, false);
    fields(bytes, |tag, value| {
        match tag {
            1 => name = value.text()?,
            2 => digest = value.digest()?,
            4 => is_executable = flag(value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, digest, is_executable))
}

impl Message for Tree {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.message(1, &self.root.encode());
        for child in &self.children {
            out.message(2, &child.encode());
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Tree, DecodeError> {
        let mut tree = Tree::default();
        fields(bytes, |tag, value| {
            match tag {
                1 => tree.root = Directory::decode(value.bytes()?)?,
                2 => tree.children.push(Directory::decode(value.bytes()?)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(tree)
    }
}

impl Message for ActionResult {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for file in &self.output_files {
            let mut inner = Writer::default();
            inner.bytes(1, file.path.as_bytes());
            inner.digest(2, &file.digest);
            inner.number(4, u64::from(file.is_executable));
            out.message(2, &inner.finish());
        }
        for directory in &self.output_directories {
            let mut inner = Writer::default();
            inner.bytes(1, directory.path.as_bytes());
            if let Some(tree) = &directory.tree_digest {
                inner.digest(3, tree);
            }
            inner.digest(5, &directory.root_directory_digest);
            out.message(3, &inner.finish());
        }
        out.number(4, u64::from(self.exit_code));
        if let Some(stdout) = &self.stdout_digest {
            out.digest(6, stdout);
        }
        if let Some(duration) = self.duration {
            let mut metadata = Writer::default();
            metadata.duration(12, duration);
            out.message(9, &metadata.finish());
        }
        for link in &self.output_symlinks {
            out.message(12, &encode_pair(&link.path, &link.target));
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<ActionResult, DecodeError> {
        let mut result = ActionResult::default();
        fields(bytes, |tag, value| {
            match tag {
                2 => {
                    let (path, digest, is_executable) = file_fields(value.bytes()?)?;
                    result.output_files.push(OutputFile { path, digest, is_executable });
                }
                3 => result.output_directories.push(output_directory(value.bytes()?)?),
                4 => {
                    result.exit_code =
                        u32::try_from(value.number()?).map_err(|_| DecodeError("an exit code is negative"))?;
                }
                6 => result.stdout_digest = Some(value.digest()?),
                9 => fields(value.bytes()?, |tag, value| {
                    if tag == 12 {
                        result.duration = Some(value.duration()?);
                    }
                    Ok(())
                })?,
                12 => {
                    let (path, target) = pair(value)?;
                    result.output_symlinks.push(OutputSymlink { path, target });
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(result)
    }
}

fn output_directory(bytes: &[u8]) -> Result<OutputDirectory, DecodeError> {
    let mut directory = OutputDirectory { path: String::new(), tree_digest: None, root_directory_digest: NO_DIGEST };
    fields(bytes, |tag, value| {
        match tag {
            1 => directory.path = value.text()?,
            3 => directory.tree_digest = Some(value.digest()?),
            5 => directory.root_directory_digest = value.digest()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(directory)
}
