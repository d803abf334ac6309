//! One package of npm: which addresses are tried for its tarball, and in which order.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use serde::Deserialize;

use super::Settings;
use crate::FetchError;
use crate::digest::Expected;
use crate::http::{Ask, Client, Html, HttpError};
use crate::url::Url;
use crate::user::Destination;

/// Asks for the short form of what a registry knows of a package.
const SHORT_FORM: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A package as the lock has it.
pub(crate) struct Package<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub integrity: &'a str,
    pub seen_at: Option<&'a str>,
    pub settings: &'a Settings,
    pub client: &'a Client,
}

/// A way to find the address of a tarball.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The lock has seen it at the registry that is in use.
    Hint,
    /// Registries keep tarballs at one place by custom.
    Custom,
    /// The registry tells it.
    Told,
    /// The lock has seen it elsewhere: it may be a package of no registry at all.
    Elsewhere,
}

/// What a registry knows of a package, as far as it matters here.
#[derive(Deserialize)]
struct Known {
    versions: BTreeMap<String, KnownVersion>,
}

#[derive(Deserialize)]
struct KnownVersion {
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
}

impl Package<'_> {
    /// Brings the tarball; returns where it lies.
    pub fn bring(&self, to: &Destination<'_>) -> Result<PathBuf, FetchError> {
        let expected = Expected::integrity(self.integrity).ok_or(FetchError::NoHash)?;
        let (path, mut file) = to.create("package.tgz")?;
        match self.settings.registry(self.name)? {
            Some(registry) => self.ask_around(&registry, &expected, &mut file, to)?,
            None => {
                let seen_at = self.seen_at.ok_or(FetchError::NoRegistry { client: "npm" })?;
                self.download(&Url::parse(seen_at)?, None, &expected, &mut file, to)?;
            }
        }
        Ok(path)
    }

    /// Tries one way after the other for as long as there is nothing.
    fn ask_around(
        &self,
        registry: &Url,
        expected: &Expected,
        file: &mut File,
        to: &Destination<'_>,
    ) -> Result<(), FetchError> {
        let mut tried = Vec::new();
        for way in [Way::Hint, Way::Custom, Way::Told, Way::Elsewhere] {
            let Some(url) = self.url(way, registry)?.filter(|url| !tried.contains(url)) else { continue };
            match self.download(&url, Some(registry), expected, file, to) {
                Err(FetchError::Http(HttpError::Cancelled)) => return Err(HttpError::Cancelled.into()),
                Err(FetchError::Http(error)) if error.is_absence() || way == Way::Elsewhere => tried.push(url),
                settled => return settled,
            }
        }
        Err(FetchError::Absent { registry: registry.to_string(), what: format!("{} {}", self.name, self.version) })
    }

    fn url(&self, way: Way, registry: &Url) -> Result<Option<Url>, FetchError> {
        let seen_at = self.seen_at.and_then(|url| Url::parse(url).ok());
        let is_here = |url: &Url| url.is_same_origin(registry);
        Ok(match way {
            Way::Hint => seen_at.filter(is_here),
            Way::Custom => {
                let base = self.name.rsplit('/').next().unwrap_or(self.name);
                Some(registry.below(&format!("{}/-/{base}-{}.tgz", self.name, self.version)))
            }
            Way::Told => self.told(registry)?,
            Way::Elsewhere => seen_at.filter(|url| !is_here(url)),
        })
    }

    /// Returns what the registry tells of the tarball.
    fn told(&self, registry: &Url) -> Result<Option<Url>, FetchError> {
        let url = registry.below(&self.name.replacen('/', "%2f", 1));
        let page = match self.client.page(&self.asked(&url, Some(registry), SHORT_FORM)) {
            Err(error) if error.is_absence() => return Ok(None),
            page => page?,
        };
        let unreadable = |why: String| FetchError::Unreadable { url: url.to_string(), why };
        let known: Known = serde_json::from_slice(&page.body).map_err(|error| unreadable(error.to_string()))?;
        let tarball = known.versions.get(self.version).map(|version| page.url.join(&version.dist.tarball));
        Ok(tarball.transpose()?)
    }

    fn download(
        &self,
        url: &Url,
        registry: Option<&Url>,
        expected: &Expected,
        file: &mut File,
        to: &Destination<'_>,
    ) -> Result<(), FetchError> {
        let ask = self.asked(url, registry, "application/octet-stream, */*");
        self.client.download(&ask, expected, file, to.on_progress)
    }

    /// Credentials are those of the address, or else those of the registry if it is on the same server.
    fn asked<'a>(&'a self, url: &'a Url, registry: Option<&Url>, accept: &'a str) -> Ask<'a> {
        let credentials = &self.settings.credentials;
        let of_registry = || registry.filter(|it| it.is_same_origin(url)).and_then(|it| credentials.of(it));
        let authorization = credentials.of(url).or_else(of_registry);
        Ask { url, accept, authorization, route: &self.settings.route, html: Html::Refused, limit: None }
    }
}
