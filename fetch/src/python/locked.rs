//! One locked distribution of Python: which of the offered files is taken, and from where.

use std::path::PathBuf;

use model::wheel::{self, FileName};
use model::{Distribution, Platform, PythonEnvironment};

use super::Index;
use super::index::Offer;
use crate::FetchError;
use crate::digest::{Expected, any_of};
use crate::http::{Client, HttpError};
use crate::url::Url;
use crate::user::Destination;

/// A file that the lock names.
pub(crate) struct OneFile<'a> {
    pub name: &'a str,
    pub file: &'a str,
    pub sha256: &'a str,
    pub seen_at: Option<&'a str>,
    pub index: &'a Index,
    pub client: &'a Client,
}

/// A distribution of which the lock has only hashes.
pub(crate) struct AnyFile<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub sha256: Vec<&'a str>,
    pub distribution: Distribution,
    pub environment: &'a PythonEnvironment,
    pub platform: &'a Platform,
    pub index: &'a Index,
    pub client: &'a Client,
}

/// A way to find a file that the lock names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Where the lock has seen it.
    Seen,
    /// Where the index says.
    Index,
}

impl OneFile<'_> {
    /// Brings the file; returns where it lies.
    pub fn bring(&self, to: &Destination<'_>) -> Result<PathBuf, FetchError> {
        let mut first = None;
        for way in self.ways() {
            match self.attempt(way, to) {
                Err(error) if is_elsewhere_to_be_had(&error) => drop(first.get_or_insert(error)),
                settled => return settled,
            }
        }
        Err(first.unwrap_or(FetchError::NoRegistry { client: "pip" }))
    }

    /// Returns the ways that there are: a mirror is asked before a server that only the lock knows.
    fn ways(&self) -> Vec<Way> {
        let seen_at = self.seen_at.and_then(|url| Url::parse(url).ok());
        let indexes = &self.index.settings.indexes;
        let seen = seen_at.as_ref().map(|_| Way::Seen);
        let index = (!indexes.is_empty()).then_some(Way::Index);
        let is_of_index = seen_at.is_some_and(|url| indexes.iter().any(|index| index.is_same_origin(&url)));
        let order = if is_of_index { [seen, index] } else { [index, seen] };
        order.into_iter().flatten().collect()
    }

    fn attempt(&self, way: Way, to: &Destination<'_>) -> Result<PathBuf, FetchError> {
        let url = match (way, self.seen_at) {
            (Way::Seen, Some(seen_at)) => Url::parse(seen_at)?,
            (Way::Seen | Way::Index, _) => self.offered()?,
        };
        let (path, mut file) = to.create(self.file)?;
        let expected = Expected::sha256([self.sha256]);
        self.client.download(&self.index.ask_for_file(&url), &expected, &mut file, to.on_progress)?;
        Ok(path)
    }

    fn offered(&self) -> Result<Url, FetchError> {
        let offers = self.index.offers(self.name, self.client)?;
        let named: Vec<&Offer> = offers.iter().filter(|offer| offer.file == self.file).collect();
        let expected = Expected::sha256([self.sha256]);
        let right = named.iter().find(|offer| offer.sha256.as_deref().is_none_or(|hash| expected.allows(hash)));
        match (right, named.first().and_then(|offer| offer.sha256.clone())) {
            (Some(offer), _) => Ok(offer.url.clone()),
            (None, Some(got)) => Err(FetchError::WrongHash { got, wanted: expected.wanted() }),
            (None, None) => Err(FetchError::Absent { registry: self.index.names(), what: self.file.to_owned() }),
        }
    }
}

/// Whether another way may lead to the file. A wrong hash is final: somebody has to look.
fn is_elsewhere_to_be_had(error: &FetchError) -> bool {
    match error {
        FetchError::Http(HttpError::Cancelled | HttpError::Write(_) | HttpError::Authorities { .. }) => false,
        FetchError::Http(_) | FetchError::Absent { .. } | FetchError::Unreadable { .. } | FetchError::Url(_) => true,
        _ => false,
    }
}

