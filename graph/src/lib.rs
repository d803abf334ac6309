//! Links the actions of an analysis into a graph, describes each action once, computes static keys, plans what has
//! to run, and answers queries.
//!
//! Everything here is a pure function of values. Nothing here does I/O, starts a thread, or knows how actions run.

mod describe;
mod digests;
mod encode;
mod file_ids;
mod link;
mod merkle;
mod plan;
pub mod query;
mod results;
mod static_key;
mod step;

pub use describe::FETCHED;
pub use digests::Digests;
pub use encode::{EncodeError, Encoded, encode};
pub use file_ids::FileIds;
pub use link::{Graph, link};
pub use merkle::{Merkle, merge};
pub use plan::{Delivery, Goal, Plan, Planned, Reuse, State, Wishes};
pub use results::{Delivered, DeliveredFile, Failed, Known, Remembered, Results};
pub use static_key::StaticKeys;
pub use step::{Step, StepId};
