//! rg as its users see it: the built program on throw-away workspaces, each with a cache of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod chroot_lite;
mod commands;
mod conformance;
mod engine;
mod environment;
mod faults;
mod go;
mod images;
mod injected;
mod install_scripts;
mod killed;
mod names;
mod node;
mod power;
mod property;
mod python;
mod python_tests;
mod registry;
mod repos;
mod sdist;
mod shell;
mod testing;
mod traps;

use testkit::workspace::Workspace;

/// Makes a workspace of these files.
fn workspace(files: &[(&str, &str)]) -> Workspace {
    Workspace::new(env!("CARGO_BIN_EXE_rg"), files)
}
