//! Parses queries by recursive descent.

use std::ops::Range;

use super::error::{QueryError, SyntaxProblem};
use super::expression::{Call, Expr, Expression, Outputs, PatternId, Word};
use super::token::{Token, TokenKind, tokens};

/// Deeper queries are refused, so that neither parsing nor evaluation can exhaust the stack.
const DEEPEST: usize = 200;

/// The functions with their arguments.
const FUNCTIONS: [(&str, &str); 19] = [
    ("affected", "affected('base'[, 'head'])"),
    ("allpaths", "allpaths(from, to)"),
    ("allrdeps", "allrdeps(x[, depth])"),
    ("attr", "attr(name, 'regex', x)"),
    ("buildfiles", "buildfiles(x)"),
    ("cached", "cached(x)"),
    ("deps", "deps(x[, depth])"),
    ("filter", "filter('regex', x)"),
    ("inputs", "inputs(x)"),
    ("kind", "kind('regex', x)"),
    ("labels", "labels(attribute, x)"),
    ("outputs", "outputs(x)"),
    ("owner", "owner('path')"),
    ("rdeps", "rdeps(universe, x[, depth])"),
    ("siblings", "siblings(x)"),
    ("some", "some(x[, count])"),
    ("somepath", "somepath(from, to)"),
    ("tests", "tests(x)"),
    ("visible", "visible(to, x)"),
];

/// Returns the names of all functions, sorted.
pub(super) fn function_names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name).collect()
}

