//! The spine of rg: from a call to what was done, through values alone.
//!
//! ```text
//! checkout ─workspace▶ Tree ─rules▶ Analysis ─graph▶ Graph ─▶ Plan ─exec▶ Report
//! ```
//! Each arrow is a function of the crate it is named after; nothing calls backwards. What later steps add has its
//! place between two of these lines: facts about locked packages between `analyze` and `link`, image pins beside the
//! tools, remote stores inside the cache.

mod open;
mod load;
mod build;
mod run;
mod query;
mod log;
mod doctor;

pub use build::{build, test};
pub use doctor::doctor;
pub use log::log;
pub use open::{Opened, Refused, open};
pub use query::query;
pub use run::run;
