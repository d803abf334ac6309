//! Hints for a module that Python does not find: what is imported by name at run time is declared, what lies elsewhere
//! is in no root, and the rest is in no lock.

use std::collections::BTreeSet;

use exec::{Place, Undeclared};
use graph::StepId;
use model::{EntryKind, Locked, RelPath, Target};
use serde_json::Value;

use super::{Advice, line, quoted, whereabouts};

/// What Python says of a module that is not there.
const SAYS: &str = "No module named ";

/// How many modules are told of.
const MOST: usize = 3;

/// Modules whose distributions have other names.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("dotenv", "python-dotenv"),
    ("google", "protobuf"),
    ("grpc", "grpcio"),
    ("jwt", "pyjwt"),
    ("PIL", "pillow"),
    ("pkg_resources", "setuptools"),
    ("sklearn", "scikit-learn"),
    ("yaml", "pyyaml"),
];

/// Returns a hint for each module that the log of a failed step misses.
pub(super) fn hints(advice: &Advice<'_>, step: StepId, log: &str) -> Vec<String> {
    let missing: BTreeSet<&str> = log.lines().filter_map(module).collect();
    let missing = Missing { advice, step, roots: roots(advice, advice.graph.target_of(step)), names: missing };
    missing.names.iter().take(MOST).filter_map(|name| missing.hint(name)).collect()
}

/// Returns the module that a line says is not there.
fn module(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(SAYS)?;
    let name = rest.trim_start_matches(['\'', '"']).split(['\'', '"', ';', ' ']).next()?;
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    name.split('.').all(is_name).then_some(name)
}

/// How Jinja says that a template is not there.
const NO_TEMPLATE: &str = "TemplateNotFound: ";

/// Returns hints for templates that a step was not given: they are named by where they lie in some directory.
pub(super) fn templates(advice: &Advice<'_>, step: StepId, log: &str) -> Vec<String> {
    let package = &advice.graph.target_of(step).id.label.package;
    let names: BTreeSet<&str> =
        log.lines().filter_map(|line| line.split_once(NO_TEMPLATE)).map(|(_, name)| name.trim()).collect();
    let hint = |name: &str| {
        let found = advice.below(package, &format!("/{name}"))?;
        Some(advice.undeclared(step, &exec::missed(advice.graph, step, found)?))
    };
    names.into_iter().filter_map(hint).collect()
}

/// Returns where a target looks up imports, as the rule does.
fn roots(advice: &Advice<'_>, target: &Target) -> Vec<RelPath> {
    let package = &target.id.label.package;
    let written = target.attributes.get("roots").and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(Value::Array(written)) = written {
        let root = |text: &str| match text.strip_prefix("//") {
            Some(inside) => package.repository().child(inside.trim_matches('/')).ok(),
            None => package.resolve(text.trim_end_matches('/')).ok(),
        };
        return written.iter().filter_map(|root| root.as_str()).filter_map(root).collect();
    }
    let own = package.repository().is_root().then_some(advice.python_roots);
    let common = own.into_iter().flatten().filter_map(|root| RelPath::new(root).ok());
    [Some(package.clone()), package.child("src").ok()].into_iter().flatten().chain(common).collect()
}

/// The modules that a step misses.
struct Missing<'a> {
    advice: &'a Advice<'a>,
    step: StepId,
    roots: Vec<RelPath>,
    names: BTreeSet<&'a str>,
}

