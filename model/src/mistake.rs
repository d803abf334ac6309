//! Mistakes in definitions and in the graph: collected, never thrown at the first.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::RelPath;

/// A place in a definition file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Location {
    /// The file, from the workspace root.
    pub file: RelPath,
    /// Where in it the span begins, in bytes.
    pub start: u32,
    /// Where the span ends, in bytes, exclusive.
    pub end: u32,
}

impl Location {
    /// Makes a location of a file and a byte span.
    pub fn new(file: RelPath, span: Range<usize>) -> Location {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Location { file, start: clamp(span.start), end: clamp(span.end) }
    }
}

/// The exit code that a mistake leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Exit {
    /// A bad command line, definition or graph: 2, which wins over the others.
    Definition,
    /// A visibility or policy rule is broken: 10.
    Policy,
}

/// Something wrong that the user wrote: what, where, and what to type instead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// The stable code, as `RG0102`; the table of codes is `docs/errors.md`.
    pub code: &'static str,
    /// What is wrong: lower case, present tense, names the thing, no full stop.
    pub message: String,
    /// Where, with the words to put beside the underlined span (may be empty).
    pub at: Option<(Location, String)>,
    /// More places that explain it: the first of two duplicates, the edges of a cycle.
    pub also: Vec<(Location, String)>,
    /// What to type instead.
    pub hint: Option<String>,
    /// The exit code it leads to.
    pub exit: Exit,
}

impl Mistake {
    /// Makes a mistake of a definition.
    pub fn new(code: &'static str, message: impl Into<String>) -> Mistake {
        Mistake { code, message: message.into(), at: None, also: Vec::new(), hint: None, exit: Exit::Definition }
    }

    /// Says where it is, with the words beside the underlined span.
    #[must_use]
    pub fn at(mut self, location: Location, words: impl Into<String>) -> Mistake {
        self.at = Some((location, words.into()));
        self
    }

    /// Adds another place that explains it.
    #[must_use]
    pub fn also(mut self, location: Location, words: impl Into<String>) -> Mistake {
        self.also.push((location, words.into()));
        self
    }

    /// Says what to type instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Mistake {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it a broken policy.
    #[must_use]
    pub fn policy(mut self) -> Mistake {
        self.exit = Exit::Policy;
        self
    }
}
