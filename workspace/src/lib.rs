//! A checkout as a [`model::Tree`]: one stat scan that reuses the stat table of the last run, ignore rules, file ids.
//!
//! Beside it stand commits of other repositories, each a tree too: a [`Forest`] is all of them as one.
//!
//! Nothing here knows what a definition means, what an action is, or where the stat table is kept. A checkout is
//! only read: the one file that a scan makes (to ask the file system for its time) lies in a directory that the
//! caller names.

mod checkout;
mod find;
mod forest;
mod repository;

mod clock;
mod codec;
mod content;
mod disk;
mod hash_cell;
mod ignores;
mod lock;
mod packed;
mod refresh;
mod stat;
mod table;
mod walk;

pub use checkout::{Checkout, CheckoutError, ScanOptions, checkout};
pub use find::find;
pub use forest::Forest;
pub use lock::save_lock;
pub use repository::{Commit, Git, Repository, RepositoryError};
