//! Actions in containers of their own, for engines that do not see our directories and images without a shell: inputs
//! are uploaded, outputs downloaded.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use bollard::body_try_stream;
use bollard::container::AttachContainerResults;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    AttachContainerOptions, DownloadFromContainerOptions, InspectContainerOptions, StartContainerOptions,
    UploadToContainerOptions, WaitContainerOptions,
};
use futures_util::{Stream, StreamExt};
use tar::Builder;

use super::client::{Kind, Session};
use super::container::{self, Errors, Input, Program};
use super::mounts::Shape;
use super::tarball::Pieces;
use super::{Order, missing_program, or_missing, script, tarball};
use crate::Failure;
use crate::executor::{Ran, Stopped};
use crate::mask::Masker;
use crate::sandbox::How;

/// Who starts the program of the action.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The script, in a container that waits.
    Scripted,
    /// The engine: the image has no shell.
    Alone,
}

/// Runs a job.
pub(super) fn run(session: &Session, order: &Order<'_>) -> Result<Ran, Stopped> {
    let way = if script::is_possible(order.image, order.job) { Way::Scripted } else { Way::Alone };
    let (container, shape) = make(session, order, way)?;
    let ran = in_container(session, order, &shape, &container, way);
    session.remove(&container);
    Ok(ran?)
}

