//! `rg query`: answers a question about the graph. Nothing is read but definitions and what analysis reads.

use graph::Graph;
use graph::query::{Format, Node, QueryError, evaluate, parse, print};
use model::RelPath;

use super::load::{Loaded, exists, load};
use super::open::{Opened, Refused, open};
use crate::args::Output;
use crate::exit::Exit;
use crate::front::Session;
use crate::problem::Problem;

/// Prints the answer to a query.
pub fn query(text: &str, session: &Session) -> Result<Exit, Refused> {
    let expression = parse(text).map_err(|error| problem(text, &error))?;
    let mut opened = open(session)?;
    let loaded = load(&mut opened)?;
    let answer = evaluate(&expression, &loaded.graph, &|word| resolve(word, &opened, &loaded))
        .map_err(|error| problem(text, &error))?;
    session.options.display.console.answer(&print(&answer, &loaded.graph, format(session.options.display.output)))?;
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
    let selected = rules::select(&[word.to_owned()], &opened.here, analysis, rules::Caller::Query)
        .map_err(|mistakes| unresolved(&mistakes))?;
    Ok(selected.iter().filter_map(|id| node(&loaded.graph, id)).collect())
}

fn unresolved(mistakes: &[model::Mistake]) -> QueryError {
    let messages: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
    QueryError::unresolved(messages.join("; "), mistakes.iter().find_map(|mistake| mistake.hint.clone()))
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
        Output::Jsonl => Format::JsonLines,
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
    let problem = Problem::new(exit, error.to_string()).because(underlined);
    match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem.hint("`rg query --help` shows the language; quote the whole query for the shell"),
    }
}
