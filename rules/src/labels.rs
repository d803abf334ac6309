//! All declared targets by label: finds what labels name, and what each target provides through groups and aliases.
//! It lowers nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::{Kind, Label, Location, Mistake, Origin, PackageName, Provided, RelPath, TargetId};

use crate::declaration::Declaration;
use crate::definitions::{Definitions, Refused};
use crate::near::nearest;
use crate::rule::Offer;
use crate::settings::Settings;
use crate::written::NamedLabel;
use model::codes;

/// What is known of all targets before any is lowered.
#[derive(Default)]
pub(crate) struct Declarations {
    /// The declared targets.
    pub targets: BTreeMap<Label, Known>,
    /// What each target provides, sorted by name.
    pub provides: HashMap<TargetId, Arc<[Provided]>>,
}

/// What others may know of a declared target.
pub(crate) struct Known {
    /// Its name and platform.
    pub id: TargetId,
    /// What a command line does with it.
    pub kind: Kind,
    /// What an alias points to.
    pub points_to: Option<Label>,
    /// Its tags, sorted.
    pub tags: Vec<Arc<str>>,
}

impl Declarations {
    /// Returns the mistake that a label names a target with actions that provides nothing.
    fn gives_nothing(&self, named: &NamedLabel) -> Option<Mistake> {
        let known = self.actual(self.targets.get(&named.label)?)?;
        let is_empty = self.provides.get(&known.id).is_some_and(|provided| provided.is_empty());
        if !is_empty || known.kind == Kind::Group {
            return None;
        }
        let message = format!("`{}` makes nothing that could be taken, so nothing would wait for it", named.label);
        let hint = match known.kind {
            Kind::Test | Kind::Suite => "tests are run by `rg test`: take the label out".to_owned(),
            _ => format!("give {} an output, or take the label out", named.label),
        };
        Some(Mistake::new(codes::NOTHING_PROVIDED, message).at(named.at.clone(), "").hint(hint))
    }

    /// Returns what a target stands for: itself, or what an alias leads to.
    pub fn actual<'a>(&'a self, known: &'a Known) -> Option<&'a Known> {
        let mut known = known;
        // A cycle of aliases is reported elsewhere; here it only has to end.
        for _ in 0..self.targets.len() {
            match &known.points_to {
                None => return Some(known),
                Some(label) => known = self.targets.get(label)?,
            }
        }
        None
    }
}

/// Collects all declarations; reports labels that name nothing, and groups that contain themselves.
pub(crate) fn link(
    all: &[Definitions],
    packages: &BTreeSet<RelPath>,
    settings: &Settings,
    mistakes: &mut Vec<Mistake>,
) -> Declarations {
    let declarations = || all.iter().flat_map(|definitions| &definitions.declarations);
    let known = |declaration: &Declaration| {
        let common = &declaration.common;
        let points_to = declaration.labels("actual").first().map(|actual| actual.label.clone());
        let known = Known { id: common.id.clone(), kind: declaration.rule.kind, points_to, tags: common.tags.clone() };
        (common.id.label.clone(), known)
    };
    let targets: BTreeMap<Label, Known> = declarations().map(known).collect();
    let refused = refused(all, packages);
    let repositories: Vec<Arc<str>> = settings.repos.keys().cloned().collect();
    let mut names = Names { targets: &targets, packages, repositories: &repositories, refused: &refused, mistakes };
    for declaration in declarations() {
        names.check(declaration);
    }
    let provides = provides(declarations(), mistakes);
    let declared = Declarations { targets, provides };
    for declaration in declarations().filter(|declaration| takes(declaration)) {
        let given = declaration.all_labels().into_iter().filter_map(|named| declared.gives_nothing(&named));
        mistakes.extend(given);
    }
    declared
}

/// Whether a target takes what its labels provide: a name for others does not, nor does a suite.
fn takes(declaration: &Declaration) -> bool {
    declaration.labels("actual").is_empty() && !matches!((declaration.rule.offer)(declaration), Offer::Suite(_))
}

