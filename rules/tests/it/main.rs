//! What definitions, patterns and the remembered analysis do, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod actions;
mod languages;
mod mistakes;
mod patterns;
mod robust;
mod warm;

use model::{Analysis, Facts, Mistake, RelPath, Tree as _};
use rules::{Analyzed, Settings, SettingsTexts};
use testkit::MapTree;

/// Analyses a tree, with nothing remembered.
fn analyze(tree: &MapTree) -> Analyzed {
    rules::analyze(tree, &tree.nested(), &settings(tree), &Facts::default(), &[])
}

/// Returns the settings of a tree; without a workspace.toml, those of a workspace with two toolchains.
fn settings(tree: &MapTree) -> Settings {
    let text = text_of(tree, "workspace.toml").unwrap_or_else(|| {
        "[workspace]\nname = \"test\"\n[toolchain.go]\nhost = [\"go\"]\n[toolchain.python]\nhost = [\"python3\"]\n"
            .to_owned()
    });
    let (settings, mistakes) = rules::settings(SettingsTexts { main: &text, ..SettingsTexts::default() });
    assert_eq!(mistakes, []);
    settings
}

/// Analyses a tree that has no mistakes.
fn sound(tree: &MapTree) -> Analysis {
    let analyzed = analyze(tree);
    assert_eq!(rendered(&analyzed.mistakes, tree), "");
    (*analyzed.analysis).clone()
}

/// Returns mistakes as text, one a line, further places and hints indented.
fn rendered(mistakes: &[Mistake], tree: &MapTree) -> String {
    let mut text = String::new();
    for mistake in mistakes {
        let begin = mistake.at.as_ref().map(|(at, _)| place(at, tree)).unwrap_or_default();
        text += &format!("{begin}{} {}\n", mistake.code, mistake.message);
        for (at, words) in &mistake.also {
            text += &format!("  {}{words}\n", place(at, tree));
        }
        if let Some(hint) = &mistake.hint {
            text += &format!("  hint: {hint}\n");
        }
    }
    text
}

fn place(at: &model::Location, tree: &MapTree) -> String {
    let text = text_of(tree, at.file.as_str()).unwrap_or_default();
    let before = &text.as_bytes()[..text.len().min(at.start as usize)];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let underlined = text.get(at.start as usize..at.end as usize).unwrap_or_default();
    format!("{}:{line}: [{underlined}] ", at.file)
}

fn text_of(tree: &MapTree, path: &str) -> Option<String> {
    let mut text = String::new();
    tree.open(&RelPath::new(path).unwrap()).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}
