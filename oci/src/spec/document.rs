//! What a tag or a digest names: one image, or the list of one image's platforms.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::media::{DocumentType, check_config};
use super::{LayerType, SpecError};
use crate::Digest;

/// The largest manifest or index that is read: registries take no larger one.
pub(crate) const LONGEST_DOCUMENT: u64 = 4 << 20;

/// A manifest or an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Document {
    /// A list of manifests.
    Index(Index),
    /// One image.
    Manifest(Manifest),
}

/// A list of manifests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Index {
    /// The manifests, in the order in which they are listed.
    pub manifests: Vec<Descriptor>,
}

/// One image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The config.
    pub config: Descriptor,
    /// The layers with their kinds, the lowest first.
    pub layers: Vec<(LayerType, Descriptor)>,
}

/// Names some bytes, and says what they are.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// For which platform they are.
    pub platform: Option<Offered>,
    /// What else is said of them.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A platform as an index has it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Offered {
    /// The operating system, in Go's words.
    pub os: String,
    /// The architecture, in Go's words.
    pub architecture: String,
    /// Which of several of the architecture.
    #[serde(default)]
    pub variant: Option<String>,
}

impl Document {
    /// Reads a manifest or an index. `said` is the kind that a descriptor or a server said that it has.
    pub fn parse(bytes: &[u8], said: Option<&str>) -> Result<Document, SpecError> {
        let json = |source| SpecError::Json { document: "manifest", source };
        let written: Written = serde_json::from_slice(bytes).map_err(json)?;
        if written.schema_version != 2 {
            return Err(SpecError::Schema { document: "manifest", version: written.schema_version });
        }
        let document_type = document_type(&written, said)?;
        match (document_type, written) {
            (DocumentType::Index, Written { manifests: Some(manifests), config: None, layers: None, .. }) => {
                Ok(Document::Index(Index { manifests }))
            }
            (DocumentType::Manifest, Written { config: Some(config), layers, manifests: None, .. }) => {
                Manifest::of(config, layers.unwrap_or_default()).map(Document::Manifest)
            }
            _ => Err(SpecError::Ambiguous("is a list and an image at once, or neither")),
        }
    }
}

impl Manifest {
    fn of(config: Descriptor, layers: Vec<Descriptor>) -> Result<Manifest, SpecError> {
        check_config(&config.media_type)?;
        let typed = |layer: Descriptor| Ok((LayerType::of(&layer.media_type)?, layer));
        Ok(Manifest { config, layers: layers.into_iter().map(typed).collect::<Result<_, SpecError>>()? })
    }
}

/// Returns what the document is: what it says itself, what was said of it, or else what its fields show.
fn document_type(written: &Written, said: Option<&str>) -> Result<DocumentType, SpecError> {
    let inside = written.media_type.as_deref().map(|it| Ok((DocumentType::of(it)?, it))).transpose()?;
    let outside = said.map(|it| Ok((DocumentType::of(it)?, it))).transpose()?;
    match (inside, outside) {
        (Some((inside, said_inside)), Some((outside, said_outside))) if inside != outside => {
            Err(SpecError::KindsDiffer { inside: said_inside.to_owned(), outside: said_outside.to_owned() })
        }
        (Some((known, _)), _) | (None, Some((known, _))) => Ok(known),
        (None, None) if written.manifests.is_some() => Ok(DocumentType::Index),
        (None, None) => Ok(DocumentType::Manifest),
    }
}

/// The document as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}
