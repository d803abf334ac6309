//! The places that images come from, asked alike.

use std::fs::File;
use std::sync::Arc;

use crate::Digest;
use crate::archive::Archive;
use crate::copy::Quit;
use crate::error::Problem;
use crate::images::OnProgress;
use crate::layout::Layout;
use crate::registry::Repository;
use crate::spec::Descriptor;

/// Where an image comes from.
pub(crate) enum Place<'a> {
    Registry(Repository<'a>),
    Layout(Layout<'a>),
    Archive(Arc<Archive>, Quit<'a>),
}

impl Place<'_> {
    /// Returns what the name of the image means now.
    pub fn resolve(&self) -> Result<Digest, Problem> {
        match self {
            Place::Registry(repository) => repository.resolve(),
            Place::Layout(layout) => layout.resolve(),
            Place::Archive(archive, _) => Ok(archive.digest()),
        }
    }

    /// Returns the manifest or the index that a digest names, and what the place says that it is. The bytes are not
    /// verified.
    pub fn document(&self, digest: &Digest) -> Result<(Vec<u8>, Option<String>), Problem> {
        match self {
            Place::Registry(repository) => repository.document(digest),
            Place::Layout(layout) => Ok((layout.document(digest)?, None)),
            Place::Archive(archive, _) => Ok((archive.document(digest)?, None)),
        }
    }

    /// Returns a config, whose size is below a limit. The bytes are not verified.
    pub fn config(&self, config: &Descriptor) -> Result<Vec<u8>, Problem> {
        match self {
            Place::Registry(repository) => repository.config(config),
            Place::Layout(layout) => layout.small(&config.digest, "config", config.size),
            Place::Archive(archive, _) => Ok(archive.config()),
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
            Place::Registry(repository) => repository.blob(digest, size, file, on_progress),
            Place::Layout(layout) => layout.blob(digest, size, file, on_progress),
            Place::Archive(archive, quit) => archive.blob(digest, size, file, on_progress, *quit),
        }
    }
}
