//! The names in `__all__`, which `from package import *` imports as submodules. It finds those that are written out.

/// Returns the names that are listed after each `__all__`, whatever they are.
pub(super) fn names(source: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.windows(NAME.len()).position(|window| window == NAME) {
        rest = &rest[at + NAME.len()..];
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        if let Some(open) = rest[..line].iter().position(|byte| matches!(byte, b'[' | b'(')) {
            let list = &rest[open + 1..];
            let end = list.iter().position(|byte| matches!(byte, b']' | b')')).unwrap_or(list.len());
            names.extend(quoted(&list[..end]));
        }
    }
    names
}

const NAME: &[u8] = b"__all__";

/// Returns the texts between quotes that could be names.
fn quoted(list: &[u8]) -> impl Iterator<Item = String> {
    let parts = list.split(|byte| matches!(byte, b'\'' | b'"')).filter_map(|part| std::str::from_utf8(part).ok());
    let is_name = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    parts.filter(is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_are_written_out_are_found() {
        let source =
            "__all__ = ['a', \"b\",\n  'c.d', # why\n]\n__all__ += ('e',)\n__all__.append('f')\nx = ['g']\n__all__";
        assert_eq!(names(source.as_bytes()), ["a", "b", "e", "f"]);
    }
}
