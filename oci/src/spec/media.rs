//! The kinds of documents and layers, in the words of OCI and of Docker.

use super::SpecError;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What a registry is told that can be read, as a header has it.
pub(crate) const READABLE: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// What a manifest can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DocumentType {
    /// A list of manifests.
    Index,
    /// One image.
    Manifest,
}

impl DocumentType {
    /// Reads the kind of a manifest.
    pub fn of(media_type: &str) -> Result<DocumentType, SpecError> {
        match media_type {
            INDEX | DOCKER_INDEX => Ok(DocumentType::Index),
            MANIFEST | DOCKER_MANIFEST => Ok(DocumentType::Manifest),
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => {
                Err(SpecError::Schema { document: "manifest", version: 1 })
            }
            other => {
                let known = "images of OCI, and of Docker's schema 2, are";
                Err(SpecError::MediaType { what: "a manifest", media_type: other.to_owned(), known })
            }
        }
    }
}

/// Refuses what is no config of an image: a registry holds charts and signatures, too.
pub(super) fn check_config(media_type: &str) -> Result<(), SpecError> {
    if matches!(media_type, CONFIG | DOCKER_CONFIG) {
        return Ok(());
    }
    let known = "it is no image, but something else that registries hold";
    Err(SpecError::MediaType { what: "a config", media_type: media_type.to_owned(), known })
}

/// How a layer is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compression {
    /// It is a plain tar.
    None,
    /// By gzip, in one member or more.
    Gzip,
    /// By zstd, in one frame or more.
    Zstd,
}

/// The kind of a layer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LayerType {
    /// Of OCI.
    Oci(Compression),
    /// Of Docker.
    Docker(Compression),
}

const LAYER_TYPES: [(LayerType, &str); 6] = [
    (LayerType::Oci(Compression::None), "application/vnd.oci.image.layer.v1.tar"),
    (LayerType::Oci(Compression::Gzip), "application/vnd.oci.image.layer.v1.tar+gzip"),
    (LayerType::Oci(Compression::Zstd), "application/vnd.oci.image.layer.v1.tar+zstd"),
    (LayerType::Docker(Compression::None), "application/vnd.docker.image.rootfs.diff.tar"),
    (LayerType::Docker(Compression::Gzip), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    (LayerType::Docker(Compression::Zstd), "application/vnd.docker.image.rootfs.diff.tar.zstd"),
];

impl LayerType {
    /// Reads the kind of a layer.
    pub fn of(media_type: &str) -> Result<LayerType, SpecError> {
        let found = LAYER_TYPES.iter().find(|(_, text)| *text == media_type);
        let known = "tar is, plain or compressed by gzip or zstd";
        found.map(|(layer_type, _)| *layer_type).ok_or_else(|| SpecError::MediaType {
            what: "a layer",
            media_type: media_type.to_owned(),
            known,
        })
    }

    /// Returns the kind as manifests write it.
    pub fn as_str(self) -> &'static str {
        let found = LAYER_TYPES.iter().find(|(layer_type, _)| *layer_type == self);
        found.map(|(_, text)| *text).expect("the table has all six of them")
    }

    /// Returns how the layer is compressed.
    pub fn compression(self) -> Compression {
        match self {
            LayerType::Oci(compression) | LayerType::Docker(compression) => compression,
        }
    }
}
