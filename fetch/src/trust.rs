//! Whose certificates are trusted: the files of authorities, and which of the user's settings names them.

use std::fs;
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::http::HttpError;

/// Where systems keep their bundle of authorities.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/cacert.pem",
];

/// The files of authorities that are trusted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Trust {
    /// In place of the system's.
    base: Option<PathBuf>,
    /// Beside the others; it may be missing.
    more: Option<PathBuf>,
}

impl Trust {
    /// Trusts the first file that a setting names, or else the system's.
    pub fn first<'a>(settings: impl IntoIterator<Item = Option<&'a Path>>) -> Trust {
        Trust { base: settings.into_iter().flatten().next().map(Path::to_owned), more: None }
    }

    /// Trusts those of another file, too.
    pub fn and(self, more: Option<&Path>) -> Trust {
        Trust { more: more.map(Path::to_owned), ..self }
    }

    /// Reads the certificates.
    pub fn roots(&self) -> Result<Vec<Certificate<'static>>, HttpError> {
        let untold = |path: &Path, why: String| HttpError::Authorities { path: path.to_owned(), why };
        let base = self.base.as_deref().or_else(|| system_bundle());
        let mut roots = Vec::new();
        if let Some(base) = base {
            let text = fs::read(base).map_err(|error| untold(base, error.to_string()))?;
            roots.extend(certificates(&text));
            if roots.is_empty() {
                return Err(untold(base, "it holds no certificate".to_owned()));
            }
        }
        let more = self.more.as_deref().and_then(|more| fs::read(more).ok());
        roots.extend(more.iter().flat_map(|text| certificates(text)));
        Ok(roots)
    }
}

fn system_bundle() -> Option<&'static Path> {
    SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists())
}

fn certificates(text: &[u8]) -> Vec<Certificate<'static>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    parse_pem(text).filter_map(certificate).collect()
}
