//! What can be wrong with a query: each problem has a place in its text.

use std::ops::Range;

/// Why a query has no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query: exit code 2.
    #[error("{problem}")]
    Syntax {
        /// What is wrong.
        problem: SyntaxProblem,
        /// Where in the text, in bytes.
        span: Range<usize>,
    },
    /// The query cannot be answered: exit code 7.
    #[error("{problem}")]
    Evaluation {
        /// What is wrong.
        problem: EvaluationProblem,
        /// Where in the text, in bytes.
        span: Range<usize>,
    },
}

/// One way in which a text is not a query.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SyntaxProblem {
    /// A quote is opened and not closed.
    #[error("the quote {0} is not closed")]
    Quote(char),
    /// A character that only a quoted word may hold, or begin with.
    #[error("`{0}` cannot stand here in a word without quotes")]
    Character(char),
    /// Something else is wanted.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What is wanted.
        expected: &'static str,
        /// What is there.
        found: String,
        /// How the function around it is called.
        usage: Option<&'static str>,
    },
    /// No function has this name.
    #[error("`{name}` is not a function")]
    Function {
        /// The name as written.
        name: String,
        /// The nearest name.
        near: Option<&'static str>,
    },
    /// Parentheses, functions and `let` are nested too deeply.
    #[error("the query is nested too deeply")]
    Depth,
}

/// One way in which a query cannot be answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvaluationProblem {
    /// A word names nothing.
    #[error("{message}")]
    Unresolved {
        /// What it does not name.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// A variable that no `let` around it binds.
    #[error("`${0}` is not bound")]
    Variable(String),
    /// A regular expression that does not parse.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Regex {
        /// The expression as written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `some` of nothing.
    #[error("`some` finds nothing to take: its argument is empty")]
    Empty,
    /// A word of `owner` that names something else than a file.
    #[error("`{0}` is not a source file")]
    NotAFile(String),
    /// A function that this version lacks.
    #[error("`{0}` is not supported by this version")]
    Later(&'static str),
}

impl QueryError {
    /// Makes the error for a word that names nothing. A resolver does not know where the word stands;
    /// [`super::evaluate`] fills in the span.
    pub fn unresolved(message: impl Into<String>, hint: Option<String>) -> QueryError {
        QueryError::Evaluation { problem: EvaluationProblem::Unresolved { message: message.into(), hint }, span: 0..0 }
    }

    /// Returns where in the text of the query it is, in bytes.
    pub fn span(&self) -> &Range<usize> {
        match self {
            QueryError::Syntax { span, .. } | QueryError::Evaluation { span, .. } => span,
        }
    }

    /// Returns the same error at another place.
    pub(super) fn at(self, span: &Range<usize>) -> QueryError {
        let span = span.clone();
        match self {
            QueryError::Syntax { problem, .. } => QueryError::Syntax { problem, span },
            QueryError::Evaluation { problem, .. } => QueryError::Evaluation { problem, span },
        }
    }

    /// Returns what to type instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            QueryError::Syntax { problem, .. } => problem.hint(),
            QueryError::Evaluation { problem, .. } => problem.hint(),
        }
    }
}

impl SyntaxProblem {
    fn hint(&self) -> Option<String> {
        match self {
            SyntaxProblem::Quote(quote) => Some(format!("add {quote} after the word")),
            SyntaxProblem::Character(_) => Some("put the word in quotes: 'a word'".to_owned()),
            SyntaxProblem::Expected { usage, .. } => usage.map(|usage| format!("write {usage}")),
            SyntaxProblem::Function { near, .. } => Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the functions are {}", super::parse::function_names().join(", ")),
            }),
            SyntaxProblem::Depth => Some("name parts of it with let x = ... in ...".to_owned()),
        }
    }
}

impl EvaluationProblem {
    fn hint(&self) -> Option<String> {
        match self {
            EvaluationProblem::Unresolved { hint, .. } => hint.clone(),
            EvaluationProblem::Variable(name) => Some(format!("bind it first: let {name} = //... in ${name}")),
            EvaluationProblem::Regex { .. } => {
                Some("put a backslash before characters that stand for themselves".into())
            }
            EvaluationProblem::NotAFile(_) => Some("owner('path/to/file') wants the path of a file".to_owned()),
            EvaluationProblem::Empty | EvaluationProblem::Later(_) => None,
        }
    }
}
