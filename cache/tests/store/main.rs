//! The store as its users see it: each test has a directory of its own and speaks to `Cache` alone.

mod blobs;
mod claims;
mod collection;
mod damage;
mod directories;
mod encoding;
mod killed;
mod memory;
mod results;
mod setup;
