//! Parts of TOML tables, by their types. It does not know what they mean.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Returns a text.
pub(super) fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key)?.get_ref().as_str()
}

/// Returns a table.
pub(super) fn table<'t, 's>(of: &'t DeTable<'s>, key: &str) -> Option<&'t DeTable<'s>> {
    of.get(key)?.get_ref().as_table()
}

/// Returns the values of a list; none if there is no list.
pub(super) fn list<'t, 's>(table: &'t DeTable<'s>, key: &str) -> impl Iterator<Item = &'t Spanned<DeValue<'s>>> {
    table.get(key).and_then(|value| value.get_ref().as_array()).into_iter().flat_map(|list| list.iter())
}

/// Returns the texts of a list.
pub(super) fn texts<'t>(table: &'t DeTable<'_>, key: &str) -> impl Iterator<Item = &'t str> {
    list(table, key).filter_map(|value| value.get_ref().as_str())
}

/// Returns the tables of a list, each with its place.
pub(super) fn tables<'t, 's>(
    table: &'t DeTable<'s>,
    key: &str,
) -> impl Iterator<Item = (&'t DeTable<'s>, Range<usize>)> {
    list(table, key).filter_map(|value| Some((value.get_ref().as_table()?, value.span())))
}

/// Returns where a value is; the start of the text if it is not there.
pub(super) fn span(table: &DeTable<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(0..0, Spanned::span)
}
