//! The executor `chroot-lite`: for root in a container that may make no namespaces.
//!
//! An action's container is described as for the native sandbox, and so the keys are the same. What is mounted there is
//! put into a directory here (see `room`), and the program is shut into it. What that cannot show is refused.

mod copy;
mod room;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::Content;

use crate::executor::{Executor, Ground, Job, Ran, Stopped, Unusable};
use crate::left::take_out;
use crate::native::{failure, spec};
use crate::sandbox::{How, Sandbox, Spec, Way};
use crate::stage::{By, OUT, stage};
use crate::{Cancel, Failure};
use room::{Furnished, Room};

/// Runs each job in a directory that it cannot leave, as a plain user.
pub struct ChrootLite {
    sandbox: Sandbox,
    /// Where the store is: what it makes lies there.
    place: PathBuf,
    /// Those that no job uses at the moment.
    rooms: Mutex<Vec<Room>>,
}

impl ChrootLite {
    /// Makes an executor of a sandbox; `place` is a directory on the file system of the store.
    pub fn new(sandbox: Sandbox, place: PathBuf) -> ChrootLite {
        ChrootLite { sandbox, place, rooms: Mutex::default() }
    }

    /// Puts together what the job sees, and returns it with its description.
    fn furnish(&self, job: &Job<'_>, scratch: &Path) -> Result<(Furnished, Spec), Stopped> {
        refuse_what_it_cannot(job)?;
        let staged = stage(job, scratch, By::Link)?;
        let spec = spec(job, &staged, scratch)?;
        let broken = |error: std::io::Error| Failure::preparing("cannot put the root directory together", &error);
        let wanted = room::Wanted::of(&spec, &staged.tree).map_err(broken)?;
        let idle = {
            let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = rooms.iter().position(|room| room.fits(&wanted));
            fits.map(|index| rooms.swap_remove(index))
        };
        let room = match idle {
            Some(room) => room,
            None => Room::make(&wanted, job.cache.scratch().map_err(|error| Failure::store(&error))?, job.cache.dir())
                .map_err(broken)?,
        };
        let furnished = room.furnish(&wanted, job.cache.dir()).map_err(broken)?;
        let way = Way::Chroot { writable: furnished.writable() };
        let mut spec = Spec { way, root: Some(furnished.root()), mounts: Vec::new(), scribble: None, ..spec };
        spec.env.extend(go_root(job, &spec.env, &furnished).map(|root| ("GOROOT".to_owned(), root)));
        Ok((furnished, spec))
    }

    /// Takes out what a job left, so that another finds the room as this one did.
    fn clear(&self, furnished: Furnished, left: &Path) -> Result<(), Failure> {
        let broken = |error: std::io::Error| Failure::preparing("cannot take the outputs", &error);
        let room = furnished.clear(left).map_err(broken)?;
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        Ok(())
    }
}

impl Executor for ChrootLite {
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped> {
        let (furnished, spec) = self.furnish(job, scratch)?;
        let log = log.try_clone().map_err(|error| Failure::sandbox(&error))?;
        let ended = self.sandbox.run(&spec, log, job.timeout, &|| cancel.is_cancelled());
        let ended = ended.map_err(|error| failure(&error, &spec))?;
        let left = scratch.join("left");
        self.clear(furnished, &left)?;
        Ok(Ran { how: ended.how, wall: ended.wall, peak_memory_bytes: ended.peak_memory_bytes, left: Some(left) })
    }

    fn visit(&self, job: &Job<'_>, scratch: &Path, cancel: &Cancel) -> Result<How, Stopped> {
        let (furnished, spec) = self.furnish(job, scratch)?;
        let broken = |error: std::io::Error| Failure::sandbox(&error);
        furnished.without_outputs().map_err(broken)?;
        if let Some(left) = job.left {
            furnished.go_on(left).map_err(broken)?;
        }
        let visited = self.sandbox.visit(&spec, &|| cancel.is_cancelled());
        if let Some(left) = job.left {
            furnished.clear(left).map_err(broken)?;
            take_out(left, scratch, OUT).map_err(broken)?;
        }
        Ok(visited.map_err(|error| failure(&error, &spec))?)
    }

    fn name(&self) -> &'static str {
        "chroot-lite"
    }

    fn domain(&self) -> &'static str {
        ""
    }

    fn shows_the_store(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Unusable> {
        let refused = |call: &str, error: &std::io::Error| {
            let fix = "run rg as root, with Docker's default capabilities or more".to_owned();
            Unusable { why: format!("the sandbox without namespaces is refused: {call} fails: {error}"), fix }
        };
        fs::create_dir_all(&self.place).map_err(|error| refused("mkdir", &error))?;
        let root = tempfile::tempdir_in(&self.place).map_err(|error| refused("mkdir", &error))?;
        // Without the right to make devices, the probe says which right is missing.
        let made = room::make_devices(root.path());
        let probed = self.sandbox.probe_chroot(root.path());
        probed.map_err(|refused| Unusable { why: refused.to_string(), fix: refused.fix })?;
        made.map_err(|error| refused("mknod", &error))
    }
}

/// Go finds its own files through `/proc`, which is empty here, so it is told what it would find.
fn go_root(job: &Job<'_>, env: &[(String, String)], furnished: &Furnished) -> Option<String> {
    let value = |wanted: &str| env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let Ground::Image(image) = &job.ground else { return None };
    if value("GOROOT").is_some() {
        return None;
    }
    let mut programs = value("PATH")?.split(':').map(|directory| format!("{directory}/go"));
    let is_there = |path: &String| matches!(image.entry(path, job.cache), Some(Content::File { executable: true, .. }));
    let program = furnished.real_path(&programs.find(is_there)?).ok()?;
    Some(program.parent()?.parent()?.to_str()?.to_owned())
}

/// What it cannot show, it refuses: without mounts, directories of this machine could be shown only as copies.
fn refuse_what_it_cannot(job: &Job<'_>) -> Result<(), Failure> {
    let otherwise = "use --executor native or engine, or start the container with `docker run --privileged`";
    let image = "give its toolchain an `image`, or name [toolchain.base]";
    let (what, fix) = match job {
        Job { ground: Ground::Machine, .. } => ("run an action without an image: it mounts nothing", image),
        Job { tools, .. } if !tools.links.is_empty() || !tools.masks.is_empty() => {
            ("show programs of this machine: it mounts nothing", image)
        }
        Job { secrets, .. } if !secrets.is_empty() => ("show secrets: they would lie on the disk", otherwise),
        Job { cache_mounts, .. } if !cache_mounts.is_empty() => {
            ("show directories that actions share: it mounts nothing", otherwise)
        }
        _ => return Ok(()),
    };
    Err(Failure::Unable(format!("the executor `chroot-lite` cannot {what}; {fix}")))
}
