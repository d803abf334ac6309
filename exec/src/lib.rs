//! Runs a plan: the scheduler, the executors, staging, delivery, and host toolchains.
//!
//! Owns the threads that run actions. Parses no definition, prints nothing, does not decide what to build.

mod archive;
mod assemble;
mod chroot_lite;
mod deliver;
mod engine;
mod event;
mod executor;
mod fetch;
pub mod host;
mod images;
mod ingest;
mod ladder;
mod left;
mod log_file;
mod machine;
mod mask;
mod native;
mod on_host;
mod owners;
mod perform;
mod prepare;
mod report;
mod run;
pub mod sandbox;
mod scheduler;
mod secrets;
mod stage;
mod stock;
pub mod tools;
mod undeclared;
mod worker;
mod writer;

pub use self::fetch::{Connection, Fetcher};
pub use assemble::assemble;
pub use chroot_lite::ChrootLite;
pub use deliver::{Cleaned, clean, may_deliver};
pub use engine::{Engine, EngineError, Found, Places, save_image};
pub use event::{Event, Total};
pub use executor::{Executor, Ground, Job, Ran, Stopped, Unusable};
pub use images::{ImageRoot, Images, NamedImage};
pub use ladder::Ladder;
pub use log_file::excerpt;
pub use machine::{Cancel, Machine, OnFailure, Storing, Trial, Visit};
pub use native::Native;
pub use on_host::OnHost;
pub use report::{Counts, DeliveredOutput, Failure, Log, Report, Status, StepReport};
pub use run::{Definitions, Errand, run};
pub use secrets::{Secret, SecretValue, Secrets};
pub use undeclared::{Place, Undeclared, missed, undeclared};
