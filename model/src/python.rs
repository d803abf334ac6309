//! A Python interpreter, as far as the choice of packages depends on it. It knows no locks and no indexes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Need;

/// What was learned of toolchains: the only way from execution back to analysis, which asks for what it misses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts(pub BTreeMap<Need, PythonEnvironment>);

/// What decides which packages, and which files of them, an interpreter of CPython takes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PythonEnvironment {
    /// Its full version, `3.11.7`.
    pub version: Arc<str>,
    /// The C library that it is linked with.
    pub libc: Libc,
}

/// A C library with its version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Libc {
    /// The GNU C library: wheels for `manylinux` fit.
    Glibc(u32, u32),
    /// musl: wheels for `musllinux` fit.
    Musl(u32, u32),
}

impl Default for PythonEnvironment {
    /// Stands for an interpreter that could not be asked: nothing that needs it can be built on this machine.
    fn default() -> PythonEnvironment {
        PythonEnvironment { version: Arc::from("3.11.0"), libc: Libc::Glibc(2, 36) }
    }
}
