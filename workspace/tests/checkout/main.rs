//! What a checkout shows of a directory, and that a warm scan shows the same as a cold one.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its directory has failed")]

mod content;
mod fixture;
mod ignored;
mod names;
mod property;
mod stats;
