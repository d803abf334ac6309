//! The implicit targets: `go_modules` brings the locked modules, `go_std` and `go_deps` compile what rarely changes, so
//! that a build compiles only the workspace's own packages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Assembly, Input, Locked, Need, Origin, OutputKind, Purpose, RelPath, Target, TargetId, Text, Work,
};

use super::modules::Root;
use super::recipe::{self, Call, Task};
use super::shared::{DEPS, DEPS_FACTS, Deps, Mounts, STD, STD_FACTS, Shared, TEST_DEPS, Variant, modules_output};
use super::sums::Sum;
use super::version::escape;
use crate::lowering::Lowering;
use crate::parts;

/// Returns the implicit targets that the collected builds need.
pub(crate) fn targets(shared: &Shared, lowering: &mut Lowering) -> Vec<Target> {
    let mut targets: BTreeMap<TargetId, Target> = BTreeMap::new();
    for (root, need) in shared.roots.values().filter(|(root, _)| !root.locked.is_empty()) {
        let target = modules_target(shared, lowering, root, need);
        targets.insert(target.id.clone(), target);
    }
    for (variant, need) in &shared.std {
        let id = variant.std_target();
        let actions = std_actions(shared, lowering, &id, variant, need);
        targets.entry(id.clone()).or_insert_with(|| parts::bare(id, "go_std")).actions.extend(actions);
    }
    for ((dir, variant), deps) in &shared.deps {
        let Some((root, need)) = shared.roots.get(dir) else { continue };
        let id = variant.deps_target(root);
        for action in deps_actions(shared, lowering, root, variant, deps, need) {
            let sources = vec![lowering.file_set(root.files.clone())];
            let target =
                targets.entry(id.clone()).or_insert_with(|| Target { sources, ..parts::bare(id.clone(), "go_deps") });
            target.actions.push(action);
        }
    }
    targets.into_values().map(with_dependencies).collect()
}

/// Adds the targets that the actions take outputs of.
fn with_dependencies(mut target: Target) -> Target {
    target.deps = parts::dependencies(&[], parts::producers(&target.actions, &target.id));
    target
}

/// One fetch for each locked module, then one tree of all.
fn modules_target(shared: &Shared, lowering: &mut Lowering, root: &Root, need: &Need) -> Target {
    let id = shared.modules_target(root);
    let out = lowering.out_dir(&id);
    let mut actions: Vec<Action> =
        root.locked.iter().map(|((path, version), sum)| fetch(&out, path, version, sum, need)).collect();
    let parts = actions.iter().flat_map(|action| &action.outputs);
    let all = parts::output(&out, modules_output(), OutputKind::Directory);
    let inputs = parts.map(|part| Input { at: all.at.clone(), from: Origin::Output(id.clone(), part.name.clone()) });
    let tree = Action {
        inputs: inputs.collect(),
        ..action("tree", Work::Tree(Assembly::Merge), Purpose::Internal, Vec::new())
    };
    actions.push(Action { outputs: vec![all], ..tree });
    let sources = vec![lowering.file_set(root.files.clone())];
    Target { actions, sources, ..parts::bare(id, "go_modules") }
}

/// The fetch of one module. Without a hash of its zip only its go.mod is wanted.
fn fetch(out: &RelPath, path: &str, version: &str, sum: &Sum, need: &Need) -> Action {
    let name = format!("module/{}@{}", escape(path), escape(version));
    let name = RelPath::new(&name).expect("module paths and versions in go.sum are normal paths");
    let locked = Locked::GoModule {
        path: Arc::from(path),
        version: Arc::from(version),
        sum: Arc::from(sum.zip.as_deref().unwrap_or_default()),
        mod_sum: sum.go_mod.as_deref().map(Arc::from),
    };
    let label = format!("fetch {path}@{version}");
    let action = action(&label, Work::Fetch(locked), Purpose::Fetch, Need::grounded([need.clone()]));
    Action { outputs: vec![parts::output(out, name, OutputKind::Directory)], ..action }
}