impl Missing<'_> {
    fn hint(&self, name: &str) -> Option<String> {
        let target = self.advice.graph.target_of(self.step);
        let found = self.roots.iter().find_map(|root| self.find(root, name));
        if let Some(found) = found {
            let missed = exec::missed(self.advice.graph, self.step, found)?;
            return Some(self.undeclared(name, &missed));
        }
        if let Some((root, found)) = self.elsewhere(name) {
            let label = &target.id.label;
            return Some(format!(
                "`{found}` is in the workspace, but no root of {label} holds it: write roots = [{}\"//{root}\"]",
                self.spelled_roots(),
            ));
        }
        Some(self.nothing(name))
    }

    /// Returns the module below a root: its file, or its directory.
    fn find(&self, root: &RelPath, name: &str) -> Option<RelPath> {
        let path = root.resolve(&name.replace('.', "/")).ok()?;
        let file = path.parent()?.child(&format!("{}.py", path.name())).ok()?;
        if self.advice.is(&file, EntryKind::File) {
            return Some(file);
        }
        let entries = self.advice.tree.list(&path).ok()?;
        entries.iter().any(|entry| entry.name.ends_with(".py")).then_some(path)
    }

    /// Returns a directory of the workspace that is no root and holds the module: a package of rg, or its src/.
    fn elsewhere(&self, name: &str) -> Option<(RelPath, RelPath)> {
        let here = self.advice.graph.target_of(self.step).id.label.package.repository();
        let packages = self.advice.graph.analysis().packages.iter().filter(|it| it.repository() == here);
        let mut candidates = packages.flat_map(|package| [Some(package.clone()), package.child("src").ok()]).flatten();
        candidates.find_map(|root| self.find(&root, name).map(|found| (root, found)))
    }

    /// Returns the own roots of the target, as they are written.
    fn spelled_roots(&self) -> String {
        let package = &self.advice.graph.target_of(self.step).id.label.package;
        let is_there = |root: &&RelPath| *root == package || self.advice.tree.list(root).is_ok();
        let spelled = |root: &RelPath| match root.strip_prefix(package) {
            Some(inside) if inside.is_root() => "\".\", ".to_owned(),
            Some(inside) => format!("\"{inside}\", "),
            None => format!("\"//{root}\", "),
        };
        self.roots.iter().filter(is_there).map(spelled).collect()
    }

    fn undeclared(&self, name: &str, missed: &Undeclared) -> String {
        let target = self.advice.graph.target_of(self.step);
        let is_file = missed.file.name().ends_with(".py");
        let mut spelled = line(self.advice.graph.analysis(), target, missed).unwrap_or_else(|| "add it".to_owned());
        if !is_file && (missed.place == Place::OwnPackage || missed.owner.is_none()) {
            // The path comes first; a label may come behind it.
            spelled = spelled.replacen("\"]", "/**\"]", 1);
        }
        format!(
            "`{}` {}, but {} does not declare it, and no import statement names `{name}`: {spelled}",
            missed.file,
            whereabouts(missed),
            target.id.label,
        )
    }

    fn nothing(&self, name: &str) -> String {
        let target = self.advice.graph.target_of(self.step);
        let top = name.split('.').next().unwrap_or(name);
        let packages = self.advice.packages(self.step, "python_wheels");
        let locked: Vec<String> =
            packages.into_iter().flat_map(|packages| self.advice.fetched(packages)).filter_map(distribution).collect();
        let lock = packages.and_then(|packages| self.advice.lock(packages));
        let lock = lock.map_or_else(|| "a lock".to_owned(), |lock| format!("`{lock}`"));
        let normal = |name: &str| name.to_lowercase().replace('_', "-");
        if name != top && locked.contains(&normal(top)) {
            return format!("{lock} has `{top}`, but that version of it has no module `{name}`: lock another one");
        }
        if packages.is_some_and(|packages| packages.id == target.id) {
            return format!(
                "what builds it needs `{name}`, which {lock} lacks: add the distribution that has it, and lock again"
            );
        }
        let known = OTHER_NAMES.iter().find(|(module, _)| *module == top).map(|(_, distribution)| *distribution);
        let near: Vec<String> = near(top, &locked).into_iter().chain(near(top, &self.modules())).collect();
        let near = match (known, near.as_slice()) {
            (Some(known), _) => format!(" (it is of the distribution `{known}`)"),
            (None, []) => String::new(),
            (None, near) => format!(" (near: {})", quoted(near)),
        };
        format!(
            "nothing provides `{name}`{near}: add it to {lock} and lock again, name the directory that holds it in `roots`, or the target that makes it in `deps`, of {}",
            target.id.label,
        )
    }

    /// Returns the names of all top-level modules of the roots.
    fn modules(&self) -> Vec<String> {
        let entries = self.roots.iter().flat_map(|root| self.advice.tree.list(root).unwrap_or_default());
        let module = |entry: model::Entry| match entry.kind {
            EntryKind::Directory => Some(entry.name.to_string()),
            _ => entry.name.strip_suffix(".py").map(str::to_owned),
        };
        entries.filter_map(module).collect()
    }
}

fn near(name: &str, among: &[String]) -> Option<String> {
    rules::nearest(name, among.iter().map(String::as_str)).map(str::to_owned)
}

/// Returns the name of a distribution.
fn distribution(locked: &Locked) -> Option<String> {
    match locked {
        Locked::PythonFile { name, .. } | Locked::PythonAny { name, .. } => Some(name.to_string()),
        Locked::GoModule { .. } | Locked::NpmPackage { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_not_there_is_found_in_what_python_says() {
        assert_eq!(module("ModuleNotFoundError: No module named 'a.b'"), Some("a.b"));
        assert_eq!(module("E   ModuleNotFoundError: No module named 'a'"), Some("a"));
        assert_eq!(module("/usr/bin/python3: No module named pytest"), Some("pytest"));
        assert_eq!(module("No module named 'a'; 'a' is not a package"), Some("a"));
        assert_eq!(module("No module named <x>"), None);
    }
}
