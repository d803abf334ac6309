//! One image in its registry.

use std::fs::File;

use fetch::{FetchError, Question, Told};

use super::{Registries, lock};
use crate::Digest;
use crate::error::Problem;
use crate::images::OnProgress;
use crate::reference::Reference;
use crate::spec::{Descriptor, LONGEST_DOCUMENT, READABLE};

/// What kinds of bytes a blob may be: the registry does not know.
const ANY: &str = "*/*";

/// An image of a registry, which was not asked yet.
pub(crate) struct Repository<'a> {
    pub registries: &'a Registries,
    pub reference: &'a Reference,
}

impl Repository<'_> {
    /// Returns the digest that the reference has, or that its tag has now.
    pub fn resolve(&self) -> Result<Digest, Problem> {
        if let Some(digest) = self.reference.digest() {
            return Ok(digest);
        }
        let tag = self.reference.tag().expect("a reference without a digest has a tag");
        let told = self.page(&format!("manifests/{tag}"), READABLE, LONGEST_DOCUMENT)?;
        let digest = Digest::of(&told.body);
        lock(&self.registries.documents).insert(digest, told);
        Ok(digest)
    }

    /// Returns a manifest or an index, and what the registry says that it is.
    pub fn document(&self, digest: &Digest) -> Result<(Vec<u8>, Option<String>), Problem> {
        let known = lock(&self.registries.documents).get(digest).cloned();
        let told = match known {
            Some(told) => told,
            None => self.page(&format!("manifests/{digest}"), READABLE, LONGEST_DOCUMENT)?,
        };
        // Some serve all of them as plain JSON.
        let said = Some(told.media_type).filter(|it| it.starts_with("application/vnd."));
        Ok((told.body, said))
    }

    /// Returns a config.
    pub fn config(&self, config: &Descriptor) -> Result<Vec<u8>, Problem> {
        Ok(self.page(&format!("blobs/{}", config.digest), ANY, config.size)?.body)
    }

    /// Writes a blob to a file, and verifies it.
    pub fn blob(
        &self,
        digest: &Digest,
        size: u64,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), Problem> {
        let url = self.url(&format!("blobs/{digest}"));
        let web = &self.registries.web;
        let brought = self.registries.ask(self.reference, &mut |authorization| {
            let question = Question { url: &url, accept: ANY, authorization, limit: size };
            match web.download(&question, &digest.hex(), file, on_progress) {
                Err(FetchError::WrongHash { got, .. }) => Ok(Err(got)),
                brought => brought.map(Ok),
            }
        });
        let brought = brought.map_err(|problem| match problem {
            Problem::NotFound { place } => Problem::NoBlob { place, digest: *digest },
            problem => problem,
        });
        if let Err(got) = brought? {
            let got = format!("sha256:{got}").parse().unwrap_or(Digest([0; 32]));
            return Err(Problem::WrongDigest { what: "layer", got, wanted: *digest });
        }
        let got = file.metadata().map_err(Problem::Write)?.len();
        if got == size { Ok(()) } else { Err(Problem::WrongSize { digest: *digest, wanted: size }) }
    }

    fn page(&self, what: &str, accept: &str, limit: u64) -> Result<Told, Problem> {
        let url = self.url(what);
        let web = &self.registries.web;
        self.registries
            .ask(self.reference, &mut |authorization| web.page(&Question { url: &url, accept, authorization, limit }))
    }

    fn url(&self, what: &str) -> String {
        format!("{}/{what}", self.registries.base(self.reference))
    }
}
