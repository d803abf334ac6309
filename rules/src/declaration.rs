//! A declared target: its attributes with their places, typed. It does not know what the rule does with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Location, Pattern, Platform, RelPath};

use crate::lowering::Common;
use crate::rule::Rule;
use crate::sources::Sources;
use crate::written::{NamedLabel, Written};

/// A declared target.
pub(crate) struct Declaration {
    /// What every target has.
    pub common: Common,
    /// Its rule.
    pub rule: &'static Rule,
    /// The place of its name.
    pub at: Location,
    /// Its attributes that were given and are well formed.
    pub values: BTreeMap<&'static str, Value>,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string.
    Text(Written),
    /// A list of strings.
    Texts(Vec<Written>),
    /// A whole number.
    Number(u32, Location),
    /// True or false.
    Truth(bool),
    /// A table of strings.
    Environment(Vec<(Written, Written)>),
    /// Files and labels.
    Sources(Sources),
    /// Labels.
    Labels(Vec<NamedLabel>),
    /// Target patterns, in their order.
    Patterns(Vec<NamedPattern>),
    /// Outputs.
    Outputs(Vec<DeclaredOutput>),
    /// A platform.
    Platform(Platform),
}

/// A pattern of a definition.
#[derive(Clone, Debug)]
pub(crate) struct NamedPattern {
    /// The pattern.
    pub pattern: Pattern,
    /// Whether it adds or subtracts.
    pub sign: Sign,
    /// Where it is written.
    pub at: Location,
}

/// Whether a pattern adds targets or takes them away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    /// It adds.
    Plus,
    /// It takes away.
    Minus,
}

/// A declared output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DeclaredOutput {
    /// Its path below the output directory.
    pub path: RelPath,
    /// Whether a directory was declared.
    pub shape: OutputShape,
}

/// Whether an output is a file or a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OutputShape {
    /// A file.
    File,
    /// A directory.
    Directory,
}

impl Declaration {
    /// Returns a string.
    pub fn text(&self, name: &str) -> Option<&Written> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a list of strings; empty if it is not given.
    pub fn texts(&self, name: &str) -> &[Written] {
        match self.values.get(name) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Returns a number with its place.
    pub fn number(&self, name: &str) -> Option<(u32, &Location)> {
        match self.values.get(name)? {
            Value::Number(number, at) => Some((*number, at)),
            _ => None,
        }
    }

    /// Whether an attribute is given as true.
    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Truth(true)))
    }

    /// Returns the environment that it declares, as a table of names and values.
    pub fn environment(&self) -> &[(Written, Written)] {
        self.table("env")
    }

    /// Returns a table of strings; empty if it is not given.
    pub fn table(&self, name: &str) -> &[(Written, Written)] {
        match self.values.get(name) {
            Some(Value::Environment(pairs)) => pairs,
            _ => &[],
        }
    }

    /// Returns files and labels; none if the attribute is not given.
    pub fn sources(&self, name: &str) -> &Sources {
        static NONE: Sources = Sources { files: Vec::new(), labels: Vec::new() };
        match self.values.get(name) {
            Some(Value::Sources(sources)) => sources,
            _ => &NONE,
        }
    }

    /// Returns labels; none if the attribute is not given.
    pub fn labels(&self, name: &str) -> &[NamedLabel] {
        match self.values.get(name) {
            Some(Value::Labels(labels)) => labels,
            _ => &[],
        }
    }

    /// Returns target patterns; none if the attribute is not given.
    pub fn patterns(&self, name: &str) -> &[NamedPattern] {
        match self.values.get(name) {
            Some(Value::Patterns(patterns)) => patterns,
            _ => &[],
        }
    }

    /// Returns the declared outputs.
    pub fn outputs(&self) -> &[DeclaredOutput] {
        match self.values.get("outputs") {
            Some(Value::Outputs(outputs)) => outputs,
            _ => &[],
        }
    }

    /// Returns every label that it names, wherever.
    pub fn all_labels(&self) -> Vec<NamedLabel> {
        let mut labels = Vec::new();
        for value in self.values.values() {
            match value {
                Value::Labels(named) => labels.extend(named.iter().cloned()),
                Value::Sources(sources) => labels.extend(sources.labels.iter().cloned()),
                Value::Patterns(patterns) => labels.extend(patterns.iter().filter_map(NamedPattern::label)),
                Value::Text(_)
                | Value::Texts(_)
                | Value::Number(..)
                | Value::Truth(_)
                | Value::Environment(_)
                | Value::Outputs(_)
                | Value::Platform(_) => {}
            }
        }
        labels
    }

    /// Returns the declared environment.
    pub fn declared_environment(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        self.environment().iter().map(|(name, value)| (name.text.clone(), value.text.clone())).collect()
    }
}

impl NamedPattern {
    /// Returns the label, if the pattern is one target.
    pub fn label(&self) -> Option<NamedLabel> {
        match &self.pattern {
            Pattern::Target(label) => Some(NamedLabel { label: label.clone(), at: self.at.clone() }),
            Pattern::Package(_) | Pattern::Beneath(_) => None,
        }
    }
}
