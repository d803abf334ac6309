//! Images from every place that they come from, good ones and hostile ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archives;
mod faults;
mod fixtures;
mod layers;
mod layouts;
mod names;
mod registries;
mod tokens;
mod world;
