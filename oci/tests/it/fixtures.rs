//! Layers, configs and manifests, written by hand.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use oci::Digest;
use serde_json::{Value, json};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Compresses by gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Wraps bytes into a frame of zstd that does not compress them.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    // A frame that says its size in four bytes, in one segment, without a checksum.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend((bytes.len() as u32).to_le_bytes());
    let pieces: Vec<&[u8]> = bytes.chunks(1 << 16).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let last = u32::from(at + 1 == pieces.len());
        frame.extend(&((piece.len() as u32) << 3 | last).to_le_bytes()[..3]);
        frame.extend(*piece);
    }
    frame
}

/// An image of some layers: the blobs, of which the manifest is the last.
pub struct Made {
    /// The bytes of config, layers and manifest.
    pub blobs: Vec<Vec<u8>>,
    /// The digest of the manifest.
    pub digest: Digest,
    /// How an index lists it.
    pub descriptor: Value,
}

/// Makes an image for a platform of uncompressed layers, which are stored compressed.
pub fn image(os: &str, architecture: &str, layers: &[Vec<u8>]) -> Made {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({
        "architecture": architecture, "os": os,
        "config": { "Env": ["PATH=/bin"], "Cmd": ["sh"], "Entrypoint": null, "User": "7", "WorkingDir": "/srv" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = config.to_string().into_bytes();
    let stored: Vec<Vec<u8>> = layers.iter().map(|layer| gzip(layer)).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": stored.iter().map(|layer| described(GZIP, layer)).collect::<Vec<_>>(),
    });
    let mut made = of_manifest(&manifest, [vec![config], stored].concat());
    made.descriptor["platform"] = json!({ "os": os, "architecture": architecture });
    made
}

/// Makes what a manifest and its blobs are.
pub fn of_manifest(manifest: &Value, mut blobs: Vec<Vec<u8>>) -> Made {
    let manifest_bytes = manifest.to_string().into_bytes();
    let media_type = manifest["mediaType"].as_str().unwrap_or(MANIFEST);
    let (digest, descriptor) = (Digest::of(&manifest_bytes), described(media_type, &manifest_bytes));
    blobs.push(manifest_bytes);
    Made { blobs, digest, descriptor }
}

/// Makes the list of some images, with all their blobs.
pub fn index(images: &[&Made]) -> Made {
    let manifests: Vec<&Value> = images.iter().map(|made| &made.descriptor).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    of_manifest(&index, images.iter().flat_map(|made| made.blobs.clone()).collect())
}

/// Names some bytes as a manifest does.
pub fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() })
}
