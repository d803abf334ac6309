//! One image: what its digest names, verified, and the layers that are still to be brought.

use model::Platform;

use crate::Digest;
use crate::error::Problem;
use crate::place::Place;
use crate::select;
use crate::spec::{Document, ImageConfig, LONGEST_CONFIG, LayerType, Manifest, SpecError};

/// How many lists may lie between a digest and its image.
const DEPTH: usize = 4;

/// One image for one platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// The digest of its manifest, which may be one of those that a list names.
    pub manifest: Digest,
    /// What its config says.
    pub config: ImageConfig,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// The manifest, byte for byte.
    pub raw_manifest: Vec<u8>,
    /// The config, byte for byte.
    pub raw_config: Vec<u8>,
}

/// One layer as it is stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Layer {
    /// The digest of the stored bytes.
    pub digest: Digest,
    /// How many bytes are stored.
    pub size: u64,
    /// How they are stored.
    pub media_type: LayerType,
    /// The digest of what they unpack to.
    pub diff_id: Digest,
}

/// Reads the image that a digest names, for a platform.
pub(crate) fn read(place: &Place<'_>, pinned: &Digest, platform: &Platform) -> Result<Image, Problem> {
    let (mut digest, mut said) = (*pinned, None);
    for _ in 0..DEPTH {
        let (bytes, answered) = place.document(&digest)?;
        let bytes = verified("manifest", bytes, &digest)?;
        match Document::parse(&bytes, said.as_deref().or(answered.as_deref()))? {
            Document::Index(index) => {
                let chosen = select::select(&index, platform)?;
                (digest, said) = (chosen.digest, Some(chosen.media_type.clone()));
            }
            Document::Manifest(manifest) => return assemble(place, digest, &manifest, bytes, platform),
        }
    }
    Err(SpecError::Ambiguous("is a list of lists of lists").into())
}

fn assemble(
    place: &Place<'_>,
    digest: Digest,
    manifest: &Manifest,
    raw_manifest: Vec<u8>,
    platform: &Platform,
) -> Result<Image, Problem> {
    if manifest.config.size > LONGEST_CONFIG {
        return Err(SpecError::TooLarge { document: "config", limit: LONGEST_CONFIG }.into());
    }
    let raw_config = verified("config", place.config(&manifest.config)?, &manifest.config.digest)?;
    let config = ImageConfig::parse(&raw_config)?;
    select::check(&config, platform)?;
    if config.diff_ids.len() != manifest.layers.len() {
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
        return Err(SpecError::LayersDiffer { layers, diff_ids }.into());
    }
    let layers = manifest.layers.iter().zip(&config.diff_ids).map(|((media_type, layer), diff_id)| Layer {
        digest: layer.digest,
        size: layer.size,
        media_type: *media_type,
        diff_id: *diff_id,
    });
    Ok(Image { manifest: digest, layers: layers.collect(), config, raw_manifest, raw_config })
}

/// Returns some bytes if they have a digest.
pub(crate) fn verified(what: &'static str, bytes: Vec<u8>, wanted: &Digest) -> Result<Vec<u8>, Problem> {
    let got = Digest::of(&bytes);
    if got == *wanted { Ok(bytes) } else { Err(Problem::WrongDigest { what, got, wanted: *wanted }) }
}
