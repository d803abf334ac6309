//! Fixture workspaces, fakes and the black-box runner of rg's tests.

mod map_tree;

pub use map_tree::MapTree;
