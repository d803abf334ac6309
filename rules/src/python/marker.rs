//! Markers of requirements: `python_version < "3.11" and sys_platform == "linux"`. Pure text in, a value out; it does
//! not know what the requirement is.
//!
//! Follows `packaging.markers`; a test holds the two against each other.

use std::collections::BTreeSet;
use std::str::FromStr;

use model::{Platform, PythonEnvironment, wheel};
use pep440_rs::{Version, VersionSpecifier};

/// A condition on the interpreter, the platform and the extras that are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Marker {
    /// All of several.
    All(Vec<Marker>),
    /// One of several.
    Any(Vec<Marker>),
    /// A comparison.
    Compare(Operand, Operator, Operand),
}

/// One side of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    /// A text in quotes.
    Text(String),
    /// A value of the environment.
    Variable(&'static str),
    /// The extras that are asked for.
    Extra,
}

/// How two sides are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operator {
    /// `in`.
    In,
    /// `not in`.
    NotIn,
    /// One that versions have, as it is written.
    Version(&'static str),
}

/// The variables, each with the name that it had once.
const VARIABLES: [(&str, &str); 11] = [
    ("implementation_name", ""),
    ("implementation_version", ""),
    ("os_name", "os.name"),
    ("platform_machine", "platform.machine"),
    ("platform_python_implementation", "platform.python_implementation"),
    ("platform_release", ""),
    ("platform_system", ""),
    ("platform_version", "platform.version"),
    ("python_full_version", ""),
    ("python_version", ""),
    ("sys_platform", "sys.platform"),
];

/// The operators of versions; a longer one comes before its beginning.
const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

/// How deep parentheses nest.
const NESTED: u32 = 64;

impl Marker {
    /// Parses a marker; `None` if it is none.
    pub fn parse(text: &str) -> Option<Marker> {
        let mut parser = Parser { rest: text };
        let marker = parser.any(NESTED)?;
        parser.rest.trim().is_empty().then_some(marker)
    }

    /// Whether the marker is true, with some extras.
    pub fn holds(&self, values: &Values, extras: &BTreeSet<String>) -> bool {
        match self {
            Marker::All(markers) => markers.iter().all(|marker| marker.holds(values, extras)),
            Marker::Any(markers) => markers.iter().any(|marker| marker.holds(values, extras)),
            Marker::Compare(left, operator, right) => compare(left, *operator, right, values, extras),
        }
    }
}

fn compare(left: &Operand, operator: Operator, right: &Operand, values: &Values, extras: &BTreeSet<String>) -> bool {
    let (variable, left, right) = match (left, right) {
        (Operand::Extra, Operand::Text(text)) | (Operand::Text(text), Operand::Extra) => {
            let asked = extras.contains(&wheel::normalized(text));
            return if operator == Operator::Version("!=") { !asked } else { asked };
        }
        (Operand::Variable(name), Operand::Text(text)) => (*name, values.get(name), &**text),
        (Operand::Text(text), Operand::Variable(name)) => (*name, &**text, values.get(name)),
        _ => return false,
    };
    match operator {
        Operator::In => right.contains(left),
        Operator::NotIn => !right.contains(left),
        Operator::Version(operator) => {
            let as_versions = variable.ends_with("_version") && variable != "platform_version";
            let versions = as_versions.then(|| compare_versions(left, operator, right)).flatten();
            versions.unwrap_or_else(|| compare_texts(left, operator, right))
        }
    }
}

fn compare_versions(left: &str, operator: &str, right: &str) -> Option<bool> {
    let specifier = VersionSpecifier::from_str(&format!("{operator}{right}")).ok()?;
    Some(specifier.contains(&Version::from_str(left).ok()?))
}

fn compare_texts(left: &str, operator: &str, right: &str) -> bool {
    match operator {
        "==" | "===" => left == right,
        "!=" => left != right,
        "<=" => left <= right,
        ">=" => left >= right,
        "<" => left < right,
        ">" => left > right,
        _ => false,
    }
}

/// The values of the variables.
pub(crate) struct Values {
    full_version: String,
    version: String,
    machine: String,
    is_darwin: bool,
}

impl Values {
    /// Makes the values for an interpreter of CPython on a platform.
    pub fn new(environment: &PythonEnvironment, platform: &Platform) -> Values {
        let full_version = environment.version.to_string();
        let version: Vec<&str> = full_version.split('.').take(2).collect();
        let is_darwin = &*platform.os == "darwin";
        let machine = if is_darwin { &*platform.arch } else { wheel::machine(&platform.arch) };
        let machine = if machine == "amd64" { "x86_64" } else { machine };
        Values { version: version.join("."), machine: machine.to_owned(), is_darwin, full_version }
    }

    /// Returns a value. What differs from machine to machine, as the kernel's version, is not known.
    fn get(&self, name: &str) -> &str {
        match name {
            "implementation_name" => "cpython",
            "implementation_version" | "python_full_version" => &self.full_version,
            "os_name" => "posix",
            "platform_machine" => &self.machine,
            "platform_python_implementation" => "CPython",
            "platform_system" if self.is_darwin => "Darwin",
            "platform_system" => "Linux",
            "python_version" => &self.version,
            "sys_platform" if self.is_darwin => "darwin",
            "sys_platform" => "linux",
            _ => "",
        }
    }
}

/// A place in a marker.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn any(&mut self, nested: u32) -> Option<Marker> {
        let mut parts = vec![self.all(nested)?];
        while self.eat_word("or") {
            parts.push(self.all(nested)?);
        }
        Some(Marker::Any(parts))
    }

    fn all(&mut self, nested: u32) -> Option<Marker> {
        let mut parts = vec![self.one(nested)?];
        while self.eat_word("and") {
            parts.push(self.one(nested)?);
        }
        Some(Marker::All(parts))
    }

    fn one(&mut self, nested: u32) -> Option<Marker> {
        if self.eat("(") {
            let marker = self.any(nested.checked_sub(1)?)?;
            return self.eat(")").then_some(marker);
        }
        let left = self.operand()?;
        let operator = self.operator()?;
        Some(Marker::Compare(left, operator, self.operand()?))
    }

    fn operand(&mut self) -> Option<Operand> {
        self.rest = self.rest.trim_start();
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let (text, rest) = self.rest[1..].split_once(quote)?;
            self.rest = rest;
            return Some(Operand::Text(text.to_owned()));
        }
        let word = self.word();
        self.rest = &self.rest[word.len()..];
        let known = VARIABLES.iter().find(|(name, old)| *name == word || (!old.is_empty() && *old == word));
        match (known, word) {
            (Some((name, _)), _) => Some(Operand::Variable(name)),
            (None, "extra") => Some(Operand::Extra),
            (None, "python_implementation") => Some(Operand::Variable("platform_python_implementation")),
            _ => None,
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        if self.eat_word("in") {
            return Some(Operator::In);
        }
        if self.eat_word("not") {
            return self.eat_word("in").then_some(Operator::NotIn);
        }
        OPERATORS.iter().find(|operator| self.eat(operator)).map(|operator| Operator::Version(operator))
    }

    fn word(&self) -> &'a str {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        self.word() == word && self.eat(word)
    }

    fn eat(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-z_ ()'\"<=>!~.0-9é]{0,60}", nested in 0usize..200) {
            Marker::parse(&text);
            Marker::parse(&format!("python_version >= {text}"));
            proptest::prop_assert!(Marker::parse(&"(".repeat(nested * 1000)).is_none());
        }
    }
}
