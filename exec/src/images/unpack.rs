//! Layers become trees of the store: several at once, each brought only if nobody has its tree.
//!
//! The marks of what a layer hides stay in its tree as empty files of their own names, which no other file may have.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use cache::Executable;
use model::reapi::{Directory, Message};
use model::{Content, Digest, RelPath};
use oci::layer::{self, Entry, Unread};
use oci::{Image, Layer};

use super::{OnProgress, Pull, keys};
use crate::executor::Stopped;
use crate::{Failure, assemble};

/// How the name of a mark begins.
pub(super) const MARK: &str = ".wh.";
/// The mark of a directory that hides all of the one below it.
pub(super) const OPAQUE: &str = ".wh..wh..opq";

/// How many layers are brought at once.
const AT_ONCE: usize = 3;
/// How often is told how much has come.
const TELLING: Duration = Duration::from_millis(100);

/// Returns the trees of all layers, the lowest first.
pub(super) fn layers(pull: &Pull<'_>, image: &Image, on_progress: OnProgress<'_>) -> Result<Vec<Digest>, Failure> {
    let total = image.layers.iter().map(|layer| layer.size).sum();
    let (next, came) = (AtomicUsize::new(0), AtomicU64::new(0));
    let bring = |done: &Sender<(usize, Result<Digest, Failure>)>| {
        while let Some((index, layer)) = numbered(&image.layers, next.fetch_add(1, Ordering::Relaxed)) {
            let tree = Layered { pull, layer, came: &came }.tree();
            if tree.is_err() {
                // Whoever fails, the others need not go on.
                next.store(image.layers.len(), Ordering::Relaxed);
            }
            let _ = done.send((index, tree));
        }
    };
    let mut trees = BTreeMap::new();
    std::thread::scope(|scope| {
        let (done, results) = channel();
        for _ in 0..AT_ONCE.min(image.layers.len()) {
            let (done, bring) = (done.clone(), &bring);
            let started = Builder::new().spawn_scoped(scope, move || bring(&done));
            started.map_err(|error| Failure::Thread(error.to_string()))?;
        }
        drop(done);
        loop {
            match results.recv_timeout(TELLING) {
                Ok((index, tree)) => drop(trees.insert(index, tree?)),
                Err(RecvTimeoutError::Timeout) => on_progress(came.load(Ordering::Relaxed), Some(total)),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    })?;
    Ok(trees.into_values().collect())
}

fn numbered(layers: &[Layer], index: usize) -> Option<(usize, &Layer)> {
    layers.get(index).map(|layer| (index, layer))
}

/// One layer on its way.
struct Layered<'a> {
    pull: &'a Pull<'a>,
    layer: &'a Layer,
    came: &'a AtomicU64,
}

impl Layered<'_> {
    /// Returns the tree, made by whoever comes first.
    fn tree(&self) -> Result<Digest, Failure> {
        let key = keys::layer(&self.layer.diff_id);
        if let Some(known) = self.pull.known(&key) {
            return Ok(known.output_directories[0].root_directory_digest);
        }
        let cancelled = || self.pull.cancel.is_cancelled();
        let claim = self.pull.cache.claim(&key.key, &cancelled).ok_or(Failure::Cancelled)?;
        if let Some(known) = self.pull.known(&key) {
            return Ok(known.output_directories[0].root_directory_digest);
        }
        let began = Instant::now();
        let tree = self.make()?;
        let result = keys::result([], [("tree", tree)]);
        self.pull.commit(&key, &result, &format!("layer {}", self.layer.diff_id), began.elapsed())?;
        drop(claim);
        Ok(tree)
    }

    fn make(&self) -> Result<Digest, Failure> {
        let Pull { images, named, cache, .. } = self.pull;
        let scratch = cache.scratch().map_err(|error| Failure::store(&error))?;
        let path = scratch.path().join("layer");
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let mut file = file.map_err(|error| Failure::store(&error))?;
        let told = Cell::new(0);
        let on_progress = |bytes: u64, _| {
            // Fewer than before have come when it begins anew; the sum is right in the end.
            self.came.fetch_add(bytes.wrapping_sub(told.replace(bytes)), Ordering::Relaxed);
        };
        let brought = images.client.blob(&named.source, &images.root, self.layer, &mut file, &on_progress);
        brought.map_err(|error| self.pull.refused(&error.problem))?;
        file.rewind().map_err(|error| Failure::store(&error))?;
        let keep = |body: &mut dyn Read, executable| {
            let executable = if executable { Executable::Yes } else { Executable::No };
            cache.put_file(body, executable)
        };
        let entries = layer::read(file, self.layer.media_type, self.layer.diff_id, &keep);
        let entries = entries.map_err(|error| match error {
            Unread::Kept(error) => Failure::store(&error),
            Unread::Layer(error) => self.pull.refused_layer(format!("layer {} is refused: {error}", self.layer.digest)),
        })?;
        let nothing = cache.put_bytes(b"").map_err(|error| Failure::store(&error))?;
        cache.put_directory(&Directory::default()).map_err(|error| Failure::store(&error))?;
        let placed = entries.into_iter().map(|(path, entry)| placed(&path, entry, nothing));
        let placed = placed.collect::<Result<Vec<_>, String>>().map_err(|why| self.pull.refused_layer(why))?;
        assemble::keep(placed, cache).map_err(|stopped| match stopped {
            Stopped::Failed(failure) => failure,
            Stopped::Lost(_, lost) => Failure::store(&lost),
        })
    }
}

/// Returns what an entry is in the store.
fn placed(path: &str, entry: Entry, nothing: Digest) -> Result<(RelPath, Content), String> {
    let at = RelPath::new(path).map_err(|error| format!("`{}`: {error}", path.escape_debug()))?;
    let content = match entry {
        Entry::Directory => Content::Directory(Digest::of(&Directory::default().encode())),
        Entry::File { digest, executable } => Content::File { digest, executable },
        Entry::Symlink(target) => Content::Symlink(target.into()),
        Entry::Mark => Content::File { digest: nothing, executable: false },
    };
    Ok((at, content))
}
