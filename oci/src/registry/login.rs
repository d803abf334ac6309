//! The credentials that a user gave to Docker or to Podman, for the host of an image.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::OnceLock;

use fetch::{Authorization, User};
use serde::Deserialize;

use super::helper;
use crate::reference::Reference;

/// Under which name Docker keeps the credentials of its own host.
const DEFAULT_SERVER: &str = "https://index.docker.io/v1/";
/// A name that says that the secret is a token.
const TOKEN_NAME: &str = "<token>";

/// Credentials, and who had them.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub authorization: Authorization,
    pub is_token: IsToken,
    /// The file, the variable or the program.
    pub origin: String,
}

/// Whether credentials are for the registry itself, or to get a token for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum IsToken {
    Yes,
    No,
}

/// Why the credentials of a user cannot be used. None of them is told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginError {
    /// A file of credentials cannot be read.
    #[error("the credentials in {origin} cannot be read: {why}")]
    Unreadable {
        /// The file or the variable.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// A program that keeps them does not tell them.
    #[error("`docker-credential-{name}` does not tell the credentials: {why}")]
    Helper {
        /// The end of its name.
        name: String,
        /// What it said.
        why: String,
    },
    /// They are of a kind that is exchanged first.
    #[error(
        "the credentials for {host} in {origin} are an identity token, which rg does not use: log in with a name and an access token"
    )]
    IdentityToken {
        /// The host.
        host: String,
        /// The file or the program.
        origin: String,
    },
}

/// The files of credentials of a user, which are read when the first registry wants some.
pub(super) struct Logins {
    user: User,
    files: OnceLock<Result<Vec<(String, Config)>, LoginError>>,
}

/// A file of credentials.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    /// `name:password` in base64.
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Logins {
    /// Makes the logins of a user; nothing is read before it is needed.
    pub fn new(user: User) -> Logins {
        Logins { user, files: OnceLock::new() }
    }

    /// Returns the credentials for an image: those of the first file that has any.
    pub fn of(&self, reference: &Reference) -> Result<Option<Login>, LoginError> {
        let files = self.files.get_or_init(|| self.read()).as_ref().map_err(Clone::clone)?;
        for (origin, config) in files {
            let found = match self.kept(config, reference)? {
                Some(login) => Some(login),
                None => config.written(reference, origin)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn read(&self) -> Result<Vec<(String, Config)>, LoginError> {
        let value = |name: &str| self.user.environment.get(name).filter(|it| !it.is_empty());
        let mut files = Vec::new();
        if let Some(text) = value("DOCKER_AUTH_CONFIG") {
            files.push(parse(text, "DOCKER_AUTH_CONFIG")?);
        }
        let docker = value("DOCKER_CONFIG").map(PathBuf::from);
        let docker = docker.or_else(|| Some(self.user.home.as_ref()?.join(".docker")));
        let paths = [value("REGISTRY_AUTH_FILE").map(PathBuf::from), docker.map(|it| it.join("config.json"))];
        for path in paths.into_iter().flatten() {
            let origin = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => files.push(parse(&text, &origin)?),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(LoginError::Unreadable { origin, why: error.to_string() }),
            }
        }
        Ok(files)
    }

    /// Asks the program that keeps the credentials, if one does.
    fn kept(&self, config: &Config, reference: &Reference) -> Result<Option<Login>, LoginError> {
        let servers = servers(reference.host());
        let own = servers.iter().find_map(|server| config.cred_helpers.get(server));
        let Some(name) = own.or(config.creds_store.as_ref()).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let server = servers.first().map(String::as_str).unwrap_or_default();
        let Some(secret) = helper::ask(name, server, &self.user)? else { return Ok(None) };
        let origin = format!("`docker-credential-{name}`");
        if secret.username == TOKEN_NAME {
            return Err(LoginError::IdentityToken { host: reference.host().to_owned(), origin });
        }
        let authorization = Authorization::basic(&secret.username, &secret.secret);
        Ok(Some(Login { authorization, is_token: IsToken::No, origin }))
    }
}

impl Config {
    /// Returns the credentials that are in the file: those of the longest path above the repository.
    fn written(&self, reference: &Reference, origin: &str) -> Result<Option<Login>, LoginError> {
        let servers = servers(reference.host());
        let fits = |key: &str| {
            let (host, path) = split(key);
            let below = |path: &str| path.is_empty() || reference.repository() == path || is_below(reference, path);
            (servers.iter().any(|server| split(server).0 == host) && below(path)).then_some(path.len())
        };
        let fitting = self.auths.iter().filter_map(|(key, entry)| Some((fits(key)?, entry)));
        let mut fitting: Vec<(usize, &Entry)> = fitting.collect();
        fitting.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        for (_, entry) in fitting {
            if let Some(login) = entry.login(reference.host(), origin)? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn login(&self, host: &str, origin: &str) -> Result<Option<Login>, LoginError> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let login = |authorization, is_token| Some(Login { authorization, is_token, origin: origin.to_owned() });
        if let Some(token) = given(&self.registrytoken) {
            return Ok(login(Authorization::bearer(&token), IsToken::Yes));
        }
        if given(&self.identitytoken).is_some() {
            return Err(LoginError::IdentityToken { host: host.to_owned(), origin: origin.to_owned() });
        }
        if let Some(auth) = given(&self.auth) {
            if !auth.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte)) {
                let why = format!("those for {host} are not in base64");
                return Err(LoginError::Unreadable { origin: origin.to_owned(), why });
            }
            return Ok(login(Authorization::of_base64(&auth), IsToken::No));
        }
        let (name, password) = (given(&self.username), given(&self.password));
        let both = name.zip(password);
        Ok(both.and_then(|(name, password)| login(Authorization::basic(&name, &password), IsToken::No)))
    }
}

fn parse(text: &str, origin: &str) -> Result<(String, Config), LoginError> {
    let unreadable = |error: serde_json::Error| {
        // What serde quotes may be a secret: only the place is told.
        let why = format!("line {}, column {}", error.line(), error.column());
        LoginError::Unreadable { origin: origin.to_owned(), why }
    };
    Ok((origin.to_owned(), serde_json::from_str(text).map_err(unreadable)?))
}

/// Returns the names under which the credentials of a host may be kept, the usual one first.
fn servers(host: &str) -> Vec<String> {
    if host != super::DEFAULT_HOST {
        return vec![host.to_owned(), format!("https://{host}")];
    }
    [DEFAULT_SERVER, "index.docker.io", super::DEFAULT_HOST, super::DEFAULT_HOST_ASKED].map(str::to_owned).to_vec()
}

/// Splits the key of a file into the host, and the path below it that is meant.
fn split(key: &str) -> (&str, &str) {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    match path.trim_end_matches('/') {
        // Docker keeps the version of the protocol in its keys.
        "v1" | "v2" => (host, ""),
        path => (host, path),
    }
}

fn is_below(reference: &Reference, path: &str) -> bool {
    reference.repository().strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}
