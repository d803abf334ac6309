//! The hash by which Poetry knows whether a lock is that of its pyproject.toml. It does not know what is locked.

use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue};

use super::toml_parts::table;
use crate::document;

/// Whether a lock was written for a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Freshness {
    /// It was.
    Fresh,
    /// The manifest has changed since.
    Stale,
}

/// What counts in `[project]`.
const PROJECT: [&str; 3] = ["requires-python", "dependencies", "optional-dependencies"];

/// What counts in `[tool.poetry]` even if it is not there, when there is nothing else.
const LEGACY: [&str; 4] = ["dependencies", "source", "extras", "dev-dependencies"];

/// Compares a manifest with the hash that a lock holds.
pub(super) fn freshness(manifest: &DeTable, hash: &str) -> Freshness {
    let empty = DeTable::new();
    let groups = table(manifest, "dependency-groups").unwrap_or(&empty);
    // Before Poetry 2.3 groups did not count.
    let fresh = [groups, &empty].into_iter().any(|groups| content_hash(manifest, groups) == hash);
    if fresh { Freshness::Fresh } else { Freshness::Stale }
}

fn content_hash(manifest: &DeTable, groups: &DeTable) -> String {
    let empty = DeTable::new();
    let project = table(manifest, "project").unwrap_or(&empty);
    let poetry = table(manifest, "tool").and_then(|tool| table(tool, "poetry")).unwrap_or(&empty);
    let project = PROJECT.iter().filter_map(|key| Some((*key, json(project.get(*key)?.get_ref()))));
    let project: Vec<(&str, String)> = project.collect();
    let is_legacy = project.is_empty() && groups.is_empty();
    let mut relevant: Vec<(&str, String)> = Vec::new();
    for key in LEGACY.into_iter().chain(["group"]) {
        match poetry.get(key) {
            Some(value) => relevant.push((key, json(value.get_ref()))),
            None if is_legacy && key != "group" => relevant.push((key, "null".to_owned())),
            None => {}
        }
    }
    let content = match is_legacy {
        true => object(relevant),
        false => {
            let mut content = vec![("tool", object(vec![("poetry", object(relevant))]))];
            content.extend((!project.is_empty()).then(|| ("project", object(project))));
            content.extend((!groups.is_empty()).then(|| ("dependency-groups", table_json(groups))));
            object(content)
        }
    };
    let hash = Sha256::digest(content.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a value as Python's `json.dumps(…, sort_keys=True)` does.
fn json(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => {
            document::integer(number).map_or_else(|| number.as_str().to_owned(), |number| number.to_string())
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(date) => quoted(&date.to_string()),
        DeValue::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| json(value.get_ref())).collect();
            format!("[{}]", values.join(", "))
        }
        DeValue::Table(table) => table_json(table),
    }
}

fn table_json(table: &DeTable) -> String {
    object(table.iter().map(|(key, value)| (&**key.get_ref(), json(value.get_ref()))).collect())
}

fn object(mut members: Vec<(&str, String)>) -> String {
    members.sort();
    let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
    format!("{{{}}}", members.join(", "))
}

/// Quotes a text; what is not ASCII becomes escapes of UTF-16.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            ' '..='~' => quoted.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| quoted.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    quoted.push('"');
    quoted
}
