//! Staging: an input root as directories on disk, made of hard links into the store.
//!
//! Single files and links are linked into a tree of their own. A directory known by digest is assembled once in the
//! store and mounted, never walked again. What lies below the job's output directory is copied there, because the
//! output directory is writable.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use cache::{Cache, Executable};
use model::{Content, RelPath};

use crate::Failure;
use crate::executor::{Job, Stopped};

/// The directory in a job's scratch in which its outputs are found.
pub(crate) const OUT: &str = "out";

/// A staged input root.
pub(crate) struct Staged {
    /// The tree of single files.
    pub tree: PathBuf,
    /// The writable output directory.
    pub out: PathBuf,
    /// Assembled directories of the store and where they belong in the input root.
    pub mounts: Vec<(PathBuf, RelPath)>,
}

/// How files get into the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Hard links: the executor makes sure that nobody writes through them.
    Link,
    /// Copies, directories too: the executor gives the tree away as it is.
    Copy,
}

/// Stages the layout of a job below `scratch`.
pub(crate) fn stage(job: &Job<'_>, scratch: &Path, by: By) -> Result<Staged, Stopped> {
    let out = match by {
        By::Link => scratch.join(OUT),
        By::Copy => scratch.join("tree").join(&job.out),
    };
    let mut staged = Staged { tree: scratch.join("tree"), out, mounts: Vec::new() };
    let mut directories = Directories::default();
    let io = |source: io::Error| Stopped::Failed(Failure::preparing("cannot stage the inputs", &source));
    directories.make(&staged.out).map_err(io)?;
    directories.make(&staged.tree.join(&job.out)).map_err(io)?;
    directories.make(&staged.tree.join(job.directory)).map_err(io)?;
    for (at, content) in job.layout {
        let own = at.strip_prefix(&job.out);
        let place = own.as_ref().map_or_else(|| staged.tree.join(at), |below| staged.out.join(below));
        if let Some(parent) = place.parent() {
            directories.make(parent).map_err(io)?;
        }
        let by = if own.is_some() { By::Copy } else { by };
        match content {
            Content::Directory(root) if by == By::Link => {
                let assembled = job.cache.assemble(root).map_err(|lost| Stopped::Lost(at.clone(), lost))?;
                directories.make(&place).map_err(io)?;
                staged.mounts.push((assembled, at.clone()));
            }
            _ => put(content, &place, by, job.cache).map_err(|problem| problem.at(at))?,
        }
    }
    Ok(staged)
}

/// What went wrong with one input.
enum Problem {
    Lost(model::Lost),
    Io(io::Error),
}

impl Problem {
    fn at(self, at: &RelPath) -> Stopped {
        match self {
            Problem::Lost(lost) => Stopped::Lost(at.clone(), lost),
            Problem::Io(error) => Failure::preparing(&format!("cannot stage {at}"), &error).into(),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::Io(error)
    }
}

impl From<model::Lost> for Problem {
    fn from(lost: model::Lost) -> Problem {
        Problem::Lost(lost)
    }
}

fn put(content: &Content, place: &Path, by: By, cache: &Cache) -> Result<(), Problem> {
    match content {
        Content::File { digest, executable } => {
            let executable = if *executable { Executable::Yes } else { Executable::No };
            let blob = cache.blob(digest, executable)?;
            match by {
                By::Link => fs::hard_link(&blob, place)?,
                By::Copy => copy_file(&blob, place, executable)?,
            }
        }
        Content::Symlink(target) => symlink(&**target, place)?,
        Content::Directory(root) => copy_directory(root, place, cache)?,
    }
    Ok(())
}

/// Copies a file out of the store; where the file system can, the copy shares the bytes.
pub(crate) fn copy_file(blob: &Path, place: &Path, executable: Executable) -> io::Result<()> {
    let mode = match executable {
        Executable::Yes => 0o755,
        Executable::No => 0o644,
    };
    fs::copy(blob, place)?;
    fs::set_permissions(place, Permissions::from_mode(mode))
}

fn copy_directory(root: &model::Digest, place: &Path, cache: &Cache) -> Result<(), Problem> {
    match fs::create_dir(place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let directory = cache.directory(root)?;
    let names = directory.files.iter().map(|it| &it.name).chain(directory.symlinks.iter().map(|it| &it.name));
    if names.chain(directory.directories.iter().map(|it| &it.name)).any(|name| !is_segment(name)) {
        return Err(model::Lost(*root).into());
    }
    for file in &directory.files {
        let content = Content::File { digest: file.digest, executable: file.is_executable };
        put(&content, &place.join(&file.name), By::Copy, cache)?;
    }
    for link in &directory.symlinks {
        symlink(&link.target, place.join(&link.name))?;
    }
    for below in &directory.directories {
        copy_directory(&below.digest, &place.join(&below.name), cache)?;
    }
    Ok(())
}

/// Whether a name of a directory message leads nowhere else.
fn is_segment(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && RelPath::new(name).is_ok()
}

/// Copies content out of the store to a place that does not exist yet.
pub(crate) fn copy_out(content: &Content, place: &Path, cache: &Cache) -> Result<(), CopyError> {
    put(content, place, By::Copy, cache).map_err(|problem| match problem {
        Problem::Lost(lost) => CopyError::Lost(lost),
        Problem::Io(error) => CopyError::Io(error),
    })
}

/// Why content could not be copied out of the store.
pub(crate) enum CopyError {
    /// Its bytes are gone.
    Lost(model::Lost),
    /// The file system said no.
    Io(io::Error),
}

/// Makes directories that the unprivileged user inside may write to, each once.
#[derive(Default)]
struct Directories(std::collections::HashSet<PathBuf>);

impl Directories {
    fn make(&mut self, directory: &Path) -> io::Result<()> {
        if self.0.contains(directory) || directory.is_dir() {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.make(parent)?;
        }
        fs::create_dir(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o777))?;
        self.0.insert(directory.to_owned());
        Ok(())
    }
}
