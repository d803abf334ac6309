//! The error for a first word that is no command: perhaps a misspelt one, perhaps a search meant for ripgrep.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::Exit;
use crate::problem::Problem;

/// Returns the problem if the error is about the name of a command of rg itself.
pub fn command(error: &clap::Error, arguments: &[OsString]) -> Option<Problem> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let definition = super::definition();
    let at = arguments.iter().position(|argument| argument.to_str() == Some(word))?;
    let inside = arguments[..at].iter().any(|argument| definition.find_subcommand(argument).is_some());
    if error.kind() != ErrorKind::InvalidSubcommand || inside {
        return None;
    }
    let problem = Problem::new(Exit::Definition, format!("`{word}` is no command of rg (relgraph)"));
    let problem = match nearest(word, &definition) {
        Some(name) => problem.hint(format!("the nearest command is `rg {name}`; `rg help` lists them all")),
        None => problem.hint("`rg help` lists the commands"),
    };
    let line: Vec<String> = arguments[at..].iter().map(|argument| quoted(&argument.to_string_lossy())).collect();
    Some(problem.hint(format!("to search for it with ripgrep: rg -e {}", line.join(" "))))
}

/// How alike two words are, at least, for one to be taken for the other misspelt.
const ALIKE: f64 = 0.6;

fn nearest(word: &str, definition: &clap::Command) -> Option<String> {
    let names = definition.get_subcommands().map(|command| command.get_name().to_owned());
    let scored = names.map(|name| (strsim::jaro_winkler(word, &name), name)).filter(|(likeness, _)| *likeness > ALIKE);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Returns a word as it is typed in a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
