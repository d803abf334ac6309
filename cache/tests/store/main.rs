//! The store as its users see it: each test has a directory of its own and speaks to `Cache` alone.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod blobs;
mod claims;
mod collection;
mod damage;
mod directories;
mod drafts;
mod encoding;
mod killed;
mod memory;
mod results;
mod reuse;
mod setup;
