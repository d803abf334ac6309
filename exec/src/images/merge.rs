//! The trees of layers become one, as the image specification says: what a higher layer has replaces what lies below it,
//! directories meet, and marks hide.

use std::collections::BTreeMap;

use cache::{Cache, CacheError};
use model::reapi::Directory;
use model::{Content, Digest, Lost};

use super::unpack::{MARK, OPAQUE};
use crate::Failure;

/// Merges trees, the lowest first. Returns the root.
pub(super) fn layers(trees: &[Digest], cache: &Cache) -> Result<Digest, Failure> {
    let mut root = None;
    for tree in trees {
        root = Some(laid_over(root, *tree, cache).map_err(|error| error.failure())?);
    }
    root.map_or_else(|| cache.put_directory(&Directory::default()).map_err(|error| Failure::store(&error)), Ok)
}

/// Why trees could not be merged.
enum Broken {
    Lost(Lost),
    Store(CacheError),
}

impl Broken {
    fn failure(&self) -> Failure {
        match self {
            Broken::Lost(lost) => Failure::store(lost),
            Broken::Store(error) => Failure::store(error),
        }
    }
}

/// Returns a directory of a layer laid over one of those below. The marks are gone then.
fn laid_over(below: Option<Digest>, layer: Digest, cache: &Cache) -> Result<Digest, Broken> {
    let load = |digest: &Digest| cache.directory(digest).map_err(Broken::Lost);
    let layer: BTreeMap<String, Content> = load(&layer)?.into_entries().collect();
    let is_opaque = layer.contains_key(OPAQUE);
    let below = below.filter(|_| !is_opaque).map(|digest| load(&digest)).transpose()?;
    let mut merged: BTreeMap<String, Content> = below.into_iter().flat_map(Directory::into_entries).collect();
    for hidden in layer.keys().filter_map(|name| name.strip_prefix(MARK)) {
        merged.remove(hidden);
    }
    for (name, content) in layer.into_iter().filter(|(name, _)| !name.starts_with(MARK)) {
        let content = match (content, merged.get(&name)) {
            (Content::Directory(own), Some(Content::Directory(below))) => {
                Content::Directory(laid_over(Some(*below), own, cache)?)
            }
            (Content::Directory(own), _) => Content::Directory(laid_over(None, own, cache)?),
            (other, _) => other,
        };
        merged.insert(name, content);
    }
    let message = Directory::of(merged);
    cache.put_directory(&message).map_err(Broken::Store)
}
