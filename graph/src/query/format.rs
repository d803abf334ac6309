//! Prints answers, one line a node.

use std::fmt::Write as _;
use std::str::FromStr;

use model::{RelPath, Target};

use super::{Answer, Node, json, picture};
use crate::Graph;

/// How an answer is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `//a:b`, or the path of a file.
    Label,
    /// `command rule //a:b`, `source file a/x.txt`.
    LabelKind,
    /// `a/BUILD.toml:1:1: command rule //a:b`.
    Location,
    /// The packages.
    Package,
    /// The length of the shortest path from a root of the answer, and the label.
    MinRank,
    /// The length of the longest path from a root of the answer, and the label.
    MaxRank,
    /// DOT, for Graphviz.
    Graph,
    /// A flow chart for Mermaid.
    Mermaid,
    /// An indented tree.
    Tree,
    /// One JSON document, `rg.query/v1`.
    Json,
    /// One JSON object a line.
    JsonLines,
}

/// A text that names no format.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a form of output of a query")]
pub struct FormatError(String);

impl Format {
    /// All formats with their names, as `--output` takes them.
    pub const ALL: [(&str, Format); 11] = [
        ("label", Format::Label),
        ("label_kind", Format::LabelKind),
        ("location", Format::Location),
        ("package", Format::Package),
        ("minrank", Format::MinRank),
        ("maxrank", Format::MaxRank),
        ("graph", Format::Graph),
        ("mermaid", Format::Mermaid),
        ("tree", Format::Tree),
        ("json", Format::Json),
        ("jsonl", Format::JsonLines),
    ];
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Format, FormatError> {
        let found = Format::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| FormatError(text.to_owned()))
    }
}

/// Prints an answer; each line ends with a newline.
pub fn print(answer: &Answer, graph: &Graph, format: Format) -> String {
    match format {
        Format::Label => lines(answer, graph, &label),
        Format::LabelKind => lines(answer, graph, &|thing| format!("{} {}", kind(thing), label(thing))),
        Format::Location => lines(answer, graph, &location),
        Format::Package => packages(answer, graph),
        Format::MinRank => picture::min_rank(answer, graph),
        Format::MaxRank => picture::max_rank(answer, graph),
        Format::Graph => picture::dot(answer, graph),
        Format::Mermaid => picture::mermaid(answer, graph),
        Format::Tree => picture::tree(answer, graph),
        Format::Json => json::document(answer, graph),
        Format::JsonLines => json::lines(answer, graph),
    }
}

/// A node with what there is to print of it.
#[derive(Clone, Copy)]
pub(super) enum Thing<'a> {
    Target(&'a Target),
    File(&'a RelPath),
}

/// Looks the nodes of an answer up.
pub(super) fn things<'a>(answer: &'a Answer, graph: &'a Graph) -> impl Iterator<Item = Thing<'a>> {
    answer.nodes.iter().filter_map(|node| match node {
        Node::Target(index) => graph.analysis().targets.get(*index).map(Thing::Target),
        Node::File(path) => Some(Thing::File(path)),
    })
}

/// Prints a line a node. A target that is built for several platforms gives one line.
fn lines(answer: &Answer, graph: &Graph, line: &dyn Fn(Thing<'_>) -> String) -> String {
    let mut lines: Vec<String> = things(answer, graph).map(line).collect();
    lines.dedup();
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _infallible = writeln!(text, "{line}");
        text
    })
}

fn label(thing: Thing<'_>) -> String {
    match thing {
        Thing::Target(target) => target.id.label.to_string(),
        Thing::File(path) => path.to_string(),
    }
}

fn kind(thing: Thing<'_>) -> String {
    match thing {
        Thing::Target(target) => format!("{} rule", target.rule),
        Thing::File(path) => file_kind(path).to_owned(),
    }
}

/// Returns what Bazel calls a file.
pub(super) fn file_kind(path: &RelPath) -> &'static str {
    if path.segments().next() == Some("rg-out") { "generated file" } else { "source file" }
}

fn location(thing: Thing<'_>) -> String {
    let place = match thing {
        Thing::Target(target) => match &target.declared {
            Some(declared) => format!("{}:{}:1", declared.at.file, declared.line),
            None => "(implicit)".to_owned(),
        },
        Thing::File(path) => format!("{path}:1:1"),
    };
    format!("{place}: {} {}", kind(thing), label(thing))
}

/// Prints the packages of the targets, sorted, each once.
fn packages(answer: &Answer, graph: &Graph) -> String {
    let mut packages: Vec<String> = things(answer, graph)
        .filter_map(|thing| match thing {
            Thing::Target(target) => Some(target.id.label.package.to_string()),
            Thing::File(_) => None,
        })
        .collect();
    packages.sort();
    packages.dedup();
    joined(&packages)
}
