//! Hints for a failed step: files of the workspace that its log names and that it does not declare, with the line that
//! declares them. Which attribute that is, the catalogue of rules says.

use exec::{Place, Undeclared};
use graph::{Graph, StepId};
use model::{RelPath, Target};
use rules::{AttributeType, RuleDoc};

/// Returns a hint for each undeclared file that the log of a failed step names.
pub fn undeclared(graph: &Graph, step: StepId, log: &str, exists: &dyn Fn(&RelPath) -> bool) -> Vec<String> {
    let target = graph.target_of(step);
    let hint = |missed: Undeclared| {
        let holder = missed.owner.as_ref().map(|owner| format!(" ({owner} holds it)")).unwrap_or_default();
        let label = &target.id.label;
        let line = line(target, &missed).map(|line| format!(": add {line}")).unwrap_or_default();
        format!("`{}` is in the workspace{holder}, but {label} does not declare it{line}", missed.file)
    };
    exec::undeclared(graph, step, log, exists).into_iter().map(hint).collect()
}

/// Returns the line that declares a file; `None` if targets of the rule declare none.
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

/// Returns the attribute of a type that takes what is read beside the rest: `data` where there is one, else the first,
/// as rules name what they read before what is rarer.
fn first(doc: &RuleDoc, kind: AttributeType) -> Option<&'static str> {
    let of_kind = || doc.attributes.iter().filter(|attribute| attribute.kind == kind);
    let found = of_kind().find(|attribute| attribute.name == "data").or_else(|| of_kind().next());
    found.map(|attribute| attribute.name)
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
        check("python_test", "p/a.txt", None, Place::OwnPackage, Some("data = [\"a.txt\"]"));
        check("go_test", "q/a.txt", Some("//q:x"), Place::Elsewhere, Some("data = [\"//q:x\"]"));
        check("go_binary", "p/a.txt", Some("//p:x"), Place::OwnPackage, Some("deps = [\"//p:x\"]"));
        check("command", "q/a.txt", None, Place::Elsewhere, Some("inputs = [\"//q:<a files target that holds it>\"]"));
        check("go_modules", "q/a.txt", None, Place::Elsewhere, None);
    }
}
