//! The config of an image: for which platform it is, what a container of it runs, and which layers it has.

use serde::Deserialize;

use super::SpecError;
use crate::Digest;

/// The largest config that is read: real ones have some thousand bytes.
pub(crate) const LONGEST_CONFIG: u64 = 8 << 20;

/// The config of an image, as far as rg needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageConfig {
    /// The operating system, in Go's words.
    pub os: String,
    /// The architecture, in Go's words.
    pub architecture: String,
    /// Which of several of the architecture: `v7`.
    pub variant: Option<String>,
    /// What a container of it runs.
    pub config: ContainerConfig,
    /// The digests of the uncompressed layers, the lowest first.
    pub diff_ids: Vec<Digest>,
}

/// What a container of an image runs, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerConfig {
    /// The environment, as `NAME=value`.
    pub env: Vec<String>,
    /// The program, before the arguments.
    pub entrypoint: Vec<String>,
    /// The arguments, or the program too if there is no entry point.
    pub cmd: Vec<String>,
    /// The user and the group, by name or number; empty for root.
    pub user: String,
    /// The directory that the program starts in; empty for the root.
    pub working_dir: String,
}

impl ImageConfig {
    /// Reads a config.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, SpecError> {
        let written: Written =
            serde_json::from_slice(bytes).map_err(|source| SpecError::Json { document: "config", source })?;
        if written.rootfs.kind != "layers" {
            return Err(SpecError::Rootfs(written.rootfs.kind));
        }
        let Container { env, entrypoint, cmd, user, working_dir } = written.config.unwrap_or_default();
        let config = ContainerConfig {
            env: env.unwrap_or_default(),
            entrypoint: entrypoint.unwrap_or_default(),
            cmd: cmd.unwrap_or_default(),
            user: user.unwrap_or_default(),
            working_dir: working_dir.unwrap_or_default(),
        };
        let Written { os, architecture, variant, rootfs, .. } = written;
        let variant = variant.filter(|variant| !variant.is_empty());
        Ok(ImageConfig { os, architecture, variant, config, diff_ids: rootfs.diff_ids.unwrap_or_default() })
    }
}

/// The config as it is written: what is not there may be null.
#[derive(Deserialize)]
struct Written {
    os: String,
    architecture: String,
    variant: Option<String>,
    config: Option<Container>,
    rootfs: Rootfs,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(rename = "type")]
    kind: String,
    diff_ids: Option<Vec<Digest>>,
}