impl AnyFile<'_> {
    /// Brings the file that fits best; returns where it lies.
    pub fn bring(&self, to: &Destination<'_>) -> Result<PathBuf, FetchError> {
        if self.index.settings.indexes.is_empty() {
            return Err(FetchError::NoRegistry { client: "pip" });
        }
        let offers = self.index.offers(self.name, self.client)?;
        let offer = self.choose(&offers)?;
        let (path, mut file) = to.create(&offer.file)?;
        let ask = self.index.ask_for_file(&offer.url);
        self.client.download(&ask, &self.expected(), &mut file, to.on_progress)?;
        Ok(path)
    }

    fn expected(&self) -> Expected {
        Expected::sha256(self.sha256.iter().copied())
    }

    fn choose<'o>(&self, offers: &'o [Offer]) -> Result<&'o Offer, FetchError> {
        let expected = self.expected();
        let of_version = |offer: &&Offer| FileName::parse(&offer.file).is_some_and(|it| it.version == self.version);
        let allowed: Vec<&Offer> = offers
            .iter()
            .filter(|offer| match &offer.sha256 {
                Some(hash) => expected.allows(hash),
                None => of_version(offer),
            })
            .collect();
        if allowed.is_empty() {
            let hashes = offers.iter().filter(of_version).filter_map(|offer| offer.sha256.clone());
            return Err(self.none_allowed(hashes.collect(), &expected));
        }
        if let Some(other) = allowed.iter().find(|offer| self.is_surely_another_version(offer)) {
            return Err(FetchError::OtherVersion { file: other.file.clone(), version: self.version.to_owned() });
        }
        match self.distribution {
            Distribution::Wheel => self.best_wheel(&allowed),
            Distribution::Source => {
                let source = allowed.iter().find(|offer| is_source(offer)).copied();
                source.ok_or_else(|| FetchError::NoSource { there: files(&allowed) })
            }
        }
    }

    /// Whether a file has another version than the lock says; of plain numbers only, which are written in one way.
    fn is_surely_another_version(&self, offer: &Offer) -> bool {
        let plain = |version: &str| {
            let numbers: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
            numbers.map(|mut numbers| {
                numbers.truncate(numbers.iter().rposition(|it| *it != 0).map_or(0, |last| last + 1));
                numbers
            })
        };
        let offered = FileName::parse(&offer.file).and_then(|name| plain(name.version));
        offered.zip(plain(self.version)).is_some_and(|(offered, locked)| offered != locked)
    }

    fn none_allowed(&self, offered: Vec<String>, expected: &Expected) -> FetchError {
        if offered.is_empty() {
            let what = format!("file of {} {}", self.name, self.version);
            return FetchError::Absent { registry: self.index.names(), what };
        }
        FetchError::WrongHash { got: any_of(&offered), wanted: expected.wanted() }
    }

    fn best_wheel<'o>(&self, allowed: &[&'o Offer]) -> Result<&'o Offer, FetchError> {
        let ranked = allowed.iter().filter_map(|offer| {
            let rank = wheel::rank(&offer.file, self.environment, self.platform)?;
            Some((rank, *offer))
        });
        // Of equals the first is taken: the main index comes first.
        let best = ranked.rev().max_by(|left, right| left.0.cmp(&right.0));
        best.map(|(_, offer)| offer).ok_or_else(|| self.none_fits(allowed))
    }

    fn none_fits(&self, allowed: &[&Offer]) -> FetchError {
        match allowed.iter().find(|offer| is_source(offer)) {
            Some(source) if !allowed.iter().any(|offer| wheel::is_wheel(&offer.file)) => {
                FetchError::OnlySource { name: self.name.to_owned(), file: source.file.clone() }
            }
            _ => FetchError::NoneFits {
                python: self.environment.version.to_string(),
                platform: self.platform.to_string(),
                there: files(allowed),
            },
        }
    }
}

fn is_source(offer: &Offer) -> bool {
    FileName::parse(&offer.file).is_some_and(|name| !name.is_wheel())
}

fn files(offers: &[&Offer]) -> String {
    offers.iter().map(|offer| offer.file.as_str()).collect::<Vec<_>>().join(", ")
}
