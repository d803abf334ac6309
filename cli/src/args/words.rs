//! Negative patterns: words that begin `-//`, `-:` or `-@` are patterns, not flags. They are marked before the
//! command line is parsed, because a parser that lets patterns begin with a dash swallows the flags after them.

use std::ffi::{OsStr, OsString};

/// Stands for the dash of a negative pattern while the command line is parsed; nobody types it.
const MARK: char = '\u{1}';

/// Marks the negative patterns before `--`; what follows it is taken as it is anyway.
pub fn mark(arguments: &[OsString]) -> impl Iterator<Item = OsString> {
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    arguments.iter().enumerate().map(move |(at, word)| if at < end { mark_one(word) } else { word.clone() })
}

/// Gives a word its dash back, or a text all of them.
pub fn unmark(text: &str) -> String {
    text.replace(MARK, "-")
}

fn mark_one(word: &OsStr) -> OsString {
    match word.to_str() {
        Some(text) if ["-//", "-:", "-@"].iter().any(|start| text.starts_with(start)) => {
            OsString::from(format!("{MARK}{}", &text[1..]))
        }
        _ => word.to_owned(),
    }
}
