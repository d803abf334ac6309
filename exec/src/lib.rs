//! Runs a plan: the scheduler, the executors, staging, delivery, and host toolchains.
//!
//! Owns the threads that run actions. Parses no definition, prints nothing, does not decide what to build.

mod event;
mod machine;
mod report;

pub use event::{Event, Total};
pub use machine::{Cancel, OnFailure};
pub use report::{Counts, DeliveredOutput, Failure, Log, Report, Status, StepReport};
