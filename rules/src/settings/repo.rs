//! What `[repos.*]` may say, and what is taken of the workspace.toml of such a repository.
//! It knows no repository and reads no file.

use model::{Location, Mistake, RelPath, codes, is_repository_name};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Checked, RepoSettings};
use crate::document::{self, place, type_name};

/// With one of these, and an architecture, begins the directory of outputs for a platform.
const SYSTEMS: [&str; 4] = ["linux", "darwin", "windows", "freebsd"];

/// Reports a name that no label could hold, or that is one of the directories of outputs.
pub(super) fn check_name(name: &str, at: &Location, mistakes: &mut Vec<Mistake>) {
    let report = |message: String, hint: &str| Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "").hint(hint);
    let is_platform = name.split_once('-').is_some_and(|(os, _)| SYSTEMS.contains(&os));
    if !is_repository_name(name) {
        let hint = "use letters, digits, `.`, `_` and `-`, as in `design-system`";
        mistakes.push(report(format!("`{name}` is not the name of a repository"), hint));
    } else if is_platform {
        let message = format!("`{name}` is the name of a platform, whose outputs are put into rg-out/@{name}");
        mistakes.push(report(message, "give the repository another name"));
    }
}

/// Reports a value that git would take for something else, and one with a secret in it: it would be shown and committed.
pub(super) fn check_word(key: &str, text: &str, at: &Location, mistakes: &mut Vec<Mistake>) {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        let message = format!("the `{key}` of a repository has a password in it");
        let hint = "leave it out, and change it: git takes it from a credential helper or from ~/.netrc";
        mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "").hint(hint));
        return;
    }
    let is_bad = |c: char| c.is_control() || (key == "ref" && (c.is_whitespace() || "~^:?*[\\".contains(c)));
    if text.is_empty() || text.starts_with('-') || text.contains(is_bad) {
        let message = format!("`{}` cannot be the `{key}` of a repository", text.escape_debug());
        let hint = "write `git` as `git clone` takes it, and `ref` as a branch, a tag or a commit";
        mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "").hint(hint));
    }
}

/// Reads what is taken of the workspace.toml of the repository `name`. All else in it is for its own use.
pub(super) fn settings(name: &str, text: &str) -> Checked<RepoSettings> {
    let file = RelPath::new(&format!("@{name}/workspace.toml")).expect("the name of a repository is one segment");
    let (table, mut mistakes) = document::parse(text, &file);
    let mut read = |section: &str, key: &str| texts(table.get_ref(), section, key, &file, &mut mistakes);
    let ignore = read("workspace", "ignore");
    let roots = read("python", "roots");
    let plain = |root: &String| root.trim_start_matches("//").trim_end_matches('/').to_owned();
    let python_roots = roots.iter().map(plain).filter(|root| RelPath::new(root).is_ok()).collect();
    (RepoSettings { ignore, python_roots }, mistakes)
}

/// Returns the list of strings at a key; an empty one if there is none.
fn texts(table: &DeTable<'_>, section: &str, key: &str, file: &RelPath, mistakes: &mut Vec<Mistake>) -> Vec<String> {
    let section = table.get(section).and_then(|section| section.get_ref().as_table());
    let Some(value) = section.and_then(|section| section.get(key)) else { return Vec::new() };
    let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
    let read: Option<Vec<String>> = value.get_ref().as_array().and_then(|items| items.iter().map(text).collect());
    read.unwrap_or_else(|| {
        let message = format!("`{key}` is {}, not a list of strings", type_name(value.get_ref()));
        mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(place(file, value), ""));
        Vec::new()
    })
}
