//! Actions in containers that stay: one is started for each shape and for each action at a time, and serves one action
//! after the other. Needs an engine that sees our directories, and a shell in the image.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Instant;

use bollard::errors::Error;
use cache::Scratch;

use super::client::Session;
use super::container::{self, Input, Program};
use super::mounts::{Shape, give};
use super::script::{self, Said};
use super::{Order, TOPS, or_missing, tarball};
use crate::Failure;
use crate::executor::{Ran, Stopped};
use crate::left::is_plain;
use crate::mask::Masker;
use crate::sandbox::How;

/// The directory in a job's scratch that takes what was in the input root besides the outputs.
const LEFT: &str = "left";
/// How many containers wait at most.
const MOST_IDLE: usize = 16;

/// Whether an engine sees our directories, and gives back what it makes there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shares {
    Yes,
    No,
}

/// A container that runs and waits.
pub(super) struct Warm {
    pub container: String,
    shape: Shape,
    room: Scratch,
    /// The container ends with it.
    _input: Input,
}

impl Warm {
    /// Returns where the directories of the input root lie.
    fn tops(&self) -> PathBuf {
        self.room.path().join(TOPS)
    }
}

/// Runs a job.
pub(super) fn run(session: &Session, order: &Order<'_>) -> Result<Ran, Stopped> {
    let warm = take_or_start(session, order)?;
    let outcome = serve(session, &warm, order);
    match outcome {
        Ok((ran, true)) => {
            put_back(session, warm);
            Ok(ran)
        }
        other => {
            session.remove(&warm.container);
            let collected = other.and_then(|(ran, _)| clear(&warm, order).map(|()| ran));
            Ok(collected?)
        }
    }
}

