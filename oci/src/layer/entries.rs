//! What a layer has, by path. Each parent of an entry is a directory of the same layer, never a link or a file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use super::name::Name;
use super::{Entry, LayerError};

/// What was found so far.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<Name, Entry>);

impl Entries {
    /// Adds a directory; one may be written several times.
    pub fn directory(&mut self, name: Name) -> Result<(), LayerError> {
        if name.is_top() {
            return Ok(());
        }
        self.make_parents(&name)?;
        match self.0.entry(name) {
            Slot::Occupied(slot) if *slot.get() != Entry::Directory => Err(LayerError::Duplicate(slot.key().shown())),
            Slot::Occupied(_) => Ok(()),
            Slot::Vacant(slot) => {
                slot.insert(Entry::Directory);
                Ok(())
            }
        }
    }

    /// Adds a file, or what is linked to one.
    pub fn file(&mut self, name: Name, entry: Entry) -> Result<(), LayerError> {
        self.make_parents(&name)?;
        match self.0.entry(name) {
            Slot::Occupied(slot) => Err(LayerError::Duplicate(slot.key().shown())),
            Slot::Vacant(slot) => {
                slot.insert(entry);
                Ok(())
            }
        }
    }

    /// Adds a link, which may lead anywhere.
    pub fn symlink(&mut self, name: Name, target: &[u8]) -> Result<(), LayerError> {
        let target = String::from_utf8(target.to_vec())
            .map_err(|_| LayerError::Name { name: name.shown(), why: "it is a link to a name that is not UTF-8" })?;
        self.file(name, Entry::Symlink(target))
    }

    /// Gives another name to what is there already.
    pub fn hard_link(&mut self, name: Name, target: &Name) -> Result<(), LayerError> {
        let wrong = |why| LayerError::HardLink { entry: name.shown(), target: target.shown(), why };
        match self.0.get(target) {
            Some(entry @ (Entry::File { .. } | Entry::Symlink(_))) => self.file(name, entry.clone()),
            Some(Entry::Directory) => Err(wrong("that is a directory")),
            Some(Entry::Mark) | None => Err(wrong("the layer has no such file before it")),
        }
    }

    /// Adds a mark of what is hidden.
    pub fn mark(&mut self, name: Name) -> Result<(), LayerError> {
        self.file(name, Entry::Mark)
    }

    /// Returns everything by path.
    pub fn finish(self) -> BTreeMap<String, Entry> {
        self.0.into_iter().map(|(name, entry)| (name.shown(), entry)).collect()
    }

    fn make_parents(&mut self, name: &Name) -> Result<(), LayerError> {
        let (parent, _) = name.split();
        for above in parent.prefixes() {
            match self.0.get(&above) {
                Some(Entry::Directory) => {}
                Some(Entry::Symlink(_)) => {
                    return Err(LayerError::ThroughLink { entry: name.shown(), link: above.shown() });
                }
                Some(Entry::File { .. } | Entry::Mark) => {
                    return Err(LayerError::BelowFile { entry: name.shown(), file: above.shown() });
                }
                None => {
                    self.0.insert(above, Entry::Directory);
                }
            }
        }
        Ok(())
    }
}
