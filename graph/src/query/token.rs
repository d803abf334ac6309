//! Cuts a query into words and signs, as Bazel's lexer does: an unquoted word may hold a `-` but not begin with one,
//! and holds no `+` and no `=`, so those need quotes and `-` needs a space around it.

use std::ops::Range;

use super::error::{QueryError, SyntaxProblem};

/// A piece of a query and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Range<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    Word(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
    Equals,
    Let,
    In,
    Set,
    End,
}

/// What joins two sets; all bind equally, to the left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Union,
    Except,
    Intersect,
}

impl TokenKind {
    /// Returns what an error message calls it.
    pub fn shown(&self) -> String {
        let sign = match self {
            TokenKind::Word(word) => word,
            TokenKind::Operator(Operator::Union) => "+",
            TokenKind::Operator(Operator::Except) => "-",
            TokenKind::Operator(Operator::Intersect) => "^",
            TokenKind::Open => "(",
            TokenKind::Close => ")",
            TokenKind::Comma => ",",
            TokenKind::Equals => "=",
            TokenKind::Let => "let",
            TokenKind::In => "in",
            TokenKind::Set => "set",
            TokenKind::End => return "the end of the query".to_owned(),
        };
        format!("`{sign}`")
    }
}

/// Cuts a query into tokens; the last is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        at += first.len_utf8();
        let kind = match first {
            space if space.is_whitespace() => continue,
            '(' => TokenKind::Open,
            ')' => TokenKind::Close,
            ',' => TokenKind::Comma,
            '=' => TokenKind::Equals,
            '+' => TokenKind::Operator(Operator::Union),
            '-' => TokenKind::Operator(Operator::Except),
            '^' => TokenKind::Operator(Operator::Intersect),
            '\'' | '"' => {
                let length =
                    text[at..].find(first).ok_or_else(|| wrong(SyntaxProblem::Quote(first), start..text.len()))?;
                at += length + 1;
                TokenKind::Word(text[start + 1..at - 1].to_owned())
            }
            letter if in_word(letter) && letter != '*' => {
                at = start + text[start..].find(|c| !in_word(c)).unwrap_or(text.len() - start);
                keyword(&text[start..at])
            }
            other => return Err(wrong(SyntaxProblem::Character(other), start..at)),
        };
        tokens.push(Token { kind, span: start..at });
    }
    tokens.push(Token { kind: TokenKind::End, span: at..at });
    Ok(tokens)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || "*/@.-_:$~[]".contains(c)
}

fn keyword(word: &str) -> TokenKind {
    match word {
        "union" => TokenKind::Operator(Operator::Union),
        "except" => TokenKind::Operator(Operator::Except),
        "intersect" => TokenKind::Operator(Operator::Intersect),
        "let" => TokenKind::Let,
        "in" => TokenKind::In,
        "set" => TokenKind::Set,
        word => TokenKind::Word(word.to_owned()),
    }
}

fn wrong(problem: SyntaxProblem, span: Range<usize>) -> QueryError {
    QueryError::Syntax { problem, span }
}
