//! Finds the engine, and speaks to it. The environment is read by whoever makes the [`Places`].

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use model::Digest;
use tokio::runtime::{Builder, Runtime};

use super::error::EngineError;
use super::leftovers::{self, Owner};
use super::shared::{Shares, Warm};
use crate::Failure;
use crate::sandbox::How;

/// How long the client waits for an answer. Loading a large image takes minutes; whoever waits can cancel.
const PATIENCE_SECONDS: u64 = 3600;
/// How long an engine may take to remove what a run made.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(60);
/// How often a call is asked whether it is still wanted.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Where an engine may listen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Places {
    /// What `DOCKER_HOST` says, if it is set: then nothing else is looked at.
    pub docker_host: Option<String>,
    /// What `XDG_RUNTIME_DIR` says.
    pub runtime_directory: Option<PathBuf>,
}

/// An engine that answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// Its address.
    pub at: String,
    /// Whether it runs without root's rights.
    pub is_rootless: bool,
    /// Whether it heeds limits of memory.
    pub limits_memory: bool,
}

/// The engines that are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Docker, and whatever is like it.
    Docker,
    /// Podman.
    Podman,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Docker => "Docker",
            Kind::Podman => "Podman",
        };
        let rootless = if self.is_rootless { "rootless " } else { "" };
        write!(f, "{rootless}{kind} {} at {}", self.version, self.at)
    }
}

impl Places {
    /// Returns the addresses to try, in this order.
    fn candidates(&self) -> Vec<String> {
        if let Some(host) = &self.docker_host {
            return vec![host.clone()];
        }
        let own = |name: &str| Some(self.runtime_directory.as_ref()?.join(name).to_str()?.to_owned());
        let sockets = [
            Some("/var/run/docker.sock".to_owned()),
            own("docker.sock"),
            own("podman/podman.sock"),
            Some("/run/podman/podman.sock".to_owned()),
        ];
        sockets.into_iter().flatten().map(|socket| format!("unix://{socket}")).collect()
    }
}

/// What the engine calls an image: found out by the first that asks; the others wait for it.
pub(super) type ImageSlot = Arc<OnceLock<Result<String, Failure>>>;

/// A connection with an engine, for one run.
pub(super) struct Session {
    pub found: Found,
    pub docker: Docker,
    pub owner: Owner,
    /// What the engine calls the images that it has, by root directory.
    pub images: Mutex<HashMap<Digest, ImageSlot>>,
    /// Whether the engine sees our directories.
    pub shares: Mutex<Option<Shares>>,
    /// Containers that wait for a job.
    pub idle: Mutex<Vec<Warm>>,
    runtime: Runtime,
}

impl Session {
    /// Connects with the first engine that answers, and removes what dead runs left in it.
    pub fn open(places: &Places) -> Result<Session, EngineError> {
        let runtime = runtime()?;
        let (docker, found) = runtime.block_on(find(places))?;
        let session = Session {
            found,
            docker,
            owner: Owner::this_process(),
            images: Mutex::default(),
            shares: Mutex::default(),
            idle: Mutex::default(),
            runtime,
        };
        session.wait(leftovers::sweep(&session.docker, &session.owner));
        Ok(session)
    }

    /// Waits for a call.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// Waits for a call, as long as `stop` has nothing against it.
    pub fn attend<T>(&self, call: impl Future<Output = T>, stop: &dyn Fn() -> Option<How>) -> Result<T, How> {
        self.wait(attend(call, stop))
    }

    /// Removes a container with all that runs in it. One that the engine removes already is seen off at the end.
    pub fn remove(&self, container: &str) {
        let _ = self.wait(self.docker.remove_container(container, Some(by_force())));
    }

    /// Makes the failure of a call.
    pub fn broken(&self, doing: &str, error: &bollard::errors::Error) -> Failure {
        let why = crate::report::with_causes(error);
        Failure::Sandbox(format!("{} does not {doing}: {why}", self.found))
    }
}

