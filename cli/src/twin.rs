//! The courtesy to ripgrep, whose program has the same name: a call that is meant for it is handed on.
//! Decides from values; only [`hand_over`] touches the system.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::surroundings::{Environment, Surroundings};

/// Lists the copies of rg that have handed this call on, so that two copies never hand it to one another.
const HANDED_ON_BY: &str = "RG_HANDED_ON_BY";

/// Who a call is meant for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meant {
    /// Us.
    Us,
    /// ripgrep.
    Ripgrep,
}

/// Decides who a call is meant for: started as `rg`, with a first word that is a flag which we do not define.
pub fn meant(program: &OsStr, arguments: &[OsString], definition: impl FnOnce() -> clap::Command) -> Meant {
    let started_as_rg = Path::new(program).file_name() == Some(OsStr::new("rg"));
    let Some(first) = arguments.first().filter(|_| started_as_rg) else { return Meant::Us };
    if first.as_bytes().first() != Some(&b'-') {
        return Meant::Us;
    }
    match first.to_str() {
        Some(word) if ours(word, &definition()) => Meant::Us,
        _ => Meant::Ripgrep,
    }
}

/// Whether a word that begins with a dash is ours: a negative pattern, or flags that we define.
fn ours(word: &str, definition: &clap::Command) -> bool {
    if ["-//", "-:", "-@"].iter().any(|start| word.starts_with(start)) {
        return true;
    }
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        return ["help", "version"].contains(&name)
            || definition.get_arguments().any(|argument| argument.get_long() == Some(name));
    }
    ours_short(&word[1..], definition)
}

/// Whether all letters of a cluster like `-kj4` are flags of ours; what follows one with a value is its value.
fn ours_short(letters: &str, definition: &clap::Command) -> bool {
    for letter in letters.chars() {
        if letter == 'h' || letter == 'V' {
            continue;
        }
        let Some(flag) = definition.get_arguments().find(|argument| argument.get_short() == Some(letter)) else {
            return false;
        };
        if flag.get_action().takes_values() {
            return true;
        }
    }
    !letters.is_empty()
}

/// A program called `rg` on PATH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Where it is found.
    pub path: PathBuf,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose program something called `rg` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// This very file.
    Ours,
    /// Another one: ripgrep, or a copy of rg.
    Other,
}

/// Lists every `rg` on PATH, in its order, each file once; the first one wins when `rg` is typed.
pub fn programs(environment: &Environment) -> Vec<Program> {
    let own = std::env::current_exe().ok().and_then(|path| identity(&path));
    let mut seen = BTreeSet::new();
    let directories = environment.get("PATH").map(std::env::split_paths).into_iter().flatten();
    directories
        .map(|directory| directory.join("rg"))
        .filter_map(|path| identity(&path).map(|identity| (path, identity)))
        .filter(|(_, identity)| seen.insert(*identity))
        .map(|(path, identity)| Program { path, whose: if Some(identity) == own { Whose::Ours } else { Whose::Other } })
        .collect()
}

/// Returns device and inode of an executable file, links followed.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    let executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    executable.then(|| (metadata.dev(), metadata.ino()))
}

/// Returns the program that a call is handed to: the next after ours on PATH, then those before it; never one that
/// has handed the call on already.
pub fn successor<'a>(programs: &'a [Program], handed_on_by: &[PathBuf]) -> Option<&'a Path> {
    let own = programs.iter().position(|program| program.whose == Whose::Ours);
    let after = own.map_or(0, |at| at + 1);
    programs[after..]
        .iter()
        .chain(&programs[..after])
        .find(|program| program.whose == Whose::Other && !handed_on_by.contains(&program.path))
        .map(|program| program.path.as_path())
}

/// Replaces this process by the ripgrep on PATH; returns only if there is none, or it cannot be started.
pub fn hand_over(surroundings: &Surroundings) -> Problem {
    let programs = programs(&surroundings.environment);
    let mut handed_on_by: Vec<PathBuf> = surroundings
        .environment
        .get(HANDED_ON_BY)
        .map(|value| std::env::split_paths(value).collect())
        .unwrap_or_default();
    let flag = surroundings.arguments.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(path) = successor(&programs, &handed_on_by).map(Path::to_owned) else {
        return Problem::new(
            Exit::Definition,
            format!("`{flag}` is no flag of rg (relgraph), and no ripgrep is on PATH"),
        )
        .hint("`rg help` lists the commands and flags of relgraph")
        .hint("to search, install ripgrep: both can be on PATH, and calls like this one are handed on");
    };
    handed_on_by.extend(programs.iter().filter(|program| program.whose == Whose::Ours).map(|own| own.path.clone()));
    let list: Vec<&[u8]> = handed_on_by.iter().map(|path| path.as_os_str().as_bytes()).collect();
    let error = std::process::Command::new(&path)
        .arg0("rg")
        .args(&surroundings.arguments)
        .env(HANDED_ON_BY, OsString::from_vec(list.join(&b':')))
        .exec();
    Problem::new(Exit::Definition, format!("cannot hand the call on to {}", path.display())).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: Meant) {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        assert_eq!(meant(&words[0], &words[1..], crate::args::definition), want, "{line}");
    }

    #[test]
    fn a_call_like_ripgreps_is_handed_on() {
        for line in ["rg -n needle src", "/usr/bin/rg --files", "rg -e x", "rg --hidden", "rg -", "rg -- x", "rg -vn x"]
        {
            check(line, Meant::Ripgrep);
        }
    }

    #[test]
    fn what_we_define_is_ours() {
        let ours = [
            "rg",
            "rg build",
            "rg needle",
            "rg --version",
            "rg -V",
            "rg -h",
            "rg -kj4 build",
            "rg --output=json build",
        ];
        for line in ours.into_iter().chain(["rg -//x", "relgraph -n needle", "rg -j 4 build"]) {
            check(line, Meant::Us);
        }
    }

    fn program(path: &str, whose: Whose) -> Program {
        Program { path: path.into(), whose }
    }

    fn check_successor(programs: &[Program], handed_on_by: &[&str], want: Option<&str>) {
        let handed: Vec<PathBuf> = handed_on_by.iter().map(PathBuf::from).collect();
        assert_eq!(successor(programs, &handed), want.map(Path::new), "{programs:?} {handed_on_by:?}");
    }

    #[test]
    fn the_next_rg_on_path_that_is_not_ours_gets_the_call() {
        let (own, a, b) =
            (program("/own/rg", Whose::Ours), program("/a/rg", Whose::Other), program("/b/rg", Whose::Other));
        check_successor(&[a.clone(), own.clone(), b.clone()], &[], Some("/b/rg"));
        check_successor(&[a.clone(), own.clone()], &[], Some("/a/rg"));
        check_successor(&[a.clone(), b.clone()], &[], Some("/a/rg"));
        check_successor(std::slice::from_ref(&own), &[], None);
        check_successor(&[own, a, b], &["/a/rg"], Some("/b/rg"));
    }
}
