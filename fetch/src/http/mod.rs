//! Asks servers, blocking, on the thread of whoever asks. It knows addresses and hashes; it knows no registry.

mod answer;
mod client;
mod failure;
mod pace;
mod page;
mod patience;
mod transfer;

pub(crate) use client::{Ask, Client, Html, Route};
pub use failure::HttpError;
pub(crate) use page::{Page, looks_like_html};
pub(crate) use patience::Limits;
pub use patience::Patience;
