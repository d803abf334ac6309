//! What can be wrong with a tool of this machine, and what helps.

use std::path::PathBuf;

/// Why a need cannot be met by this machine.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// No directory of PATH has the program.
    #[error("toolchain `{toolchain}` needs `{program}`, which is not on this machine")]
    Missing {
        /// The name of its table in workspace.toml.
        toolchain: String,
        /// The program.
        program: String,
        /// The paths that were looked at, in order.
        looked_at: Vec<PathBuf>,
        /// What helps.
        hint: String,
    },
    /// A version manager has a shim for it, but not the version that is asked for.
    #[error("toolchain `{toolchain}` needs `{program}`, of which {manager} has no version `{version}`")]
    NoVersion {
        /// The name of its table in workspace.toml.
        toolchain: String,
        /// The program.
        program: String,
        /// The version manager: `pyenv`.
        manager: &'static str,
        /// The version that is chosen.
        version: String,
        /// What helps.
        hint: String,
    },
    /// It is a stand-in of a version manager that rg does not know.
    #[error("toolchain `{toolchain}` needs `{program}`, but `{}` is a shim that rg cannot look through", shim.display())]
    UnknownShim {
        /// The name of its table in workspace.toml.
        toolchain: String,
        /// The program.
        program: String,
        /// Where it is.
        shim: PathBuf,
        /// What helps.
        hint: String,
    },
    /// A file that is part of it cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ToolError {
    /// Returns the toolchain that is meant.
    pub fn toolchain(&self) -> Option<&str> {
        match self {
            ToolError::Missing { toolchain, .. }
            | ToolError::NoVersion { toolchain, .. }
            | ToolError::UnknownShim { toolchain, .. } => Some(toolchain),
            ToolError::Unreadable { .. } => None,
        }
    }

    /// Returns what helps.
    pub fn hint(&self) -> Option<&str> {
        match self {
            ToolError::Missing { hint, .. }
            | ToolError::NoVersion { hint, .. }
            | ToolError::UnknownShim { hint, .. } => Some(hint),
            ToolError::Unreadable { .. } => None,
        }
    }
}

/// Returns how to come by a program.
pub(super) fn how_to_install(toolchain: &str, program: &str) -> String {
    let (name, package) = match program {
        "go" | "gofmt" => ("Go", "golang-go"),
        "python" | "python3" => ("Python", "python3"),
        "node" => ("Node.js", "nodejs"),
        "npm" | "npx" => ("npm", "npm"),
        "cargo" | "rustc" => ("Rust", "cargo"),
        "protoc" => ("protoc", "protobuf-compiler"),
        other => (other, other),
    };
    format!("install {name} (Debian: apt-get install {package}) or name an image in [toolchain.{toolchain}]")
}
