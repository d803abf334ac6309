//! The nouns of rg, without any input or output: names, digests, trees of files, targets and actions,
//! the encoding of the Remote Execution API, and mistakes in definitions.
//!
//! Everything here is a value. Nothing here opens a file, reads a clock or knows how an action runs.

mod action;
pub mod codes;
mod content;
mod digest;
mod image_digest;
mod label;
mod lock;
mod memory;
mod mistake;
mod path;
mod pattern;
mod platform;
mod python;
pub mod reapi;
mod target;
mod tree;
pub mod wheel;

pub use action::{
    Action, Assembly, Command, DEFAULT_PATH, Distribution, Exclusive, Grants, Input, Limits, Locked, Need, Network,
    Origin, Output, OutputKind, Purpose, SeenAt, Text, Work,
};
pub use content::{Content, Lost};
pub use digest::{ActionKey, Digest, FileId, FileKind, Fingerprint, ParseDigestError, StaticKey};
pub use image_digest::{ImageDigest, ImageDigestError};
pub use label::{Label, LabelError, PackageName, TargetId, is_repository_name};
pub use lock::Lock;
pub use memory::Memory;
pub use mistake::{Exit, Location, Mistake};
pub use path::{PathError, RelPath};
pub use pattern::{Pattern, allows};
pub use platform::{Platform, PlatformError};
pub use python::{Facts, Libc, PythonEnvironment};
pub use target::{Analysis, Declared, Dependency, FileSet, FileSetId, Kind, Provided, Target};
pub use tree::{Entry, EntryKind, Tree, TreeError};
