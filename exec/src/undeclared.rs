//! Undeclared reads: an action failed, and its words name files of the workspace that it was not given.
//!
//! The file is not there in the container, so whatever wanted it says so, mostly with the path. This finds such paths
//! in what was printed; it is a help for people and decides nothing. It knows no rule and gives no advice.

use std::collections::{BTreeMap, BTreeSet};

use graph::{Graph, StepId};
use model::{Kind, Label, Origin, Provided, RelPath, Target, Work};

/// A file that an action seems to have missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// The file.
    pub file: RelPath,
    /// A target that gives it to whoever names it, if there is one.
    pub owner: Option<Label>,
    /// The package that it belongs to, if there is one.
    pub package: Option<RelPath>,
    /// What kind of file it is.
    pub place: Place,
}

/// Where an undeclared file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the package of the target, which may name it by its path.
    OwnPackage,
    /// In another, whose targets have to provide it.
    Elsewhere,
    /// It is made by a target, and looked for where it is delivered.
    Delivered,
    /// It is made by a target, and looked for beside that target's sources, as if it were checked in.
    AsCheckedIn,
}

/// How many files are named at most.
const MOST: usize = 5;

/// Finds files that a failed step printed, that exist or that a target makes, and that it was not given.
pub fn undeclared(graph: &Graph, step: StepId, printed: &str, exists: &dyn Fn(&RelPath) -> bool) -> Vec<Undeclared> {
    let Work::Command(command) = &graph.action(step).work else { return Vec::new() };
    let src = RelPath::new("src").expect("a normal path");
    let Some(here) = command.directory.strip_prefix(&src) else { return Vec::new() };
    let (given, target) = (given(graph, step), graph.target_of(step));
    let (mut found, mut made) = (BTreeSet::new(), BTreeMap::new());
    for (line, word) in words(printed) {
        let inside = word.strip_prefix("/src/").map(|below| RelPath::root().resolve(below));
        // A compiler names what it misses as the file does that it reads: from there.
        let beside = speaker(line).and_then(|speaker| here.resolve(speaker).ok()?.parent());
        let candidates = [
            Some(inside.unwrap_or_else(|| here.resolve(word))),
            beside.map(|beside| beside.resolve(word)),
            Some(RelPath::root().resolve(word)),
        ];
        let mut candidates = candidates.into_iter().flatten().flatten().filter(|file| !file.is_root());
        match candidates.clone().find(exists) {
            Some(file) => found.extend(Some(file).filter(|file| !given.contains(file))),
            None if speaks_of_absence(line) => {
                let missed = candidates.find_map(|file| of_target(graph, target, &file));
                made.extend(missed.filter(|it| !is_given(&given, &it.file)).map(|it| (it.file.clone(), it)));
            }
            None => {}
        }
    }
    found.into_iter().map(|file| explain(graph, target, file)).chain(made.into_values()).take(MOST).collect()
}

/// Whether a step was given what a target makes: the file, or a directory that holds it.
fn is_given(given: &BTreeSet<RelPath>, file: &RelPath) -> bool {
    given.iter().any(|given| file.starts_with(given))
}

/// Returns the file as something that another target makes; `None` if no target does.
fn of_target(graph: &Graph, target: &Target, file: &RelPath) -> Option<Undeclared> {
    let analysis = graph.analysis();
    let place = |other: &Target, provided: &Provided| {
        let Origin::Output(maker, name) = &provided.from else { return None };
        let is_own = *maker == target.id || other.id == target.id;
        let at = |place: RelPath, kind: Place| (!is_own && file.starts_with(&place)).then_some(kind);
        let delivered = at(maker.out_dir(&analysis.platform).join(name), Place::Delivered);
        delivered.or_else(|| at(maker.label.package.join(name), Place::AsCheckedIn))
    };
    let declared = analysis.targets.iter().filter(|other| other.kind != Kind::Implicit);
    let (owner, place) = declared
        .flat_map(|other| other.provides.iter().map(move |provided| (other, provided)))
        .find_map(|(other, provided)| Some((other.id.label.clone(), place(other, provided)?)))?;
    Some(Undeclared { file: file.clone(), package: Some(owner.package.clone()), owner: Some(owner), place })
}

/// Returns what is known of a file that a step misses; `None` if it was given.
pub fn missed(graph: &Graph, step: StepId, file: RelPath) -> Option<Undeclared> {
    let is_given = given(graph, step).iter().any(|given| given.starts_with(&file));
    (!is_given).then(|| explain(graph, graph.target_of(step), file))
}

