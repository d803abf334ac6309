//! Reads `.npmrc` files, for what npm does not tell: credentials. Names and values as npm reads them, with `${NAME}`
//! from the environment.

use std::collections::BTreeMap;

use crate::credentials::{Credentials, basic, bearer};

/// Returns the settings of a file, in its order.
pub(crate) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let setting = |line: &str| {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            return None;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, "true"));
        let name = unquoted(name).trim_end_matches("[]").to_owned();
        Some((expanded(&name, environment), expanded(&unquoted(value), environment)))
    };
    text.lines().filter_map(setting).collect()
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    // What follows a comment sign is a comment, unless the sign is escaped.
    let mut value = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek().is_some_and(|next| ";#\\".contains(*next)) => value.extend(characters.next()),
            ';' | '#' => break,
            other => value.push(other),
        }
    }
    value.trim().to_owned()
}

/// Replaces `${NAME}` by the value of a variable. Without one it stays, but for `${NAME?}`, which then is empty.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> String {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let (before, after) = (&rest[..start], &rest[start + length + 1..]);
        let name = &rest[start + 2..start + length];
        expanded.push_str(before);
        match (environment.get(name.trim_end_matches('?')), name.ends_with('?')) {
            (Some(value), _) => expanded.push_str(value),
            (None, true) => {}
            (None, false) => expanded.push_str(&rest[start..=start + length]),
        }
        rest = after;
    }
    expanded + rest
}

/// Returns the credentials of some settings: `//host/path/:_authToken` and its like.
pub(crate) fn credentials(settings: &[(String, String)]) -> Credentials {
    let mut places: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (name, value) in settings {
        if let Some((place, name)) = name.strip_prefix("//").and_then(|place| place.rsplit_once(':')) {
            // Of two files the first counts.
            places.entry(place).or_default().entry(name).or_insert(value);
        }
    }
    let mut credentials = Credentials::default();
    for (place, values) in places {
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        if let Some(authorization) = authorization(&values) {
            credentials.add(host, path, authorization);
        }
    }
    credentials
}

fn authorization(values: &BTreeMap<&str, &str>) -> Option<String> {
    if let Some(token) = values.get("_authToken") {
        return Some(bearer(token));
    }
    if let Some(encoded) = values.get("_auth") {
        return Some(format!("Basic {encoded}"));
    }
    let (name, password) = (values.get("username")?, values.get("_password")?);
    // npm keeps passwords in base64.
    let password = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, password).ok()?;
    Some(basic(&format!("{name}:{}", String::from_utf8_lossy(&password))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;

    fn environment() -> BTreeMap<String, String> {
        [("TOKEN", "t0k"), ("HOST", "h.example")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn settings_are_read_as_npm_does() {
        let check = |text: &str, want: &[(&str, &str)]| {
            let want: Vec<_> = want.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(parse(text, &environment()), want, "{text}");
        };
        check("registry=https://h.example/npm/", &[("registry", "https://h.example/npm/")]);
        check("; a\n# b\n\n[section]\n  audit = false ; c", &[("audit", "false")]);
        check("always-auth", &[("always-auth", "true")]);
        check("@s:registry = \"https://h.example/a#b\"", &[("@s:registry", "https://h.example/a#b")]);
        check("a=x\\#y\\;z#no", &[("a", "x#y;z")]);
        check("ca[]=one\nca[]=two", &[("ca", "one"), ("ca", "two")]);
        check("//${HOST}/:_authToken=${TOKEN}", &[("//h.example/:_authToken", "t0k")]);
        check("a=${NONE}${NONE?}-${TOKEN?}-${", &[("a", "${NONE}-t0k-${")]);
    }

    #[test]
    fn credentials_belong_to_a_host_and_a_path() {
        let check = |text: &str, want: Option<&str>| {
            let credentials = credentials(&parse(text, &environment()));
            let url = Url::parse("https://h.example:8443/npm/six").unwrap();
            assert_eq!(credentials.of(&url), want, "{text}");
        };
        check("//h.example:8443/npm/:_authToken=${TOKEN}", Some("Bearer t0k"));
        check("//h.example:8443/:_auth=bWU6cHc=", Some("Basic bWU6cHc="));
        check("//h.example:8443/npm/:username=me\n//h.example:8443/npm/:_password=cHc=", Some("Basic bWU6cHc="));
        check("//h.example:8443/npm/:username=me", None);
        check("//h.example:8443/npm/:_authToken=a\n//h.example:8443/npm/:_authToken=b", Some("Bearer a"));
        check("//h.example:9999/npm/:_authToken=a", None);
        check("//h.example:8443/other/:_authToken=a", None);
        check("_authToken=a", None);
    }
}
