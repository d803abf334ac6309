//! Reads what decides about Python targets: imports of source files, and locks of packages. Pure text in, values out.
//!
//! It knows nothing of targets and actions, and nothing of an index of packages.

mod all;
pub(crate) mod closure;
pub(crate) mod find;
mod lock;
mod manifest;
mod marker;
mod poetry_hash;
mod poetry_lock;
mod requirement;
mod requirements;
mod scan;
mod skip;
mod toml_parts;
mod uv_lock;
mod uv_stale;
mod uv_walk;

#[cfg(test)]
mod tests;
