//! Hints for a failed step: files of the workspace that its log names and that it does not declare, with the line that
//! declares them. Which attribute that is, the catalogue of rules says.

mod node;
mod python;

use std::collections::BTreeSet;
use std::path::Path;

use exec::{Place, Undeclared};
use graph::{Graph, StepId};
use model::{Analysis, EntryKind, Kind, Locked, PackageName, RelPath, Target, Tree, Work};
use rules::{AttributeType, RuleDoc};

/// What hints are made of.
pub struct Advice<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The files of the workspace.
    pub tree: &'a dyn Tree,
    /// Where the workspace is, for programs that name its files by that.
    pub root: &'a Path,
    /// Where all Python targets look up imports, beside their own places.
    pub python_roots: &'a [String],
}

impl Advice<'_> {
    /// Returns hints for a failed step, given its log: files that it does not declare, and modules that nothing
    /// provides.
    pub fn on(&self, step: StepId, log: &str) -> Vec<String> {
        let exists = |file: &RelPath| self.tree.id(file).is_ok();
        // What lies in the workspace lies in /src of a container, if it is there.
        let log = &log.replace(&format!("{}/", self.root.display()), "/src/");
        let undeclared = exec::undeclared(self.graph, step, log, &exists);
        let mut hints: Vec<String> = undeclared.iter().map(|missed| self.undeclared(step, missed)).collect();
        hints.extend(python::hints(self, step, log));
        hints.extend(python::templates(self, step, log));
        hints.extend(node::hints(self, step, log));
        let mut told = BTreeSet::new();
        hints.retain(|hint| told.insert(hint.clone()));
        hints
    }

    fn undeclared(&self, step: StepId, missed: &Undeclared) -> String {
        let target = self.graph.target_of(step);
        let what = whereabouts(missed);
        let label = &target.id.label;
        let line = line(self.graph.analysis(), target, missed).map(|line| format!(": {line}")).unwrap_or_default();
        format!("`{}` {what}, but {label} does not declare it{line}", missed.file)
    }

    /// Returns a file below a directory whose path ends so.
    fn below(&self, dir: &RelPath, end: &str) -> Option<RelPath> {
        let entries = self.tree.list(dir).ok()?;
        entries.iter().find_map(|entry| {
            let path = dir.child(&entry.name).ok()?;
            match entry.kind {
                EntryKind::Directory => self.below(&path, end),
                EntryKind::File => path.as_str().ends_with(end).then_some(path),
                _ => None,
            }
        })
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

/// Says where an undeclared file comes from.
fn whereabouts(missed: &Undeclared) -> String {
    match (&missed.owner, missed.place) {
        (Some(owner), Place::Delivered | Place::AsCheckedIn) => format!("is made by {owner}"),
        (Some(owner), Place::OwnPackage | Place::Elsewhere) => format!("is in the workspace ({owner} holds it)"),
        (None, _) => "is in the workspace".to_owned(),
    }
}

/// Returns what declares a file; `None` if targets of the rule declare none.
fn line(analysis: &Analysis, target: &Target, missed: &Undeclared) -> Option<String> {
    let doc = rules::catalogue().iter().find(|doc| *doc.name == *target.rule)?;
    let mine = (missed.place == Place::OwnPackage).then(|| missed.file.strip_prefix(&target.id.label.package));
    if let (Some(attribute), Some(Some(path))) = (first(doc, AttributeType::Sources), mine) {
        return Some(format!("add {attribute} = [\"{path}\"]"));
    }
    let labels = first(doc, AttributeType::Labels);
    let attribute = first(doc, AttributeType::Sources).or(labels)?;
    Some(match (&missed.owner, missed.place, labels) {
        (Some(owner), Place::AsCheckedIn, Some(labels)) => format!("add {labels} = [\"{owner}\"]"),
        (Some(owner), Place::AsCheckedIn, None) => {
            format!("add {attribute} = [\"{owner}\"], and read it at $(locations {owner})")
        }
        (Some(owner), _, _) => format!("add {attribute} = [\"{owner}\"]"),
        (None, ..) => {
            let (definition, label) = files_target(analysis, missed);
            format!("{definition}, and add {attribute} = [\"{label}\"]")
        }
    })
}

/// Returns how a target is written that gives a file to others, and its label.
fn files_target(analysis: &Analysis, missed: &Undeclared) -> (String, String) {
    let package = missed.package.clone().or_else(|| missed.file.parent()).unwrap_or_else(RelPath::root);
    let is_free = |name: &&str| {
        let is_it = |target: &Target| target.id.label.package == package && target.id.label.target() == *name;
        !analysis.targets.iter().any(is_it)
    };
    let name = ["data", "files", "sources"].into_iter().find(is_free).unwrap_or("more_data");
    let path = missed.file.strip_prefix(&package).unwrap_or_else(|| missed.file.clone());
    let file = package.child("BUILD.toml").map_or_else(|_| "BUILD.toml".to_owned(), |file| file.to_string());
    (format!("write [files.{name}] with srcs = [\"{path}\"] into {file}"), format!("{}:{name}", PackageName(&package)))
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
        let fixture = Fixture::new(&[("//p:t", Purpose::Build), ("//q:data", Purpose::Build)]);
        let target = Target { rule: rule.into(), ..fixture.graph.analysis().targets[0].clone() };
        let owner = owner.map(|owner| Label::parse(owner, &RelPath::root()).unwrap());
        let file = RelPath::new(file).unwrap();
        let missed = Undeclared { package: file.parent().filter(|dir| dir.name() == "q"), file, owner, place };
        assert_eq!(line(fixture.graph.analysis(), &target, &missed).as_deref(), want);
    }

    #[test]
    fn the_line_names_the_attribute_that_the_rule_has() {
        check("command", "p/d/a.txt", None, Place::OwnPackage, Some("add inputs = [\"d/a.txt\"]"));
        check("go_test", "p/a.txt", Some("//p:x"), Place::OwnPackage, Some("add data = [\"a.txt\"]"));
        check("go_test", "q/a.txt", Some("//q:x"), Place::Elsewhere, Some("add data = [\"//q:x\"]"));
        check("python_test", "p/a.txt", None, Place::OwnPackage, Some("add data = [\"a.txt\"]"));
        check("go_binary", "p/a.txt", Some("//p:x"), Place::OwnPackage, Some("add deps = [\"//p:x\"]"));
        check("go_modules", "q/a.txt", None, Place::Elsewhere, None);
    }

    #[test]
    fn a_file_that_no_target_gives_needs_one_that_does() {
        let new = "write [files.files] with srcs = [\"a.txt\"] into q/BUILD.toml, and add inputs = [\"//q:files\"]";
        check("command", "q/a.txt", None, Place::Elsewhere, Some(new));
        let outside = "write [files.data] with srcs = [\"a.txt\"] into r/BUILD.toml, and add data = [\"//r:data\"]";
        check("go_test", "r/a.txt", None, Place::Elsewhere, Some(outside));
    }

    #[test]
    fn what_a_target_makes_is_declared_by_its_label() {
        let owner = Some("//q:gen");
        check("command", "rg-out/q/gen/g", owner, Place::Delivered, Some("add inputs = [\"//q:gen\"]"));
        let below = "add inputs = [\"//q:gen\"], and read it at $(locations //q:gen)";
        check("command", "q/g", owner, Place::AsCheckedIn, Some(below));
        check("go_test", "q/g.go", owner, Place::AsCheckedIn, Some("add deps = [\"//q:gen\"]"));
        check("go_test", "rg-out/q/gen/g", owner, Place::Delivered, Some("add data = [\"//q:gen\"]"));
    }
}
