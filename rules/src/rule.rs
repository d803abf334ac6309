//! The table of rules: what each is called, its attributes, what its targets provide, how they are lowered.
//! A rule is one module with one entry here; nothing else names a rule.

mod alias;
mod command;
mod files;
mod go_targets;
mod limited;
mod location;
mod suite;

use model::{Kind, RelPath, Target};

use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::written::NamedLabel;

pub(crate) use go_targets::{binary as go_binary, test as go_test};

/// A rule, for people.
#[derive(Clone, Copy, Debug)]
pub struct RuleDoc {
    /// Its name, as in `[command.x]`.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its own attributes; those of every target are [`COMMON_ATTRIBUTES`].
    pub attributes: &'static [AttributeDoc],
}

/// An attribute, for people.
#[derive(Clone, Copy, Debug)]
pub struct AttributeDoc {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: AttributeType,
    /// Its default, as it would be written; `None` if it has to be given.
    pub default: Option<&'static str>,
    /// What it means.
    pub doc: &'static str,
}

/// What the value of an attribute is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttributeType {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A whole number from 0.
    Number,
    /// True or false.
    Truth,
    /// A table of strings.
    Environment,
    /// Paths and globs of the package, and labels.
    Sources,
    /// A label.
    Label,
    /// A list of labels.
    Labels,
    /// A list of target patterns.
    Patterns,
    /// Paths below the output directory; a trailing slash means a directory.
    Outputs,
    /// An operating system and an architecture.
    Platform,
}

impl AttributeType {
    /// Returns the type in words.
    pub fn words(self) -> &'static str {
        match self {
            AttributeType::Text => "a string",
            AttributeType::Texts => "a list of strings",
            AttributeType::Number => "a number",
            AttributeType::Truth => "true or false",
            AttributeType::Environment => "a table of strings",
            AttributeType::Sources => "a list of paths, globs and labels",
            AttributeType::Label => "a label",
            AttributeType::Labels => "a list of labels",
            AttributeType::Patterns => "a list of target patterns",
            AttributeType::Outputs => "a list of paths",
            AttributeType::Platform => "a platform, as \"linux/amd64\"",
        }
    }
}

/// A rule.
pub(crate) struct Rule {
    /// What people see of it.
    pub doc: RuleDoc,
    /// What a command line does with its targets.
    pub kind: Kind,
    /// Attributes that the design knows and this version does not.
    pub later: &'static [&'static str],
    /// Says what a target provides, from its declaration alone.
    pub offer: fn(&Declaration) -> Offer<'_>,
    /// How targets are lowered.
    pub lower: Lower,
}

/// How the targets of a rule are lowered.
#[derive(Clone, Copy)]
pub(crate) enum Lower {
    /// Each on its own.
    Alone(fn(&Declaration, &mut Lowering<'_>) -> Target),
    /// The binaries of Go, with all other Go targets.
    GoBinary,
    /// The tests of Go, with all other Go targets.
    GoTest,
}

/// What a target provides, before labels are resolved.
pub(crate) enum Offer<'d> {
    /// Its own outputs, by name.
    Outputs(Vec<RelPath>),
    /// Files, and what other targets provide.
    Group(&'d [RelPath], &'d [NamedLabel]),
    /// Nothing, though it stands for other targets.
    Suite(Vec<NamedLabel>),
}

/// The attributes that every target may have.
pub const COMMON_ATTRIBUTES: &[AttributeDoc] = &[
    AttributeDoc {
        name: "description",
        kind: AttributeType::Text,
        default: Some("\"\""),
        doc: "What the target is for, for people.",
    },
    AttributeDoc {
        name: "tags",
        kind: AttributeType::Texts,
        default: Some("[]"),
        doc: "Words to select targets by, as `tag:web`; wildcards of build and test skip targets tagged `manual`.",
    },
    AttributeDoc {
        name: "visibility",
        kind: AttributeType::Patterns,
        default: Some("that of [package], else everyone"),
        doc: "Packages that may depend on the target: `//a/...`, `//a:all`; an empty list keeps it to its own package.",
    },
];

/// All rules of this version, sorted by name.
static RULES: [Rule; 7] =
    [alias::RULE, command::COMMAND, files::RULE, go_targets::BINARY, go_targets::TEST, suite::RULE, command::TEST];

/// Rules that the design knows and this version does not.
pub(crate) const LATER: [&str; 11] = [
    "debs",
    "dockerfile",
    "frontend",
    "go_modules",
    "image",
    "node_modules",
    "node_service",
    "node_test",
    "python_service",
    "python_test",
    "python_wheels",
];

/// Returns every rule with its attributes, sorted by name.
pub fn catalogue() -> &'static [RuleDoc] {
    static DOCS: std::sync::LazyLock<Vec<RuleDoc>> =
        std::sync::LazyLock::new(|| RULES.iter().map(|rule| rule.doc).collect());
    &DOCS
}

/// Returns the rule of a name.
pub(crate) fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.doc.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_and_every_attribute_is_documented() {
        assert!(catalogue().is_sorted_by(|a, b| a.name < b.name));
        for attribute in catalogue().iter().flat_map(|rule| rule.attributes).chain(COMMON_ATTRIBUTES) {
            assert!(attribute.doc.ends_with('.'), "{}", attribute.name);
        }
    }
}
