//! Runs a plan: the scheduler, the executors, staging, delivery, and host toolchains.
//!
//! Owns the threads that run actions. Parses no definition, prints nothing, does not decide what to build.

mod machine;
mod event;
mod report;
mod run;
mod scheduler;
mod worker;
mod writer;
mod prepare;
mod ingest;
mod perform;
mod executor;
mod stage;
mod native;
mod on_host;
mod fetch;
mod log_file;
mod deliver;
mod undeclared;
mod host;
pub mod sandbox;
pub mod tools;

pub use deliver::{Cleaned, clean};
pub use event::{Event, Total};
pub use executor::{Executor, Job, Ran, Stopped};
pub use fetch::{Connection, Fetcher};
pub use log_file::excerpt;
pub use machine::{Cancel, Machine, OnFailure, Storing, Trial};
pub use native::Native;
pub use on_host::OnHost;
pub use report::{Counts, DeliveredOutput, Failure, Log, Report, Status, StepReport};
pub use run::{Errand, run};
pub use undeclared::{Undeclared, undeclared};
