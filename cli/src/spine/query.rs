//! `rg query`: answers a question about the graph. Nothing is read but definitions and what analysis reads.

use graph::Graph;
use graph::query::{Format, Node, QueryError, evaluate, parse, print};
use model::RelPath;

use super::load::{Loaded, exists, load};
use super::open::{Opened, Refused, open};
use crate::args::Output;
use crate::exit::Exit;
use crate::options::Options;
use crate::problem::Problem;
use crate::surroundings::Surroundings;

/// Prints the answer to a query.
pub fn query(text: &str, options: &Options, surroundings: &Surroundings) -> Result<Exit, Refused> {
    let expression = parse(text).map_err(|error| problem(text, &error))?;
    let opened = open(options, surroundings)?;
    let loaded = load(&opened)?;
    let answer = evaluate(&expression, &loaded.graph, &|word| resolve(word, &opened, &loaded))
        .map_err(|error| problem(text, &error))?;
    options.display.console.answer(&print(&answer, &loaded.graph, format(options.display.output)))?;
    Ok(Exit::Done)
}

/// Finds what a word of a query names: a file by its path, else targets by a pattern; wildcards take every target.
fn resolve(word: &str, opened: &Opened, loaded: &Loaded) -> Result<Vec<Node>, QueryError> {
    let file = RelPath::new(word).or_else(|_| opened.here.resolve(word)).ok();
    let file = file.map(|file| if exists(&loaded.tree, &file) { file } else { opened.here.join(&file) });
    if let Some(file) = file.filter(|file| !word.starts_with("//") && exists(&loaded.tree, file)) {
        return Ok(vec![Node::File(file)]);
    }
    let analysis = loaded.graph.analysis();
    let selected = rules::select(&[word.to_owned()], &opened.here, analysis, rules::Wildcards::All)
        .map_err(|mistakes| QueryError::pattern(&mistakes))?;
    Ok(selected.iter().filter_map(|id| node(&loaded.graph, id)).collect())
}

fn node(graph: &Graph, id: &model::TargetId) -> Option<Node> {
    graph.target_index(id).map(Node::Target)
}

fn format(output: Output) -> Format {
    match output {
        Output::Text | Output::Label => Format::Label,
        Output::LabelKind => Format::LabelKind,
        Output::Location => Format::Location,
        Output::Package => Format::Package,
        Output::Minrank => Format::MinRank,
        Output::Maxrank => Format::MaxRank,
        Output::Graph => Format::Graph,
        Output::Mermaid => Format::Mermaid,
        Output::Tree => Format::Tree,
        Output::Json => Format::Json,
        Output::Jsonl => Format::Jsonl,
    }
}

/// Shows the query with the place underlined.
fn problem(text: &str, error: &QueryError) -> Problem {
    let (exit, span) = match error {
        QueryError::Syntax { span, .. } => (Exit::Definition, span),
        QueryError::Evaluation { span, .. } => (Exit::Query, span),
    };
    let before = text.get(..span.start).map_or(0, |before| before.chars().count());
    let width = text.get(span.clone()).map_or(1, |part| part.chars().count()).max(1);
    let underlined = format!("{text}\n           {}{}", " ".repeat(before), "^".repeat(width));
    Problem::new(exit, error.to_string())
        .because(underlined)
        .hint("`rg query --help` shows the language; quote the whole query for the shell")
}
