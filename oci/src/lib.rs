//! Images, layers, references and registries, as the OCI specifications say.
//!
//! An image is what a digest names: a manifest, a config, and layers. Where they come from is a [`Source`]; whatever it
//! is, the bytes are compared with their digests before anybody sees them. This crate reads no clock and no uid, and
//! knows no labels, plans or store.

mod archive;
mod copy;
mod error;
mod image;
mod images;
pub mod layer;
mod layout;
mod place;
mod reference;
mod registry;
mod select;
mod source;
pub mod spec;
pub mod tar;

pub use error::{OciError, Problem};
pub use image::{Image, Layer};
pub use images::{Images, OnProgress, Save};
pub use model::{ImageDigest as Digest, ImageDigestError as DigestError};
pub use reference::{Reference, ReferenceError};
pub use registry::LoginError;
pub use select::SelectError;
pub use source::{Source, SourceError, source};