/// Parses a query.
pub fn parse(text: &str) -> Result<Expr, QueryError> {
    let mut parser =
        Parser { tokens: tokens(text)?, at: 0, depth: 0, usage: None, patterns: Vec::new(), outputs: Outputs::Unasked };
    let root = parser.expression()?;
    match &parser.peek().kind {
        TokenKind::End => Ok(Expr { root, patterns: parser.patterns, outputs: parser.outputs }),
        _ => Err(parser.expected("an operator or the end of the query")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    /// The index of the next token; never beyond the last, which is the end.
    at: usize,
    depth: usize,
    /// How the function around the next token is called.
    usage: Option<&'static str>,
    patterns: Vec<Word>,
    outputs: Outputs,
}

impl Parser {
    fn expression(&mut self) -> Result<Expression, QueryError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(QueryError::Syntax { problem: SyntaxProblem::Depth, span: self.peek().span.clone() });
        }
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let TokenKind::Operator(operator) = self.peek().kind {
            self.next();
            rest.push((operator, self.operand()?));
        }
        self.depth -= 1;
        Ok(if rest.is_empty() { first } else { Expression::Operation { first: Box::new(first), rest } })
    }

    fn operand(&mut self) -> Result<Expression, QueryError> {
        match self.peek().kind {
            TokenKind::Word(_) => {}
            TokenKind::Open => return self.parenthesis(),
            TokenKind::Let => return self.binding(),
            TokenKind::Set => return self.set(),
            TokenKind::Operator(_) | TokenKind::Close | TokenKind::Comma => return Err(self.expected("an expression")),
            TokenKind::Equals | TokenKind::In | TokenKind::End => return Err(self.expected("an expression")),
        }
        let word = self.word("a word")?;
        if self.peek().kind == TokenKind::Open {
            return self.function(&word);
        }
        Ok(match word.text.strip_prefix('$') {
            Some(name) => Expression::Variable(Word { text: name.to_owned(), span: word.span }),
            None => Expression::Pattern(self.pattern(word)),
        })
    }

    fn parenthesis(&mut self) -> Result<Expression, QueryError> {
        self.next();
        let outer = self.usage.take();
        let inner = self.expression()?;
        self.close()?;
        self.usage = outer;
        Ok(inner)
    }

    /// `let name = value in body`.
    fn binding(&mut self) -> Result<Expression, QueryError> {
        const USAGE: &str = "let x = expression in expression";
        let outer = self.usage.replace(USAGE);
        self.next();
        let name = self.word("the name of a variable")?.text;
        self.take(&TokenKind::Equals, "`=`")?;
        let value = Box::new(self.expression()?);
        self.usage = Some(USAGE);
        self.take(&TokenKind::In, "`in`")?;
        self.usage = outer;
        let body = Box::new(self.expression()?);
        Ok(Expression::Let { name, value, body })
    }

    /// `set(a b c)`.
    fn set(&mut self) -> Result<Expression, QueryError> {
        let outer = self.usage.replace("set(//a //b //c)");
        self.next();
        self.take(&TokenKind::Open, "`(`")?;
        let mut members = Vec::new();
        while self.peek().kind != TokenKind::Close {
            let word = self.word("a word or `)`")?;
            members.push(self.pattern(word));
        }
        self.next();
        self.usage = outer;
        Ok(Expression::Set(members))
    }

    fn function(&mut self, name: &Word) -> Result<Expression, QueryError> {
        let Some((_, usage)) = FUNCTIONS.iter().find(|(known, _)| *known == name.text) else {
            let problem = SyntaxProblem::Function { name: name.text.clone(), near: nearest(&name.text) };
            return Err(QueryError::Syntax { problem, span: name.span.clone() });
        };
        self.next();
        let outer = self.usage.replace(usage);
        let mut call = self.call(name)?;
        self.close()?;
        if let Call::Some { span, .. } | Call::Later(_, span) = &mut call {
            span.end = self.tokens[self.at - 1].span.end;
        }
        self.usage = outer;
        Ok(Expression::Call(Box::new(call)))
    }

    fn call(&mut self, name: &Word) -> Result<Call, QueryError> {
        let span = name.span.clone();
        Ok(match &*name.text {
            "affected" => self.later("affected", span)?,
            "cached" => self.later("cached", span)?,
            "deps" => Call::Deps(self.argument()?, self.number()?),
            "rdeps" => Call::Rdeps { universe: self.argument()?, of: self.second()?, depth: self.number()? },
            "allrdeps" => Call::Allrdeps(self.argument()?, self.number()?),
            "somepath" => Call::Somepath(self.argument()?, self.second()?),
            "allpaths" => Call::Allpaths(self.argument()?, self.second()?),
            "kind" => Call::Kind(self.word("a regular expression")?, self.second()?),
            "filter" => Call::Filter(self.word("a regular expression")?, self.second()?),
            "attr" => self.attr()?,
            "labels" => Call::Labels(self.word("the name of an attribute")?, self.second()?),
            "tests" => Call::Tests(self.argument()?),
            "siblings" => Call::Siblings(self.argument()?),
            "some" => Call::Some { of: self.argument()?, count: self.number()?.unwrap_or(1), span },
            "buildfiles" => Call::Buildfiles(self.argument()?),
            "visible" => Call::Visible { to: self.argument()?, of: self.second()? },
            "owner" => Call::Owner(self.path()?),
            "inputs" => Call::Inputs(self.output_argument()?),
            "outputs" => Call::Outputs(self.output_argument()?),
            _ => return Err(self.expected("a function")),
        })
    }

    fn attr(&mut self) -> Result<Call, QueryError> {
        let name = self.word("the name of an attribute")?;
        self.take(&TokenKind::Comma, "`,`")?;
        Ok(Call::Attr { name, pattern: self.word("a regular expression")?, of: self.second()? })
    }

    /// Skips the arguments of a function that only later versions know; nobody has to resolve their words.
    fn later(&mut self, name: &'static str, span: Range<usize>) -> Result<Call, QueryError> {
        let patterns = self.patterns.len();
        self.argument()?;
        while self.peek().kind == TokenKind::Comma {
            self.next();
            self.argument()?;
        }
        self.patterns.truncate(patterns);
        Ok(Call::Later(name, span))
    }

    fn path(&mut self) -> Result<PatternId, QueryError> {
        let word = self.word("the path of a file")?;
        Ok(self.pattern(word))
    }

    fn output_argument(&mut self) -> Result<Expression, QueryError> {
        self.outputs = Outputs::Asked;
        self.argument()
    }

    fn argument(&mut self) -> Result<Expression, QueryError> {
        let usage = self.usage;
        let argument = self.expression()?;
        self.usage = usage;
        Ok(argument)
    }

    fn second(&mut self) -> Result<Expression, QueryError> {
        self.take(&TokenKind::Comma, "`,`")?;
        self.argument()
    }

    /// Parses `, number` if there is one.
    fn number(&mut self) -> Result<Option<u32>, QueryError> {
        if self.peek().kind != TokenKind::Comma {
            return Ok(None);
        }
        self.next();
        let number = match &self.peek().kind {
            TokenKind::Word(word) => word.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.expected("a number"))?;
        self.next();
        Ok(Some(number))
    }

    fn word(&mut self, expected: &'static str) -> Result<Word, QueryError> {
        let Token { kind: TokenKind::Word(text), span } = self.peek().clone() else {
            return Err(self.expected(expected));
        };
        self.next();
        Ok(Word { text, span })
    }

    fn pattern(&mut self, word: Word) -> PatternId {
        self.patterns.push(word);
        PatternId(self.patterns.len() - 1)
    }

    fn close(&mut self) -> Result<(), QueryError> {
        self.take(&TokenKind::Close, "`)`")
    }

    fn take(&mut self, kind: &TokenKind, expected: &'static str) -> Result<(), QueryError> {
        if self.peek().kind != *kind {
            return Err(self.expected(expected));
        }
        self.next();
        Ok(())
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn next(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn expected(&self, expected: &'static str) -> QueryError {
        let Token { kind, span } = self.peek();
        let problem = SyntaxProblem::Expected { expected, found: kind.shown(), usage: self.usage };
        QueryError::Syntax { problem, span: span.clone() }
    }
}

/// Returns the function whose name is nearest, if it is near at all.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    function_names().into_iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= 2)
}
