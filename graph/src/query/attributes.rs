//! Attributes of targets as queries see them: as text for `attr`, as labels for `labels`.

use std::sync::Arc;

use model::{Label, Target};
use serde_json::Value;

use super::world::World;

/// Returns an attribute as the text that `attr` matches, in Bazel's forms: `web`, `true`, `[a, b]`, `{k=v}`.
pub(super) fn text(target: &Target, name: &str) -> Option<String> {
    if let Some(json) = target.attributes.get(name) {
        return Some(shown(&value(json)));
    }
    match name {
        "name" => Some(target.id.label.target().to_owned()),
        "tags" => Some(list(&target.tags)),
        "visibility" => Some(list(&target.visibility)),
        _ => None,
    }
}

/// Parses an attribute; a text that is not JSON stands for itself.
pub(super) fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned()))
}

fn list(words: &[Arc<str>]) -> String {
    format!("[{}]", words.join(", "))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Returns what the texts of an attribute name: targets, and files of the package. Globs name nothing.
pub(super) fn named(world: &World<'_>, target: &Target, name: &str) -> Vec<usize> {
    let Some(json) = target.attributes.get(name) else { return Vec::new() };
    let mut texts = Vec::new();
    collect(value(json), &mut texts);
    texts.iter().flat_map(|text| nodes(world, target, text)).collect()
}

fn collect(value: Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, texts)),
        Value::Object(entries) => entries.into_iter().for_each(|(_, value)| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn nodes(world: &World<'_>, target: &Target, text: &str) -> Vec<usize> {
    let package = &target.id.label.package;
    if let Ok(label) = Label::parse(text, package) {
        let depended = target.deps.iter().filter(|dependency| dependency.target.label == label);
        return depended.filter_map(|dependency| world.graph.target_index(&dependency.target)).collect();
    }
    let file = package.resolve(text).ok().and_then(|path| world.number_of_file(path.as_str()));
    file.into_iter().collect()
}
