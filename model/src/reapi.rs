//! The messages of the Remote Execution API v2 that rg stores and hashes, encoded and decoded by hand in their
//! canonical form: fields in tag order, no unknown fields, lists sorted as the specification wants.
//!
//! Source of the tags: `build/bazel/remote/execution/v2/remote_execution.proto`. A test in `cache` holds this
//! encoding against the published stubs.

mod messages;
mod wire;

pub use messages::{
    Action, ActionResult, Command, Directory, DirectoryNode, FileNode, OutputDirectory, OutputFile, OutputSymlink,
    SymlinkNode, Tree,
};
pub use wire::DecodeError;

/// A message of the protocol.
pub trait Message: Sized {
    /// Returns the canonical encoding.
    fn encode(&self) -> Vec<u8>;
    /// Decodes a message; unknown fields are skipped.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

#[cfg(test)]
mod tests;
