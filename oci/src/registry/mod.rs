//! Registries, asked as the distribution specification says: manifests and blobs by their digests, with the credentials
//! that the user gave to Docker.

mod challenge;
mod helper;
mod login;
mod repository;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fetch::{Authorization, FetchError, HttpError, Question, Told, User, Web};
use serde::Deserialize;

use self::challenge::Challenge;
use self::login::{Login, Logins};
use crate::Digest;
use crate::error::Problem;
use crate::reference::Reference;

pub use self::login::LoginError;
pub(crate) use self::repository::Repository;

/// The host of the documented default is asked elsewhere.
const DEFAULT_HOST: &str = "docker.io";
const DEFAULT_HOST_ASKED: &str = "registry-1.docker.io";

/// The largest answer of a server that gives tokens.
const LONGEST_TOKEN: u64 = 1 << 20;

/// Servers are asked without encryption.
const PLAIN: &str = "http";
const ENCRYPTED: &str = "https";

/// All registries, for one run.
pub(crate) struct Registries {
    web: Web,
    logins: Logins,
    /// Hosts that are asked without encryption.
    plain_http: Vec<String>,
    /// What a repository was last content with.
    sessions: Mutex<BTreeMap<(String, String), Authorization>>,
    /// Manifests and indexes that came.
    documents: Mutex<BTreeMap<Digest, Told>>,
}

/// What a server of tokens answers.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registries {
    /// Makes the registries of a user; nothing is asked before it is needed.
    pub fn new(web: Web, user: User) -> Registries {
        let (sessions, documents) = (Mutex::default(), Mutex::default());
        Registries { web, logins: Logins::new(user), plain_http: Vec::new(), sessions, documents }
    }

    /// Asks some hosts without encryption, too.
    pub fn set_plain_http(&mut self, hosts: Vec<String>) {
        self.plain_http = hosts;
    }

    /// Returns how the host of an image is asked.
    fn base(&self, reference: &Reference) -> String {
        let host = asked_host(reference.host());
        let scheme = if self.is_plain(host) { PLAIN } else { ENCRYPTED };
        format!("{scheme}://{host}/v2/{}", reference.repository())
    }

    fn is_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.plain_http.iter().any(|it| it == host)
    }

    /// Asks for something of an image; when the registry wants credentials, with them.
    fn ask<T>(
        &self,
        reference: &Reference,
        ask: &mut dyn FnMut(Option<&Authorization>) -> Result<T, FetchError>,
    ) -> Result<T, Problem> {
        let key = (reference.host().to_owned(), reference.repository().to_owned());
        let known = lock(&self.sessions).get(&key).cloned();
        let challenges = match ask(known.as_ref()) {
            Err(FetchError::Http(HttpError::Status { status: 401, challenges, .. })) => challenges,
            answer => return answer.map_err(|error| self.told(reference, error)),
        };
        let login = self.logins.of(reference)?;
        let authorization = self.authorize(reference, &challenges, login.as_ref())?;
        match ask(Some(&authorization)) {
            Err(FetchError::Http(HttpError::Status { status: 401 | 403, .. })) => {
                Err(refused(reference.host(), login.as_ref()))
            }
            answer => {
                lock(&self.sessions).insert(key, authorization);
                answer.map_err(|error| self.told(reference, error))
            }
        }
    }

    /// Gets what a registry asks for.
    fn authorize(
        &self,
        reference: &Reference,
        challenges: &[String],
        login: Option<&Login>,
    ) -> Result<Authorization, Problem> {
        let known = challenges.iter().find_map(|it| Challenge::parse(it));
        match (known, login) {
            (Some(Challenge::Bearer { .. }), Some(Login { authorization, is_token: login::IsToken::Yes, .. })) => {
                Ok(authorization.clone())
            }
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", reference.repository()));
                self.token(reference, &challenge::question(&realm, service.as_deref(), &scope), login)
            }
            (Some(Challenge::Basic), Some(login)) => Ok(login.authorization.clone()),
            (Some(Challenge::Basic), None) => Err(refused(reference.host(), None)),
            (None, _) => {
                let asked = challenges.join(", ").chars().take(100).collect();
                Err(Problem::Challenge { host: reference.host().to_owned(), asked })
            }
        }
    }

    fn token(&self, reference: &Reference, url: &str, login: Option<&Login>) -> Result<Authorization, Problem> {
        let host = || reference.host().to_owned();
        let realm = url.split('?').next().unwrap_or_default();
        let realm_host = realm.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        if realm.starts_with("http://") && !self.is_plain(realm_host) {
            return Err(Problem::PlainToken { host: host(), realm: realm.to_owned() });
        }
        let authorization = login.map(|login| &login.authorization);
        let question = Question { url, accept: "application/json", authorization, limit: LONGEST_TOKEN };
        let told = match self.web.page(&question) {
            Err(FetchError::Http(HttpError::Status { status: 400 | 401 | 403, .. })) => {
                return Err(refused(reference.host(), login));
            }
            told => told.map_err(Problem::from)?,
        };
        let token: Option<Token> = serde_json::from_slice(&told.body).ok();
        let token = token.and_then(|token| token.token.or(token.access_token)).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Problem::NoToken { host: host(), realm: realm.to_owned() })?;
        Ok(Authorization::bearer(&token))
    }

    /// Says what is missing in the words of images.
    fn told(&self, reference: &Reference, error: FetchError) -> Problem {
        match error {
            FetchError::Http(HttpError::Status { status: 404, .. }) => {
                Problem::NotFound { place: reference.host().to_owned() }
            }
            error => error.into(),
        }
    }
}

fn refused(host: &str, login: Option<&Login>) -> Problem {
    match login {
        Some(login) => Problem::Refused { host: host.to_owned(), origin: login.origin.clone() },
        None => Problem::NoLogin { host: host.to_owned() },
    }
}

/// Returns the host that is asked for those of a name.
fn asked_host(host: &str) -> &str {
    if host == DEFAULT_HOST { DEFAULT_HOST_ASKED } else { host }
}

/// Whether a host, with its port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address: Result<std::net::IpAddr, _> = name.trim_matches(['[', ']']).parse();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
