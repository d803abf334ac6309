//! Images as root directories of containers: pulled and unpacked when the first action needs one.
//!
//! Both steps are work like any other, with a key and a result in the cache: a layer becomes a tree by its diff id, and
//! the trees of all layers become one root by the digest of the image. So layers are shared by images, files by layers,
//! and a machine that has the results needs no registry.

mod fix;
mod keys;
mod merge;
mod missing;
mod python;
mod unpack;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache::{Cache, Committed, Executable};
use model::reapi::ActionResult;
use model::{Content, Digest, ImageDigest, Need, Platform, RelPath};
use oci::Source;

use crate::executor::Ground;
use crate::fetch::Connection;
use crate::machine::Machine;
use crate::{Cancel, Failure};

use keys::Keyed;
pub(crate) use missing::explained;

/// An image that is the root directory of containers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageRoot {
    /// What it is pinned to.
    pub digest: ImageDigest,
    /// The image as it is written in workspace.toml.
    pub name: String,
    /// Its root directory, in the store.
    pub tree: Digest,
    /// The environment that it declares.
    pub env: BTreeMap<String, String>,
}

/// An image that a workspace names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedImage {
    /// As it is written in workspace.toml.
    pub name: String,
    /// Where it is taken from.
    pub source: Source,
}

/// Made by the first that asks; the others wait for it.
type Slot = Arc<OnceLock<Result<Arc<ImageRoot>, Failure>>>;

/// The images of a workspace.
pub struct Images {
    /// What each digest of rg.lock is.
    pub named: BTreeMap<ImageDigest, NamedImage>,
    /// Where they are pulled from.
    pub client: oci::Images,
    /// Paths of images are relative to it.
    pub root: PathBuf,
    /// What containers run on.
    pub platform: Platform,
    /// Whether there is a network to be used.
    pub connection: Connection,
    ready: Mutex<HashMap<ImageDigest, Slot>>,
}

/// Told how many bytes of an image have come, of so many if that is known.
pub type OnProgress<'a> = &'a dyn Fn(u64, Option<u64>);

impl Images {
    /// Makes it for one run; nothing is read or pulled before it is needed.
    pub fn new(
        named: BTreeMap<ImageDigest, NamedImage>,
        client: oci::Images,
        root: PathBuf,
        connection: Connection,
    ) -> Images {
        Images { named, client, root, platform: Platform::of_this_machine(), connection, ready: Mutex::default() }
    }

    /// Returns an image, pulled and unpacked if nobody has done so before.
    pub fn root(
        &self,
        digest: &ImageDigest,
        cache: &Cache,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<Arc<ImageRoot>, Failure> {
        let slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner).entry(*digest).or_default().clone();
        let made = slot.get_or_init(|| {
            let Some(named) = self.named.get(digest) else {
                let (why, fix) = ("rg.lock has changed meanwhile".to_owned(), "try again".to_owned());
                return Err(Failure::Image { image: digest.to_string(), why, fix: Some(fix) });
            };
            Pull { images: self, named, cache, cancel }.root(digest, on_progress).map(Arc::new)
        });
        made.clone()
    }
}

/// Returns what containers of some needs stand on.
pub(crate) fn ground(needs: &[Need], machine: &Machine<'_>, on_progress: OnProgress<'_>) -> Result<Ground, Failure> {
    let image = needs.iter().find_map(|need| match need {
        Need::Image { digest, .. } => Some(digest),
        Need::Base | Need::GoCache | Need::Host { .. } => None,
    });
    match image {
        None => Ok(Ground::Machine),
        Some(digest) => machine.images.root(digest, machine.cache, &machine.cancel, on_progress).map(Ground::Image),
    }
}

/// Reads a result: the config, and the root directory.
fn root_of(
    digest: &ImageDigest,
    named: &NamedImage,
    result: &ActionResult,
    cache: &Cache,
) -> Result<ImageRoot, Failure> {
    let broken = |why: String, fix: String| Failure::Image { image: named.name.clone(), why, fix: Some(fix) };
    let lost = || broken("the cache lost its parts while it was asked".to_owned(), "try again".to_owned());
    let (Some(config), Some(tree)) = (result.output_files.first(), result.output_directories.first()) else {
        return Err(lost());
    };
    let path = cache.blob(&config.digest, Executable::No).map_err(|_| lost())?;
    let bytes = std::fs::read(path).map_err(|error| Failure::store(&error))?;
    let config =
        oci::spec::ImageConfig::parse(&bytes).map_err(|error| broken(error.to_string(), named.make_again()))?;
    let pairs = config.config.env.iter().filter_map(|pair| pair.split_once('='));
    let env = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(ImageRoot { digest: *digest, name: named.name.clone(), tree: tree.root_directory_digest, env })
}

