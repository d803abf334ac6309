//! Where npm takes packages from: asked from npm, and read from its files for what it does not tell.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::npmrc;
use crate::asked::{AskError, Setting};
use crate::credentials::Credentials;
use crate::http::{Limits, Route};
use crate::proxies::Proxies;
use crate::trust::Trust;
use crate::url::{Scheme, Url, UrlError};
use crate::user::User;

/// What npm is told of as.
const NAME: &str = "npm config list --json";

/// What npm's settings say.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The registry of names without a scope, as it is written.
    registry: Option<String>,
    /// The registries of scopes, `@scope`.
    scopes: BTreeMap<String, String>,
    pub credentials: Credentials,
    pub route: Route,
}

impl Settings {
    /// Asks npm. Without it, its files alone say what there is.
    pub fn ask(npm: Option<&Path>, user: &User) -> Result<Settings, AskError> {
        let setting = Setting { environment: &user.environment, directory: &user.root };
        let told = match npm {
            Some(npm) => read(&setting.ask(npm, NAME, &["config", "list", "--json"])?)?,
            None => Map::new(),
        };
        Ok(Settings::of(&told, user))
    }

    fn of(told: &Map<String, Value>, user: &User) -> Settings {
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let written = written(text("userconfig"), text("globalconfig"), user);
        let find = |name: &str| written.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
        let mut scopes = BTreeMap::new();
        let told_texts = told.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        for (name, value) in told_texts.chain(written.iter().cloned()) {
            if let Some(scope) = name.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) {
                scopes.entry(scope.to_owned()).or_insert(value);
            }
        }
        let registry = text("registry").map(str::to_owned).or_else(|| find("registry"));
        let cafile = text("cafile").map(str::to_owned).or_else(|| find("cafile"));
        let mut credentials = npmrc::credentials(&written);
        registry.iter().chain(scopes.values()).filter_map(|url| Url::parse(url).ok()).for_each(|url| {
            credentials.add_registry(&url);
        });
        credentials.extend(user.netrc());
        Settings { registry, scopes, credentials, route: route(told, cafile.as_deref(), user) }
    }

    /// Returns the registry of a package, if one is known.
    pub fn registry(&self, name: &str) -> Result<Option<Url>, UrlError> {
        let scope = name.split_once('/').and_then(|(scope, _)| self.scopes.get(scope));
        scope.or(self.registry.as_ref()).map(|url| Url::parse(url)).transpose()
    }
}

fn read(answer: &str) -> Result<Map<String, Value>, AskError> {
    let unreadable =
        |error: serde_json::Error| AskError::Unreadable { program: NAME.to_owned(), why: error.to_string() };
    serde_json::from_str(answer).map_err(unreadable)
}

/// Returns what is written in the environment and in the files, what counts most first.
fn written(userconfig: Option<&str>, globalconfig: Option<&str>, user: &User) -> Vec<(String, String)> {
    let of_environment = |(name, value): (&String, &String)| {
        let name = name.strip_prefix("npm_config_").or_else(|| name.strip_prefix("NPM_CONFIG_"))?;
        // A name that holds a registry is written as it is; of the others only the case may differ.
        let name = if name.starts_with("//") { name.to_owned() } else { name.to_ascii_lowercase() };
        Some((name, value.clone()))
    };
    let mut written: Vec<(String, String)> = user.environment.iter().filter_map(of_environment).collect();
    let find = |name: &str| written.iter().find(|(it, _)| it == name).map(|(_, value)| PathBuf::from(value));
    let of_home = || user.home.as_ref().map(|home| home.join(".npmrc"));
    let user_file = userconfig.map(PathBuf::from).or_else(|| find("userconfig")).or_else(of_home);
    let global_file = globalconfig.map(PathBuf::from).or_else(|| find("globalconfig"));
    for file in [Some(user.root.join(".npmrc")), user_file, global_file].into_iter().flatten() {
        let text = fs::read_to_string(file).unwrap_or_default();
        written.extend(npmrc::parse(&text, &user.environment));
    }
    written
}

fn route(told: &Map<String, Value>, cafile: Option<&str>, user: &User) -> Route {
    let value = |name: &str| user.environment.get(name).map(Path::new);
    let trust = Trust::first([user.extra_ca.as_deref(), cafile.map(Path::new), value("SSL_CERT_FILE")])
        .and(value("NODE_EXTRA_CA_CERTS").filter(|_| user.extra_ca.is_none()));
    let mut proxies = Proxies::of_environment(&user.environment);
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    proxies.set(Scheme::Http, text("proxy"));
    proxies.set(Scheme::Https, text("https-proxy").or_else(|| text("proxy")));
    match told.get("noproxy") {
        Some(Value::String(list)) => proxies.ask_directly(list),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).for_each(|it| proxies.ask_directly(it)),
        _ => {}
    }
    let number = |name: &str| told.get(name).and_then(Value::as_u64);
    let idle = number("fetch-timeout").filter(|it| *it > 0).map(Duration::from_millis);
    let retries = number("fetch-retries").and_then(|retries| usize::try_from(retries).ok());
    Route { trust, proxies, limits: Limits { idle, retries } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_npm_tells_counts_and_its_files_say_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let text =
            "@b:registry=https://b.example/npm/\n//b.example/npm/:_authToken=secret\nregistry=https://no.example/";
        fs::write(directory.path().join(".npmrc"), text).unwrap();
        let told = json!({ "registry": "https://r.example/", "@a:registry": "https://a.example/", "proxy": null });
        let user = User { root: directory.path().to_owned(), ..User::default() };
        let settings = Settings::of(told.as_object().unwrap(), &user);
        let check = |name: &str, want: &str, authorization: Option<&str>| {
            let url = settings.registry(name).unwrap().unwrap();
            assert_eq!((url.to_request().as_str(), settings.credentials.of(&url)), (want, authorization));
        };
        check("six", "https://r.example/", None);
        check("@a/six", "https://a.example/", None);
        check("@b/six", "https://b.example/npm/", Some("Bearer secret"));
        check("@c/six", "https://r.example/", None);
    }

    #[test]
    fn without_npm_its_files_say_what_there_is() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".npmrc"), "registry=https://r.example/").unwrap();
        let user = User { root: directory.path().to_owned(), ..User::default() };
        let registry =
            |user: &User| Settings::ask(None, user).unwrap().registry("six").unwrap().map(|it| it.to_request());
        assert_eq!(registry(&user).as_deref(), Some("https://r.example/"));
        assert_eq!(registry(&User { root: directory.path().join("none"), ..user }), None);
    }
}
