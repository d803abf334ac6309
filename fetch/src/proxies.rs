//! Which proxy is used for which address, by the values that clients take from the environment.

use std::collections::BTreeMap;

use crate::url::{Scheme, Url, percent_decoded};

/// The proxies of a user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Proxies {
    http: Option<String>,
    https: Option<String>,
    /// Hosts that are asked without a proxy.
    direct: Vec<String>,
}

impl Proxies {
    /// Reads the variables that all clients know; those in lower case come first, as curl has it.
    pub fn of_environment(environment: &BTreeMap<String, String>) -> Proxies {
        let value = |names: [&str; 4]| names.iter().find_map(|name| environment.get(*name)).cloned();
        Proxies {
            http: value(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]).and_then(given),
            https: value(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]).and_then(given),
            direct: value(["no_proxy", "NO_PROXY", "", ""]).map(|list| hosts(&list)).unwrap_or_default(),
        }
    }

    /// Puts a client's own setting in place of the environment's, for one way to speak to a server.
    pub fn set(&mut self, scheme: Scheme, proxy: Option<String>) {
        let Some(proxy) = proxy.and_then(given) else { return };
        match scheme {
            Scheme::Http => self.http = Some(proxy),
            Scheme::Https => self.https = Some(proxy),
        }
    }

    /// Adds hosts that are asked without a proxy, separated by commas.
    pub fn ask_directly(&mut self, list: &str) {
        self.direct.extend(hosts(list));
    }

    /// Returns the proxy for an address.
    pub fn proxy_for(&self, url: &Url) -> Option<&str> {
        let proxy = match url.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let is_direct = self.direct.iter().any(|entry| names(entry, url));
        proxy.as_deref().filter(|_| !is_direct)
    }
}

fn given(proxy: String) -> Option<String> {
    let proxy = proxy.trim();
    (!proxy.is_empty()).then(|| proxy.trim_end_matches('/').to_owned())
}

fn hosts(list: &str) -> Vec<String> {
    let entries = list.split([',', ' ']).map(|entry| entry.trim().to_ascii_lowercase());
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// Whether an entry names the host of an address: the host, a domain above it, or all.
fn names(entry: &str, url: &Url) -> bool {
    let domain = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')).unwrap_or(entry);
    let below = |host: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    entry == "*" || below(url.host()) || below(url.host_name())
}

/// Returns `name:password` as a header wants it, from the userinfo of an address.
pub(crate) fn plain_userinfo(userinfo: &str) -> String {
    let (name, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    format!("{}:{}", percent_decoded(name), percent_decoded(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_used_but_for_hosts_that_are_asked_directly() {
        let check = |url: &str, want: Option<&str>| {
            let values = [
                ("HTTPS_PROXY", "http://upper:1"),
                ("https_proxy", "http://p:2/"),
                ("all_proxy", "http://all:3"),
                ("NO_PROXY", "localhost, .corp.example,10.0.0.1,h.example:8443"),
            ];
            let environment = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let proxies = Proxies::of_environment(&environment);
            assert_eq!(proxies.proxy_for(&Url::parse(url).unwrap()), want, "{url}");
        };
        check("https://files.example/x", Some("http://p:2"));
        check("http://files.example/x", Some("http://all:3"));
        check("https://npm.corp.example/x", None);
        check("https://corp.example/x", None);
        check("https://notcorp.example/x", Some("http://p:2"));
        check("http://localhost:4873/x", None);
        check("https://10.0.0.1/x", None);
        check("https://h.example:8443/x", None);
        check("https://h.example/x", Some("http://p:2"));
    }
}
