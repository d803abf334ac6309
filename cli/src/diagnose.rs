//! Mistakes in definitions as text: the code, the source line with the span underlined, and the hint.
//! Does not read files: whoever calls says how.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use model::{Location, Mistake, RelPath};

use crate::escape;
use crate::problem;

/// Returns the text of a file of the workspace; `None` if it cannot be read.
pub type Read<'a> = &'a dyn Fn(&RelPath) -> Option<String>;

/// Returns all mistakes as text with colours, sorted by file and place, each once; the last line counts them.
pub fn render(mistakes: &[Mistake], read: Read<'_>) -> String {
    let sorted = sorted(mistakes);
    let mut text: String = sorted.iter().map(|mistake| format!("{}\n", render_one(mistake, read))).collect();
    let error = problem::ERROR;
    match sorted.len() {
        1 => text.push_str(&format!("{error}error{error:#}: 1 mistake, so nothing was run\n")),
        count => text.push_str(&format!("{error}error{error:#}: {count} mistakes, so nothing was run\n")),
    }
    text
}

/// Returns the mistakes sorted by file and place, each once; those without a place come last.
pub fn sorted(mistakes: &[Mistake]) -> Vec<&Mistake> {
    let mut sorted: Vec<&Mistake> = mistakes.iter().collect();
    sorted.sort_by(|a, b| {
        let place = |mistake: &Mistake| mistake.at.as_ref().map(|(location, _)| location.clone());
        (place(a).is_none(), place(a), a).cmp(&(place(b).is_none(), place(b), b))
    });
    sorted.dedup();
    sorted
}

/// Returns the line and the column at which a location begins, both from 1.
pub fn line_and_column(source: &str, location: &Location) -> (usize, usize) {
    let before = &source[..span(source, location).start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn render_one(mistake: &Mistake, read: Read<'_>) -> String {
    let places: Vec<(&Location, &str, AnnotationKind)> = mistake
        .at
        .iter()
        .map(|(location, words)| (location, words.as_str(), AnnotationKind::Primary))
        .chain(mistake.also.iter().map(|(location, words)| (location, words.as_str(), AnnotationKind::Context)))
        .collect();
    let title = escape::lines(&mistake.message);
    let mut group = Group::with_title(Level::ERROR.primary_title(title).id(mistake.code));
    for (file, marks) in by_file(&places) {
        group = add_file(group, file, &marks, read(file));
    }
    let hints: Vec<String> = mistake.hint.iter().cloned().collect();
    format!("{}\n{}", Renderer::styled().render(&[group]), problem::hints(&hints))
}

type Mark<'a> = (&'a Location, &'a str, AnnotationKind);

/// Groups the places by file; the file of the first place comes first.
fn by_file<'a>(places: &[Mark<'a>]) -> Vec<(&'a RelPath, Vec<Mark<'a>>)> {
    let mut order: BTreeMap<&RelPath, usize> = BTreeMap::new();
    let mut files: Vec<(&RelPath, Vec<Mark<'_>>)> = Vec::new();
    for place in places {
        let at = *order.entry(&place.0.file).or_insert(files.len());
        if at == files.len() {
            files.push((&place.0.file, Vec::new()));
        }
        files[at].1.push(*place);
    }
    files
}

fn add_file<'a>(group: Group<'a>, file: &RelPath, marks: &[Mark<'_>], source: Option<String>) -> Group<'a> {
    let path = escape::name(file.as_str()).into_owned();
    let Some(source) = source else { return group.element(Origin::path(path)) };
    let annotations: Vec<Annotation<'_>> = marks
        .iter()
        .map(|(location, words, kind)| {
            let label = (!words.is_empty()).then(|| escape::lines(words));
            kind.span(span(&source, location)).label(label)
        })
        .collect();
    group.element(Snippet::source(source).path(path).annotations(annotations))
}

/// Returns the bytes of a location, moved to where the text can be cut, should the file have changed since.
fn span(source: &str, location: &Location) -> Range<usize> {
    let cut = |at: u32| source.floor_char_boundary(at as usize);
    let start = cut(location.start);
    start..cut(location.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = "[command.x]\nrunn = \"true\"\noutputs = [\"o\"]\n";

    fn at(file: &str, span: Range<usize>) -> Location {
        Location::new(RelPath::new(file).unwrap(), span)
    }

    fn check(mistakes: &[Mistake], want: &str) {
        let read = |file: &RelPath| (file.as_str() != "gone").then(|| BUILD.to_owned());
        let got = anstream::adapter::strip_str(&render(mistakes, &read)).to_string();
        assert_eq!(got, want, "\n{got}");
    }

    fn unknown() -> Mistake {
        Mistake::new("RG0102", "`command` has no attribute `runn`")
            .at(at("x/BUILD.toml", 12..16), "unknown attribute")
            .hint("write `run`")
    }

    #[test]
    fn a_mistake_shows_its_line_underlined_and_its_hint() {
        check(
            &[unknown()],
            "\
error[RG0102]: `command` has no attribute `runn`
 --> x/BUILD.toml:2:1
  |
2 | runn = \"true\"
  | ^^^^ unknown attribute
hint: write `run`

error: 1 mistake, so nothing was run
",
        );
    }

    #[test]
    fn mistakes_come_by_file_and_place_and_each_once() {
        let first = Mistake::new("RG0100", "early").at(at("a/BUILD.toml", 0..1), "");
        let homeless = Mistake::new("RG0601", "no place");
        let text = render(&[homeless, unknown(), first, unknown()], &|_| None);
        let plain = anstream::adapter::strip_str(&text).to_string();
        let order: Vec<&str> = plain.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(
            order,
            [
                "error[RG0100]: early",
                "error[RG0102]: `command` has no attribute `runn`",
                "error[RG0601]: no place",
                "error: 3 mistakes, so nothing was run"
            ]
        );
    }

    #[test]
    fn other_places_explain_a_mistake() {
        check(
            &[Mistake::new("RG0107", "`//x:x` is declared twice")
                .at(at("x/BUILD.toml", 26..33), "again here")
                .also(at("x/BUILD.toml", 0..11), "first here")
                .also(at("gone", 5..6), "and there")],
            "\
error[RG0107]: `//x:x` is declared twice
 --> x/BUILD.toml:3:1
  |
1 | [command.x]
  | ----------- first here
2 | runn = \"true\"
3 | outputs = [\"o\"]
  | ^^^^^^^ again here
 ::: gone

error: 1 mistake, so nothing was run
",
        );
    }

    #[test]
    fn a_span_outside_of_the_file_is_moved_inside() {
        assert_eq!(line_and_column(BUILD, &at("x", 12..16)), (2, 1));
        assert_eq!(line_and_column("é", &at("x", 1..900)), (1, 1));
        let lost = Mistake::new("RG0100", "lost").at(at("x/BUILD.toml", 900..901), "");
        assert!(render(&[lost], &|_| Some("é".to_owned())).contains("x/BUILD.toml"));
    }
}
