//! Brings source files into the store while hashing them.
//!
//! An action sees only bytes of the store, so what counts is that the bytes which enter are the planned ones: the
//! BLAKE3 of the copied bytes must be the one that the static key was made of. Else the file was edited meanwhile.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use cache::Cache;
use model::{Content, Digest, FileId, FileKind, RelPath, Tree, TreeError};

use crate::Failure;

/// Knows the digest of each source by its id, and makes it known.
pub(crate) struct Sources<'a> {
    tree: &'a dyn Tree,
    cache: &'a Cache,
    before: &'a HashMap<FileId, Digest>,
    /// Digests learned in this run; the lock is held for a look-up only, never while a file is read.
    learned: Mutex<HashMap<FileId, Digest>>,
}

impl<'a> Sources<'a> {
    /// Makes it for one run: `before` is what the memory knows of the sources.
    pub fn new(tree: &'a dyn Tree, cache: &'a Cache, before: &'a HashMap<FileId, Digest>) -> Sources<'a> {
        Sources { tree, cache, before, learned: Mutex::default() }
    }

    /// Returns what the file is, by digest, reading it only if nobody has before.
    pub fn content(&self, file: &RelPath, id: FileId) -> Result<Content, Failure> {
        if id.kind == FileKind::Symlink {
            return self.link_text(file, &id);
        }
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        let digest = match learned.or_else(|| self.before.get(&id).copied()) {
            Some(digest) => digest,
            None => self.bring(file, &id)?,
        };
        Ok(Content::File { digest, executable: id.kind == FileKind::Executable })
    }

    /// Copies the file into the store, whether or not it is there already.
    pub fn bring(&self, file: &RelPath, id: &FileId) -> Result<Digest, Failure> {
        let mut reader = self.tree.open(file).map_err(|error| unreadable(file, &error))?;
        let (digest, hash) = self.cache.put_source(&mut reader).map_err(|error| Failure::store(&error))?;
        if hash != id.hash {
            return Err(Failure::Edited(file.clone()));
        }
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).insert(*id, digest);
        Ok(digest)
    }

    /// Copies a file into the store again, after its bytes were found lost.
    pub fn bring_again(&self, file: &RelPath, id: FileId) -> Result<(), Failure> {
        if id.kind != FileKind::Symlink {
            self.bring(file, &id)?;
        }
        Ok(())
    }

    fn link_text(&self, file: &RelPath, id: &FileId) -> Result<Content, Failure> {
        let mut text = String::new();
        let read = self.tree.open(file).map(|mut reader| reader.read_to_string(&mut text));
        match read {
            Ok(Ok(_)) if FileId::of(FileKind::Symlink, text.as_bytes()) == *id => Ok(Content::Symlink(text.into())),
            Ok(_) => Err(Failure::Edited(file.clone())),
            Err(error) => Err(unreadable(file, &error)),
        }
    }

    /// Returns what was learned in this run.
    pub fn into_learned(self) -> HashMap<FileId, Digest> {
        self.learned.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(file: &RelPath, error: &TreeError) -> Failure {
    match error {
        // It was there when the run began.
        TreeError::Absent(_) => Failure::Edited(file.clone()),
        error => Failure::unreadable(file, error),
    }
}
