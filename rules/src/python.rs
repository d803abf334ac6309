//! Reads what decides about Python targets: imports of source files, and locks of packages. Pure text in, values out.
//!
//! It knows nothing of targets and actions, and nothing of an index of packages.

mod all;
pub(crate) mod closure;
pub(crate) mod find;
mod marker;
mod requirement;
mod scan;
mod skip;

#[cfg(test)]
mod tests;
