//! Package patterns of `go_test`: `.`, `./lib/a`, `./lib/...`. Which directories they stand for, as the Go command
//! understands them. It does not know what the directories hold.

use std::collections::BTreeSet;

use model::{EntryKind, Mistake, RelPath, codes};

use super::closure::Code;
use super::modules;
use crate::written::Written;

/// Returns the directories that patterns, written in the package `here`, stand for.
pub(crate) fn directories(code: &mut Code, here: &RelPath, patterns: &[Written]) -> BTreeSet<RelPath> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let (text, beneath) = match pattern.text.strip_suffix("...") {
            Some(text) if text.is_empty() || text.ends_with('/') => (text, Beneath::Too),
            _ => (&*pattern.text, Beneath::No),
        };
        let Ok(dir) = here.resolve_inside(text) else {
            let message = format!("`{}` leads out of the workspace", pattern.text);
            code.report(Mistake::new(codes::BAD_PATH, message).at(pattern.at.clone(), ""));
            continue;
        };
        let before = found.len();
        match beneath {
            Beneath::Too => walk(code, &dir, &mut found),
            Beneath::No => found.extend(has_go_files(code, &dir).then_some(dir)),
        }
        if found.len() == before {
            let message = format!("`{}` matches no Go package", pattern.text);
            let mistake = Mistake::new(codes::GO_NO_PACKAGE, message).at(pattern.at.clone(), "");
            code.report(mistake.hint("write a directory from this package, as in `./lib/log`, or `./...`"));
        }
    }
    found
}

/// Whether the directories beneath are meant too.
#[derive(Clone, Copy)]
enum Beneath {
    Too,
    No,
}

fn has_go_files(code: &mut Code, dir: &RelPath) -> bool {
    code.listing(dir).is_some_and(|listing| !listing.go.is_empty())
}

/// Adds a directory and those beneath it that Go would look at: not `testdata`, `vendor`, hidden ones, ignored ones
/// (go.mod's `ignore`), other modules that are not built together with this one.
fn walk(code: &mut Code, dir: &RelPath, found: &mut BTreeSet<RelPath>) {
    if has_go_files(code, dir) {
        found.insert(dir.clone());
    }
    for entry in code.lowering.list(dir).unwrap_or_default().iter() {
        let skipped = entry.name.starts_with(['.', '_']) || matches!(&*entry.name, "testdata" | "vendor" | "rg-out");
        let Ok(child) = dir.child(&entry.name) else { continue };
        if entry.kind == EntryKind::Directory && !skipped && belongs(code, dir, &child) {
            walk(code, &child, found);
        }
    }
}

/// Whether a pattern that reaches a directory reaches the one below it too.
fn belongs(code: &mut Code, dir: &RelPath, child: &RelPath) -> bool {
    let outer = modules::module_dir(code.lowering, dir);
    let begins_module = modules::module_dir(code.lowering, child) != outer;
    match (outer, begins_module) {
        (Some(outer), false) => !is_ignored(code, &outer, child),
        (None, _) => true,
        // Modules of one go.work are built together, so a pattern reaches all of them.
        (Some(outer), true) => code.root(&outer).is_some_and(|root| root.holds(child)),
    }
}

fn is_ignored(code: &mut Code, module: &RelPath, dir: &RelPath) -> bool {
    let Some(root) = code.root(module) else { return false };
    let file = root.modules.iter().find(|candidate| candidate.dir == *module).map(|module| &module.file);
    let Some(below) = dir.strip_prefix(module) else { return false };
    file.is_some_and(|file| {
        file.ignores.iter().any(|ignored| match ignored.strip_prefix("./") {
            Some(exact) => below.as_str() == exact.trim_end_matches('/'),
            None => format!("/{below}").ends_with(&format!("/{}", ignored.trim_end_matches('/'))),
        })
    })
}
