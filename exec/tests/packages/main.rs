//! Trees of real packages, held against what pip and npm make of the same files. The packages come from wherever the
//! user's own pip and npm bring them; a machine without one of them, or without a registry, leaves the test out,
//! unless it is one on which nothing may be left out.

#![expect(clippy::unwrap_used, reason = "a test that unwraps says where it broke")]

mod faults;
mod node;
mod python;
mod setup;
