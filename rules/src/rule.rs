//! The table of rules: what each is called, its attributes, what its targets provide, how they are lowered.
//! A rule is one module with one entry here; nothing else names a rule.

mod alias;
mod command;
mod files;
mod go_targets;
pub(crate) mod limited;
mod location;
mod node_targets;
mod python_targets;
pub(crate) mod resources;
mod suite;

use model::{Kind, RelPath, Target};

use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::written::NamedLabel;

pub use resources::ACTION_ATTRIBUTES;

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
    /// With all other targets of its language: they share packages and compiled things.
    Together(Language),
}

/// A language whose targets are lowered together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Go.
    Go,
    /// JavaScript and TypeScript, for Node and browsers.
    Node,
    /// Python.
    Python,
}

impl Language {
    /// All languages.
    pub const ALL: [Language; 3] = [Language::Go, Language::Node, Language::Python];

    /// Lowers all targets of the language, with the implicit targets that they share.
    pub fn lower(self, declarations: &[&Declaration], lowering: &mut Lowering<'_>) -> Vec<Target> {
        match self {
            Language::Go => go_targets::lower(declarations, lowering),
            Language::Node => node_targets::lower(declarations, lowering),
            Language::Python => python_targets::lower(declarations, lowering),
        }
    }
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

impl Rule {
    /// Returns all attributes of its own targets.
    pub fn attributes(&self) -> impl Iterator<Item = &'static AttributeDoc> {
        let of_actions = match self.kind {
            Kind::Build | Kind::Test => ACTION_ATTRIBUTES,
            Kind::Group | Kind::Suite | Kind::Implicit => &[],
        };
        self.doc.attributes.iter().chain(of_actions)
    }
}

/// Returns the attributes that targets of a rule may set for their actions; none if it has no actions.
pub fn action_attributes(rule: &RuleDoc) -> &'static [AttributeDoc] {
    let has = find(rule.name).is_some_and(|rule| matches!(rule.kind, Kind::Build | Kind::Test));
    if has { ACTION_ATTRIBUTES } else { &[] }
}

/// All rules of this version, sorted by name.
static RULES: [Rule; 12] = [
    alias::RULE,
    command::COMMAND,
    files::RULE,
    node_targets::FRONTEND,
    go_targets::BINARY,
    go_targets::TEST,
    node_targets::SERVICE,
    node_targets::TEST,
    python_targets::SERVICE,
    python_targets::TEST,
    suite::RULE,
    command::TEST,
];

/// Rules that the design knows and this version does not.
pub(crate) const LATER: [&str; 6] = ["debs", "dockerfile", "go_modules", "image", "node_modules", "python_wheels"];

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
        for attribute in
            catalogue().iter().flat_map(|rule| rule.attributes).chain(COMMON_ATTRIBUTES).chain(ACTION_ATTRIBUTES)
        {
            assert!(attribute.doc.ends_with('.'), "{}", attribute.name);
        }
    }
}
