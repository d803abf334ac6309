//! Packages are brought from servers that behave, and from servers that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod npm;
mod pip;
mod real;
mod transfer;
mod world;