/// One image on its way.
struct Pull<'a> {
    images: &'a Images,
    named: &'a NamedImage,
    cache: &'a Cache,
    cancel: &'a Cancel,
}

impl Pull<'_> {
    fn known(&self, key: &Keyed) -> Option<ActionResult> {
        self.cache.lookup(&[key.key]).pop().flatten()
    }

    /// Two processes that bring one image share its layers, and the rest is little.
    fn root(&self, digest: &ImageDigest, on_progress: OnProgress<'_>) -> Result<ImageRoot, Failure> {
        let key = keys::root(digest, &self.images.platform);
        let result = match self.known(&key) {
            Some(known) => known,
            None => self.make_root(digest, &key, on_progress)?,
        };
        root_of(digest, self.named, &result, self.cache)
    }

    fn make_root(
        &self,
        digest: &ImageDigest,
        key: &Keyed,
        on_progress: OnProgress<'_>,
    ) -> Result<ActionResult, Failure> {
        let began = Instant::now();
        self.refuse_offline()?;
        let Images { client, root, platform, .. } = self.images;
        let image =
            client.image(&self.named.source, root, digest, platform).map_err(|error| self.refused(&error.problem))?;
        let trees = unpack::layers(self, &image, on_progress)?;
        let tree = merge::layers(&trees, self.cache)?;
        let config = self.cache.put_bytes(&image.raw_config).map_err(|error| Failure::store(&error))?;
        let result = keys::result([("config", config)], [("root", tree)]);
        self.commit(key, &result, &format!("image {}", self.named.name), began.elapsed())?;
        Ok(result)
    }

    fn commit(&self, key: &Keyed, result: &ActionResult, name: &str, duration: Duration) -> Result<(), Failure> {
        let committed = Committed {
            key: key.key,
            result: result.clone(),
            messages: key.messages.clone(),
            name: name.to_owned(),
            duration,
            peak_memory_bytes: 0,
        };
        self.cache.commit(&[committed]).map_err(|error| Failure::store(&error))
    }

    fn refuse_offline(&self) -> Result<(), Failure> {
        let is_local = !matches!(self.named.source, Source::Registry(_));
        if is_local || self.images.connection == Connection::Online {
            return Ok(());
        }
        let why = "it is not in the cache, and --offline forbids the network".to_owned();
        let fix = Some("run it once without --offline".to_owned());
        Err(Failure::Image { image: self.named.name.clone(), why, fix })
    }

    fn refused(&self, problem: &oci::Problem) -> Failure {
        match problem {
            _ if self.cancel.is_cancelled() => Failure::Cancelled,
            oci::Problem::Write(error) => Failure::store(error),
            problem => {
                let (why, fix) = (self.named.why(problem), self.named.fix(problem));
                Failure::Image { image: self.named.name.clone(), why, fix }
            }
        }
    }

    fn refused_layer(&self, why: String) -> Failure {
        if self.cancel.is_cancelled() {
            return Failure::Cancelled;
        }
        let (image, fix) = (self.named.name.clone(), Some(self.named.make_again()));
        Failure::Image { image, why, fix }
    }
}

impl ImageRoot {
    /// Returns what the root has at a path, which may lead through links.
    pub fn entry(&self, path: &str, cache: &Cache) -> Option<Content> {
        let mut here = RelPath::root();
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut links_left = 40;
        let mut found = Content::Directory(self.tree);
        while let Some(segment) = rest.pop() {
            match segment.as_str() {
                "" | "." => continue,
                ".." => here = here.parent().unwrap_or_else(RelPath::root),
                name => here = here.child(name).ok()?,
            }
            found = self.plain_entry(&here, cache)?;
            if let Content::Symlink(target) = &found {
                links_left = Some(links_left).filter(|left| *left > 0)? - 1;
                here = if target.starts_with('/') { RelPath::root() } else { here.parent()? };
                rest.extend(target.split('/').rev().map(str::to_owned));
                found = self.plain_entry(&here, cache)?;
            }
        }
        Some(found)
    }

    /// Returns the names in a directory of the root.
    pub fn names(&self, path: &str, cache: &Cache) -> Vec<String> {
        let Some(Content::Directory(digest)) = self.entry(path, cache) else { return Vec::new() };
        let Ok(directory) = cache.directory(&digest) else { return Vec::new() };
        let links = directory.symlinks.into_iter().map(|link| link.name);
        directory.files.into_iter().map(|file| file.name).chain(links).collect()
    }

    fn plain_entry(&self, path: &RelPath, cache: &Cache) -> Option<Content> {
        let mut content = Content::Directory(self.tree);
        for segment in path.segments() {
            let Content::Directory(digest) = content else { return None };
            content = cache.directory(&digest).ok()?.entry(segment)?;
        }
        Some(content)
    }
}
