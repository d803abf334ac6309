//! The shape of a query. Arguments have their types here, so that evaluation cannot meet a wrong one.

use std::ops::Range;

use super::token::Operator;

/// A parsed query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expr {
    pub(super) root: Expression,
    /// Every word that the caller has to resolve, in the order of the text.
    pub(super) patterns: Vec<Word>,
    /// Whether outputs can appear in the answer: they are many, and rarely asked for.
    pub(super) outputs: Outputs,
}

/// A word and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub text: String,
    pub span: Range<usize>,
}

/// An index into [`Expr::patterns`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PatternId(pub usize);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outputs {
    Unasked,
    Asked,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Expression {
    Pattern(PatternId),
    Set(Vec<PatternId>),
    /// The name without its `$`.
    Variable(Word),
    Let {
        name: String,
        value: Box<Expression>,
        body: Box<Expression>,
    },
    /// `first`, then each operator with its right side, from left to right.
    Operation {
        first: Box<Expression>,
        rest: Vec<(Operator, Expression)>,
    },
    Call(Box<Call>),
}

/// A function with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Call {
    Deps(Expression, Option<u32>),
    Rdeps {
        universe: Expression,
        of: Expression,
        depth: Option<u32>,
    },
    Allrdeps(Expression, Option<u32>),
    Somepath(Expression, Expression),
    Allpaths(Expression, Expression),
    Kind(Word, Expression),
    Filter(Word, Expression),
    Attr {
        name: Word,
        pattern: Word,
        of: Expression,
    },
    Labels(Word, Expression),
    Tests(Expression),
    Siblings(Expression),
    /// The span is that of the whole call.
    Some {
        of: Expression,
        count: u32,
        span: Range<usize>,
    },
    Buildfiles(Expression),
    Visible {
        to: Expression,
        of: Expression,
    },
    Owner(PatternId),
    Inputs(Expression),
    Outputs(Expression),
    /// A function that only later versions know.
    Later(&'static str, Range<usize>),
}
