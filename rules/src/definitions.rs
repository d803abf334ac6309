//! One BUILD.toml: its tables become declarations, and every mistake in it is collected.
//! It does not know what other packages declare.

mod duplicates;

use std::collections::BTreeMap;
use std::string::FromUtf8Error;
use std::sync::Arc;

use model::{
    Declared, FileKind, Label, LabelError, Location, Mistake, PackageName, Pattern, Platform, RelPath, TargetId,
    TreeError,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::attributes::AttributeReader;
use crate::declaration::{Declaration, NamedPattern, Sign, Value};
use crate::document::{self, line_of, place, type_name};
use crate::lowering::Common;
use crate::near::nearest;
use crate::reads::BUILD_FILE;
use crate::rule::{self, AttributeDoc, COMMON_ATTRIBUTES, Rule};
use crate::settings::TABLES;
use crate::sources::Place;
use model::codes;

/// What lies in rg-out beside the outputs of packages.
const OWN_FILES: [&str; 2] = [".gitignore", ".lock"];

/// What a BUILD.toml declares.
#[derive(Default)]
pub(crate) struct Definitions {
    /// Its targets, in their order in the file.
    pub declarations: Vec<Declaration>,
    /// Targets that exist though a mistake keeps them from being declared: naming them is not another mistake.
    pub refused: Refused,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
}

/// Which names of a package are not to be trusted to be absent.
#[derive(Default)]
pub(crate) enum Refused {
    /// All: the file could not be parsed.
    All,
    /// These.
    Names(Vec<Label>),
    /// None.
    #[default]
    None,
}

/// Reads the BUILD.toml of a package.
pub(crate) fn read(place: Place<'_>, platform: &Platform) -> Definitions {
    let file = place.package.child(BUILD_FILE).expect("a file name is a normal path");
    let text = match text_of(place, &file) {
        Ok(text) => text,
        Err(mistake) => {
            return Definitions { refused: Refused::All, mistakes: vec![*mistake], ..Definitions::default() };
        }
    };
    let (table, mistakes) = document::parse(&text, &file);
    if !mistakes.is_empty() {
        let mistakes = duplicates::named(mistakes, &text, place.package);
        return Definitions { refused: Refused::All, mistakes, ..Definitions::default() };
    }
    let attributes = AttributeReader { file: &file, place, mistakes: Vec::new() };
    let mut reader = Reader { text: &text, platform, attributes, visibility: Vec::new(), seen: BTreeMap::new() };
    reader.package(table.get_ref())
}

fn text_of(place: Place<'_>, file: &RelPath) -> Result<String, Box<Mistake>> {
    let unreadable = |reason: &str, hint: Option<&str>| {
        let mistake = Mistake::new(codes::UNREADABLE, format!("`{file}` {reason}"));
        let mistake = mistake.at(Location::new(file.clone(), 0..0), "");
        Box::new(Mistake { hint: hint.map(str::to_owned), ..mistake })
    };
    match place.recorder.read(file) {
        Ok((FileKind::Symlink, _)) => {
            Err(unreadable("is a symbolic link", Some("links are never followed: copy the file")))
        }
        Ok((FileKind::File | FileKind::Executable, bytes)) => {
            String::from_utf8(bytes).map_err(|error| Box::new(not_text(file, &error)))
        }
        Err(TreeError::Io { source, .. }) => Err(unreadable(&format!("cannot be read: {source}"), None)),
        Err(TreeError::Absent(_) | TreeError::Ignored { .. }) => {
            Err(unreadable("vanished while it was read", Some("run the command again")))
        }
    }
}

/// Says that a file is no text, and where it ends to be.
pub fn not_text(file: &RelPath, error: &FromUtf8Error) -> Mistake {
    let good = error.utf8_error().valid_up_to();
    let line = 1 + error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count();
    let message = format!("`{file}` is not UTF-8 text: byte {good}, in line {line}, is part of no character");
    let mistake = Mistake::new(codes::UNREADABLE, message).at(Location::new(file.clone(), 0..0), "");
    mistake.hint("save it as UTF-8")
}

struct Reader<'a> {
    text: &'a str,
    platform: &'a Platform,
    attributes: AttributeReader<'a>,
    visibility: Vec<Arc<str>>,
    seen: BTreeMap<Label, Location>,
}

