//! Where pip takes packages from: asked from the pip of the user's interpreter.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::FetchError;
use crate::asked::{AskError, Setting};
use crate::credentials::Credentials;
use crate::http::{Limits, Route};
use crate::proxies::Proxies;
use crate::trust::Trust;
use crate::url::{Scheme, Url, UrlError};
use crate::user::User;

/// Asks pip's own parser of options what it takes from files, variables and defaults.
const QUESTION: &str = "\
import json
from pip._internal.commands import create_command
options, _ = create_command('download').parser.parse_args([])
names = ('index_url', 'extra_index_urls', 'no_index', 'proxy', 'cert', 'timeout', 'retries')
print(json.dumps({name: getattr(options, name, None) for name in names}))
";

/// What pip's settings say.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// The indexes, the main one first.
    pub indexes: Vec<Url>,
    pub credentials: Credentials,
    pub route: Route,
}

/// Why it is not known where pip takes packages from: told to every package that needs it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unsettled {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Url(#[from] UrlError),
}

impl From<Unsettled> for FetchError {
    fn from(error: Unsettled) -> FetchError {
        match error {
            Unsettled::Ask(error) => error.into(),
            Unsettled::Url(error) => error.into(),
        }
    }
}

/// What pip tells.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Told {
    index_url: Option<String>,
    extra_index_urls: Option<Vec<String>>,
    no_index: Option<bool>,
    proxy: Option<String>,
    cert: Option<String>,
    /// In seconds.
    timeout: Option<f64>,
    retries: Option<u16>,
}

impl Settings {
    /// Asks pip. An interpreter without pip knows no index.
    pub fn ask(python: Option<&Path>, user: &User) -> Result<Settings, Unsettled> {
        let told = match python {
            Some(python) => ask_pip(python, user)?,
            None => Told::default(),
        };
        Ok(Settings::of(&told, user)?)
    }

    fn of(told: &Told, user: &User) -> Result<Settings, UrlError> {
        let texts = told.index_url.iter().chain(told.extra_index_urls.iter().flatten());
        let texts = texts.filter(|_| told.no_index != Some(true));
        let indexes = texts.map(|url| Url::parse(url)).collect::<Result<Vec<Url>, _>>()?;
        let mut credentials = Credentials::default();
        indexes.iter().for_each(|index| credentials.add_registry(index));
        credentials.extend(user.netrc());
        Ok(Settings { indexes, credentials, route: route(told, user) })
    }
}

fn ask_pip(python: &Path, user: &User) -> Result<Told, AskError> {
    // Not in the workspace: Python would import modules that lie there.
    let setting = Setting { environment: &user.environment, directory: Path::new("/") };
    let answer = match setting.ask(python, "pip", &["-c", QUESTION]) {
        Ok(answer) => answer,
        Err(AskError::Failed { said, .. }) if said.contains("No module named 'pip") => return Ok(Told::default()),
        // The parser belongs to pip alone; what is set is told to everybody.
        Err(AskError::Failed { .. }) => {
            let list = setting.ask(python, "pip config list", &["-m", "pip", "config", "list"])?;
            return Ok(of_list(&list));
        }
        Err(error) => return Err(error),
    };
    let unreadable =
        |error: serde_json::Error| AskError::Unreadable { program: "pip".to_owned(), why: error.to_string() };
    serde_json::from_str(answer.lines().last().unwrap_or_default()).map_err(unreadable)
}

/// Reads `pip config list`: `global.index-url='https://…'`, what counts most last.
fn of_list(list: &str) -> Told {
    let mut told = Told::default();
    for (name, value) in list.lines().filter_map(|line| line.split_once('=')) {
        let value = value.trim().trim_matches(['\'', '"']).to_owned();
        match name.rsplit('.').next().unwrap_or_default() {
            "index-url" => told.index_url = Some(value),
            "extra-index-url" => {
                let values = value.replace("\\n", " ");
                told.extra_index_urls = Some(values.split_whitespace().map(str::to_owned).collect());
            }
            "no-index" => told.no_index = Some(matches!(value.as_str(), "1" | "true" | "True" | "yes" | "on")),
            "proxy" => told.proxy = Some(value),
            "cert" => told.cert = Some(value),
            "timeout" | "default-timeout" => told.timeout = value.parse().ok(),
            "retries" => told.retries = value.parse().ok(),
            _ => {}
        }
    }
    told
}

fn route(told: &Told, user: &User) -> Route {
    let value = |name: &str| user.environment.get(name).filter(|it| !it.is_empty()).map(Path::new);
    let cert = told.cert.as_deref().filter(|cert| !cert.is_empty()).map(Path::new);
    let trust = Trust::first([
        user.extra_ca.as_deref(),
        cert,
        value("REQUESTS_CA_BUNDLE"),
        value("CURL_CA_BUNDLE"),
        value("SSL_CERT_FILE"),
    ]);
    let mut proxies = Proxies::of_environment(&user.environment);
    for scheme in [Scheme::Http, Scheme::Https] {
        proxies.set(scheme, told.proxy.clone());
    }
    let idle = told.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|it| !it.is_zero());
    Route { trust, proxies, limits: Limits { idle, retries: told.retries.map(usize::from) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_lists_is_read() {
        let list = ":env:.cert='/ca.pem'\nglobal.index-url='https://u:p@i.example/simple'\n\
                    global.extra-index-url='\\nhttps://a.example/s\\nhttps://b.example/s'\n";
        let settings = Settings::of(&of_list(list), &User::default()).unwrap();
        let indexes: Vec<String> = settings.indexes.iter().map(Url::to_string).collect();
        assert_eq!(indexes, ["https://i.example/simple", "https://a.example/s", "https://b.example/s"]);
        assert_eq!(settings.credentials.of(&settings.indexes[0]), Some("Basic dTpw"));
        assert_eq!(settings.credentials.of(&settings.indexes[1]), None);
    }

    #[test]
    fn without_an_index_there_is_none() {
        let told = Told { index_url: Some("https://i.example/".to_owned()), no_index: Some(true), ..Told::default() };
        assert_eq!(Settings::of(&told, &User::default()).unwrap().indexes, []);
        let told = Told { index_url: Some("file:///simple".to_owned()), ..Told::default() };
        let error = Settings::of(&told, &User::default()).unwrap_err().to_string();
        assert_eq!(error, "an address of the kind `file` cannot be asked: only http and https can");
    }
}
