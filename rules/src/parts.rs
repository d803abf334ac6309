//! What the languages share to make targets and actions: places in the input root, implicit targets, inputs of labels.
//! It knows no language.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Dependency, EntryKind, FileSetId, Grants, Input, Kind, Label, Limits, Mistake, Need, Origin, Output,
    OutputKind, Platform, Purpose, RelPath, Target, TargetId, Work, codes,
};

use crate::declaration::Declaration;
use crate::lowering::{self, Lowering};
use crate::written::ResolvedLabel;

/// Returns where the workspace lies in an input root.
pub(crate) fn src() -> RelPath {
    path("src")
}

/// Returns a path that is written in this program.
pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a normal path")
}

/// Returns a directory as people see it.
pub(crate) fn shown(dir: &RelPath) -> &str {
    if dir.is_root() { "." } else { dir.as_str() }
}

/// Returns a path as words of a shell that put it below `$root`, whatever is in its name.
pub(crate) fn below_root(path: &RelPath) -> String {
    if path.is_root() { "\"$root\"".to_owned() } else { format!("\"$root\"/{}", quoted(path.as_str())) }
}

/// Returns a text as one word of a shell line.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_./@%+=:,-".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns the lines of a shell that find the input root from a working directory inside it: an executor may lay it
/// anywhere.
pub(crate) fn find_root(directory: &RelPath) -> String {
    let up = vec![".."; directory.segments().count()].join("/");
    format!("root=$(cd {up} && pwd)\nroot=${{root%/}}\n")
}

/// Reports a service that is called as something that lies beside the program of its name.
pub(crate) fn check_name(declaration: &Declaration, taken: &[&str], lowering: &mut Lowering) {
    let label = &declaration.common.id.label;
    let name = label.target().rsplit('/').next().unwrap_or_default();
    if taken.contains(&name) {
        let message = format!("{label} cannot be called `{name}`: its program would lie where its `{name}` lies");
        let mistake = Mistake::new(codes::BAD_TARGET_NAME, message).at(declaration.at.clone(), "");
        lowering.mistake(mistake.hint("rename the target"));
    }
}

/// Returns an implicit target without actions.
pub(crate) fn bare(id: TargetId, rule: &str) -> Target {
    Target {
        id,
        rule: Arc::from(rule),
        kind: Kind::Implicit,
        declared: None,
        provides: Vec::new(),
        actions: Vec::new(),
        deps: Vec::new(),
        visibility: Vec::new(),
        tags: Vec::new(),
        sources: Vec::new(),
        attributes: BTreeMap::new(),
    }
}

/// Returns the id of an implicit target; `None` if no label can name the directory.
pub(crate) fn implicit(dir: &RelPath, name: &str, platform: &Platform) -> Option<TargetId> {
    let label = Label::new(dir.clone(), name).ok()?;
    Some(TargetId { label, platform: platform.clone() })
}

/// Returns an action without inputs and outputs.
pub(crate) fn action(name: &str, work: Work, purpose: Purpose, needs: Vec<Need>, rule_version: u32) -> Action {
    Action {
        name: Arc::from(name),
        work,
        purpose,
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs,
        limits: Limits::default(),
        grants: Grants::default(),
        rule_version,
    }
}

/// Returns an output of a target, which lies in `out` of the workspace's tree.
pub(crate) fn output(out: &RelPath, name: RelPath, kind: OutputKind) -> Output {
    Output { at: src().join(out).join(&name), name, kind }
}

/// Returns the targets whose outputs actions take, beside one's own.
pub(crate) fn producers<'a>(actions: impl IntoIterator<Item = &'a Action>, own: &TargetId) -> BTreeSet<TargetId> {
    let inputs = actions.into_iter().flat_map(|action| &action.inputs);
    let producer = |input: &Input| match &input.from {
        Origin::Output(producer, _) if producer != own => Some(producer.clone()),
        Origin::Output(..) | Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
    };
    inputs.filter_map(producer).collect()
}

/// Returns the declared dependencies and the implicit ones, sorted by target.
pub(crate) fn dependencies(labels: &[ResolvedLabel], implicit: BTreeSet<TargetId>) -> Vec<Dependency> {
    let mut deps = lowering::dependencies(labels);
    let named: BTreeSet<TargetId> = deps.iter().map(|dependency| dependency.target.clone()).collect();
    deps.extend(implicit.difference(&named).map(|target| Dependency { target: target.clone(), at: None }));
    deps.sort();
    deps
}

/// Returns the inputs that targets named as data bring: their outputs at `rg-out/…`, their sources where they lie.
pub(crate) fn label_inputs(lowering: &Lowering, labels: &[ResolvedLabel]) -> Vec<Input> {
    let provided = labels.iter().flat_map(|label| lowering.provides(&label.target));
    let place = |from: &Origin| match from {
        Origin::File(path) => Some(path.clone()),
        Origin::Output(producer, name) => Some(lowering.out_dir(producer).join(name)),
        Origin::Files(_) | Origin::Text(_) => None,
    };
    let input = |from: &Origin| Some(Input { at: src().join(&place(from)?), from: from.clone() });
    provided.filter_map(|provided| input(&provided.from)).collect()
}

/// Returns the input that shows files at their paths; none if there are none.
pub(crate) fn files_input(lowering: &mut Lowering, files: Vec<RelPath>) -> Option<Input> {
    (!files.is_empty()).then(|| Input { at: src(), from: Origin::Files(lowering.file_set(files)) })
}

/// Returns the sets of source files among inputs.
pub(crate) fn file_sets<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> BTreeSet<FileSetId> {
    let set = |input: &Input| match input.from {
        Origin::Files(set) => Some(set),
        Origin::File(_) | Origin::Text(_) | Origin::Output(..) => None,
    };
    inputs.into_iter().filter_map(set).collect()
}

/// Returns all files below a directory.
pub(crate) fn files_below(lowering: &Lowering, dir: &RelPath) -> Vec<RelPath> {
    files_where(lowering, dir, &|_| true)
}

/// Returns all files below a directory, without the directories that are not to be entered.
pub(crate) fn files_where(lowering: &Lowering, dir: &RelPath, enters: &dyn Fn(&RelPath) -> bool) -> Vec<RelPath> {
    let mut files = Vec::new();
    for entry in lowering.list(dir).unwrap_or_default().iter() {
        let Ok(path) = dir.child(&entry.name) else { continue };
        match entry.kind {
            EntryKind::File | EntryKind::Symlink => files.push(path),
            EntryKind::Directory if enters(&path) => files.extend(files_where(lowering, &path, enters)),
            EntryKind::Directory | EntryKind::Workspace | EntryKind::Unusable => {}
        }
    }
    files
}
