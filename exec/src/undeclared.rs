//! Undeclared reads: an action failed, and its words name files of the workspace that it was not given.
//!
//! The file is not there in the container, so whatever wanted it says so, mostly with the path. This finds such paths
//! in what was printed; it is a help for people and decides nothing.

use std::collections::BTreeSet;

use graph::{Graph, StepId};
use model::{Origin, RelPath, Target, Work};

/// A file of the workspace that an action seems to have missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// The file.
    pub file: RelPath,
    /// A target that holds it, if there is one.
    pub owner: Option<model::Label>,
    /// The line to add to the target's definition.
    pub line: String,
}

/// How many files are named at most.
const MOST: usize = 5;

/// Finds files that a failed step printed, that exist, and that it was not given.
pub fn undeclared(graph: &Graph, step: StepId, printed: &str, exists: &dyn Fn(&RelPath) -> bool) -> Vec<Undeclared> {
    let Work::Command(command) = &graph.action(step).work else { return Vec::new() };
    let src = RelPath::new("src").expect("a normal path");
    let Some(here) = command.directory.strip_prefix(&src) else { return Vec::new() };
    let given = given(graph, step);
    let mut found = BTreeSet::new();
    for word in words(printed) {
        let inside = word.strip_prefix("/src/").map(|below| RelPath::root().resolve(below));
        let candidates = [inside.unwrap_or_else(|| here.resolve(word)), RelPath::root().resolve(word)];
        let missed = candidates.into_iter().flatten().find(|file| !file.is_root() && exists(file));
        found.extend(missed.filter(|file| !given.contains(file)));
    }
    found.into_iter().take(MOST).map(|file| explain(graph, graph.target_of(step), file)).collect()
}

fn given(graph: &Graph, step: StepId) -> BTreeSet<RelPath> {
    let mut given = BTreeSet::new();
    for input in &graph.action(step).inputs {
        match &input.from {
            Origin::File(file) => drop(given.insert(file.clone())),
            Origin::Files(set) => given.extend(graph.analysis().files(*set).iter().cloned()),
            Origin::Text(_) | Origin::Output(..) => {}
        }
    }
    given
}

/// What programs say of a file that is not there, in small letters.
const ABSENCES: &[&str] = &[
    "no such file",
    "not found",
    "not exist",
    "no matching",
    "missing",
    "enoent",
    "unable to",
    "failed to",
    "cannot ",
    "can't ",
    "could not ",
    "couldn't ",
];

/// Returns what could be the paths of absent files: the words of lines that speak of an absence. A word before a line
/// number (`money_test.go:24:`) says where the program speaks, not what it misses.
fn words(printed: &str) -> impl Iterator<Item = &str> {
    let speaks = |line: &&str| {
        let line = line.to_lowercase();
        ABSENCES.iter().any(|words| line.contains(words))
    };
    let ends = |c: char| c.is_whitespace() || "'\"`;,()[]{}<>=".contains(c);
    let pieces = printed.lines().filter(speaks).flat_map(move |line| line.split(ends)).flat_map(without_places);
    pieces.map(|word| word.trim_end_matches('.')).filter(|word| word.len() > 1 && word.len() < 512)
}

fn without_places(word: &str) -> impl Iterator<Item = &str> {
    let pieces: Vec<&str> = word.split(':').collect();
    let is_number = |piece: &&str| piece.starts_with(|c: char| c.is_ascii_digit());
    let places = pieces.iter().skip(1).map(is_number).chain([false]).collect::<Vec<bool>>();
    pieces.into_iter().zip(places).filter(|(_, is_place)| !is_place).map(|(piece, _)| piece)
}

fn explain(graph: &Graph, target: &Target, file: RelPath) -> Undeclared {
    let analysis = graph.analysis();
    let holds = |other: &&Target| {
        other.id != target.id && other.sources.iter().any(|set| analysis.files(*set).binary_search(&file).is_ok())
    };
    let owner = analysis.targets.iter().find(holds).map(|owner| owner.id.label.clone());
    let attribute = if target.rule.starts_with("go_") { "data" } else { "inputs" };
    let package = &target.id.label.package;
    let mine =
        file.strip_prefix(package).filter(|_| owning_package(graph, &file).is_some_and(|owner| owner == package));
    let entry = match (mine, &owner) {
        (Some(path), _) => path.to_string(),
        (None, Some(owner)) => owner.to_string(),
        (None, None) => format!("//{}:<a files target that holds it>", file.parent().unwrap_or_else(RelPath::root)),
    };
    Undeclared { line: format!("{attribute} = [\"{entry}\"]"), file, owner }
}

/// Returns the nearest package at or above the file.
fn owning_package<'a>(graph: &'a Graph, file: &RelPath) -> Option<&'a RelPath> {
    let packages = &graph.analysis().packages;
    let mut directory = file.parent();
    while let Some(here) = directory {
        if let Ok(found) = packages.binary_search(&here) {
            return Some(&packages[found]);
        }
        directory = here.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(printed: &str, path: &str) {
        let found: Vec<&str> = words(printed).filter(|word| word.contains(".txt") || word.contains(".go")).collect();
        assert_eq!(found.join(" "), path, "{printed}");
    }

    #[test]
    fn paths_are_found_where_an_absence_is_spoken_of() {
        check("cat: notes/a.txt: No such file or directory", "notes/a.txt");
        check("/bin/sh: 1: cannot open b.txt: No such file", "b.txt");
        check("FileNotFoundError: [Errno 2] No such file or directory: 'c.txt'", "c.txt");
        check("    money_test.go:24: open testdata/d.txt: no such file or directory", "testdata/d.txt");
        check("Error: Cannot find module './e.txt'.", "./e.txt");
    }

    #[test]
    fn the_place_of_a_failed_check_is_no_undeclared_read() {
        check("    money_test.go:24: 0 prints as \"0.00 USD\", want \"0.00 EUR\"", "");
        check("wrote a.txt and b.txt", "");
    }
}