/// Lets `program` run in a container that has the inputs, by the container's id.
pub(super) fn visit<T>(
    session: &Session,
    order: &Order<'_>,
    program: impl FnOnce(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (container, shape) = make(session, order, Way::Scripted)?;
    let uploaded = shape.tops.iter().try_for_each(|top| upload(session, order, &container, top));
    let visited = uploaded.and_then(|()| {
        let _held = hold(session, order, &container)?;
        program(&container)
    });
    session.remove(&container);
    visited
}

fn make(session: &Session, order: &Order<'_>, way: Way) -> Result<(String, Shape), Failure> {
    let mut shape = Shape::of(order)?;
    refuse_what_it_cannot(order, way)?;
    shape.binds.clear();
    // Nobody else makes it in a container without a script.
    shape.has_home = way == Way::Alone;
    open_volumes(session, order)?;
    let mut mounts: Vec<Mount> = shape.tops.iter().map(|top| volume(None, &format!("/{top}"))).collect();
    mounts.extend(order.job.cache_mounts.iter().map(|(name, at)| volume(Some(format!("rg-{name}")), at)));
    let body = container::body(session, &shape, mounts);
    let body = if way == Way::Scripted { container::keeper(body) } else { alone(body, order) };
    let container = session.wait(container::create(session, body));
    Ok((container.map_err(|error| session.broken("make a container", &error))?, shape))
}

fn refuse_what_it_cannot(order: &Order<'_>, way: Way) -> Result<(), Failure> {
    let job = order.job;
    let what = match job {
        _ if !job.tools.mounts.is_empty() || !job.extra.is_empty() => {
            "show files of this machine to an engine elsewhere"
        }
        _ if !job.secrets.is_empty() && way == Way::Alone => "show secrets in an image without a shell",
        _ => return Ok(()),
    };
    Err(Failure::Unable(format!("the executor `engine` cannot {what}: use --executor native")))
}

/// Makes a container whose program is the action's own.
fn alone(body: ContainerCreateBody, order: &Order<'_>) -> ContainerCreateBody {
    let environment = order.job.environment().into_iter();
    ContainerCreateBody {
        user: Some(container::USER.to_owned()),
        entrypoint: Some(Vec::new()),
        cmd: Some(order.job.argv.iter().map(|&word| word.to_owned()).collect()),
        env: Some(environment.map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: Some(format!("/{}", order.job.directory)),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..body
    }
}

fn volume(name: Option<String>, at: &str) -> Mount {
    Mount { source: name, target: Some(at.to_owned()), typ: Some(MountType::VOLUME), ..Mount::default() }
}

/// Gives the volumes of cache mounts to actions. A volume belongs to root when it is made, and its own directory can be
/// reached only through a container that is not read-only.
fn open_volumes(session: &Session, order: &Order<'_>) -> Result<(), Failure> {
    for (name, at) in order.job.cache_mounts {
        let body = ContainerCreateBody {
            image: Some(order.id.to_owned()),
            labels: Some(session.owner.labels()),
            user: Some(container::USER.to_owned()),
            cmd: Some(vec!["/".to_owned()]),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![volume(Some(format!("rg-{name}")), at)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let container = session.wait(container::create(session, body));
        let container = container.map_err(|error| session.broken("make a volume", &error))?;
        if session.found.kind == Kind::Podman {
            // It gives a new volume to the user of the first container that starts, whatever was uploaded before. That
            // this one has no program is as good as one that ends at once.
            let _ = session.wait(session.docker.start_container(&container, None::<StartContainerOptions>));
        }
        let (from, at) = match session.found.kind {
            Kind::Docker => ("/", at.trim_start_matches('/').to_owned()),
            Kind::Podman => (&**at, ".".to_owned()),
        };
        let opened = send(session, order, &container, from, move |to| {
            tarball::add_directory(to, Path::new(&at), 0o755, tarball::Owned::ByAction)
        });
        session.remove(&container);
        opened?;
    }
    Ok(())
}

fn in_container(
    session: &Session,
    order: &Order<'_>,
    shape: &Shape,
    container: &str,
    way: Way,
) -> Result<Ran, Failure> {
    let uploaded = shape.tops.iter().try_for_each(|top| upload(session, order, container, top));
    uploaded?;
    let began = Instant::now();
    let stop = || match order.job.timeout {
        _ if order.cancel.is_cancelled() => Some(How::Cancelled),
        Some(timeout) if began.elapsed() >= timeout => Some(How::TimedOut),
        _ => None,
    };
    let masker = Masker::new(order.job.secrets.iter().map(|secret| secret.value.as_slice()));
    // The container, with all that the action made, lives as long as this.
    let _held = if way == Way::Scripted { Some(hold(session, order, container)?) } else { None };
    let ended = if way == Way::Scripted {
        session.attend(scripted(session, order, container, masker), &stop)
    } else {
        session.attend(by_itself(session, order, container, masker), &stop)
    };
    let (how, peak_memory_bytes) = match ended {
        Err(how) => (how, 0),
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => {
            return Err(missing_program(order).unwrap_or_else(|| session.broken("run the action to its end", &error)));
        }
    };
    let how = or_missing(order, how)?;
    let ran = Ran { how, wall: began.elapsed(), peak_memory_bytes, left: None };
    if matches!(how, How::Exited(_) | How::Signalled(_)) {
        download(session, order, container)?;
    } else {
        fs::create_dir(order.scratch.join("out")).map_err(|error| Failure::sandbox(&error))?;
    }
    Ok(ran)
}

fn hold(session: &Session, order: &Order<'_>, container: &str) -> Result<Input, Failure> {
    let stop = || order.cancel.is_cancelled().then_some(How::Cancelled);
    let started = session.attend(container::start_held(session, container), &stop);
    started.map_err(|_| Failure::Cancelled)?.map_err(|error| session.broken("start a container", &error))
}

/// How a program ended, and the most memory that it held, or 0.
type Ending = (How, u64);

async fn scripted(session: &Session, order: &Order<'_>, container: &str, masker: Masker) -> Result<Ending, Error> {
    let input = order.job.secrets.iter().flat_map(|secret| secret.value.iter().copied()).collect();
    let program = Program { container, command: script::command(order), input };
    let said = program.run(session, order.log, masker).await?;
    Ok(match script::parse(&said) {
        Some(said) if said.ran_out && order.job.memory_bytes.is_some() => (How::OutOfMemory, said.peak_memory_bytes),
        Some(said) => (said.how, said.peak_memory_bytes),
        None if order.job.memory_bytes.is_some() => (How::OutOfMemory, 0),
        None => return Err(Error::DockerStreamError { error: "the container ended before the action".to_owned() }),
    })
}

/// An engine does not keep how much memory was held in a container that has ended, and tells a signal as 128 + n, as a
/// shell tells one that ended its child: it stays an exit code.
async fn by_itself(session: &Session, order: &Order<'_>, container: &str, masker: Masker) -> Result<Ending, Error> {
    let options =
        AttachContainerOptions { stream: true, stdout: true, stderr: true, ..AttachContainerOptions::default() };
    let AttachContainerResults { output, input } = session.docker.attach_container(container, Some(options)).await?;
    session.docker.start_container(container, None::<StartContainerOptions>).await?;
    container::copy(output, order.log, masker, Errors::Logged).await?;
    drop(input);
    // A code that is not 0 comes as an error; what counts is what the engine says afterwards.
    let mut waiting = Box::pin(session.docker.wait_container(container, None::<WaitContainerOptions>));
    let _ = waiting.next().await;
    let inspected = session.docker.inspect_container(container, None::<InspectContainerOptions>).await?;
    let state = inspected.state.unwrap_or_default();
    let code = i32::try_from(state.exit_code.unwrap_or_default()).unwrap_or(1);
    let ran_out = order.job.memory_bytes.is_some() && (state.oom_killed == Some(true) || code == 137);
    Ok((if ran_out { How::OutOfMemory } else { How::Exited(code) }, 0))
}

/// Uploads a directory of the input root.
fn upload(session: &Session, order: &Order<'_>, container: &str, top: &str) -> Result<(), Failure> {
    let from = order.inputs.join(top);
    send(session, order, container, &format!("/{top}"), move |to| tarball::add_staged(to, &from, Path::new("")))
}

/// Uploads an archive.
fn send(
    session: &Session,
    order: &Order<'_>,
    container: &str,
    at: &str,
    write: impl FnOnce(&mut Builder<&mut Pieces>) -> io::Result<()> + Send,
) -> Result<(), Failure> {
    let (body, pieces) = tarball::streamed();
    let options = UploadToContainerOptions { path: at.to_owned(), ..UploadToContainerOptions::default() };
    let stop = || order.cancel.is_cancelled().then_some(How::Cancelled);
    let (sent, answered) = std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().spawn_scoped(scope, move || pieces.fill(write));
        let upload = session.docker.upload_to_container(container, Some(options), body_try_stream(body));
        let answered = session.attend(upload, &stop);
        (writer.map(std::thread::ScopedJoinHandle::join), answered)
    });
    drop(sent.map_err(|error| Failure::Thread(error.to_string()))?);
    answered.map_err(|_| Failure::Cancelled)?.map_err(|error| session.broken("take the inputs", &error))
}

/// Downloads the output directory.
fn download(session: &Session, order: &Order<'_>, container: &str) -> Result<(), Failure> {
    let place = order.scratch.join("out");
    fs::create_dir(&place).map_err(|error| Failure::sandbox(&error))?;
    let options = DownloadFromContainerOptions { path: format!("/{}", order.job.out) };
    let pieces = session.docker.download_from_container(container, Some(options));
    let archive = Pulled { session, pieces: Box::pin(pieces), piece: bytes::Bytes::new() };
    let failed = |error: io::Error| Failure::Sandbox(format!("{} does not return the outputs: {error}", session.found));
    tarball::unpack(archive, &place).map_err(failed)
}

/// Reads what an engine sends, piece by piece.
struct Pulled<'a, S> {
    session: &'a Session,
    pieces: S,
    piece: bytes::Bytes,
}

impl<S: Stream<Item = Result<bytes::Bytes, Error>> + Unpin> Read for Pulled<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.session.wait(self.pieces.next()) {
                None => return Ok(0),
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
            }
        }
        let count = buffer.len().min(self.piece.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}
