//! Files of Python distributions from package indexes. It knows wheels and source distributions by their names, and
//! what pip's settings mean; it knows no lock file.

mod html;
mod index;
mod locked;
mod settings;

pub(crate) use index::Index;
pub(crate) use locked::{AnyFile, OneFile};
pub(crate) use settings::{Settings, Unsettled};
