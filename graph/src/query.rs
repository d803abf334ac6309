//! The query language: Bazel's, over targets and source files.
//!
//! A text is parsed into an [`Expr`], evaluated into an [`Answer`], and printed in a [`Format`]. All of it is pure:
//! what a pattern names is the caller's to say, and no file is looked at.

mod attributes;
mod error;
mod evaluate;
mod expression;
mod format;
mod json;
mod parse;
mod picture;
mod reach;
mod rows;
mod token;
mod world;

use model::RelPath;

pub use error::{EvaluationProblem, QueryError, SyntaxProblem};
pub use evaluate::evaluate;
pub use expression::Expr;
pub use format::{Format, FormatError, print};
pub use parse::parse;

/// What a query speaks of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Node {
    /// A target, by its index in the analysis.
    Target(usize),
    /// A source file, or an output by its path in the checkout.
    File(RelPath),
}

/// What a query found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The targets sorted by label, then the files sorted by path; for `somepath` in the order of the path.
    pub nodes: Vec<Node>,
}
