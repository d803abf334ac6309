//! What the user types and sees. The only crate that composes the others, prints, and reads the environment and the
//! wall clock; a library beside its program, so that every part of it is tested and documented alike.

pub mod front;
pub mod surroundings;
pub mod twin;
pub mod args;
pub mod options;
pub mod spine;
pub mod commands;
pub mod reporters;
pub mod diagnose;
pub mod problem;
pub mod exit;
pub mod doctor;
pub mod cache_text;
pub mod rules_text;
pub mod console;
pub mod escape;
pub mod signals;
pub mod bug;
#[cfg(test)]
mod fixture;
