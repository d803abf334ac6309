//! Hints for a failed step: files of the workspace that its log names and that it does not declare, with the line that
//! declares them. Which attribute that is, the catalogue of rules says.

mod node;
mod python;

use std::collections::BTreeSet;

use exec::{Place, Undeclared};
use graph::{Graph, StepId};
use model::{EntryKind, Kind, Locked, RelPath, Target, Tree, Work};
use rules::{AttributeType, RuleDoc};

/// What hints are made of.
pub struct Advice<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The files of the workspace.
    pub tree: &'a dyn Tree,
    /// Where all Python targets look up imports, beside their own places.
    pub python_roots: &'a [String],
}

impl Advice<'_> {
    /// Returns hints for a failed step, given its log: files that it does not declare, and modules that nothing
    /// provides.
    pub fn on(&self, step: StepId, log: &str) -> Vec<String> {
        let exists = |file: &RelPath| self.tree.id(file).is_ok();
        let undeclared = exec::undeclared(self.graph, step, log, &exists);
        let mut hints: Vec<String> = undeclared.iter().map(|missed| self.undeclared(step, missed)).collect();
        hints.extend(python::hints(self, step, log));
        hints.extend(node::hints(self, step, log));
        let mut told = BTreeSet::new();
        hints.retain(|hint| told.insert(hint.clone()));
        hints
    }

    fn undeclared(&self, step: StepId, missed: &Undeclared) -> String {
        let target = self.graph.target_of(step);
        let holder = missed.owner.as_ref().map(|owner| format!(" ({owner} holds it)")).unwrap_or_default();
        let label = &target.id.label;
        let line = line(target, missed).map(|line| format!(": add {line}")).unwrap_or_default();
        format!("`{}` is in the workspace{holder}, but {label} does not declare it{line}", missed.file)
    }

    fn is(&self, path: &RelPath, kind: EntryKind) -> bool {
        let entries = path.parent().and_then(|parent| self.tree.list(&parent).ok()).unwrap_or_default();
        entries.iter().any(|entry| *entry.name == *path.name() && entry.kind == kind)
    }

    /// Returns the target that brings locked packages for a target of a step: itself, or one that it depends on.
    fn packages(&self, step: StepId, rule: &str) -> Option<&Target> {
        let target = self.graph.target_of(step);
        let targets = &self.graph.analysis().targets;
        let of_rule = |id: &model::TargetId| {
            targets.iter().find(|other| other.id == *id && other.kind == Kind::Implicit && *other.rule == *rule)
        };
        of_rule(&target.id).or_else(|| target.deps.iter().find_map(|dep| of_rule(&dep.target)))
    }

    /// Returns what is fetched for a target of locked packages, which others may share.
    fn fetched(&self, packages: &Target) -> impl Iterator<Item = &Locked> {
        let index = self.graph.target_index(&packages.id);
        let own: BTreeSet<StepId> = index.into_iter().flat_map(|index| self.graph.steps_of(index)).collect();
        let steps = self.graph.closure(&own);
        steps.into_iter().filter_map(|step| match &self.graph.action(step).work {
            Work::Fetch(locked) => Some(locked),
            Work::Command(_) | Work::Tree(_) => None,
        })
    }

    /// Returns the lock that a target of locked packages is made of.
    fn lock(&self, packages: &Target) -> Option<&RelPath> {
        let files = packages.sources.iter().flat_map(|set| self.graph.analysis().files(*set));
        files.into_iter().find(|file| !["pyproject.toml", "package.json"].contains(&file.name()))
    }
}

/// Returns names in back quotes.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the line that declares a file, or a directory if its path ends with a slash; `None` if targets of the rule
/// declare none.
fn line(target: &Target, missed: &Undeclared) -> Option<String> {
    let doc = rules::catalogue().iter().find(|doc| *doc.name == *target.rule)?;
    let mine = (missed.place == Place::OwnPackage).then(|| missed.file.strip_prefix(&target.id.label.package));
    if let (Some(attribute), Some(Some(path))) = (first(doc, AttributeType::Sources), mine) {
        return Some(format!("{attribute} = [\"{path}\"]"));
    }
    let attribute = first(doc, AttributeType::Sources).or_else(|| first(doc, AttributeType::Labels))?;
    let parent = missed.file.parent().unwrap_or_else(RelPath::root);
    let owner = missed.owner.as_ref().map(ToString::to_string);
    Some(format!(
        "{attribute} = [\"{}\"]",
        owner.unwrap_or_else(|| format!("//{parent}:<a files target that holds it>"))
    ))
}

/// Returns the attribute of a type that files go into: `data`, or else the first, as rules name what they read before
/// what is rarer.
fn first(doc: &RuleDoc, kind: AttributeType) -> Option<&'static str> {
    let mut of_kind = doc.attributes.iter().filter(|attribute| attribute.kind == kind).map(|attribute| attribute.name);
    of_kind.clone().find(|name| *name == "data").or_else(|| of_kind.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;
    use model::{Label, Purpose};

    fn check(rule: &str, file: &str, owner: Option<&str>, place: Place, want: Option<&str>) {
        let fixture = Fixture::new(&[("//p:t", Purpose::Build)]);
        let target = Target { rule: rule.into(), ..fixture.graph.analysis().targets[0].clone() };
        let owner = owner.map(|owner| Label::parse(owner, &RelPath::root()).unwrap());
        let missed = Undeclared { file: RelPath::new(file).unwrap(), owner, place };
        assert_eq!(line(&target, &missed).as_deref(), want);
    }

    #[test]
    fn the_line_names_the_attribute_that_the_rule_has() {
        check("command", "p/d/a.txt", None, Place::OwnPackage, Some("inputs = [\"d/a.txt\"]"));
        check("go_test", "p/a.txt", Some("//p:x"), Place::OwnPackage, Some("data = [\"a.txt\"]"));
        check("go_test", "q/a.txt", Some("//q:x"), Place::Elsewhere, Some("data = [\"//q:x\"]"));
        check("python_test", "p/a.txt", None, Place::OwnPackage, Some("data = [\"a.txt\"]"));
        check("go_binary", "p/a.txt", Some("//p:x"), Place::OwnPackage, Some("deps = [\"//p:x\"]"));
        check("command", "q/a.txt", None, Place::Elsewhere, Some("inputs = [\"//q:<a files target that holds it>\"]"));
        check("go_modules", "q/a.txt", None, Place::Elsewhere, None);
    }
}
