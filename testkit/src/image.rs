//! OCI layouts on disk, made of a static busybox: images without a registry.

use std::fs;
use std::path::Path;

use model::Digest;

use crate::tar::{link, member, program, tar};

/// The programs that the images have.
const APPLETS: [&str; 26] = [
    "sh", "cat", "echo", "cp", "ls", "id", "sleep", "head", "mkdir", "chmod", "test", "true", "false", "env", "grep",
    "dd", "touch", "rm", "wc", "sort", "tr", "chown", "ln", "mknod", "setsid", "wget",
];

/// Returns a layer of a static busybox with its programs in `/bin`; `None` if this machine has no busybox.
pub fn busybox() -> Option<Vec<u8>> {
    let places = ["/bin/busybox", "/usr/bin/busybox"];
    let bytes = places.iter().find_map(|place| fs::read(place).ok())?;
    let mut members = vec![member("bin/", b'5', b""), program("bin/busybox", &bytes), member("tmp/", b'5', b"")];
    members.extend(APPLETS.map(|name| link(&format!("bin/{name}"), b'2', "busybox")));
    Some(tar(&members))
}

/// An image that is written to a layout.
pub struct Image<'a> {
    /// Its layers, the lowest first, as plain archives.
    pub layers: &'a [Vec<u8>],
    /// What its config says of the architecture.
    pub architecture: &'a str,
    /// Its environment, as `NAME=value`.
    pub env: &'a [&'a str],
}

impl<'a> Image<'a> {
    /// Returns an image for this machine, with its programs in `/bin`.
    pub fn of(layers: &'a [Vec<u8>]) -> Image<'a> {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        Image { layers, architecture, env: &["PATH=/bin"] }
    }

    /// Writes a layout with this image alone, in place of what was there. Returns the digest of its manifest.
    pub fn write(&self, directory: &Path) -> Digest {
        let _ = fs::remove_dir_all(directory);
        let blobs = directory.join("blobs/sha256");
        fs::create_dir_all(&blobs).expect("a directory of a test can be made");
        let put = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            fs::write(blobs.join(digest.hex()), bytes).expect("a file of a test can be written");
            digest
        };
        let descriptor = |kind: &str, digest: Digest| serde_json::json!({ "mediaType": kind, "digest": digest.to_string(), "size": digest.size_bytes });
        let layers: Vec<Digest> = self.layers.iter().map(|layer| put(layer)).collect();
        let diff_ids: Vec<String> = layers.iter().map(Digest::to_string).collect();
        let config = serde_json::json!({
            "os": "linux", "architecture": self.architecture, "config": { "Env": self.env },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let of_layer = |digest: &Digest| descriptor("application/vnd.oci.image.layer.v1.tar", *digest);
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", put(config.to_string().as_bytes())),
            "layers": layers.iter().map(of_layer).collect::<Vec<_>>(),
        });
        let digest = put(manifest.to_string().as_bytes());
        let index = serde_json::json!({
            "schemaVersion": 2, "manifests": [descriptor("application/vnd.oci.image.manifest.v1+json", digest)],
        });
        let write = |name: &str, text: String| {
            fs::write(directory.join(name), text).expect("a file of a test can be written");
        };
        write("index.json", index.to_string());
        write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#.to_owned());
        digest
    }
}