/// A table that may be a target.
struct Candidate<'t> {
    rule: &'t Spanned<std::borrow::Cow<'t, str>>,
    name: &'t Spanned<std::borrow::Cow<'t, str>>,
    value: &'t Spanned<DeValue<'t>>,
}

impl Reader<'_> {
    fn package(&mut self, table: &DeTable<'_>) -> Definitions {
        let mut candidates = Vec::new();
        for (key, value) in table {
            match (&**key.get_ref(), value.get_ref()) {
                ("package", DeValue::Table(package)) => self.package_table(package),
                ("package", _) => self.not_a_table(key, "[package]", value),
                (name, DeValue::Table(_)) if TABLES.contains(&name) => {
                    let message = format!("`[{name}]` belongs in workspace.toml");
                    let hint = "move the table to the workspace.toml at the root of the workspace";
                    self.report(Mistake::new(codes::UNKNOWN_RULE, message).hint(hint), self.place(key));
                }
                (_, DeValue::Table(targets)) => {
                    candidates.extend(targets.iter().map(|(name, value)| Candidate { rule: key, name, value }));
                    self.nothing_named(key, targets);
                }
                (rule, _) if rule::find(rule).is_some() => self.not_a_table(key, &format!("[{rule}.NAME]"), value),
                _ => self.no_target(key),
            }
        }
        candidates.sort_by_key(|candidate| candidate.name.span().start);
        let mut declarations = Vec::new();
        let mut refused = Vec::new();
        for candidate in candidates {
            match self.candidate(&candidate) {
                Ok(declaration) => declarations.push(declaration),
                Err(name) => refused.extend(name),
            }
        }
        let mistakes = std::mem::take(&mut self.attributes.mistakes);
        Definitions { declarations, refused: Refused::Names(refused), mistakes }
    }

    fn package_table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            if key.get_ref() == "visibility" {
                self.visibility = self.visibility_of(value).unwrap_or_default();
            } else {
                let mistake =
                    Mistake::new(codes::UNKNOWN_ATTRIBUTE, format!("[package] has no key `{}`", key.get_ref()));
                self.report(mistake.hint("it has `visibility`"), self.place(key));
            }
        }
    }

    /// Reads a target; the error is the name that it would have, if that is known.
    fn candidate(&mut self, candidate: &Candidate<'_>) -> Result<Declaration, Option<Label>> {
        let at = self.header(candidate);
        let Some(table) = candidate.value.get_ref().as_table() else {
            self.without_name(candidate, at);
            return Err(None);
        };
        let label = self.name(candidate, &at).ok_or(None)?;
        let Some(rule) = rule::find(candidate.rule.get_ref()) else {
            self.no_such_rule(candidate.rule.get_ref(), at);
            return Err(Some(label));
        };
        if label.package.is_root() && OWN_FILES.contains(&label.target()) {
            let message = format!("rg keeps a file of its own at rg-out/{}", label.target());
            self.report(Mistake::new(codes::BAD_TARGET_NAME, message).hint("choose another name"), at);
            return Err(None);
        }
        if let Some(first) = self.seen.get(&label).cloned() {
            let mistake = Mistake::new(codes::DUPLICATE_TARGET, format!("{label} is declared twice"));
            self.report(mistake.also(first, "first declared here"), at);
            return Err(None);
        }
        self.seen.insert(label.clone(), at.clone());
        self.target(rule, label.clone(), table, at).ok_or(Some(label))
    }

    fn target(&mut self, rule: &'static Rule, label: Label, table: &DeTable<'_>, at: Location) -> Option<Declaration> {
        let id = TargetId { label, platform: self.platform.clone() };
        let declared = Declared { line: line_of(self.text, at.start), at: at.clone() };
        let visibility = self.visibility.clone();
        let attributes = BTreeMap::new();
        let common = Common { id, rule: rule.doc.name, declared, visibility, tags: Vec::new(), attributes };
        let mut declaration = Declaration { common, rule, at, values: BTreeMap::new() };
        let mut usable = Usable::Yes;
        for (key, value) in table {
            if self.attribute(&mut declaration, key, value) == Usable::No {
                usable = Usable::No;
            }
        }
        for attribute in rule.doc.attributes.iter().filter(|attribute| attribute.default.is_none()) {
            if usable == Usable::Yes && !table.iter().any(|(key, _)| key.get_ref() == attribute.name) {
                let message = format!("{} has no `{}`", declaration.common.id.label, attribute.name);
                let hint = format!("add `{} = …`: {}", attribute.name, attribute.kind.words());
                self.report(Mistake::new(codes::MISSING_ATTRIBUTE, message).hint(hint), declaration.at.clone());
                usable = Usable::No;
            }
        }
        (usable == Usable::Yes).then_some(declaration)
    }

    fn attribute(
        &mut self,
        target: &mut Declaration,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Usable {
        let name = key.get_ref().as_ref();
        target.common.attributes.insert(Arc::from(name), document::json(value.get_ref()));
        if let Some(attribute) = target.rule.attributes().find(|attribute| attribute.name == name) {
            return self.own_attribute(target, attribute, value);
        }
        match name {
            "visibility" => self.visibility_of(value).map(|visibility| target.common.visibility = visibility),
            "tags" => self.tags(value).map(|tags| target.common.tags = tags),
            "description" => self.attributes.read(name, COMMON_ATTRIBUTES[0].kind, value).map(drop),
            _ => {
                self.no_such_attribute(target.rule, name, self.place(key));
                None
            }
        }
        .map_or(Usable::No, |()| Usable::Yes)
    }

    fn own_attribute(
        &mut self,
        target: &mut Declaration,
        attribute: &AttributeDoc,
        value: &Spanned<DeValue<'_>>,
    ) -> Usable {
        match self.attributes.read(attribute.name, attribute.kind, value) {
            None => return Usable::No,
            Some(Value::Platform(platform)) => target.common.id.platform = platform,
            Some(value) => {
                target.values.insert(attribute.name, value);
            }
        }
        Usable::Yes
    }

    fn tags(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<Arc<str>>> {
        let texts = self.attributes.texts("tags", COMMON_ATTRIBUTES[1].kind, value)?;
        let mut tags: Vec<Arc<str>> = texts.into_iter().map(|written| written.text).collect();
        tags.sort();
        tags.dedup();
        Some(tags)
    }

    fn visibility_of(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<Arc<str>>> {
        let patterns = self.attributes.patterns("visibility", value)?;
        let mut visibility: Vec<Arc<str>> = patterns.iter().filter_map(|named| self.packages_of(named)).collect();
        if patterns.is_empty() {
            // Written out, an empty list means nobody else; in a target's field it means everyone.
            visibility.push(Arc::from(Pattern::Package(self.attributes.place.package.clone()).to_string()));
        }
        Some(visibility)
    }

    fn packages_of(&mut self, named: &NamedPattern) -> Option<Arc<str>> {
        let problem = match (&named.pattern, named.sign) {
            (Pattern::Package(_) | Pattern::Beneath(_), Sign::Plus) => {
                return Some(Arc::from(named.pattern.to_string()));
            }
            (Pattern::Target(label), _) => {
                Mistake::new(codes::BAD_VISIBILITY, format!("visibility names packages, and `{label}` is a target"))
                    .hint(format!("write \"{}:all\"", PackageName(&label.package)))
            }
            (_, Sign::Minus) => Mistake::new(codes::BAD_VISIBILITY, "visibility cannot subtract")
                .hint("name the packages that may depend on it"),
        };
        self.report(problem, named.at.clone());
        None
    }

    fn name(&mut self, candidate: &Candidate<'_>, at: &Location) -> Option<Label> {
        match Label::new(self.attributes.place.package.clone(), candidate.name.get_ref()) {
            Ok(label) => Some(label),
            // The package is reported where packages are found.
            Err(LabelError::Package(_)) => None,
            Err(error) => {
                self.report(Mistake::new(codes::BAD_TARGET_NAME, error.to_string()), at.clone());
                None
            }
        }
    }

    fn header(&self, candidate: &Candidate<'_>) -> Location {
        let span = candidate.value.span();
        let is_header = candidate.value.get_ref().is_table() && self.text.as_bytes().get(span.start) == Some(&b'[');
        if is_header { self.place(candidate.value) } else { self.place(candidate.name) }
    }

    fn without_name(&mut self, candidate: &Candidate<'_>, at: Location) {
        let (rule, name, value) = (candidate.rule.get_ref(), candidate.name.get_ref(), candidate.value.get_ref());
        let message = format!("`{rule}.{name}` is {}, not a target", type_name(value));
        self.report(
            Mistake::new(codes::WRONG_TYPE, message).hint(format!("targets have names: write `[{rule}.NAME]`")),
            at,
        );
    }

    /// A table of a rule that does not exist is reported with its targets; with no target, here.
    fn nothing_named(&mut self, rule: &Spanned<impl AsRef<str>>, targets: &DeTable<'_>) {
        if targets.is_empty() && rule::find(rule.get_ref().as_ref()).is_none() {
            self.no_such_rule(rule.get_ref().as_ref(), self.place(rule));
        }
    }

    /// A key outside of all tables that names no rule either.
    fn no_target(&mut self, key: &Spanned<impl AsRef<str>>) {
        let rules: Vec<&str> = rule::catalogue().iter().map(|rule| rule.name).collect();
        let message = format!("`{}` belongs to no target", key.get_ref().as_ref());
        let hint = format!("a target is a table `[RULE.NAME]`; rules are {}", rules.join(", "));
        self.report(Mistake::new(codes::WRONG_TYPE, message).hint(hint), self.place(key));
    }

    fn no_such_rule(&mut self, name: &str, at: Location) {
        if rule::LATER.contains(&name) {
            let message = format!("rule `{name}` is not supported by this version");
            return self.report(Mistake::new(codes::NOT_SUPPORTED, message), at);
        }
        let names = rule::catalogue().iter().map(|rule| rule.name);
        let mistake = Mistake::new(codes::UNKNOWN_RULE, format!("there is no rule `{name}`"));
        let mistake = match nearest(name, names.chain(rule::LATER)) {
            Some(near) => mistake.hint(format!("write `{near}`")),
            None => mistake.hint("`rg rules` lists the rules"),
        };
        self.report(mistake, at);
    }

    fn no_such_attribute(&mut self, rule: &Rule, name: &str, at: Location) {
        if rule.later.contains(&name) {
            let message = format!("`{name}` of rule `{}` is not supported by this version", rule.doc.name);
            return self.report(Mistake::new(codes::NOT_SUPPORTED, message), at);
        }
        let known = rule.attributes().chain(COMMON_ATTRIBUTES).map(|attribute| attribute.name);
        let mistake =
            Mistake::new(codes::UNKNOWN_ATTRIBUTE, format!("rule `{}` has no attribute `{name}`", rule.doc.name));
        let mistake = match nearest(name, known) {
            Some(near) => mistake.hint(format!("write `{near}`")),
            None => mistake.hint(format!("`rg rules {}` lists its attributes", rule.doc.name)),
        };
        self.report(mistake, at);
    }

    fn not_a_table(&mut self, key: &Spanned<impl AsRef<str>>, wanted: &str, value: &Spanned<DeValue<'_>>) {
        let message = format!("`{}` is {}, not a table", key.get_ref().as_ref(), type_name(value.get_ref()));
        let mistake = Mistake::new(codes::WRONG_TYPE, message).hint(format!("write `{wanted}`"));
        self.report(mistake, self.place(key));
    }

    fn place<T>(&self, part: &Spanned<T>) -> Location {
        place(self.attributes.file, part)
    }

    fn report(&mut self, mistake: Mistake, at: Location) {
        self.attributes.mistakes.push(mistake.at(at, ""));
    }
}

/// Whether a target can be lowered in spite of what is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usable {
    Yes,
    No,
}