/// What may exist though it is not declared.
struct RefusedNames {
    packages: BTreeSet<RelPath>,
    labels: BTreeSet<Label>,
}

fn refused(all: &[Definitions], packages: &BTreeSet<RelPath>) -> RefusedNames {
    let mut refused = RefusedNames { packages: BTreeSet::new(), labels: BTreeSet::new() };
    // There is one definition file for each package, in the same order.
    for (definitions, package) in all.iter().zip(packages) {
        match &definitions.refused {
            Refused::All => {
                refused.packages.insert(package.clone());
            }
            Refused::Names(labels) => refused.labels.extend(labels.iter().cloned()),
            Refused::None => {}
        }
    }
    refused
}

struct Names<'a> {
    targets: &'a BTreeMap<Label, Known>,
    packages: &'a BTreeSet<RelPath>,
    repositories: &'a [Arc<str>],
    refused: &'a RefusedNames,
    mistakes: &'a mut Vec<Mistake>,
}

impl Names<'_> {
    fn check(&mut self, declaration: &Declaration) {
        for named in declaration.all_labels() {
            let excused =
                self.refused.packages.contains(&named.label.package) || self.refused.labels.contains(&named.label);
            if !excused && !self.targets.contains_key(&named.label) {
                let mistake = unknown(&named.label, self.targets.keys(), self.packages, self.repositories);
                self.mistakes.push(mistake.at(named.at.clone(), ""));
            }
        }
    }
}

/// Returns the mistake that a label names nothing, with the nearest name.
pub(crate) fn unknown<'a>(
    label: &Label,
    targets: impl Iterator<Item = &'a Label>,
    packages: &BTreeSet<RelPath>,
    repositories: &[Arc<str>],
) -> Mistake {
    if !packages.contains(&label.package) {
        return unknown_package(&label.package, packages, repositories, &format!(":{}", label.target()));
    }
    let mistake = Mistake::new(codes::NO_SUCH_TARGET, format!("there is no target `{label}`"));
    let names: Vec<&str> = targets.filter(|other| other.package == label.package).map(Label::target).collect();
    match nearest(label.target(), names.iter().copied()).or(names.first().copied().filter(|_| names.len() == 1)) {
        Some(near) => mistake.hint(format!("write \"{}:{near}\"", PackageName(&label.package))),
        None => {
            mistake.hint(format!("`rg query {}:all` lists the targets of the package", PackageName(&label.package)))
        }
    }
}

/// Returns the mistake that a package does not exist, with the nearest one.
pub(crate) fn unknown_package(
    package: &RelPath,
    packages: &BTreeSet<RelPath>,
    repositories: &[Arc<str>],
    rest: &str,
) -> Mistake {
    if let Some(mistake) = unknown_repository(package, repositories, rest) {
        return mistake;
    }
    let message = format!("there is no package `{}`", PackageName(package));
    let mistake = Mistake::new(codes::NO_SUCH_PACKAGE, message);
    match nearest(package.as_str(), packages.iter().map(RelPath::as_str)) {
        Some(near) => mistake.hint(format!("write \"{}{rest}\"", written(near))),
        None => mistake.hint("a package is a directory with a BUILD.toml"),
    }
}

/// Returns the mistake that workspace.toml has no such repository, with the nearest name.
fn unknown_repository(package: &RelPath, repositories: &[Arc<str>], rest: &str) -> Option<Mistake> {
    let repository = package.repository();
    let name = repository.as_str().strip_prefix('@')?;
    if repositories.iter().any(|known| **known == *name) {
        return None;
    }
    let mistake = Mistake::new(codes::NO_SUCH_REPOSITORY, format!("workspace.toml declares no repository `{name}`"));
    let inside = package.strip_prefix(&repository).unwrap_or_else(RelPath::root);
    Some(match nearest(name, repositories.iter().map(|name| &**name)) {
        Some(near) => mistake.hint(format!("write \"@{near}//{inside}{rest}\"")),
        None => mistake.hint(format!("add `[repos.{name}]` with `git = \"…\"` and `ref = \"…\"` to workspace.toml")),
    })
}

