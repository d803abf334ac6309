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
    /// The machine has no thread or no socket for it.
    #[error("cannot start the client of the container engine: {0}")]
    Client(String),
}

impl EngineError {
    /// Returns what mends it.
    pub fn fix(&self) -> String {
        match self {
            EngineError::None(_) => "start Docker or `podman system service`, or set DOCKER_HOST".to_owned(),
            EngineError::Denied(socket) if socket.contains("podman") => {
                "use the rootless one: `systemctl --user start podman.socket`".to_owned()
            }
            EngineError::Denied(_) => {
                "sudo usermod -aG docker $USER, then log in again; or use rootless Podman".to_owned()
            }
            EngineError::Unreachable { .. } => "start it again, or set DOCKER_HOST to another".to_owned(),
            EngineError::Address(_) => "set DOCKER_HOST to unix://PATH or tcp://HOST:PORT".to_owned(),
            EngineError::Client(_) => "let more threads and files be opened: ulimit -u, ulimit -n".to_owned(),
        }
    }
}
