//! The places that images come from, asked alike.

use std::fs::File;

use crate::digest::Digest;
use crate::error::Problem;
use crate::images::OnProgress;
use crate::layout::Layout;
use crate::spec::Descriptor;

/// Where an image comes from, opened.
pub(crate) enum Place<'a> {
    Layout(Layout<'a>),
}

impl Place<'_> {
    /// Returns the manifest or the index that a digest names, and what the place says that it is. The bytes are not
    /// verified.
    pub fn document(&self, digest: &Digest) -> Result<(Vec<u8>, Option<String>), Problem> {
        match self {
            Place::Layout(layout) => Ok((layout.document(digest)?, None)),
        }
    }

    /// Returns a config, whose size is below a limit. The bytes are not verified.
    pub fn config(&self, config: &Descriptor) -> Result<Vec<u8>, Problem> {
        match self {
            Place::Layout(layout) => layout.small(&config.digest, "config", config.size),
        }
    }

    /// Writes a blob to a file, and verifies it.
    pub fn blob(
        &self,
        digest: &Digest,
        size: u64,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), Problem> {
        match self {
            Place::Layout(layout) => layout.blob(digest, size, file, on_progress),
        }
    }
}
