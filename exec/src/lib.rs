//! Runs a plan: scheduler, executors, sandbox, host probing.

pub mod host;
pub mod sandbox;
pub mod tools;
