//! A directory in the layout of OCI: `oci-layout`, `index.json`, and blobs by their digests.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Digest;
use crate::copy::{Copy, Quit};
use crate::error::Problem;
use crate::images::OnProgress;
use crate::spec::{Descriptor, Document, Index, LONGEST_DOCUMENT, SpecError};

/// The annotation that names an image of a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The name that counts when none is written.
const LATEST: &str = "latest";

/// A layout, which was not looked at yet.
pub(crate) struct Layout<'a> {
    pub path: PathBuf,
    pub tag: Option<&'a str>,
    pub quit: Quit<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout<'_> {
    /// Returns the digest of the image that the tag names, or of the only one.
    pub fn resolve(&self) -> Result<Digest, Problem> {
        let index = self.index()?;
        let named = |name: &str| -> BTreeSet<Digest> {
            index.manifests.iter().filter(|it| ref_name(it) == Some(name)).map(|it| it.digest).collect()
        };
        let all: BTreeSet<Digest> = index.manifests.iter().map(|it| it.digest).collect();
        let found = match self.tag {
            Some(tag) => named(tag),
            None if all.len() == 1 => all,
            None => named(LATEST),
        };
        match (found.len(), found.first(), self.tag) {
            (1, Some(digest), _) => Ok(*digest),
            (0, _, Some(tag)) => {
                Err(Problem::NoName { path: self.path.clone(), name: tag.to_owned(), there: names(&index) })
            }
            _ => Err(Problem::Several { path: self.path.clone(), there: names(&index) }),
        }
    }

    /// Returns the document that a digest names.
    pub fn document(&self, digest: &Digest) -> Result<Vec<u8>, Problem> {
        self.marked()?;
        self.small(digest, "manifest", LONGEST_DOCUMENT)
    }

    /// Returns a blob of at most so many bytes.
    pub fn small(&self, digest: &Digest, document: &'static str, limit: u64) -> Result<Vec<u8>, Problem> {
        let (file, path) = self.open(digest)?;
        read_up_to(file, &path, document, limit)
    }

    /// Writes a blob to a file, and verifies it.
    pub fn blob(
        &self,
        digest: &Digest,
        size: u64,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), Problem> {
        let (blob, path) = self.open(digest)?;
        let failed = |source| Problem::Read { path: path.clone(), source };
        Copy { digest, size, on_progress, quit: self.quit }.run(blob, failed, file)
    }

    fn open(&self, digest: &Digest) -> Result<(File, PathBuf), Problem> {
        let path = self.path.join("blobs/sha256").join(digest.hex());
        match File::open(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Problem::NoBlob { place: format!("`{}`", self.path.display()), digest: *digest })
            }
            Err(source) => Err(Problem::Read { path, source }),
        }
    }

    fn index(&self) -> Result<Index, Problem> {
        self.marked()?;
        match Document::parse(&self.file("index.json")?, None)? {
            Document::Index(index) => Ok(index),
            Document::Manifest(_) => Err(self.no_layout("its `index.json` is no index")),
        }
    }

    /// Refuses a directory that does not say that it is a layout.
    fn marked(&self) -> Result<(), Problem> {
        let marker: Result<Marker, _> = serde_json::from_slice(&self.file("oci-layout")?);
        match marker {
            Ok(Marker { image_layout_version }) if image_layout_version == "1.0.0" => Ok(()),
            Ok(Marker { image_layout_version: other }) => {
                Err(self.no_layout(&format!("it has the version `{}`, and only 1.0.0 is known", other.escape_debug())))
            }
            Err(_) => Err(self.no_layout("its file `oci-layout` names no version")),
        }
    }

    fn file(&self, name: &'static str) -> Result<Vec<u8>, Problem> {
        let path = self.path.join(name);
        match File::open(&path) {
            Ok(file) => read_up_to(file, &path, name, LONGEST_DOCUMENT),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(self.no_layout(&format!("it has no file `{name}`")))
            }
            Err(source) => Err(Problem::Read { path, source }),
        }
    }

    fn no_layout(&self, why: &str) -> Problem {
        Problem::NoLayout { path: self.path.clone(), why: why.to_owned() }
    }
}

fn ref_name(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.as_ref()?.get(REF_NAME).map(String::as_str)
}

fn names(index: &Index) -> Vec<String> {
    let names: BTreeSet<&str> = index.manifests.iter().filter_map(ref_name).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Reads a file that may not have more than some bytes.
pub(crate) fn read_up_to(file: impl Read, path: &Path, document: &'static str, limit: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| Problem::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(SpecError::TooLarge { document, limit }.into());
    }
    Ok(bytes)
}
