//! `$(location L)` and `$(locations L)`: labels inside a command become paths from its working directory.
//! Any other `$(…)` is the shell's.

use std::sync::Arc;

use model::{Label, Mistake, Origin, Provided, RelPath, TargetId};

use crate::lowering::Lowering;
use crate::parts::quoted;
use crate::written::{NamedLabel, ResolvedLabel, Written};
use model::codes;

/// Expands labels in the texts of one target.
pub(super) struct Expander<'e> {
    /// The package that labels and paths are relative to.
    pub package: &'e RelPath,
    /// The labels that the target names as inputs, those too that name nothing.
    pub named: &'e [NamedLabel],
    /// The inputs that labels may stand for.
    pub inputs: &'e [ResolvedLabel],
}

/// A part of a text.
#[derive(PartialEq, Eq, Debug)]
enum Part<'t> {
    Plain(&'t str),
    One(&'t str),
    All(&'t str),
    /// A reference without its end or its label.
    Broken(&'t str),
}

impl Expander<'_> {
    /// Returns the text with its labels expanded; several paths are joined with spaces.
    pub fn text(&self, written: &Written, lowering: &mut Lowering<'_>) -> Arc<str> {
        self.expanded(written, |path| path, lowering)
    }

    /// Returns a shell line with its labels expanded; each path is one word to the shell.
    pub fn shell_line(&self, written: &Written, lowering: &mut Lowering<'_>) -> Arc<str> {
        self.expanded(written, |path| quoted(&path), lowering)
    }

    fn expanded(&self, written: &Written, word: fn(String) -> String, lowering: &mut Lowering<'_>) -> Arc<str> {
        if !written.text.contains("$(location") {
            return written.text.clone();
        }
        let mut expanded = String::with_capacity(written.text.len());
        for part in parts(&written.text) {
            let paths = match part {
                Part::Plain(text) => {
                    expanded.push_str(text);
                    continue;
                }
                Part::Broken(text) => {
                    broken(text, written, lowering);
                    continue;
                }
                Part::One(label) => self.paths(label, Count::One, written, lowering),
                Part::All(label) => self.paths(label, Count::Any, written, lowering),
            };
            expanded.push_str(&paths.into_iter().map(word).collect::<Vec<_>>().join(" "));
        }
        Arc::from(expanded)
    }

    /// Returns one argument, or several if it is one `$(locations L)`.
    pub fn argument(&self, written: &Written, lowering: &mut Lowering<'_>) -> Vec<Arc<str>> {
        match parts(&written.text).as_slice() {
            [Part::All(label)] => self.paths(label, Count::Any, written, lowering).into_iter().map(Arc::from).collect(),
            _ => vec![self.text(written, lowering)],
        }
    }

    fn paths(&self, label: &str, count: Count, written: &Written, lowering: &mut Lowering<'_>) -> Vec<String> {
        let named = match Label::parse(label, self.package) {
            Ok(named) => named,
            Err(error) => {
                lowering.mistake(Mistake::new(codes::BAD_LABEL, error.to_string()).at(written.at.clone(), ""));
                return Vec::new();
            }
        };
        let Some(input) = self.inputs.iter().find(|input| input.target.label == named) else {
            self.not_an_input(&named, written, lowering);
            return Vec::new();
        };
        let provided = lowering.provides(&input.target);
        if count == Count::One && provided.len() != 1 {
            let message = format!("$(location {label}) stands for one file, and {named} provides {}", provided.len());
            let mistake = Mistake::new(codes::LOCATION_COUNT, message).at(written.at.clone(), "");
            lowering.mistake(mistake.hint(format!("write `$(locations {label})`")));
        }
        provided.iter().map(|provided| path(provided, self.package, lowering)).collect()
    }

    fn not_an_input(&self, label: &Label, written: &Written, lowering: &mut Lowering<'_>) {
        // An input that names nothing is reported where it is written, and not again here.
        if !self.named.iter().any(|named| named.label == *label) {
            let message = format!("{label} is not an input, so its location is unknown");
            let mistake = Mistake::new(codes::LOCATION_UNDECLARED, message).at(written.at.clone(), "");
            lowering.mistake(mistake.hint(format!("add \"{label}\" to `inputs`")));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    One,
    Any,
}

/// Returns where a provided thing lies, from the working directory of a package's actions.
fn path(provided: &Provided, package: &RelPath, lowering: &Lowering<'_>) -> String {
    let path = workspace_path(provided, |target| lowering.out_dir(target)).relative_to(package);
    // A program would take a file called `-x` for a flag.
    if path.starts_with('-') { format!("./{path}") } else { path }
}

/// Returns where a provided thing lies, from the root of the workspace.
pub(super) fn workspace_path(provided: &Provided, out_dir: impl Fn(&TargetId) -> RelPath) -> RelPath {
    match &provided.from {
        Origin::Output(target, name) => out_dir(target).join(name),
        Origin::File(file) => file.clone(),
        Origin::Files(_) | Origin::Text(_) => provided.name.clone(),
    }
}

fn broken(text: &str, written: &Written, lowering: &mut Lowering<'_>) {
    let reason = if text.ends_with(')') { "names no label" } else { "has no closing parenthesis" };
    let mistake = Mistake::new(codes::BAD_LABEL, format!("`{text}` {reason}")).at(written.at.clone(), "");
    lowering.mistake(mistake.hint("write `$(location //package:target)` or `$(locations :target)`"));
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut plain = 0;
    while let Some(at) = rest[plain..].find("$(location").map(|at| at + plain) {
        let Some((part, length)) = reference(&rest[at..]) else {
            plain = at + 1;
            continue;
        };
        if at > 0 {
            parts.push(Part::Plain(&rest[..at]));
        }
        parts.push(part);
        rest = &rest[at + length..];
        plain = 0;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Plain(rest));
    }
    parts
}

/// Parses a reference at the beginning of a text, and says how long it is; `None` if it is a program of the shell.
fn reference(text: &str) -> Option<(Part<'_>, usize)> {
    let inner = text.strip_prefix("$(")?;
    let word = inner.find(|letter: char| !letter.is_ascii_alphanumeric()).map_or(inner, |end| &inner[..end]);
    if !matches!(word, "location" | "locations") || !inner[word.len()..].starts_with([' ', ')']) {
        // The text may end within the word.
        let ends = matches!(inner, "location" | "locations");
        return ends.then_some((Part::Broken(text), text.len()));
    }
    let Some(end) = text.find(')') else { return Some((Part::Broken(text), text.len())) };
    let label = text[2 + word.len()..end].trim();
    let part = match word {
        _ if label.is_empty() => Part::Broken(&text[..=end]),
        "location" => Part::One(label),
        _ => Part::All(label),
    };
    Some((part, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_locations_are_ours_and_the_rest_is_the_shells() {
        assert_eq!(
            parts("cat $(location :a) $(date) $(locations //b:c)x"),
            [Part::Plain("cat "), Part::One(":a"), Part::Plain(" $(date) "), Part::All("//b:c"), Part::Plain("x")]
        );
        assert_eq!(parts("$(locations :a)"), [Part::All(":a")]);
        for plain in ["", "$(locationx :a)", "$(location-x)", "$(locationx", "(location :a)"] {
            assert_eq!(parts(plain), [Part::Plain(plain)]);
        }
        for broken in ["$(location", "$(location)", "$(locations  )", "$(location :b", "$(locations"] {
            assert_eq!(parts(broken), [Part::Broken(broken)]);
        }
    }

    #[test]
    fn a_path_is_one_word_of_a_shell_line() {
        for (path, want) in [
            ("a/B_1.x@%+=:,-", "a/B_1.x@%+=:,-"),
            ("a b", "'a b'"),
            ("$x;y", "'$x;y'"),
            ("it's", r"'it'\''s'"),
            ("pages/[id].tsx", "'pages/[id].tsx'"),
            ("ä", "'ä'"),
        ] {
            assert_eq!(quoted(path), want);
        }
    }
}