/// Returns the path of a package as labels have it.
pub(crate) fn written(path: &str) -> String {
    RelPath::new(path).map_or_else(|_| format!("//{path}"), |path| PackageName(&path).to_string())
}

/// Computes what each target provides; reports groups that contain themselves.
fn provides<'d>(
    declarations: impl Iterator<Item = &'d Declaration>,
    mistakes: &mut Vec<Mistake>,
) -> HashMap<TargetId, Arc<[Provided]>> {
    let declarations: BTreeMap<&Label, &Declaration> =
        declarations.map(|declaration| (&declaration.common.id.label, declaration)).collect();
    let mut groups = Groups { declarations, done: HashMap::new(), path: Vec::new(), mistakes };
    let labels: Vec<&Label> = groups.declarations.keys().copied().collect();
    for label in labels {
        groups.provided(label);
    }
    let ids = |(label, provided)| {
        let label: &Label = label;
        Some((groups.declarations.get(label)?.common.id.clone(), provided))
    };
    groups.done.into_iter().filter_map(ids).collect()
}

struct Groups<'d, 'm> {
    declarations: BTreeMap<&'d Label, &'d Declaration>,
    done: HashMap<&'d Label, Arc<[Provided]>>,
    /// The groups that are being followed, each with the label that led on.
    path: Vec<(&'d Label, Location)>,
    mistakes: &'m mut Vec<Mistake>,
}

impl<'d> Groups<'d, '_> {
    fn provided(&mut self, label: &Label) -> Arc<[Provided]> {
        let Some((&label, &declaration)) = self.declarations.get_key_value(label) else { return Arc::default() };
        if let Some(done) = self.done.get(label) {
            return done.clone();
        }
        if let Some(first) = self.path.iter().position(|(other, _)| *other == label) {
            self.report_cycle(first);
            return Arc::default();
        }
        let id = &declaration.common.id;
        let provided: BTreeSet<Provided> = match (declaration.rule.offer)(declaration) {
            Offer::Outputs(names) => names.into_iter().map(|name| output(id, name)).collect(),
            Offer::Group(files, labels) => {
                let files = files.iter().map(|file| Provided { name: file.clone(), from: Origin::File(file.clone()) });
                files.chain(self.follow(label, labels)).collect()
            }
            Offer::Suite(labels) => {
                self.follow(label, &labels);
                BTreeSet::new()
            }
        };
        let provided: Arc<[Provided]> = provided.into_iter().collect();
        self.done.insert(label, provided.clone());
        provided
    }

    fn follow(&mut self, from: &'d Label, labels: &[NamedLabel]) -> Vec<Provided> {
        let mut provided = Vec::new();
        for named in labels {
            self.path.push((from, named.at.clone()));
            provided.extend(self.provided(&named.label).iter().cloned());
            self.path.pop();
        }
        provided
    }

    fn report_cycle(&mut self, first: usize) {
        let cycle = &self.path[first..];
        let mut names: Vec<String> = cycle.iter().map(|(label, _)| label.to_string()).collect();
        names.push(names[0].clone());
        let mut mistake = Mistake::new(codes::GROUP_CYCLE, format!("cycle: {}", names.join(" -> ")));
        for (index, (_, at)) in cycle.iter().enumerate() {
            let words = format!("leads to {}", names[index + 1]);
            mistake = if index == 0 { mistake.at(at.clone(), words) } else { mistake.also(at.clone(), words) };
        }
        self.mistakes.push(mistake);
    }
}

fn output(id: &TargetId, name: RelPath) -> Provided {
    Provided { from: Origin::Output(id.clone(), name.clone()), name }
}
