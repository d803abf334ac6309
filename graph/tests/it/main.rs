//! Tests of the graph as those who use it see it.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod keys;
mod link;
mod merging;
mod plan;
mod query_language;
mod query_output;
mod results;
mod shop;
