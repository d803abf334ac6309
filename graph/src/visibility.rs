//! Visibility: which packages a target lets depend on it.

use std::sync::Arc;

use model::{Label, RelPath};

/// Whether one of the patterns (`//services/...`, `//a:all`, `//a/b`) names the package of `who`; none means everyone.
pub(crate) fn visible(patterns: &[Arc<str>], who: &Label) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| names(pattern, &who.package))
}

fn names(pattern: &str, package: &RelPath) -> bool {
    let pattern = pattern.strip_prefix("//").unwrap_or(pattern);
    let path = pattern.split(':').next().unwrap_or_default();
    let below = path.strip_suffix("...").map(|top| top.trim_end_matches('/'));
    match (below, RelPath::new(below.unwrap_or(path))) {
        (Some(_), Ok(top)) => package.starts_with(&top),
        (None, Ok(path)) => *package == path,
        (_, Err(_)) => false,
    }
}