/// Lets `program` run in a container that has the inputs, by the container's id. They are where they were afterwards,
/// as it left them.
pub(super) fn visit<T>(
    session: &Session,
    order: &Order<'_>,
    program: impl FnOnce(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let warm = take_or_start(session, order)?;
    let visited = fill(&warm, order).and_then(|()| program(&warm.container));
    session.remove(&warm.container);
    let back = |top: &String| move_all(&warm.tops().join(top), &order.inputs.join(top));
    warm.shape.tops.iter().try_for_each(back).map_err(|error| Failure::sandbox(&error))?;
    visited
}

/// Shows the inputs to a container.
fn fill(warm: &Warm, order: &Order<'_>) -> Result<(), Failure> {
    let show = |top: &String| {
        let from = order.inputs.join(top);
        give(&from)?;
        move_all(&from, &warm.tops().join(top))
    };
    warm.shape.tops.iter().try_for_each(show).map_err(|error| Failure::sandbox(&error))
}

fn take_or_start(session: &Session, order: &Order<'_>) -> Result<Warm, Failure> {
    let shape = Shape::of(order)?;
    match take(session, &shape) {
        Some(warm) => Ok(warm),
        None => start(session, shape, order)?.map_err(|error| session.broken("start a container", &error)),
    }
}

fn take(session: &Session, shape: &Shape) -> Option<Warm> {
    let mut idle = session.idle.lock().unwrap_or_else(PoisonError::into_inner);
    let index = idle.iter().position(|warm| warm.shape == *shape)?;
    Some(idle.swap_remove(index))
}

fn put_back(session: &Session, warm: Warm) {
    let mut idle = session.idle.lock().unwrap_or_else(PoisonError::into_inner);
    idle.push(warm);
    let surplus = (idle.len() > MOST_IDLE).then(|| idle.remove(0));
    drop(idle);
    if let Some(surplus) = surplus {
        session.remove(&surplus.container);
    }
}

/// Starts a container. The engine's own refusal is separate, because of the first one it says that directories of ours
/// are not there.
fn start(session: &Session, shape: Shape, order: &Order<'_>) -> Result<Result<Warm, Error>, Failure> {
    let room = order.job.cache.scratch().map_err(|error| Failure::store(&error))?;
    let mounts = shape.furnish(room.path(), order).map_err(|error| Failure::sandbox(&error))?;
    let body = container::as_ourselves(session, container::keeper(container::body(session, &shape, mounts)));
    let stop = || order.cancel.is_cancelled().then_some(How::Cancelled);
    let container = match session.wait(container::create(session, body)) {
        Ok(container) => container,
        Err(error) => return Ok(Err(error)),
    };
    match session.attend(container::start_held(session, &container), &stop) {
        Ok(Ok(input)) => Ok(Ok(Warm { container, shape, room, _input: input })),
        Ok(Err(error)) => {
            session.remove(&container);
            Ok(Err(error))
        }
        Err(_) => {
            session.remove(&container);
            Err(Failure::Cancelled)
        }
    }
}

/// Runs the job in a container, and says whether another can follow.
fn serve(session: &Session, warm: &Warm, order: &Order<'_>) -> Result<(Ran, bool), Failure> {
    let job = order.job;
    fill(warm, order)?;
    let program = Program {
        container: &warm.container,
        command: script::command(order),
        input: job.secrets.iter().flat_map(|secret| secret.value.iter().copied()).collect(),
    };
    let masker = Masker::new(job.secrets.iter().map(|secret| secret.value.as_slice()));
    let began = Instant::now();
    let stop = || match job.timeout {
        _ if order.cancel.is_cancelled() => Some(How::Cancelled),
        Some(timeout) if began.elapsed() >= timeout => Some(How::TimedOut),
        _ => None,
    };
    let ended = session.attend(program.run(session, order.log, masker), &stop);
    let left = Some(order.scratch.join(LEFT));
    let ran = |how, peak_memory_bytes| Ran { how, wall: began.elapsed(), peak_memory_bytes, left };
    let said = match ended {
        Err(how) => return Ok((ran(how, 0), false)),
        Ok(errors) => errors.map_err(|error| session.broken("run the action to its end", &error))?,
    };
    match script::parse(&said) {
        Some(said) => {
            let ran = ran(how(said, order)?, said.peak_memory_bytes);
            let is_clean = said.is_clean && !said.ran_out;
            if is_clean {
                clear(warm, order)?;
            }
            Ok((ran, is_clean))
        }
        None if job.memory_bytes.is_some() => Ok((ran(How::OutOfMemory, 0), false)),
        None => Err(Failure::Sandbox(format!(
            "{} ended the container while the action ran{}",
            session.found,
            script::words(&said)
        ))),
    }
}

fn how(said: Said, order: &Order<'_>) -> Result<How, Failure> {
    if said.ran_out && order.job.memory_bytes.is_some() {
        return Ok(How::OutOfMemory);
    }
    or_missing(order, said.how)
}

/// Takes the outputs out of the room, and all else with them.
fn clear(warm: &Warm, order: &Order<'_>) -> Result<(), Failure> {
    let io = |error: std::io::Error| Failure::sandbox(&error);
    let tops = warm.tops();
    if is_plain(&tops, order.job.out.as_str()) {
        fs::rename(tops.join(&order.job.out), order.scratch.join("out")).map_err(io)?;
    } else {
        fs::create_dir(order.scratch.join("out")).map_err(io)?;
    }
    for top in &warm.shape.tops {
        let left = order.scratch.join(LEFT).join(TOPS).join(top);
        fs::create_dir_all(&left).map_err(io)?;
        move_all(&tops.join(top), &left).map_err(io)?;
    }
    Ok(())
}

/// Moves what lies in a directory. A directory itself can be moved only by whoever may write to it.
fn move_all(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::rename(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

impl Session {
    /// Finds out once whether the engine sees our directories, by a container that is used afterwards.
    pub fn shares_directories(&self, order: &Order<'_>) -> Result<bool, Failure> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.is_none() {
            let is_local = self.found.at.starts_with("unix://");
            *shares = Some(if is_local { try_to_share(self, order)? } else { Shares::No });
        }
        Ok(*shares == Some(Shares::Yes))
    }
}

fn try_to_share(session: &Session, order: &Order<'_>) -> Result<Shares, Failure> {
    let Ok(warm) = start(session, Shape::of(order)?, order)? else { return Ok(Shares::No) };
    let command = ["/bin/sh", "-c", "mkdir /src/d && echo \"$1\" > /src/d/probe", "rg", &warm.container];
    let program =
        Program { container: &warm.container, command: command.map(str::to_owned).to_vec(), input: Vec::new() };
    let log = tempfile::tempfile_in(order.scratch).map_err(|error| Failure::sandbox(&error))?;
    let stop = || order.cancel.is_cancelled().then_some(How::Cancelled);
    let ran = session.attend(program.run(session, &log, Masker::default()), &stop);
    let made = warm.tops().join("src/d");
    if matches!(ran, Ok(Ok(_))) && is_ours(&made, &warm.container) {
        put_back(session, warm);
        return Ok(Shares::Yes);
    }
    session.remove(&warm.container);
    if ran.is_err() { Err(Failure::Cancelled) } else { Ok(Shares::No) }
}

/// Whether what a container made is there, and can be read and removed.
fn is_ours(made: &Path, text: &str) -> bool {
    let mut found = String::new();
    let read = File::open(made.join("probe")).and_then(|mut file| file.read_to_string(&mut found));
    let user = rustix::process::geteuid();
    // Root can give and take everything, so what it shares belongs to the user inside, under the same number.
    let wanted = if user.is_root() { tarball::INSIDE_ID } else { user.as_raw().into() };
    let owner = made.symlink_metadata().map(|metadata| u64::from(metadata.uid()));
    let is_same = read.is_ok() && found.trim() == text && owner.is_ok_and(|owner| owner == wanted);
    is_same && fs::remove_dir_all(made).is_ok()
}
