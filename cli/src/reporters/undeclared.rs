//! Finds the undeclared read behind a failed action: its log says that a file is missing, and the workspace has that
//! file. Knows the words in which programs say so; does not read files, whoever calls says which exist.

use std::collections::BTreeSet;

use graph::{Graph, StepId};
use model::{Origin, RelPath, Work};

/// The words by which programs say that a file is not there.
const MISSING: &[&str] = &[
    "No such file or directory",
    "no such file or directory",
    "cannot find",
    "can't open",
    "Cannot open",
    "Cannot find module",
    "ENOENT",
    "FileNotFoundError",
    "file not found",
    "does not exist",
    "no matching files found",
];

/// How many hints a failure gets at most.
const MOST: usize = 3;

/// Returns a hint for each file that the log of a step misses although the workspace has it.
pub fn hints(graph: &Graph, step: StepId, log: &str, exists: &dyn Fn(&RelPath) -> bool) -> Vec<String> {
    let Work::Command(command) = &graph.action(step).work else { return Vec::new() };
    let Some(directory) = RelPath::new("src").ok().and_then(|source| command.directory.strip_prefix(&source)) else {
        return Vec::new();
    };
    let declared = declared(graph, step);
    let missed = missed(log, &directory).into_iter().filter(|path| !declared.contains(path) && exists(path));
    missed.take(MOST).map(|path| hint(graph, step, &path)).collect()
}

/// Returns the source files that a step declares.
fn declared(graph: &Graph, step: StepId) -> BTreeSet<&RelPath> {
    let mut files = BTreeSet::new();
    for input in &graph.action(step).inputs {
        match &input.from {
            Origin::File(path) => drop(files.insert(path)),
            Origin::Files(set) => files.extend(graph.analysis().files(*set)),
            Origin::Text(_) | Origin::Output(..) => {}
        }
    }
    files
}

/// Returns the paths from the workspace root that stand in lines about missing files, sorted.
fn missed(log: &str, directory: &RelPath) -> BTreeSet<RelPath> {
    let lines = log.lines().filter(|line| MISSING.iter().any(|words| line.contains(words)));
    let separators = |c: char| c.is_whitespace() || "'\"`‘’“”()[]{}<>,;:=".contains(c);
    let words = lines.flat_map(move |line| line.split(separators)).filter(|word| !word.is_empty());
    words.filter_map(|word| located(word, directory)).collect()
}

/// Returns the workspace's path for a word of a log: relative to the action's directory, or below `/src`.
fn located(word: &str, directory: &RelPath) -> Option<RelPath> {
    let path = match word.strip_prefix("/src/") {
        Some(rest) => RelPath::root().resolve(rest),
        None => directory.resolve(word),
    };
    path.ok().filter(|path| !path.is_root() && path != directory)
}

/// Says which file it is, who holds it, and what to add where.
fn hint(graph: &Graph, step: StepId, path: &RelPath) -> String {
    let target = graph.target_of(step);
    let label = &target.id.label;
    let attribute = if target.rule.starts_with("go_") { "data" } else { "inputs" };
    let declare = format!("`{path}` is in the workspace, but {label} does not declare it: add");
    if package_of(graph, path) == Some(&label.package) {
        let below = path.strip_prefix(&label.package).unwrap_or_else(|| path.clone());
        return format!("{declare} \"{below}\" to its `{attribute}`");
    }
    match holder(graph, path) {
        Some(holder) => format!("{declare} \"{holder}\", which holds it, to its `{attribute}`"),
        None => {
            let package = package_of(graph, path).cloned().unwrap_or_else(RelPath::root);
            format!("{declare} it to a `files` target of //{package}, and that target's label to its `{attribute}`")
        }
    }
}

/// Returns the package that a file belongs to: the nearest one upwards.
fn package_of<'a>(graph: &'a Graph, path: &RelPath) -> Option<&'a RelPath> {
    let packages = graph.analysis().packages.iter().filter(|package| path.starts_with(package));
    packages.max_by_key(|package| package.segments().count())
}

/// Returns the label of a target that provides a source file.
fn holder(graph: &Graph, path: &RelPath) -> Option<String> {
    let provides = |target: &&model::Target| {
        target.provides.iter().any(|provided| matches!(&provided.from, Origin::File(file) if file == path))
    };
    graph.analysis().targets.iter().find(provides).map(|target| target.id.label.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, want: &[&str]) {
        let found = missed(log, &RelPath::new("apps/b").unwrap());
        let exists = ["apps/b/secret.txt", "libs/x.h", "apps/b/it's"];
        let found: Vec<&str> = found.iter().map(RelPath::as_str).filter(|path| exists.contains(path)).collect();
        assert_eq!(found, want, "{log}");
    }

    #[test]
    fn files_that_a_program_misses_are_found_in_its_log() {
        check("cat: secret.txt: No such file or directory\n", &["apps/b/secret.txt"]);
        check("x.c:1:10: fatal error: ../../libs/x.h: No such file or directory\n", &["libs/x.h"]);
        check("FileNotFoundError: [Errno 2] No such file or directory: '/src/libs/x.h'\n", &["libs/x.h"]);
        check("read secret.txt\nall is well\n", &[]);
        check("cat: /etc/nothing: No such file or directory\n", &[]);
    }
}
