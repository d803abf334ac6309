//! Collects the mistakes of one file, with the place that a search of its text finds. It knows no format.

use std::ops::Range;

use model::{Location, Mistake, RelPath};

/// A file that is read, with the mistakes found so far.
pub(crate) struct Report<'a> {
    /// The file, from the workspace root.
    pub file: &'a RelPath,
    /// Its text.
    pub text: &'a str,
    /// What is wrong, in the order in which it was found.
    pub mistakes: Vec<Mistake>,
}

impl<'a> Report<'a> {
    /// Makes a report without mistakes.
    pub fn new(file: &'a RelPath, text: &'a str) -> Report<'a> {
        Report { file, text, mistakes: Vec::new() }
    }

    /// Adds a mistake at the first place of the file that reads so, or at its top.
    pub fn add(&mut self, code: &'static str, place: &str, message: impl Into<String>, hint: &str) {
        let span = self.text.find(place).map_or(0..0, |at| at..at + place.len());
        self.add_at(code, span, message, hint);
    }

    /// Adds a mistake at a place of the file.
    pub fn add_at(&mut self, code: &'static str, span: Range<usize>, message: impl Into<String>, hint: &str) {
        let location = Location::new(self.file.clone(), span);
        self.mistakes.push(Mistake::new(code, message).at(location, "").hint(hint));
    }
}

/// Returns the text without the mark that some editors put before it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns what is wrong with a JSON text, and where.
pub(crate) fn json_error(text: &str, error: &serde_json::Error) -> (String, Range<usize>) {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    (message.to_owned(), at..at)
}
