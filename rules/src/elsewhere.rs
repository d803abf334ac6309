//! Where to look for what this workspace lacks: workspaces of their own lie below it, and their packages are not its
//! own. It knows no more of them than where they are.

use model::RelPath;

use crate::select::Caller;

/// Returns the hint that leads to the workspace below this one in which a directory lies, or that lies in it;
/// `rest` is what a pattern has after its directory.
pub(crate) fn inside(nested: &[RelPath], dir: &RelPath, rest: &str, caller: Caller) -> Option<String> {
    let related = |nested: &&RelPath| nested.starts_with(dir) || dir.starts_with(nested);
    let found = nested.iter().find(related)?;
    let pattern = match dir.strip_prefix(found) {
        Some(inside) if !inside.is_root() => format!("//{inside}{rest}"),
        Some(_) | None => "//...".to_owned(),
    };
    Some(format!("`{found}` is a workspace of its own: rg --workspace {found} {} {pattern}", caller.word()))
}

/// Returns the hint that workspaces lie below this one, of which one may have the directory.
pub(crate) fn perhaps(nested: &[RelPath], dir: &RelPath, rest: &str, caller: Caller) -> Option<String> {
    let first = nested.first()?;
    let names: Vec<String> = nested.iter().take(3).map(|dir| format!("`{dir}`")).collect();
    let are = if names.len() == 1 { "is a workspace of its own" } else { "are workspaces of their own" };
    Some(format!("{} {are}: rg --workspace {first} {} //{dir}{rest}", names.join(", "), caller.word()))
}
