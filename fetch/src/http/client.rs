//! One exchange with a server: the right agent, redirects followed by hand, credentials only where they belong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::answer::Answer;
use super::{HttpError, Limits, Patience};
use crate::proxies::{Proxies, plain_userinfo};
use crate::trust::Trust;
use crate::url::Url;

/// How often a redirect is followed.
const REDIRECTS: usize = 10;

/// How often is looked whether the run was asked to end.
const LOOK: Duration = Duration::from_millis(50);

/// How many connections to a server are kept: as many as there are fetches at once.
const CONNECTIONS: usize = 16;

/// Says whether the run was asked to end.
pub(crate) type Cancelled = Arc<dyn Fn() -> bool + Send + Sync>;

/// Clients of HTTP: by whom they trust, the proxy that they use, and how long they wait.
type Agents = BTreeMap<(Trust, Option<String>, Limits), Agent>;

/// Asks servers. Connections are kept for as long as it lives.
pub(crate) struct Client {
    patience: Patience,
    pub(super) cancelled: Cancelled,
    agents: Mutex<Agents>,
    /// Ends the threads that watch for the end of the run.
    alive: Arc<()>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub url: &'a Url,
    /// The kinds of answers that are understood.
    pub accept: &'a str,
    /// The credentials for the host of the address: they do not follow a redirect to another.
    pub authorization: Option<&'a str>,
    pub route: &'a Route,
    pub html: Html,
    /// The most bytes that the answer may have, if it is not what packages and their pages may.
    pub limit: Option<u64>,
}

/// How servers are reached.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Route {
    pub trust: Trust,
    pub proxies: Proxies,
    pub limits: Limits,
}

/// Whether an answer may be a page for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Html {
    /// It may.
    Fine,
    /// Then it is not what was asked for.
    Refused,
}

impl Client {
    /// Makes a client; nothing is read or started before it is used.
    pub fn new(patience: Patience, cancelled: Cancelled) -> Client {
        Client { patience, cancelled, agents: Mutex::default(), alive: Arc::new(()) }
    }

    /// Asks once; `headers` are added to what is asked.
    pub(super) fn exchange(&self, ask: &Ask<'_>, headers: &[(&str, String)]) -> Result<Answer, HttpError> {
        let mut url = ask.url.clone();
        for _ in 0..REDIRECTS {
            self.refuse_if_cancelled()?;
            let agent = self.agent(ask.route, &url)?;
            let mut request = agent.get(url.to_request()).header("accept", ask.accept);
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some(authorization) = ask.authorization.filter(|_| url.is_same_origin(ask.url)) {
                request = request.header("authorization", authorization);
            }
            let response = request
                .call()
                .map_err(|error| self.failure(HttpError::of(error, &url, self.patience(ask.route).idle)))?;
            let answer = Answer { url, response };
            match answer.location() {
                None => return Ok(answer),
                Some(location) => {
                    let joined = answer.url.join(&location);
                    url = joined.map_err(|source| HttpError::Redirect { url: answer.url.to_string(), source })?;
                }
            }
        }
        Err(HttpError::Redirects { url: ask.url.to_string() })
    }

    /// Returns the patience with a server that is reached in some way.
    pub(super) fn patience(&self, route: &Route) -> Patience {
        self.patience.within(route.limits)
    }

    /// Returns the failure, or that the run was asked to end, which breaks every connection.
    pub(super) fn failure(&self, failure: HttpError) -> HttpError {
        if (self.cancelled)() { HttpError::Cancelled } else { failure }
    }

    pub(super) fn refuse_if_cancelled(&self) -> Result<(), HttpError> {
        if (self.cancelled)() { Err(HttpError::Cancelled) } else { Ok(()) }
    }

    /// Waits before another try.
    pub(super) fn wait(&self, pause: Duration) -> Result<(), HttpError> {
        let mut left = pause;
        while !left.is_zero() {
            self.refuse_if_cancelled()?;
            thread::sleep(LOOK.min(left));
            left = left.saturating_sub(LOOK);
        }
        self.refuse_if_cancelled()
    }

    fn agent(&self, route: &Route, url: &Url) -> Result<Agent, HttpError> {
        let proxy = route.proxies.proxy_for(url);
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (route.trust.clone(), proxy.map(str::to_owned), route.limits);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(route, proxy, url)?;
        watch(agent.clone(), self.cancelled.clone(), Arc::downgrade(&self.alive));
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn new_agent(&self, route: &Route, proxy: Option<&str>, url: &Url) -> Result<Agent, HttpError> {
        let Patience { connect, idle, .. } = self.patience(route);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(route.trust.roots()?)))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy.map(|proxy| proxy_of(proxy, url)).transpose()?)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("rg/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("")
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .timeout_per_read(Some(idle))
            .timeout_per_write(Some(idle))
            .max_idle_connections(2 * CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .build();
        Ok(config.new_agent())
    }
}

/// Reads the address of a proxy; of one that is unusable only that is told, because it may hold credentials.
fn proxy_of(proxy: &str, url: &Url) -> Result<ureq::Proxy, HttpError> {
    let unusable = |why: &str| HttpError::Proxy { url: url.to_string(), why: why.to_owned() };
    let with_scheme = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    let address = Url::parse(&with_scheme).map_err(|error| unusable(&error.to_string()))?;
    let (protocol, port) = match address.scheme() {
        crate::url::Scheme::Http => (ureq::ProxyProtocol::Http, 80),
        crate::url::Scheme::Https => (ureq::ProxyProtocol::Https, 443),
    };
    let given = address.host().strip_prefix(address.host_name()).and_then(|port| port.strip_prefix(':'));
    let port = given.map_or(Ok(port), str::parse).map_err(|_| unusable("its port is no number"))?;
    let mut builder = ureq::Proxy::builder(protocol).host(address.host_name()).port(port);
    if let Some(userinfo) = address.userinfo().map(plain_userinfo) {
        let (name, password) = userinfo.split_once(':').unwrap_or((&userinfo, ""));
        builder = builder.username(name).password(password);
    }
    builder.build().map_err(|_| unusable("its address is none"))
}

/// Ends what an agent does when the run is asked to end: a read that waits for a server notices nothing else.
fn watch(agent: Agent, cancelled: Cancelled, alive: Weak<()>) {
    // Without a thread for it, the end is noticed when the next bytes come, or none do for too long.
    let _ = thread::Builder::new().spawn(move || {
        while alive.strong_count() > 0 {
            if cancelled() {
                agent.shutdown();
                return;
            }
            thread::sleep(LOOK);
        }
    });
}
