//! Which server is told which credentials: by host and path, the longest path first. What a server is told in the clear
//! whoever is on the way can read, so nobody is told so but whom the user has written so.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::proxies::plain_userinfo;
use crate::url::{Scheme, Url};

/// The credentials of a user.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Credentials {
    entries: Vec<Entry>,
    /// The registries that the user's settings have with http.
    in_the_clear: Vec<Url>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// With the port if it is not the scheme's own.
    host: String,
    ports: Ports,
    /// The scheme that they were written with; without one they are for https, and for the user's registries.
    scheme: Option<Scheme>,
    /// Begins and ends with a slash.
    path: String,
    /// The value of the header.
    authorization: String,
}

/// Which ports of a host are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ports {
    /// The one that is named.
    One,
    /// All of them.
    All,
}

impl Credentials {
    /// Adds credentials for a host and all paths below one; what was added first for the same place stays.
    pub fn add(&mut self, host: &str, path: &str, authorization: String) {
        let path = match path.trim_matches('/') {
            "" => "/".to_owned(),
            path => format!("/{path}/"),
        };
        let host = host.to_ascii_lowercase();
        self.entries.push(Entry { host, ports: Ports::One, scheme: None, path, authorization });
    }

    /// Adds credentials for a host, whatever its port.
    pub fn add_host(&mut self, host: &str, authorization: String) {
        let (host, path) = (host.to_ascii_lowercase(), "/".to_owned());
        self.entries.push(Entry { host, ports: Ports::All, scheme: None, path, authorization });
    }

    /// Adds a registry of the user's settings: the credentials that its address holds are for its whole server. One with
    /// http is told in the clear what is for its host.
    pub fn add_registry(&mut self, url: &Url) {
        if let Some(userinfo) = url.userinfo() {
            let (host, path) = (url.host().to_owned(), "/".to_owned());
            let authorization = basic(&plain_userinfo(userinfo));
            self.entries.push(Entry { host, ports: Ports::One, scheme: Some(url.scheme()), path, authorization });
        }
        if url.scheme() == Scheme::Http {
            self.in_the_clear.push(url.clone());
        }
    }

    /// Adds those of another list behind its own.
    pub fn extend(&mut self, more: Credentials) {
        self.entries.extend(more.entries);
        self.in_the_clear.extend(more.in_the_clear);
    }

    /// Returns the value of the header for an address.
    pub fn of(&self, url: &Url) -> Option<&str> {
        let is_on_host = |entry: &&Entry| match entry.ports {
            Ports::One => entry.host == url.host(),
            Ports::All => entry.host == url.host_name(),
        };
        let is_safe = url.scheme() == Scheme::Https || self.in_the_clear.iter().any(|it| it.is_same_origin(url));
        let is_for_scheme = |entry: &&Entry| entry.scheme.map_or(is_safe, |scheme| scheme == url.scheme());
        let path = format!("{}/", url.path().trim_end_matches('/'));
        let on_server = self.entries.iter().filter(is_on_host).filter(is_for_scheme);
        let fitting = on_server.filter(|entry| path.starts_with(&entry.path));
        // Of equals the last would be taken, and the first is wanted.
        fitting.rev().max_by_key(|entry| entry.path.len()).map(|entry| entry.authorization.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| format!("{}{}", entry.host, entry.path))).finish()
    }
}

/// Returns the header for `name:password`.
pub(crate) fn basic(userinfo: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(userinfo))
}

/// Returns the header for a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_on_the_host_decides() {
        let mut credentials = Credentials::default();
        credentials.add("h.example", "/", "root".to_owned());
        credentials.add("h.example", "/npm/team/", "team".to_owned());
        credentials.add("h.example", "npm/team", "later".to_owned());
        credentials.add("h.example:8443", "/", "port".to_owned());
        credentials.add_host("all.example", "all".to_owned());
        let check =
            |url: &str, want: Option<&str>| assert_eq!(credentials.of(&Url::parse(url).unwrap()), want, "{url}");
        check("https://h.example/x", Some("root"));
        check("https://h.example/npm/team/x", Some("team"));
        check("https://h.example/npm/team", Some("team"));
        check("https://h.example/npm/teams/x", Some("root"));
        check("https://h.example:8443/x", Some("port"));
        check("https://h.example:9000/x", None);
        check("https://all.example:9000/x", Some("all"));
        check("https://evil-h.example/x", None);
        check("https://h.example.evil/x", None);
        assert!(!format!("{credentials:?}").contains("later"));
    }

    #[test]
    fn nothing_is_told_in_the_clear_but_to_a_registry_that_is_so_written() {
        let mut credentials = Credentials::default();
        credentials.add("h.example", "/npm/", "token".to_owned());
        credentials.add("h.example:4873", "/", "local".to_owned());
        credentials.add_host("net.example", "netrc".to_owned());
        for registry in ["http://h.example:4873/npm/", "https://u:p@safe.example/", "http://u:p@plain.example/"] {
            credentials.add_registry(&Url::parse(registry).unwrap());
        }
        let check =
            |url: &str, want: Option<&str>| assert_eq!(credentials.of(&Url::parse(url).unwrap()), want, "{url}");
        check("https://h.example/npm/x", Some("token"));
        check("http://h.example/npm/x", None);
        check("http://h.example:443/npm/x", None);
        check("http://h.example:4873/x", Some("local"));
        check("https://net.example/x", Some("netrc"));
        check("http://net.example/x", None);
        check("https://safe.example/x", Some("Basic dTpw"));
        check("http://safe.example/x", None);
        check("http://plain.example/x", Some("Basic dTpw"));
        check("https://plain.example/x", None);
    }
}
