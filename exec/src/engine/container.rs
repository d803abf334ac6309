//! Containers and the programs in them, as calls of the engine.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models::{ContainerCreateBody, ExecConfig, HostConfig, Mount};
use bollard::query_parameters::{AttachContainerOptions, CreateContainerOptions, StartContainerOptions};
use futures_util::{Stream, StreamExt};
use model::Network;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::client::{Kind, Session};
use super::mounts::Shape;
use super::script::KEEPER;
use crate::mask::Masker;
use crate::secrets::SECRETS;

/// The user and group of actions.
pub(super) const USER: &str = "1000:1000";
/// How much shared memory a container has at most; nothing of it is reserved.
const SHARED_MEMORY_BYTES: i64 = 1 << 30;

/// Holds a container that was started: it ends when this does.
pub(super) type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// Returns what a container of a shape is, without a program.
pub(super) fn body(session: &Session, shape: &Shape, mounts: Vec<Mount>) -> ContainerCreateBody {
    let mut tmpfs = HashMap::from([("/tmp".to_owned(), "rw,exec,nosuid,nodev,mode=1777".to_owned())]);
    let mut add = |at: &str, options: &str| drop(tmpfs.insert(at.to_owned(), options.to_owned()));
    if shape.has_var_tmp {
        add("/var/tmp", "rw,exec,nosuid,nodev,mode=1777");
    }
    if shape.has_home {
        add("/tmp/home", "rw,exec,nosuid,nodev,mode=1777");
    }
    if shape.has_secrets {
        add(SECRETS, "rw,noexec,nosuid,nodev,mode=1777");
    }
    let memory = shape.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok());
    let host = HostConfig {
        network_mode: Some(if shape.network == Network::Host { "host" } else { "none" }.to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        mounts: Some(mounts),
        tmpfs: Some(tmpfs),
        memory,
        memory_swap: memory,
        shm_size: Some(SHARED_MEMORY_BYTES),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(shape.image.clone()),
        hostname: (shape.network == Network::None).then(|| "localhost".to_owned()),
        labels: Some(session.owner.labels()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// Makes a container that serves several actions, and does nothing by itself.
pub(super) fn keeper(body: ContainerCreateBody) -> ContainerCreateBody {
    ContainerCreateBody {
        // Actions are other users, so none can end it.
        user: Some("0:0".to_owned()),
        entrypoint: Some(Vec::new()),
        cmd: Some(["/bin/sh", "-c", KEEPER].map(str::to_owned).to_vec()),
        attach_stdin: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        host_config: body.host_config.map(|host| HostConfig { auto_remove: Some(true), ..host }),
        ..body
    }
}

/// Lets the user inside be the one who runs the engine, where that is a plain user: what it makes belongs to them.
pub(super) fn as_ourselves(session: &Session, body: ContainerCreateBody) -> ContainerCreateBody {
    let applies = session.found.kind == Kind::Podman && session.found.is_rootless;
    let userns_mode = applies.then(|| "keep-id:uid=1000,gid=1000".to_owned());
    ContainerCreateBody { host_config: body.host_config.map(|host| HostConfig { userns_mode, ..host }), ..body }
}

/// Makes a container and returns its id.
pub(super) async fn create(session: &Session, body: ContainerCreateBody) -> Result<String, Error> {
    let made = session.docker.create_container(None::<CreateContainerOptions>, body).await?;
    Ok(made.id)
}

/// Starts a container that ends with the returned stream.
pub(super) async fn start_held(session: &Session, container: &str) -> Result<Input, Error> {
    let options = AttachContainerOptions { stream: true, stdin: true, ..AttachContainerOptions::default() };
    let attached = session.docker.attach_container(container, Some(options)).await?;
    session.docker.start_container(container, None::<StartContainerOptions>).await?;
    Ok(attached.input)
}

/// A program in a container that runs.
pub(super) struct Program<'a> {
    pub container: &'a str,
    pub command: Vec<String>,
    /// What it reads on its standard input.
    pub input: Vec<u8>,
}

impl Program<'_> {
    /// Runs it. What it prints goes to the log; what it says on its standard error is returned.
    pub async fn run(self, session: &Session, log: &File, masker: Masker) -> Result<Vec<u8>, Error> {
        let config = ExecConfig {
            attach_stdin: Some(!self.input.is_empty()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(self.command),
            user: Some(USER.to_owned()),
            ..ExecConfig::default()
        };
        let exec = session.docker.create_exec(self.container, config).await?;
        let StartExecResults::Attached { output, mut input } = session.docker.start_exec(&exec.id, None).await? else {
            return Ok(Vec::new());
        };
        if !self.input.is_empty() {
            input.write_all(&self.input).await?;
            input.flush().await?;
        }
        copy(output, log, masker, Errors::Returned).await
    }
}

/// Where standard error goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Errors {
    Returned,
    Logged,
}

/// Copies what is printed to a log, until its end.
pub(super) async fn copy(
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin,
    mut log: &File,
    mut masker: Masker,
    errors: Errors,
) -> Result<Vec<u8>, Error> {
    let mut said = Vec::new();
    while let Some(piece) = output.next().await {
        match piece? {
            LogOutput::StdErr { message } if errors == Errors::Returned => said.extend_from_slice(&message),
            piece => log.write_all(&masker.push(piece.as_ref()))?,
        }
    }
    log.write_all(&masker.finish())?;
    Ok(said)
}
