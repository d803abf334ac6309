//! Who owns a path that two inputs of a tree want: found when they clash, by walking their directories. It decides
//! nothing; it names what people can change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use graph::{Graph, Known, StepId};
use model::reapi::Directory;
use model::{Content, Digest, Origin, RelPath};

use crate::Failure;

/// Reads a directory; `None` if it is lost.
type Load<'a> = &'a dyn Fn(&Digest) -> Option<Directory>;

/// What Python makes of sources lies here: a clash of these is one of the sources, too, which people know.
const COMPILED: &str = "__pycache__";

/// Something that another step made and this one takes.
struct Piece<'a> {
    at: &'a RelPath,
    owner: &'a str,
    content: Content,
}

/// Returns the failure of a step of which two inputs own one file; `None` if they are not outputs of other steps.
pub(crate) fn clash(
    graph: &Graph,
    step: StepId,
    deps: &HashMap<StepId, Arc<Known>>,
    load: Load<'_>,
) -> Option<Failure> {
    let made = |input: &model::Input| match &input.from {
        Origin::Output(id, name) => {
            let maker = graph.producer(id, name)?;
            Some((input.at.clone(), owner(graph, maker), deps.get(&maker)?.output(name)?.clone()))
        }
        Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
    };
    let made: Vec<(RelPath, &str, Content)> = graph.action(step).inputs.iter().filter_map(made).collect();
    find(made.iter().map(|(at, owner, content)| Piece { at, owner, content: content.clone() }), load)
}

/// Returns what a step brings, as its name says after the verb: `alpha 1.0` of `unpack alpha 1.0`.
pub(crate) fn owner(graph: &Graph, step: StepId) -> &str {
    let name = &*graph.action(step).name;
    name.split_once(' ').map_or(name, |(_, owner)| owner)
}

fn find<'a>(pieces: impl Iterator<Item = Piece<'a>>, load: Load<'_>) -> Option<Failure> {
    let mut files: BTreeMap<RelPath, (Content, &Piece<'_>)> = BTreeMap::new();
    let mut found: Vec<(bool, RelPath, String, String)> = Vec::new();
    let pieces: Vec<Piece<'a>> = pieces.collect();
    for piece in &pieces {
        for (path, content) in flat(piece.at, &piece.content, load) {
            let above = || std::iter::successors(path.parent(), RelPath::parent).find_map(|dir| files.get(&dir));
            let rival = match files.get(&path) {
                Some((there, rival)) => (*there != content).then_some(*rival),
                None => above().map(|(_, rival)| *rival),
            };
            if let Some(rival) = rival.filter(|rival| rival.owner != piece.owner) {
                let shown = path.strip_prefix(piece.at).unwrap_or_else(|| path.clone());
                let compiled = shown.segments().any(|segment| segment == COMPILED);
                found.push((compiled, shown, rival.owner.to_owned(), piece.owner.to_owned()));
            }
            files.entry(path).or_insert((content, piece));
        }
    }
    let (_, path, first, second) = found.into_iter().min()?;
    Some(Failure::TwoOwners { path, first, second })
}

/// Returns all files of what lies at a place.
fn flat(at: &RelPath, content: &Content, load: Load<'_>) -> Vec<(RelPath, Content)> {
    let Content::Directory(digest) = content else { return vec![(at.clone(), content.clone())] };
    let Some(directory) = load(digest) else { return Vec::new() };
    let names = directory.files.iter().map(|file| &*file.name);
    let names = names.chain(directory.symlinks.iter().map(|link| &*link.name));
    let names: Vec<&str> = names.chain(directory.directories.iter().map(|below| &*below.name)).collect();
    let entry = |name: &str| Some((at.child(name).ok()?, directory.entry(name)?));
    names.into_iter().filter_map(entry).flat_map(|(at, content)| flat(&at, &content, load)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[(&str, &str, &str)], want: Option<&str>) {
        let paths: Vec<RelPath> = pieces.iter().map(|(at, ..)| RelPath::new(at).unwrap()).collect();
        let content = |text: &str| Content::File { digest: Digest::of(text.as_bytes()), executable: false };
        let made = paths.iter().zip(pieces);
        let pieces = made.map(|(at, (_, owner, text))| Piece { at, owner, content: content(text) });
        assert_eq!(find(pieces, &|_| None).map(|failure| failure.to_string()).as_deref(), want);
    }

    #[test]
    fn a_path_that_two_own_is_told_with_both_and_of_sources_before_what_is_compiled() {
        check(&[("s/a", "x-1", "1"), ("s/a", "y-1", "1"), ("s/b", "y-1", "2")], None);
        let both = "`x-1` and `y-1` both have `s/b`, and the two differ";
        let relative = both.replace("s/b", "");
        check(&[("s/b", "x-1", "1"), ("s/b", "y-1", "2")], Some(&relative));
        check(&[("s", "x-1", "1"), ("s/b", "y-1", "2")], Some(&relative));
        check(&[("s/a", "x-1", "1"), ("s/a", "x-1", "2")], None);
    }
}
