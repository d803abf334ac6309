//! Bytes that are lost: found before they are missed, and traced to whoever makes them again.

use model::{Content, Digest, Lost, Origin, RelPath};

use super::{Attempted, Performance, Performed, StepId, Stopped};
use crate::Failure;
use crate::scheduler::Asking;

impl Performance<'_> {
    /// A tree is made of digests, so nobody would miss lost bytes before the tree is used: single files are looked for
    /// at once, and directories when the tree is made again because something of it is lost.
    pub(super) fn check_layout(&self) -> Result<(), Stopped> {
        for (at, content) in &self.prepared.encoded.layout {
            let lost = |lost: Lost| Stopped::Lost(at.clone(), lost);
            match content {
                Content::File { digest, .. } => self.check_files(&[*digest]).map_err(lost)?,
                Content::Directory(root) if self.asking == Asking::Never => self.check_directory(root).map_err(lost)?,
                Content::Directory(_) | Content::Symlink(_) => {}
            }
        }
        Ok(())
    }

    fn check_directory(&self, root: &Digest) -> Result<(), Lost> {
        let directory = self.machine.cache.directory(root)?;
        let files: Vec<Digest> = directory.files.iter().map(|file| file.digest).collect();
        self.check_files(&files)?;
        directory.directories.iter().try_for_each(|below| self.check_directory(&below.digest))
    }

    fn check_files(&self, files: &[Digest]) -> Result<(), Lost> {
        let there = self.machine.cache.has(files);
        files.iter().zip(there).find(|(_, there)| !there).map_or(Ok(()), |(digest, _)| Err(Lost(*digest)))
    }

    /// Finds whose bytes are lost: an output's producer, or a source, which is brought in again. Where one thing is lost
    /// others are, too, and a producer runs again only so often: all are looked for at once.
    pub(super) fn lost(&self, at: &RelPath, ran: Attempted) -> Performed {
        let layout = &self.prepared.encoded.layout;
        let mut places: Vec<&RelPath> =
            layout.iter().filter(|it| self.is_lost(&it.1)).map(|(place, _)| place).collect();
        places.push(at);
        let mut producers = Vec::new();
        for place in places {
            match self.producers_of(place) {
                Ok(more) => producers.extend(more),
                Err(failure) => return Performed::Failed { failure, ran },
            }
        }
        producers.sort_unstable();
        producers.dedup();
        Performed::Lost(producers)
    }

    fn is_lost(&self, content: &Content) -> bool {
        match content {
            Content::File { digest, .. } => self.check_files(&[*digest]).is_err(),
            Content::Directory(root) => self.check_directory(root).is_err(),
            Content::Symlink(_) => false,
        }
    }

    /// Returns who made what lies at a place of the input root; a source is brought in again.
    fn producers_of(&self, at: &RelPath) -> Result<Vec<StepId>, Failure> {
        let mut producers = Vec::new();
        for input in &self.action().inputs {
            let below = at.strip_prefix(&input.at).or_else(|| input.at.strip_prefix(at));
            if let (Origin::Output(target, name), Some(_)) = (&input.from, &below) {
                producers.extend(self.graph.producer(target, name));
            }
            let of_set = matches!(input.from, Origin::Files(_));
            let mut sources = self.graph.sources(input, self.ids);
            let source = sources.find(|(file, _)| below.as_ref().is_some_and(|below| !of_set || below == *file));
            if let Some((file, id)) = source {
                self.sources.bring_again(file, id)?;
            }
        }
        Ok(producers)
    }
}
