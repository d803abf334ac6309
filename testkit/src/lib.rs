//! Fixture workspaces, fakes and the black-box runner of rg's tests.

pub mod analysis;
pub mod container;
pub mod engine;
pub mod git;
pub mod image;
mod map_tree;
pub mod registry;
pub mod server;
pub mod ssh;
pub mod tar;
pub mod workspace;

pub use map_tree::MapTree;
