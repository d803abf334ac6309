//! A user with a workspace, and the images that come to it.

use std::fs;
use std::io::{Read, Seek};
use std::sync::Arc;
use std::time::Duration;

use fetch::{Patience, User};
use model::Platform;
use oci::{Digest, Image, Images};
use serde_json::{Value, json};

use crate::fixtures::Made;

/// A user with an empty workspace.
pub struct World {
    pub root: tempfile::TempDir,
    pub user: User,
}

impl World {
    pub fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        let user = User { root: root.path().to_owned(), ..User::default() };
        World { root, user }
    }

    /// Returns the images of the user, who waits for next to nothing.
    pub fn images(&self) -> Images {
        self.images_cancelled_by(Arc::new(|| false))
    }

    /// Returns the images of the user, whose run may be asked to end.
    pub fn images_cancelled_by(&self, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Images {
        let millis = Duration::from_millis;
        let patience = Patience {
            connect: millis(5_000),
            idle: millis(2_000),
            pauses: vec![millis(1); 3],
            longest_pause: millis(5),
        };
        Images::new(self.user.clone(), patience, cancelled)
    }

    /// Resolves a source, or tells why not.
    pub fn resolve(&self, source: &str) -> Result<Digest, String> {
        let told = |error: oci::OciError| self.relative(&error.to_string());
        self.images().resolve(&source.parse().unwrap(), self.root.path()).map_err(told)
    }

    /// Returns the image of a source for a platform, or why there is none.
    pub fn image(&self, source: &str, platform: &str) -> Result<Image, String> {
        let pinned = self.resolve(source)?;
        self.pinned(source, &pinned, platform)
    }

    /// Returns the image of a source with a digest.
    pub fn pinned(&self, source: &str, pinned: &Digest, platform: &str) -> Result<Image, String> {
        let platform: Platform = platform.parse().unwrap();
        let image = self.images().image(&source.parse().unwrap(), self.root.path(), pinned, &platform);
        image.map_err(|error| self.relative(&error.to_string()))
    }

    /// Returns the image of a source, resolved by the same client.
    pub fn image_of(&self, images: &Images, source: &str, platform: &str) -> Result<Image, String> {
        let (source, platform) = (source.parse().unwrap(), platform.parse().unwrap());
        let root = self.root.path();
        let image = images.resolve(&source, root).and_then(|pinned| images.image(&source, root, &pinned, &platform));
        image.map_err(|error| self.relative(&error.to_string()))
    }

    /// Returns the bytes of the layers of an image, as they are stored.
    pub fn layers(&self, source: &str, image: &Image) -> Result<Vec<Vec<u8>>, String> {
        self.layers_of(&self.images(), source, image)
    }

    /// Returns the bytes of the layers of an image from a client.
    pub fn layers_of(&self, images: &Images, source: &str, image: &Image) -> Result<Vec<Vec<u8>>, String> {
        let source = source.parse().unwrap();
        let layer = |layer: &oci::Layer| {
            let mut file = tempfile::tempfile().unwrap();
            let brought = images.blob(&source, self.root.path(), layer, &mut file, &|_, _| {});
            brought.map_err(|error| self.relative(&error.to_string()))?;
            file.rewind().unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            Ok(bytes)
        };
        image.layers.iter().map(layer).collect()
    }

    /// Writes a layout of some images with their tags.
    pub fn layout(&self, path: &str, images: &[(&str, &Made)]) {
        let place = self.root.path().join(path);
        let blobs = place.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        for blob in images.iter().flat_map(|(_, made)| &made.blobs) {
            fs::write(blobs.join(Digest::of(blob).hex()), blob).unwrap();
        }
        let listed = |(tag, made): &(&str, &Made)| {
            let mut descriptor = made.descriptor.clone();
            if !tag.is_empty() {
                descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
            }
            descriptor
        };
        let manifests: Vec<Value> = images.iter().map(listed).collect();
        fs::write(place.join("index.json"), json!({ "schemaVersion": 2, "manifests": manifests }).to_string()).unwrap();
        fs::write(place.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    }

    /// Writes a file of the workspace.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Names the workspace `ROOT`, whose place is another each time.
    fn relative(&self, text: &str) -> String {
        text.replace(self.root.path().to_str().unwrap(), "ROOT")
    }
}
