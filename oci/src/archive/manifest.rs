//! The manifest of an image that came without one. Its bytes are pinned in lock files: they must never change.

use serde::Serialize;

use crate::Digest;
use crate::spec::{CONFIG, LayerType, MANIFEST};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u64,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: u64,
}

/// Writes the manifest of a config and of layers as they are stored.
pub(super) fn write(config: &[u8], layers: &[(LayerType, Digest, u64)]) -> Vec<u8> {
    let layer = |(layer_type, digest, size): &(LayerType, Digest, u64)| Descriptor {
        media_type: layer_type.as_str(),
        digest: *digest,
        size: *size,
    };
    let written = Written {
        schema_version: 2,
        media_type: MANIFEST,
        config: Descriptor { media_type: CONFIG, digest: Digest::of(config), size: config.len() as u64 },
        layers: layers.iter().map(layer).collect(),
    };
    serde_json::to_vec(&written).expect("texts and numbers can be written as JSON")
}