impl Drop for Session {
    /// Ends when the engine has nothing left of what this run made. An engine that does not answer keeps it for the next.
    fn drop(&mut self) {
        let removal = leftovers::remove_all_of(&self.docker, &self.owner);
        let _ = self.wait(async { tokio::time::timeout(REMOVAL_PATIENCE, removal).await });
    }
}

/// Whatever runs in a container and whatever volumes it has that nobody named go with it.
pub(super) fn by_force() -> RemoveContainerOptions {
    RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() }
}

/// Makes what calls run on.
pub(super) fn runtime() -> Result<Runtime, EngineError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| EngineError::Client(error.to_string()))
}

/// Waits for a call, as long as `stop` has nothing against it.
pub(super) async fn attend<T>(call: impl Future<Output = T>, stop: &dyn Fn() -> Option<How>) -> Result<T, How> {
    let mut call = pin!(call);
    loop {
        if let Some(how) = stop() {
            return Err(how);
        }
        if let Ok(done) = tokio::time::timeout(ASK_EVERY, call.as_mut()).await {
            return Ok(done);
        }
    }
}

/// Connects with the first engine that answers.
pub(super) async fn find(places: &Places) -> Result<(Docker, Found), EngineError> {
    let candidates = places.candidates();
    let mut first = None;
    for at in &candidates {
        match connect(at).await {
            Ok(found) => return Ok(found),
            // One that is not there says less than one that refuses.
            Err(error @ EngineError::None(_)) if places.docker_host.is_some() => return Err(error),
            Err(EngineError::None(_)) => {}
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(EngineError::None(candidates)))
}

async fn connect(at: &str) -> Result<(Docker, Found), EngineError> {
    let unreachable =
        |error: bollard::errors::Error| EngineError::Unreachable { at: at.to_owned(), why: innermost(&error) };
    let docker = if let Some(socket) = at.strip_prefix("unix://") {
        try_socket(socket)?;
        Docker::connect_with_unix(at, PATIENCE_SECONDS, API_DEFAULT_VERSION)
    } else if at.starts_with("tcp://") || at.starts_with("http://") {
        Docker::connect_with_http(at, PATIENCE_SECONDS, API_DEFAULT_VERSION)
    } else {
        return Err(EngineError::Address(at.to_owned()));
    };
    let docker = docker.map_err(unreachable)?.negotiate_version().await.map_err(unreachable)?;
    let version = docker.version().await.map_err(unreachable)?;
    let info = docker.info().await.map_err(unreachable)?;
    let is_podman = version.components.iter().flatten().any(|part| part.name.contains("Podman"));
    let options = info.security_options.unwrap_or_default();
    // Podman does not say so before version 5, but then its socket belongs to whoever runs it.
    let is_rootless = options.iter().any(|option| option.contains("rootless")) || is_podman && is_of_plain_user(at);
    let old_groups = info.cgroup_version.is_some_and(|version| version.to_string() == "1");
    let found = Found {
        kind: if is_podman { Kind::Podman } else { Kind::Docker },
        version: version.version.unwrap_or_default(),
        at: at.to_owned(),
        is_rootless,
        limits_memory: info.memory_limit.unwrap_or(true) && !(is_rootless && old_groups),
    };
    Ok((docker, found))
}

/// Returns the system's own words: what the client wraps around them says "connect" three times.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

fn is_of_plain_user(at: &str) -> bool {
    at.strip_prefix("unix://").and_then(|socket| std::fs::metadata(socket).ok()).is_some_and(|socket| socket.uid() != 0)
}

/// The client would not say why a socket is refused.
fn try_socket(socket: &str) -> Result<(), EngineError> {
    match UnixStream::connect(socket) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            ErrorKind::PermissionDenied => EngineError::Denied(socket.to_owned()),
            ErrorKind::NotFound => EngineError::None(vec![format!("unix://{socket}")]),
            _ => EngineError::Unreachable { at: format!("unix://{socket}"), why: error.to_string() },
        }),
    }
}
