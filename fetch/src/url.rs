//! Web addresses, as far as registries use them: http and https, and links relative to a page. Printed, an address shows
//! neither userinfo nor query, because both may hold credentials.

use std::fmt;

/// An address without its userinfo, which is kept apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Url {
    scheme: Scheme,
    /// `name:password`, still percent-encoded.
    userinfo: Option<String>,
    /// In lower case, with the port if it was given and is not the scheme's own.
    host: String,
    /// Begins with a slash, holds no fragment.
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Returns the scheme as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn port(self) -> &'static str {
        match self {
            Scheme::Http => ":80",
            Scheme::Https => ":443",
        }
    }
}

/// Why a text is no address that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is neither http nor https; what follows the scheme is not told, because it may hold credentials.
    #[error("an address of the kind `{0}` cannot be asked: only http and https can")]
    Scheme(String),
    /// It names no host, or an impossible one.
    #[error("an address names no host that can be asked")]
    Host,
}

impl Url {
    /// Reads an absolute address.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let text = text.trim();
        let (word, rest) = text.split_once("://").ok_or_else(|| UrlError::Scheme(kind(text)))?;
        let scheme = match word.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(UrlError::Scheme(kind(text))),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo.to_owned()), host),
            None => (None, authority),
        };
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(scheme.port()).unwrap_or(&host).trim_end_matches(':').to_owned();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c))
        {
            return Err(UrlError::Host);
        }
        let mut url = Url { scheme, userinfo, host, path: String::new(), query: None, fragment: None };
        url.set_rest(rest);
        Ok(url)
    }

    /// Returns the address that a link on the page at this one means.
    pub fn join(&self, link: &str) -> Result<Url, UrlError> {
        let link = link.trim();
        let head = link.split(['/', '?', '#']).next().unwrap_or_default();
        if head.contains(':') {
            return Url::parse(link);
        }
        if let Some(rest) = link.strip_prefix("//") {
            return Url::parse(&format!("{}://{rest}", self.scheme.word()));
        }
        let mut joined = self.clone();
        if let Some(fragment) = link.strip_prefix('#') {
            joined.fragment = Some(fragment.to_owned());
        } else if link.starts_with('?') {
            joined.set_rest(&format!("{}{link}", self.path));
        } else if link.starts_with('/') {
            joined.set_rest(link);
        } else {
            let directory = &self.path[..self.path.rfind('/').map_or(0, |slash| slash + 1)];
            joined.set_rest(&format!("{directory}{link}"));
        }
        Ok(joined)
    }

    /// Returns the address with more path behind it, whether or not it ends with a slash.
    pub fn below(&self, more: &str) -> Url {
        let mut below = self.clone();
        below.set_rest(&format!("{}/{more}", self.path.trim_end_matches('/')));
        below
    }

    fn set_rest(&mut self, rest: &str) {
        let (rest, fragment) = split(rest, '#');
        let (path, query) = split(rest, '?');
        (self.path, self.query, self.fragment) = (plain_path(path), query.map(encoded), fragment.map(str::to_owned));
    }

    /// Returns how the server is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host, with the port if it is not the scheme's own.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the host without a port.
    pub fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }

    /// Returns the path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns `name:password` as it was written, if it was.
    pub fn userinfo(&self) -> Option<&str> {
        self.userinfo.as_deref()
    }

    /// Returns what follows the `#`.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Whether both are answered by the same server, spoken to in the same way.
    pub fn is_same_origin(&self, other: &Url) -> bool {
        self.scheme == other.scheme && self.host == other.host
    }

    /// Returns what a client asks for: with the query, without userinfo and fragment.
    pub fn to_request(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{}{}{query}", self.scheme.word(), self.host, self.path)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.word(), self.host, self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Returns the scheme of a text that is none of ours, and nothing else of it.
fn kind(text: &str) -> String {
    let word = text.split(':').next().unwrap_or_default();
    let is_scheme = text.contains(':') && word.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if is_scheme { word.to_owned() } else { "relative".to_owned() }
}

/// Resolves `.` and `..`, and encodes what may not stand in a request.
fn plain_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for segment in path.split('/').skip(usize::from(path.starts_with('/'))) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if matches!(last, "." | "..") {
        segments.push("");
    }
    format!("/{}", encoded(&segments.join("/")))
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Decodes `%41`; what is no such code stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let code =
            bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_as_a_browser_does() {
        let check = |link: &str, want: &str| {
            let page = Url::parse("https://u:p@Index.example:443/simple/six/?x=1").unwrap();
            assert_eq!(page.join(link).unwrap().to_request(), want);
        };
        check("six-1.0.whl#sha256=ab", "https://index.example/simple/six/six-1.0.whl");
        check("../../packages/a b.whl", "https://index.example/packages/a%20b.whl");
        check("/files/six.whl?token=1", "https://index.example/files/six.whl?token=1");
        check("//files.example/six.whl", "https://files.example/six.whl");
        check("http://files.example:8080/x/../six.whl", "http://files.example:8080/six.whl");
        check("?y=2", "https://index.example/simple/six/?y=2");
        check("#part", "https://index.example/simple/six/?x=1");
    }

    #[test]
    fn what_cannot_be_asked_is_refused_without_showing_it() {
        let check = |text: &str, want: &str| assert_eq!(Url::parse(text).unwrap_err().to_string(), want);
        check("file:///secret", "an address of the kind `file` cannot be asked: only http and https can");
        check("git+ssh://user:secret@h/x", "an address of the kind `git+ssh` cannot be asked: only http and https can");
        check("six.whl", "an address of the kind `relative` cannot be asked: only http and https can");
        check("https://user:secret@/x", "an address names no host that can be asked");
        check("https://a b/x", "an address names no host that can be asked");
    }

    #[test]
    fn printed_it_shows_neither_userinfo_nor_query() {
        let url = Url::parse("https://user:secret@h/x?signature=secret#sha256=ab").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://h/x https://h/x");
        assert_eq!((url.userinfo(), url.fragment()), (Some("user:secret"), Some("sha256=ab")));
    }

    #[test]
    fn percent_codes_are_decoded() {
        assert_eq!(percent_decoded("p%40ss%2Fw%zz%"), "p@ss/w%zz%");
    }
}
