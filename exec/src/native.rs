//! The native executor: rg's own sandbox, without a daemon.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::executor::{Executor, Ground, Job, Ran, Stopped, Unusable};
use crate::sandbox::{self, Ended, How, Mount, Sandbox, SandboxError, Spec, Streams, Way, base_mounts, image_mounts};
use crate::secrets::{SECRETS, Secret};
use crate::stage::{By, OUT, Staged, stage};
use crate::{Cancel, Failure};

/// The directory in a job's scratch that takes what is written to its overlays.
const SCRIBBLE: &str = "scribble";

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
        let left = left(&ended, scratch).map_err(|error| Failure::sandbox(&error))?;
        Ok(Ran { how: ended.how, wall: ended.wall, peak_memory_bytes: ended.peak_memory_bytes, left: Some(left) })
    }

    fn visit(&self, job: &Job<'_>, scratch: &Path, cancel: &Cancel) -> Result<How, Stopped> {
        let staged = stage(job, scratch, By::Link)?;
        let mut spec = spec(job, &staged, scratch)?;
        if let Some(left) = job.left {
            go_on(&mut spec, left, &staged.out);
        }
        // Somebody looks at it: the terminal is theirs, and nothing is hidden from whoever may read the secrets.
        let visited = self.sandbox.visit(&spec, &|| cancel.is_cancelled());
        Ok(visited.map_err(|error| failure(&error, &spec))?)
    }

    fn name(&self) -> &'static str {
        "native"
    }

    fn domain(&self) -> &'static str {
        ""
    }

    fn shows_the_store(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Unusable> {
        self.sandbox.probe().map_err(|refused| Unusable { why: refused.to_string(), fix: refused.fix })
    }
}

pub(crate) fn failure(error: &SandboxError, spec: &Spec) -> Failure {
    match error {
        SandboxError::Program { .. } => {
            let program = spec.argv.first().cloned().unwrap_or_default();
            Failure::Program { program, why: error.to_string(), image: None }
        }
        _ => Failure::sandbox(error),
    }
}

/// Describes the container: the base system, the tools, the staged inputs, the writable output directory.
pub(crate) fn spec(job: &Job<'_>, staged: &Staged, scratch: &Path) -> Result<Spec, Stopped> {
    let (root, mut mounts) = match &job.ground {
        Ground::Machine => (None, base_mounts(job.network)),
        Ground::Image(image) => (Some(job.root(image)?), image_mounts(job.network)),
    };
    mounts.extend(job.tools.to_mounts());
    mounts.extend(job.extra.iter().cloned());
    mounts.extend(input_mounts(staged)?);
    mounts.push(Mount::BindWritable { from: staged.out.clone(), at: format!("/{}", job.out) });
    mounts.extend(secret_mounts(&job.secrets));
    let mut shared: Vec<_> = job.cache_mounts.iter().collect();
    // One inside another comes after it.
    shared.sort_by_key(|(_, at)| *at);
    for (name, at) in shared {
        let from = job.cache.shared_directory(name).map_err(|error| Failure::store(&error))?;
        mounts.push(Mount::BindWritable { from, at: at.to_string() });
    }
    let scribble = scratch.join(SCRIBBLE);
    std::fs::create_dir(&scribble).map_err(|error| Failure::sandbox(&error))?;
    mounts.extend(staged.mounts.iter().map(|(assembled, at)| assembled_mount(assembled, at)));
    Ok(Spec {
        way: Way::Namespaces,
        root,
        mounts,
        argv: job.argv.iter().map(|word| (*word).to_owned()).collect(),
        env: job.environment().into_iter().collect(),
        directory: format!("/{}", job.directory),
        network: job.network,
        memory_bytes: job.memory_bytes,
        streams: Streams::Log,
        hidden: job.secrets.iter().map(|secret| secret.value.clone()).collect(),
        scribble: Some(scribble),
        resumes: false,
    })
}

/// Returns the directory of what a program left. One that was stopped, or did nothing wrong, left only its outputs.
fn left(ended: &Ended, scratch: &Path) -> std::io::Result<PathBuf> {
    if ended.left {
        return Ok(scratch.join(SCRIBBLE));
    }
    let left = scratch.join("left");
    std::fs::create_dir(&left)?;
    Ok(left)
}

/// Lets a container go on with what a failed program left.
fn go_on(spec: &mut Spec, left: &Path, out: &Path) {
    for mount in &mut spec.mounts {
        if let Mount::BindWritable { from, .. } = mount
            && from == out
        {
            *from = left.join(OUT);
        }
    }
    let tmp = left.join(sandbox::TMP);
    if tmp.is_dir() {
        spec.mounts.push(Mount::BindWritable { from: tmp, at: "/tmp".to_owned() });
    }
    (spec.scribble, spec.resumes) = (Some(left.to_owned()), true);
}

/// Secrets are files in memory, and are gone with the container.
fn secret_mounts(secrets: &[Secret]) -> Vec<Mount> {
    if secrets.is_empty() {
        return Vec::new();
    }
    let directory = Mount::Tmpfs { at: SECRETS.to_owned(), mode: 0o755 };
    let file = |secret: &Secret| {
        let at = format!("{SECRETS}/{}", secret.name);
        Mount::File { at, content: secret.value.clone() }
    };
    std::iter::once(directory).chain(secrets.iter().map(file)).collect()
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
