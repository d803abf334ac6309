//! Asks servers that other crates know: a page of some size, or a file that is verified while it comes.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::FetchError;
use crate::credentials::{basic, bearer};
use crate::digest::Expected;
use crate::http::{Ask, Client, Html, Limits, Patience, Route};
use crate::proxies::Proxies;
use crate::trust::Trust;
use crate::url::Url;
use crate::user::User;

/// Hosts of this machine, to which no proxy leads.
const OWN_HOSTS: &str = "localhost,127.0.0.1,[::1]";

/// Asks servers for one user. Connections are kept for as long as it lives.
pub struct Web {
    client: Client,
    route: Route,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The address, by http or https.
    pub url: &'a str,
    /// The kinds of answers that are understood, as a header has them.
    pub accept: &'a str,
    /// The credentials for the host of the address: they do not follow a redirect to another.
    pub authorization: Option<&'a Authorization>,
    /// The most bytes that the answer may have.
    pub limit: u64,
}

/// What a server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The kind of the body, in lower case and without parameters; empty if none is said.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Credentials, as a header has them. They are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(String);

impl Authorization {
    /// Makes those of a name and a password.
    pub fn basic(name: &str, password: &str) -> Authorization {
        Authorization(basic(&format!("{name}:{password}")))
    }

    /// Makes those of a name and a password that are in base64 already, with a colon between them.
    pub fn of_base64(encoded: &str) -> Authorization {
        Authorization(format!("Basic {encoded}"))
    }

    /// Makes those of a token.
    pub fn bearer(token: &str) -> Authorization {
        Authorization(bearer(token))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization")
    }
}

impl Web {
    /// Makes the web of a user; nothing is asked before it is needed. `cancelled` says whether the run was asked to end,
    /// and is called often.
    pub fn new(user: &User, patience: Patience, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Web {
        let bundle = user.environment.get("SSL_CERT_FILE").filter(|it| !it.is_empty()).map(Path::new);
        let mut proxies = Proxies::of_environment(&user.environment);
        proxies.ask_directly(OWN_HOSTS);
        let trust = Trust::first([user.extra_ca.as_deref(), bundle]);
        Web { client: Client::new(patience, cancelled), route: Route { trust, proxies, limits: Limits::default() } }
    }

    /// Reads an answer whole. A server that is in trouble is asked again.
    pub fn page(&self, question: &Question<'_>) -> Result<Told, FetchError> {
        let url = Url::parse(question.url)?;
        let page = self.client.page(&self.ask(question, &url))?;
        Ok(Told { media_type: page.media_type, body: page.body })
    }

    /// Writes an answer with a SHA-256 (in hexadecimal digits) to a file, and goes on with it after a break. Whatever the
    /// file held before is gone, and what it holds after an error is worthless.
    pub fn download(
        &self,
        question: &Question<'_>,
        sha256: &str,
        file: &mut File,
        on_progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<(), FetchError> {
        let url = Url::parse(question.url)?;
        self.client.download(&self.ask(question, &url), &Expected::sha256([sha256]), file, on_progress)
    }

    fn ask<'a>(&'a self, question: &Question<'a>, url: &'a Url) -> Ask<'a> {
        let authorization = question.authorization.map(|it| it.0.as_str());
        let Question { accept, limit, .. } = *question;
        Ask { url, accept, authorization, route: &self.route, html: Html::Refused, limit: Some(limit) }
    }
}
