//! Why no container engine can be used, and what the user can do.

/// Why no container engine can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing listens where engines do.
    #[error("no container engine is running: nothing listens at {}", .0.join(", "))]
    None(Vec<String>),
    /// The socket belongs to others.
    #[error("connect to `{0}` fails: permission denied")]
    Denied(String),
    /// It does not answer.
    #[error("connect to `{at}` fails: {why}")]
    Unreachable {
        /// Its address.
        at: String,
        /// What was tried, and the reason.
        why: String,
    },
    /// The address is of a kind that is not supported.
    #[error("DOCKER_HOST is `{0}`, and only unix:// and tcp:// are supported")]
    Address(String),
    /// The machine has no thread, no socket or no room for it.
    #[error("the client of the container engine fails: {0}")]
    Client(String),
    /// It has no image of this name.
    #[error("{engine} has no image `{name}`")]
    NoImage {
        /// The engine.
        engine: String,
        /// What was asked for.
        name: String,
    },
    /// It does not give an image.
    #[error("{engine} does not give the image `{name}`: {why}")]
    Export {
        /// The engine.
        engine: String,
        /// What was asked for.
        name: String,
        /// The reason.
        why: String,
    },
    /// Nobody wants it any more.
    #[error("interrupted")]
    Interrupted,
}

impl EngineError {
    /// Returns what mends it.
    pub fn fix(&self) -> String {
        match self {
            EngineError::None(_) => {
                "sudo systemctl start docker, or systemctl --user start podman.socket; or set DOCKER_HOST".to_owned()
            }
            EngineError::Denied(socket) if socket.contains("podman") => {
                "systemctl --user start podman.socket, which is the rootless one".to_owned()
            }
            EngineError::Denied(_) => {
                "sudo usermod -aG docker $USER, then log in again; or use rootless Podman".to_owned()
            }
            EngineError::Unreachable { .. } | EngineError::Export { .. } => {
                "sudo systemctl restart docker, or set DOCKER_HOST to another engine".to_owned()
            }
            EngineError::Address(_) => "set DOCKER_HOST to unix://PATH or tcp://HOST:PORT".to_owned(),
            EngineError::Client(_) => "look at `ulimit -u`, `ulimit -n` and `df $TMPDIR`".to_owned(),
            EngineError::NoImage { name, .. } => format!("docker pull {name}, or `docker image ls` for what it has"),
            EngineError::Interrupted => "call rg again".to_owned(),
        }
    }
}
