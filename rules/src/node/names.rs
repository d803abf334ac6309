//! The names, versions, hashes and places that a lock or a manifest may hold. They come from strangers and become parts
//! of paths and of requests, so that what is not plain is refused.

use model::RelPath;

/// The directory below which packages are looked up.
pub(crate) const NODE_MODULES: &str = "node_modules";

/// Whether a text is the name of a package: `name` or `@scope/name`.
pub(crate) fn is_package_name(text: &str) -> bool {
    match text.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_word(scope) && is_word(name)),
        None => is_word(text),
    }
}

/// Whether a text is one part of a name. Old packages have letters that new ones may not have.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~!'()*".contains(c);
    !text.is_empty() && !text.starts_with('.') && text != NODE_MODULES && text.len() <= 214 && text.chars().all(plain)
}

/// Whether a text is an exact version.
pub(crate) fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit()) && text.len() <= 256 && text.chars().all(plain)
}

/// Whether a text is a hash as locks write it: `sha512-…` in base64, several separated by spaces.
pub(crate) fn is_integrity(text: &str) -> bool {
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let hash = |word: &str| match word.split_once('-') {
        Some(("sha512" | "sha384" | "sha256" | "sha1", hash)) => !hash.is_empty() && hash.chars().all(base64),
        _ => false,
    };
    text.split_whitespace().next().is_some() && text.split_whitespace().all(hash)
}

/// Returns the place of a package below a directory: `<dir>/node_modules/<name>`.
pub(crate) fn place(dir: &RelPath, name: &str) -> Option<RelPath> {
    if !is_package_name(name) {
        return None;
    }
    dir.child(NODE_MODULES).and_then(|modules| modules.child(name)).ok()
}

/// Splits a place into the directory whose `node_modules` it lies in, and the name it has there; `None` if it is none.
pub(crate) fn split_place(place: &RelPath) -> Option<(RelPath, &str)> {
    let text = place.as_str();
    let at = match text.rfind("/node_modules/") {
        Some(at) => at + 1,
        None => text.starts_with("node_modules/").then_some(0)?,
    };
    let (dir, name) = (text[..at].trim_end_matches('/'), &text[at + NODE_MODULES.len() + 1..]);
    let dir = RelPath::new(dir).ok().filter(|_| is_package_name(name))?;
    Some((dir, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_plain_parts_of_paths_are_refused() {
        for good in ["a", "@a/b", "JSONStream", "lodash.merge", "_x", "ipaddr.js"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".bin", "a/b", "@a", "@a/", "@/b", "@a/..", "@a/b/c", "a b", "a\\b", "node_modules"]
        {
            assert!(!is_package_name(bad), "{bad}");
        }
        assert!(is_version("1.0.0-rc.1+build") && !is_version("1/../2") && !is_version("") && !is_version("^1"));
    }

    #[test]
    fn hashes_have_a_known_function() {
        assert!(is_integrity("sha1-ab/+= sha512-cd=="));
        assert!(
            !is_integrity("") && !is_integrity("md5-ab") && !is_integrity("sha512-") && !is_integrity("sha512-a b")
        );
    }

    #[test]
    fn a_place_is_a_directory_and_a_name() {
        let split = |text: &str| {
            let path = RelPath::new(text).unwrap();
            split_place(&path).map(|(dir, name)| format!("{dir} {name}"))
        };
        assert_eq!(split("node_modules/@a/b").as_deref(), Some(" @a/b"));
        assert_eq!(split("x/node_modules/a/node_modules/b").as_deref(), Some("x/node_modules/a b"));
        assert_eq!((split("node_modules/a/b"), split("x_node_modules/a"), split("node_modules")), (None, None, None));
    }
}
