//! Packages of npm registries. It knows tarballs and what npm's settings mean; it knows no lock file and no
//! `node_modules`.

mod npmrc;
mod package;
mod settings;

pub(crate) use package::Package;
pub(crate) use settings::Settings;
