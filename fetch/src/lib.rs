//! Brings locked packages over HTTP: the only HTTP client of the house.
//!
//! Where packages come from is the user's business: pip and npm are asked once a run, nothing is built in, and files of
//! theirs are read for what they do not tell, the credentials. The hash in the lock decides whether the bytes are right.
//! This crate knows no rules, no plans and no store; it leaves a file in a directory that it is given. Whoever knows other
//! servers asks through [`Web`].

mod asked;
mod bring;
mod credentials;
mod digest;
mod error;
mod http;
mod netrc;
mod npm;
mod proxies;
mod python;
mod trust;
mod url;
mod user;
mod web;

pub use asked::Programs;
pub use bring::Registries;
pub use error::FetchError;
pub use http::{HttpError, Patience};
pub use url::UrlError;
pub use user::User;
pub use web::{Authorization, Question, Told, Web};
