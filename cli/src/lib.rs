//! What the user types and sees. The only crate that composes the others, prints, and reads the environment and the
//! wall clock; a library beside its program, so that every part of it is tested and documented alike.

pub mod args;
pub mod bug;
pub mod cache_text;
pub mod commands;
pub mod console;
pub mod diagnose;
pub mod doctor;
pub mod escape;
pub mod exit;
#[cfg(test)]
mod fixture;
pub mod front;
pub mod gocache;
pub mod options;
pub mod problem;
pub mod reporters;
pub mod rules_text;
pub mod serve;
pub mod signals;
pub mod spine;
pub mod surroundings;
pub mod twin;
