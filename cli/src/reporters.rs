//! What people and programs see of a run. All of them consume the same events and the same report, so that they
//! cannot disagree; none of them knows how actions run.

pub mod advice;
pub mod conclusion;
pub mod dry_run;
pub mod events;
mod go_test;
pub mod json;
pub mod junit;
pub mod last_line;
pub mod live;
pub mod progress;
pub mod step_text;

pub mod verdict;
