//! All places that images come from, for one run.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fetch::{Patience, User, Web};
use model::Platform;

use crate::Digest;
use crate::archive::Archive;
use crate::copy::Quit;
use crate::error::{OciError, Problem};
use crate::image::{self, Image, Layer};
use crate::layout::Layout;
use crate::place::Place;
use crate::registry::{Registries, Repository};
use crate::source::Source;

/// Told how many bytes have come, and how many there are, if that is known.
pub type OnProgress<'a> = &'a dyn Fn(u64, Option<u64>);

/// Writes an image of the Docker of this machine to a file, as `docker save` does; says why it cannot.
pub type Save = Box<dyn Fn(&str, &mut File) -> Result<(), String> + Send + Sync>;

/// The images of a user, for one run.
pub struct Images {
    registries: Registries,
    save: Option<Save>,
    archives: Mutex<BTreeMap<Source, Arc<Archive>>>,
    cancelled: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Images {
    /// Makes the images of a user; nothing is asked before it is needed. `cancelled` says whether the run was asked to
    /// end, and is called often.
    pub fn new(user: User, patience: Patience, cancelled: Arc<dyn Fn() -> bool + Send + Sync>) -> Images {
        let web = Web::new(&user, patience, cancelled.clone());
        Images { registries: Registries::new(web, user), save: None, archives: Mutex::default(), cancelled }
    }

    /// Asks some hosts without encryption, with their ports; hosts of this machine are asked so anyway.
    #[must_use]
    pub fn with_plain_http(mut self, hosts: Vec<String>) -> Images {
        self.registries.set_plain_http(hosts);
        self
    }

    /// Takes images of the Docker of this machine in this way.
    #[must_use]
    pub fn with_daemon(self, save: Save) -> Images {
        Images { save: Some(save), ..self }
    }

    /// Returns what a source names now: the digest of a manifest or of an index. Paths count from `root`.
    pub fn resolve(&self, source: &Source, root: &Path) -> Result<Digest, OciError> {
        let place = self.place(source, root)?;
        place.resolve().map_err(|problem| told(source, problem))
    }

    /// Returns the image that a source had under a digest, for a platform. Its manifest and its config are verified.
    pub fn image(&self, source: &Source, root: &Path, pinned: &Digest, platform: &Platform) -> Result<Image, OciError> {
        let place = self.place(source, root)?;
        image::read(&place, pinned, platform).map_err(|problem| told(source, problem))
    }

    /// Writes a layer of an image to a file as it is stored, and verifies it. What the file held before is gone, and
    /// what it holds after an error is worthless.
    pub fn blob(
        &self,
        source: &Source,
        root: &Path,
        layer: &Layer,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), OciError> {
        let place = self.place(source, root)?;
        place.blob(&layer.digest, layer.size, file, on_progress).map_err(|problem| told(source, problem))
    }

    fn place<'a>(&'a self, source: &'a Source, root: &Path) -> Result<Place<'a>, OciError> {
        let quit: Quit<'_> = &*self.cancelled;
        let archive = match source {
            Source::Registry(reference) => {
                return Ok(Place::Registry(Repository { registries: &self.registries, reference }));
            }
            Source::Layout { path, tag } => {
                return Ok(Place::Layout(Layout { path: root.join(path), tag: tag.as_deref(), quit }));
            }
            Source::Archive { path, name } => {
                self.archive(source, || open(root.join(path)).map(|(file, path)| (file, path, name.as_deref())))
            }
            Source::Daemon { name } => self.archive(source, || Ok((self.saved(name)?, "docker".into(), None))),
        };
        Ok(Place::Archive(archive.map_err(|problem| told(source, problem))?, quit))
    }

    /// Returns an archive, which is looked through once a run: what it holds is compared again when it is copied.
    fn archive<'a>(
        &self,
        source: &Source,
        open: impl FnOnce() -> Result<(File, PathBuf, Option<&'a str>), Problem>,
    ) -> Result<Arc<Archive>, Problem> {
        let archives = || self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = archives().get(source) {
            return Ok(known.clone());
        }
        let (file, path, name) = open()?;
        let archive = Arc::new(Archive::open(file, &path, name, &*self.cancelled)?);
        archives().insert(source.clone(), archive.clone());
        Ok(archive)
    }

    fn saved(&self, name: &str) -> Result<File, Problem> {
        let save = self.save.as_ref().ok_or(Problem::NoDaemon)?;
        let mut file = tempfile::tempfile().map_err(Problem::Write)?;
        save(name, &mut file).map_err(Problem::Daemon)?;
        Ok(file)
    }
}

fn open(path: PathBuf) -> Result<(File, PathBuf), Problem> {
    match File::open(&path) {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(Problem::Read { path, source }),
    }
}

fn told(source: &Source, problem: Problem) -> OciError {
    OciError { image: source.to_string(), problem }
}
