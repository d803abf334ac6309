//! Which server is told which credentials: by host and path, the longest path first.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::proxies::plain_userinfo;
use crate::url::Url;

/// The credentials of a user.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Credentials(Vec<Entry>);

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// With the port if it is not the scheme's own.
    host: String,
    ports: Ports,
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
        self.0.push(Entry { host: host.to_ascii_lowercase(), ports: Ports::One, path, authorization });
    }

    /// Adds credentials for a host, whatever its port.
    pub fn add_host(&mut self, host: &str, authorization: String) {
        self.0.push(Entry { host: host.to_ascii_lowercase(), ports: Ports::All, path: "/".to_owned(), authorization });
    }

    /// Adds the credentials that an address holds, for its whole host.
    pub fn add_userinfo(&mut self, url: &Url) {
        if let Some(userinfo) = url.userinfo() {
            self.add(url.host(), "/", basic(&plain_userinfo(userinfo)));
        }
    }

    /// Adds those of another list behind its own.
    pub fn extend(&mut self, more: Credentials) {
        self.0.extend(more.0);
    }

    /// Returns the value of the header for an address.
    pub fn of(&self, url: &Url) -> Option<&str> {
        let is_on_host = |entry: &&Entry| match entry.ports {
            Ports::One => entry.host == url.host(),
            Ports::All => entry.host == url.host_name(),
        };
        let path = format!("{}/", url.path().trim_end_matches('/'));
        let fitting = self.0.iter().filter(is_on_host).filter(|entry| path.starts_with(&entry.path));
        // Of equals the last would be taken, and the first is wanted.
        fitting.rev().max_by_key(|entry| entry.path.len()).map(|entry| entry.authorization.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| format!("{}{}", entry.host, entry.path))).finish()
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
}
