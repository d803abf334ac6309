//! All places that images come from, for one run.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use fetch::{Patience, User};
use model::Platform;

use crate::digest::Digest;
use crate::error::{OciError, Problem};
use crate::image::{self, Image, Layer};
use crate::layout::Layout;
use crate::place::Place;
use crate::source::Source;

/// Told how many bytes have come, and how many there are, if that is known.
pub type OnProgress<'a> = &'a dyn Fn(u64, Option<u64>);

/// The images of a user, for one run.
pub struct Images {
    cancelled: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Images {
    /// Makes the images of a user; nothing is asked before it is needed. `cancelled` says whether the run was asked to
    /// end, and is called often.
    pub fn new(_user: User, _patience: Patience, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Images {
        Images { cancelled }
    }

    /// Returns what a source names now: the digest of a manifest or of an index. Paths count from `root`.
    pub fn resolve(&self, source: &Source, root: &Path) -> Result<Digest, OciError> {
        let resolved = match (source, self.place(source, root)?) {
            (Source::Layout { tag, .. }, Place::Layout(layout)) => layout.resolve(tag.as_deref()),
            (Source::Registry(_) | Source::Archive { .. } | Source::Daemon { .. }, _) => Err(Problem::NotYet),
        };
        resolved.map_err(|problem| told(source, problem))
    }

    /// Returns the image that a source had under a digest, for a platform. Its manifest and its config are verified.
    pub fn image(&self, source: &Source, root: &Path, pinned: &Digest, platform: &Platform) -> Result<Image, OciError> {
        let place = self.place(source, root)?;
        image::read(&place, pinned, platform).map_err(|problem| told(source, problem))
    }

    /// Writes a layer of an image to a file as it is stored, and verifies it. What the file held before is gone, and
    /// what it holds after an error is worthless.
    pub fn blob(
        &self,
        source: &Source,
        root: &Path,
        layer: &Layer,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), OciError> {
        let place = self.place(source, root)?;
        place.blob(&layer.digest, layer.size, file, on_progress).map_err(|problem| told(source, problem))
    }

    fn place(&self, source: &Source, root: &Path) -> Result<Place<'_>, OciError> {
        match source {
            Source::Layout { path, .. } => Ok(Place::Layout(Layout { path: root.join(path), quit: &*self.cancelled })),
            _ => Err(told(source, Problem::NotYet)),
        }
    }
}

fn told(source: &Source, problem: Problem) -> OciError {
    OciError { image: source.to_string(), problem }
}
