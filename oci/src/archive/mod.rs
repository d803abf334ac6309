//! Images as `docker save` writes them: a tar of a list, configs and layers. It has no manifest, so one is made of what
//! it has, always the same for the same image: thereby it has a digest that can be pinned.

mod contents;
mod manifest;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::contents::{Contents, Stretch};
use crate::Digest;
use crate::copy::{Copy, Quit, hashed};
use crate::error::Problem;
use crate::images::OnProgress;
use crate::reference::Reference;
use crate::spec::{Compression, ImageConfig, LONGEST_CONFIG, LONGEST_DOCUMENT, LayerType, SpecError};

/// The list of images.
const LIST: &str = "manifest.json";

/// One image of an archive, with a manifest.
pub(crate) struct Archive {
    /// The file, as it is told of.
    path: PathBuf,
    file: File,
    manifest: Vec<u8>,
    config: Vec<u8>,
    layers: BTreeMap<Digest, Stretch>,
}

/// One image as the list has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

impl Archive {
    /// Reads the image with a name, or the only one.
    pub fn open(file: File, path: &Path, name: Option<&str>, quit: Quit<'_>) -> Result<Archive, Problem> {
        let contents = Contents::of(&file, path)?;
        let list = contents.small(LIST, "manifest", LONGEST_DOCUMENT)?;
        let list: Vec<Listed> =
            serde_json::from_slice(&list).map_err(|source| SpecError::Json { document: "manifest", source })?;
        let listed = choose(&list, name, path)?;
        let config = contents.small(&listed.config, "config", LONGEST_CONFIG)?;
        let diff_ids = ImageConfig::parse(&config)?.diff_ids;
        let names = listed.layers.as_deref().unwrap_or_default();
        if names.len() != diff_ids.len() {
            return Err(SpecError::LayersDiffer { layers: names.len(), diff_ids: diff_ids.len() }.into());
        }
        let (mut layers, mut written) = (BTreeMap::new(), Vec::new());
        for (name, diff_id) in names.iter().zip(diff_ids) {
            let stretch = contents.find(name)?;
            let (layer_type, digest) = stored(&contents, &stretch, diff_id, quit)?;
            written.push((layer_type, digest, stretch.size_bytes));
            layers.insert(digest, stretch);
        }
        let manifest = manifest::write(&config, &written);
        Ok(Archive { path: path.to_owned(), manifest, config, layers, file: contents.into_file()? })
    }

    /// Returns the digest of the manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Returns the manifest, if it has a digest.
    pub fn document(&self, digest: &Digest) -> Result<Vec<u8>, Problem> {
        if self.digest() == *digest {
            return Ok(self.manifest.clone());
        }
        Err(Problem::Changed { got: self.digest(), wanted: *digest })
    }

    /// Returns the config.
    pub fn config(&self) -> Vec<u8> {
        self.config.clone()
    }

    /// Writes a layer to a file, and verifies it: the archive may have changed since it was opened.
    pub fn blob(
        &self,
        digest: &Digest,
        size: u64,
        file: &mut File,
        on_progress: OnProgress<'_>,
        quit: Quit<'_>,
    ) -> Result<(), Problem> {
        let place = || format!("`{}`", self.path.display());
        let stretch = self.layers.get(digest).ok_or_else(|| Problem::NoBlob { place: place(), digest: *digest })?;
        let failed = |source| Problem::Read { path: self.path.clone(), source };
        Copy { digest, size, on_progress, quit }.run(stretch.of(&self.file), failed, file)
    }
}

/// Returns the image with a name, or the only one.
fn choose<'a>(list: &'a [Listed], name: Option<&str>, path: &Path) -> Result<&'a Listed, Problem> {
    let there = || list.iter().filter_map(|it| it.repo_tags.clone()).flatten().collect();
    let path = || path.to_owned();
    match (name, list) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Problem::Several { path: path(), there: there() }),
        (Some(name), list) => {
            let has = |it: &&Listed| it.repo_tags.iter().flatten().any(|tag| is_same(tag, name));
            let found = list.iter().find(has);
            found.ok_or_else(|| Problem::NoName { path: path(), name: name.to_owned(), there: there() })
        }
    }
}

/// Whether two names mean the same image: Docker leaves out what is the default.
fn is_same(left: &str, right: &str) -> bool {
    let parsed = |name: &str| name.parse::<Reference>().ok();
    left == right || parsed(left).is_some_and(|left| parsed(right) == Some(left))
}

/// Returns how a layer is stored, and the digest of that. One that is not compressed has its own digest, which is
/// compared when the layer is copied.
fn stored(
    contents: &Contents<'_>,
    stretch: &Stretch,
    diff_id: Digest,
    quit: Quit<'_>,
) -> Result<(LayerType, Digest), Problem> {
    let mut start = Vec::new();
    let read = stretch.of(contents.file).take(4).read_to_end(&mut start);
    read.map_err(|source| contents.unreadable(source))?;
    let compression = match start[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => return Ok((LayerType::Oci(Compression::None), diff_id)),
    };
    let digest = hashed(stretch.of(contents.file), |source| contents.unreadable(source), quit)?;
    Ok((LayerType::Oci(compression), digest))
}
