//! What a registry wants to see before it answers: the header `WWW-Authenticate`.

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token of another server.
    Bearer {
        /// The address of the server.
        realm: String,
        /// The name of the registry there.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads a header; `None` if it wants something else.
    pub fn parse(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        let mut rest = rest;
        while let Some((name, value, after)) = parameter(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            rest = after;
        }
        Some(Challenge::Bearer { realm: realm?, service, scope: scope.filter(|it| !it.is_empty()) })
    }
}

/// Splits `name="value"` off, and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let (name, rest) = text.split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        return Some((name.trim(), rest[..end].to_owned(), &rest[end..]));
    };
    let (mut value, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((name.trim(), value, &quoted[at + 1..])),
            '\\' => value.extend(chars.next().map(|(_, char)| char)),
            char => value.push(char),
        }
    }
    None
}

/// Returns the address that gives a token.
pub(super) fn question(realm: &str, service: Option<&str>, scope: &str) -> String {
    let mut url = realm.to_owned();
    let mut separator = if realm.contains('?') { '&' } else { '?' };
    let services = service.map(|service| ("service", service));
    // Several scopes are separated by spaces in the header, and are parameters of their own here.
    for (name, value) in services.into_iter().chain(scope.split(' ').map(|scope| ("scope", scope))) {
        url += &format!("{separator}{name}={}", encoded(value));
        separator = '&';
    }
    url
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_wants_is_read() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let owned = |it: Option<&str>| it.map(str::to_owned);
            Some(Challenge::Bearer { realm: realm.to_owned(), service: owned(service), scope: owned(scope) })
        };
        let check = |header: &str, want: Option<Challenge>| assert_eq!(Challenge::parse(header), want, "{header}");
        check("Basic realm=\"x\"", Some(Challenge::Basic));
        check("basic", Some(Challenge::Basic));
        check("Negotiate", None);
        check("Bearer service=\"s\"", None);
        check("Bearer realm=\"https://a.example/t\"", bearer("https://a.example/t", None, None));
        let scope = "repository:a/b:pull,push";
        check(
            &format!("Bearer realm=\"https://a.example/t\",service=\"a \\\"b\\\"\", scope=\"{scope}\",error=\"x\""),
            bearer("https://a.example/t", Some("a \"b\""), Some(scope)),
        );
        check("bearer realm=r, service=s", bearer("r", Some("s"), None));
        check("Bearer realm=\"open", None);
    }

    #[test]
    fn a_token_is_asked_for_with_its_scope() {
        let check = |realm: &str, service: Option<&str>, want: &str| {
            assert_eq!(question(realm, service, "repository:a/b:pull"), want);
        };
        check(
            "https://a.example/t",
            Some("s & t"),
            "https://a.example/t?service=s%20%26%20t&scope=repository:a/b:pull",
        );
        check("https://a.example/t?x=1", None, "https://a.example/t?x=1&scope=repository:a/b:pull");
    }
}
