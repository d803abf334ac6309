//! The native executor: rg's own sandbox, without a daemon.

use std::fs::File;
use std::path::Path;

use crate::executor::{Executor, Job, Ran, Stopped};
use crate::sandbox::{Mount, Sandbox, SandboxError, Spec, base_mounts};
use crate::stage::{By, Staged, stage};
use crate::{Cancel, Failure};

/// Runs each job in namespaces of its own.
pub struct Native {
    sandbox: Sandbox,
}

impl Native {
    /// Makes an executor of a sandbox.
    pub fn new(sandbox: Sandbox) -> Native {
        Native { sandbox }
    }
}

impl Executor for Native {
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped> {
        let staged = stage(job, scratch, By::Link)?;
        let spec = spec(job, &staged, scratch)?;
        let log = log.try_clone().map_err(|error| Failure::sandbox(&error))?;
        let ended = self
            .sandbox
            .run(&spec, log, job.timeout, &|| cancel.is_cancelled())
            .map_err(|error| failure(&error, &spec))?;
        Ok(Ran { how: ended.how, wall: ended.wall, peak_memory_bytes: ended.peak_memory_bytes })
    }

    fn domain(&self) -> &'static str {
        ""
    }
}

fn failure(error: &SandboxError, spec: &Spec) -> Failure {
    match error {
        SandboxError::Program { .. } => {
            Failure::Program { program: spec.argv.first().cloned().unwrap_or_default(), why: error.to_string() }
        }
        _ => Failure::sandbox(error),
    }
}

/// Describes the container: the base system, the tools, the staged inputs, the writable output directory.
fn spec(job: &Job<'_>, staged: &Staged, scratch: &Path) -> Result<Spec, Failure> {
    let mut mounts = base_mounts(job.network);
    mounts.extend(job.tools.to_mounts());
    mounts.extend(job.extra.iter().cloned());
    mounts.extend(input_mounts(staged)?);
    mounts.push(Mount::BindWritable { from: staged.out.clone(), at: format!("/{}", job.out) });
    let scribble = scratch.join("scribble");
    std::fs::create_dir(&scribble).map_err(|error| Failure::sandbox(&error))?;
    mounts.extend(staged.mounts.iter().map(|(assembled, at)| assembled_mount(assembled, at)));
    Ok(Spec {
        mounts,
        argv: job.argv.iter().map(|word| (*word).to_owned()).collect(),
        env: job.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        directory: format!("/{}", job.directory),
        network: job.network,
        scribble: Some(scribble),
    })
}

/// A directory among the sources may be scribbled on like them: bundlers keep notes in `node_modules`.
fn assembled_mount(assembled: &Path, at: &model::RelPath) -> Mount {
    let (from, inside) = (assembled.to_owned(), format!("/{at}"));
    if at.segments().next() == Some("src") {
        Mount::Overlay { lower: from, at: inside }
    } else {
        Mount::Bind { from, at: inside }
    }
}

/// The sources may be scribbled on; what lies beside them may not.
fn input_mounts(staged: &Staged) -> Result<Vec<Mount>, Failure> {
    let unreadable = |error: std::io::Error| Failure::Sandbox(format!("cannot read the staged inputs: {error}"));
    let mut mounts = Vec::new();
    for entry in std::fs::read_dir(&staged.tree).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let at = format!("/{name}");
        if name == "src" {
            mounts.push(Mount::Overlay { lower: entry.path(), at });
        } else if !staged.mounts.iter().any(|(_, mounted)| mounted.as_str() == name) {
            mounts.push(Mount::Bind { from: entry.path(), at });
        }
    }
    Ok(mounts)
}
