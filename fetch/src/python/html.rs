//! Reads the links of an index page in HTML, as PEP 503 has them. Only what such pages hold is understood.

/// A page's links and what they are relative to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// The `href` of the page's `<base>`.
    pub base: Option<String>,
    /// The `href` of each `<a>`.
    pub links: Vec<String>,
}

/// Returns the links of a page.
pub(super) fn links(page: &str) -> Links {
    let mut links = Links::default();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let (href, after) = href(after);
        rest = after;
        match (name.to_ascii_lowercase().as_str(), href) {
            ("a", Some(href)) => links.links.push(href),
            ("base", Some(href)) => links.base = links.base.or(Some(href)),
            _ => {}
        }
    }
    links
}

/// Reads the attributes of a tag up to its end; returns its `href` and what follows.
fn href(tag: &str) -> (Option<String>, &str) {
    let (mut href, mut rest) = (None, tag);
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (href, rest.strip_prefix('>').unwrap_or(rest));
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        // A stray sign is passed over, so that each turn gets on.
        let (name, after) = rest.split_at(end.max(rest.chars().next().map_or(0, char::len_utf8)));
        rest = after.trim_start();
        let Some(after) = rest.strip_prefix('=') else { continue };
        let (value, after) = value(after.trim_start());
        if name.eq_ignore_ascii_case("href") {
            href = href.or(Some(unescaped(value)));
        }
        rest = after;
    }
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

/// Replaces `&amp;` and its like.
fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(';').filter(|end| *end < 10);
        match end.and_then(|end| Some((character(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}

fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#');
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match number?.strip_prefix(['x', 'X']) {
            Some(digits) => char::from_u32(u32::from_str_radix(digits, 16).ok()?)?,
            None => char::from_u32(number?.parse().ok()?)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_a_page_are_read_however_they_are_written() {
        let check = |page: &str, base: Option<&str>, want: &[&str]| {
            let want = Links { base: base.map(str::to_owned), links: want.iter().map(|it| (*it).to_owned()).collect() };
            assert_eq!(links(page), want, "{page}");
        };
        check(
            "<a href=\"six.whl#sha256=ab\" data-requires-python=\"&gt;=3\">six.whl</a>",
            None,
            &["six.whl#sha256=ab"],
        );
        check("<A\n HREF='a&amp;b&#47;&#x2F;c' >x</A><a href=d.whl>d</a>", None, &["a&b//c", "d.whl"]);
        check("<head><base href='/x/'/></head><a rel=\"internal\" href=\"e\"/>", Some("/x/"), &["e"]);
        check("<!-- <a href='no'> --><a name=x>y</a><abbr href='no'>", None, &[]);
        check("<a data-yanked href='f' title='a > b'>", None, &["f"]);
        check("<a href='g", None, &["g"]);
        check("<a =\"x\" href='h'>&bad;&", None, &["h"]);
        check("<", None, &[]);
    }
}
