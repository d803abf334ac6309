//! A TOML text with the spans of its parts. It does not know what the tables mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Location, Mistake, RelPath};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::written::Written;
use model::codes;

/// Parses a TOML text; every line with syntax errors is a mistake.
pub(crate) fn parse<'t>(text: &'t str, file: &RelPath) -> (Spanned<DeTable<'t>>, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    // The first error of a line often brings others on it, which say nothing new.
    let mut lines: BTreeMap<u32, (Location, String)> = BTreeMap::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let at = Location::new(file.clone(), span.start.min(text.len())..span.end.min(text.len()).max(span.start));
        let message = error.message().replace('\n', ", ");
        let line = lines.entry(line_of(text, at.start)).or_insert_with(|| (at.clone(), message.clone()));
        if at < line.0 {
            *line = (at, message);
        }
    }
    let mistake = |(at, message)| Mistake::new(codes::SYNTAX, format!("invalid TOML: {message}")).at(at, "");
    (table, lines.into_values().map(mistake).collect())
}

/// Returns the place of a part.
pub(crate) fn place<T>(file: &RelPath, part: &Spanned<T>) -> Location {
    Location::new(file.clone(), part.span())
}

/// Returns the text of a value with its place, if it is a string.
pub(crate) fn written(file: &RelPath, value: &Spanned<DeValue<'_>>) -> Option<Written> {
    let text = value.get_ref().as_str()?;
    // Lines of a file from Windows end as all others do.
    let text = if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { Arc::from(text) };
    Some(Written { text, at: place(file, value) })
}

/// Returns an integer; `None` if it is too large.
pub(crate) fn integer(value: &DeInteger<'_>) -> Option<i64> {
    // The digits of a number with a radix have no sign: TOML allows one only for decimals.
    i64::from_str_radix(value.as_str(), value.radix()).ok()
}

/// Returns what a value is, in words.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns a value as JSON text.
pub(crate) fn json(value: &DeValue<'_>) -> Arc<str> {
    Arc::from(to_json(value).to_string())
}

fn to_json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => serde_json::Value::from(&**text),
        DeValue::Integer(number) => {
            integer(number).map_or_else(|| serde_json::Value::from(number.as_str()), serde_json::Value::from)
        }
        DeValue::Float(number) => serde_json::Value::from(number.as_str()),
        DeValue::Boolean(truth) => serde_json::Value::from(*truth),
        DeValue::Datetime(date) => serde_json::Value::from(date.to_string()),
        DeValue::Array(values) => values.iter().map(|value| to_json(value.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref())))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Returns the line of a byte offset, from 1.
pub(crate) fn line_of(text: &str, offset: u32) -> u32 {
    let before = &text.as_bytes()[..text.len().min(offset as usize)];
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX - 1) + 1
}
