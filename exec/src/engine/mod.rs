//! The executor `engine`: containers of Docker or Podman, over their socket.
//!
//! It shows an action what the native sandbox shows it, so the keys are the same. Nothing is asked of the engine before
//! an action executes. The async runtime that the client needs stays in this module.

mod client;
mod container;
mod error;
mod leftovers;
mod mounts;
mod remote;
mod root_image;
mod save;
mod script;
mod shared;
mod tarball;
mod visit;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::executor::{Executor, Ground, Job, Ran, Stopped, Unusable};
use crate::images::ImageRoot;
use crate::sandbox::How;
use crate::stage::{By, stage};
use crate::{Cancel, Failure};

use client::Session;
pub use client::{Found, Places};
pub use error::EngineError;
pub use save::save_image;

/// The directory of what a failed action left in the input root.
const TOPS: &str = "tops";

/// Runs each job in a container of an engine.
pub struct Engine {
    places: Places,
    session: OnceLock<Result<Session, EngineError>>,
}

impl Engine {
    /// Makes an executor of the engine that is found in these places, when it is needed.
    pub fn new(places: Places) -> Engine {
        Engine { places, session: OnceLock::new() }
    }

    /// Finds the engine, and returns what it says of itself.
    pub fn probe(&self) -> Result<Found, EngineError> {
        self.session().map(|session| session.found.clone())
    }

    /// Stages a job, and does something with it and its image.
    fn order<T>(
        &self,
        job: &Job<'_>,
        (scratch, log, cancel): (&Path, &File, &Cancel),
        run: impl FnOnce(&Session, &Order<'_>) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let image = image(job)?;
        let session = self.session().map_err(|error| Failure::Sandbox(format!("{error} ({})", error.fix())))?;
        refuse_what_it_cannot(job, session)?;
        // A failure that left too much left its outputs alone.
        let inputs = match job.left.map(|left| left.join(TOPS)).filter(|left| left.is_dir()) {
            Some(left) => left,
            None => stage(job, scratch, By::Copy)?.tree,
        };
        let id = root_image::ensure(session, image, job.cache, cancel)?;
        run(session, &Order { job, image, id: &id, inputs, scratch, log, cancel })
    }

    fn session(&self) -> Result<&Session, EngineError> {
        self.session.get_or_init(|| Session::open(&self.places)).as_ref().map_err(Clone::clone)
    }
}

impl Executor for Engine {
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped> {
        self.order(job, (scratch, log, cancel), |session, order| {
            if script::is_possible(order.image, job) && session.shares_directories(order)? {
                shared::run(session, order)
            } else {
                remote::run(session, order)
            }
        })
    }

    fn visit(&self, job: &Job<'_>, scratch: &Path, cancel: &Cancel) -> Result<How, Stopped> {
        let log = tempfile::tempfile_in(scratch).map_err(|error| Failure::sandbox(&error))?;
        self.order(job, (scratch, &log, cancel), visit::visit)
    }

    fn name(&self) -> &'static str {
        "engine"
    }

    fn domain(&self) -> &'static str {
        ""
    }

    fn check(&self) -> Result<(), Unusable> {
        self.probe().map(drop).map_err(|error| Unusable { why: error.to_string(), fix: error.fix() })
    }
}

/// A staged job on its way into a container.
struct Order<'a> {
    job: &'a Job<'a>,
    image: &'a ImageRoot,
    /// What the engine calls the image.
    id: &'a str,
    /// Where the directories of the input root lie on this machine.
    inputs: PathBuf,
    scratch: &'a Path,
    log: &'a File,
    cancel: &'a Cancel,
}

/// Containers of an engine stand on an image: what of this machine they were shown would not be this machine's to them.
fn image<'a>(job: &'a Job<'_>) -> Result<&'a ImageRoot, Failure> {
    match &job.ground {
        Ground::Image(image) => Ok(image),
        Ground::Machine => Err(Failure::Unable(
            "an action without an image cannot run in a container engine: give its toolchain an `image`, or name \
             [toolchain.base]"
                .to_owned(),
        )),
    }
}

fn refuse_what_it_cannot(job: &Job<'_>, session: &Session) -> Result<(), Failure> {
    let found = &session.found;
    if job.memory_bytes.is_some() && !found.limits_memory {
        let why = "cannot limit memory: it ignores limits here";
        return Err(Failure::Unable(format!("{found} {why}; use --executor native, or leave out `memory`")));
    }
    if !job.tools.links.is_empty() || !job.tools.masks.is_empty() {
        let what = "programs of this machine cannot be shown in a container of";
        return Err(Failure::Unable(format!("{what} {found}: give the toolchain an `image`")));
    }
    Ok(())
}

/// Returns how a program ended, unless it could not begin because it is not there.
fn or_missing(order: &Order<'_>, how: How) -> Result<How, Failure> {
    match how {
        How::Exited(126 | 127) => missing_program(order).map_or(Ok(how), Err),
        how => Ok(how),
    }
}

/// Returns the failure of a job whose program is not there at all.
fn missing_program(order: &Order<'_>) -> Option<Failure> {
    let program = *order.job.argv.first()?;
    let staged = |path: &str| order.job.layout.iter().any(|(at, _)| path.starts_with(at.as_str()));
    let has = |path: &str| {
        let path = path.trim_start_matches('/');
        staged(path) || order.image.entry(path, order.job.cache).is_some()
    };
    let path = order.job.environment().remove("PATH").unwrap_or_default();
    let is_there = match program.split_once('/') {
        Some(("", _)) => has(program),
        Some(_) => true,
        None => path.split(':').any(|directory| has(&format!("{directory}/{program}"))),
    };
    let why = || "No such file or directory".to_owned();
    (!is_there).then(|| Failure::Program { program: program.to_owned(), why: why(), image: None })
}