/// Compiles the standard library; for whom packages are vetted, also learns what vetting asks of it.
fn std_actions(shared: &Shared, lowering: &Lowering, id: &TargetId, variant: &Variant, need: &Need) -> Vec<Action> {
    let step = |name: &'static str, task: Task, mounts: Mounts| {
        let output = parts::output(&lowering.out_dir(id), variant.output(name), OutputKind::Directory);
        let call = Call {
            task,
            dir: &RelPath::root(),
            context: &variant.context(),
            work: None,
            caches: &mounts.caches,
            keep: Some(&output.at),
        };
        let action = build(variant.output(name).as_str(), call.command(), need);
        Action { inputs: mounts.inputs, outputs: vec![output], ..action }
    };
    let compile = Task::Run(recipe::compile_args(["std".to_owned()]));
    let mut actions = vec![step(STD, compile, Mounts::default())];
    if shared.vetted.contains(variant) {
        let mut mounts = Mounts::default();
        mounts.cache(STD, id.clone(), variant);
        actions.push(step(STD_FACTS, Task::StandardFacts, mounts));
    }
    actions
}

/// Compiles packages of other modules: first those of programs, then what tests import besides. Then learns what vetting
/// asks of them.
fn deps_actions(
    shared: &Shared,
    lowering: &Lowering,
    root: &Root,
    variant: &Variant,
    deps: &Deps,
    need: &Need,
) -> Vec<Action> {
    let id = variant.deps_target(root);
    let out = lowering.out_dir(&id);
    let step = |name: &'static str, task: Task, mounts: Mounts| {
        let output = parts::output(&out, variant.output(name), OutputKind::Directory);
        let call = Call {
            task,
            dir: &root.dir,
            context: &variant.context(),
            work: root.work.as_ref().map(|_| &root.dir),
            caches: &mounts.caches,
            keep: Some(&output.at),
        };
        let action = build(variant.output(name).as_str(), call.command(), need);
        Action { inputs: with_texts(mounts.inputs, root), outputs: vec![output], ..action }
    };
    let compile = |packages: &BTreeSet<String>| Task::Run(recipe::compile_args(packages.iter().cloned()));
    let mut actions = Vec::new();
    let mut mounts = shared.base_mounts(root, variant);
    if !deps.programs.is_empty() {
        actions.push(step(DEPS, compile(&deps.programs), shared.base_mounts(root, variant)));
        mounts.cache(DEPS, id.clone(), variant);
    }
    let tests: BTreeSet<String> = deps.tests.difference(&deps.programs).cloned().collect();
    if !tests.is_empty() {
        actions.push(step(TEST_DEPS, compile(&tests), mounts));
    }
    if !deps.vetted.is_empty() {
        let facts = Task::Facts(deps.vetted.iter().cloned().collect());
        actions.push(step(DEPS_FACTS, facts, shared.facts_mounts(root, variant, &deps.vetted)));
    }
    actions
}

/// Adds the module files to inputs.
pub(crate) fn with_texts(mut inputs: Vec<Input>, root: &Root) -> Vec<Input> {
    let text = |(path, text): (RelPath, String)| Input {
        at: recipe::src().join(&path),
        from: Origin::Text(Text::Plain(Arc::from(text))),
    };
    inputs.extend(root.texts().into_iter().map(text));
    inputs
}

/// Returns a call of the Go command without inputs and outputs.
pub(crate) fn build(name: &str, command: model::Command, need: &Need) -> Action {
    let needs = Need::grounded([Need::GoCache, need.clone()]);
    action(name, Work::Command(command), Purpose::Build, needs)
}

/// Returns an action of Go without inputs and outputs.
pub(crate) fn action(name: &str, work: Work, purpose: Purpose, needs: Vec<Need>) -> Action {
    parts::action(name, work, purpose, needs, recipe::VERSION)
}