fn given(graph: &Graph, step: StepId) -> BTreeSet<RelPath> {
    let src = RelPath::new("src").expect("a normal path");
    let mut given = BTreeSet::new();
    for input in &graph.action(step).inputs {
        match &input.from {
            Origin::File(file) => drop(given.insert(file.clone())),
            Origin::Files(set) => given.extend(graph.analysis().files(*set).iter().cloned()),
            // Made by analysis or by another action, in the place of the file of that name.
            Origin::Text(_) | Origin::Output(..) => given.extend(input.at.strip_prefix(&src)),
        }
    }
    given
}

/// What programs say of a file that is not there, in small letters. Only a word that does not look like a path has to
/// stand beside one of these.
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

/// Returns what could be the paths of absent files: words that look like a path, and the plain words of lines that
/// speak of an absence. A word before a line number (`money_test.go:24:`) says where the program speaks, not what it
/// misses.
fn words(printed: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = |c: char| c.is_whitespace() || "'\"`;,()[]{}<>=?".contains(c);
    let pieces = printed.lines().flat_map(move |line| {
        let speaks = speaks_of_absence(line);
        let words = line.split(ends).flat_map(without_places).map(|word| word.trim_end_matches('.'));
        words.filter(move |word| speaks || looks_like_a_path(word)).map(move |word| (line, word))
    });
    pieces.filter(|(_, word)| word.len() > 1 && word.len() < 512)
}

fn speaks_of_absence(line: &str) -> bool {
    let small = line.to_lowercase();
    ABSENCES.iter().any(|words| small.contains(words))
}

/// Returns the file that a line begins with, before a line number: `libs/c/c.go:5:10: fatal error: …`.
fn speaker(line: &str) -> Option<&str> {
    let (file, rest) = line.trim_start().split_once(':')?;
    (rest.starts_with(|c: char| c.is_ascii_digit()) && !file.contains(char::is_whitespace)).then_some(file)
}

fn looks_like_a_path(word: &str) -> bool {
    let extension = word.rsplit_once('.').map(|(_, extension)| extension);
    word.contains('/') || extension.is_some_and(|it| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn without_places(word: &str) -> impl Iterator<Item = &str> {
    let pieces: Vec<&str> = word.split(':').collect();
    let is_number = |piece: &&str| piece.starts_with(|c: char| c.is_ascii_digit());
    let places = pieces.iter().skip(1).map(is_number).chain([false]).collect::<Vec<bool>>();
    pieces.into_iter().zip(places).filter(|(_, is_place)| !is_place).map(|(piece, _)| piece)
}

fn explain(graph: &Graph, target: &Target, file: RelPath) -> Undeclared {
    let analysis = graph.analysis();
    // That a target reads a file does not say that it gives it to others.
    let gives = |provided: &Provided| match &provided.from {
        Origin::File(given) => *given == file,
        Origin::Files(set) => analysis.files(*set).binary_search(&file).is_ok(),
        Origin::Text(_) | Origin::Output(..) => false,
    };
    let is_owner = |other: &&Target| other.id != target.id && other.provides.iter().any(gives);
    let owner = analysis.targets.iter().find(is_owner).map(|owner| owner.id.label.clone());
    let package = owning_package(graph, &file).cloned();
    let own = package.as_ref() == Some(&target.id.label.package);
    Undeclared { owner, package, place: if own { Place::OwnPackage } else { Place::Elsewhere }, file }
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
        let files = [".txt", ".go", "LICENSE"];
        let found: Vec<&str> =
            words(printed).map(|(_, word)| word).filter(|word| files.iter().any(|it| word.ends_with(it))).collect();
        assert_eq!(found.join(" "), path, "{printed}");
    }

    #[test]
    fn paths_are_found_whatever_is_said_of_them() {
        check("cat: notes/a.txt: No such file or directory", "notes/a.txt");
        check("/bin/sh: 1: cannot open b.txt: No such file", "b.txt");
        check("FileNotFoundError: [Errno 2] No such file or directory: 'c.txt'", "c.txt");
        check("    money_test.go:24: open testdata/d.txt: no such file or directory", "testdata/d.txt");
        check("Error: Cannot find module './e.txt'.", "./e.txt");
        check("f.txt ist nicht da; docs/LICENSE auch nicht", "f.txt docs/LICENSE");
    }

    #[test]
    fn a_line_that_begins_with_a_place_has_a_speaker() {
        assert_eq!(speaker("../libs/c/c.go:5:10: fatal error: ../include/x.h: gone"), Some("../libs/c/c.go"));
        assert_eq!(speaker("cat: 5: gone"), None);
    }

    #[test]
    fn a_plain_word_is_a_path_only_where_an_absence_is_spoken_of() {
        check("cp: LICENSE: No such file or directory", "LICENSE");
        check("read the LICENSE", "");
    }

    #[test]
    fn the_place_of_a_failed_check_is_no_undeclared_read() {
        check("    money_test.go:24: 0 prints as \"0.00 USD\", want \"0.00 EUR\"", "");
        check("libs/money/money.go:3:1: syntax error", "");
    }
}
