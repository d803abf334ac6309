//! `frontend` and `node_test`: a script of package.json, run as npm runs it, in the directory of its package. npm itself
//! is not started: what it would run is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Command, Input, Kind, Limits, Location, Mistake, Need, Network, Origin, Output, OutputKind, Provided,
    Purpose, RelPath, Target, Work, codes,
};

use super::repository::{Project, Repositories};
use super::{VERSION, frontend_output, packages, production, sources};
use crate::declaration::Declaration;
use crate::generated::Generated;
use crate::lowering::base_environment;
use crate::near::{nearest, quoted_list};
use crate::parts::{self, path};
use crate::rule::limited;

/// What a test may leave for reporters.
const REPORT: &str = "junit.xml";

/// Lowers a `frontend`.
pub(super) fn lower_frontend(
    declaration: &Declaration,
    project: &Project,
    repositories: &mut Repositories,
) -> Option<Target> {
    let made = frontend_output(declaration);
    check_output(declaration, repositories);
    let steps = steps(declaration, "build", project, repositories)?;
    let out_dir = repositories.lowering.out_dir(&declaration.common.id);
    let output = parts::output(&out_dir, made.clone(), OutputKind::Directory);
    let timeout = Some(limited::timeout(declaration, 600, repositories.lowering));
    // The script makes it where it likes to, so that what it writes of paths is right, and may remove it before: so it
    // is copied, and not mounted there.
    let to = output.at.relative_to(&parts::src().join(&project.dir));
    let keep = format!(
        "if [ -d {from} ]; then\n    mkdir -p {parent}\n    cp -R {from} {to}\nfi\n",
        from = parts::quoted(&format!("./{made}")),
        parent = parts::quoted(to.rsplit_once('/').map_or(".", |(parent, _)| parent)),
        to = parts::quoted(&to),
    );
    let script = Script { project, declaration, text: format!("{}{keep}", shell_lines(&steps, project)) };
    let limits = Limits { timeout, ..Limits::default() };
    let out = project.dir.join(&made);
    let action = script.action(Purpose::Build, vec![output], limits, Some(&out), repositories);
    let from = Origin::Output(declaration.common.id.clone(), made.clone());
    Some(Target { provides: vec![Provided { name: made, from }], ..script.target(Kind::Build, action, repositories) })
}

/// Lowers a `node_test`.
pub(super) fn lower_test(
    declaration: &Declaration,
    project: &Project,
    repositories: &mut Repositories,
) -> Option<Target> {
    let steps = steps(declaration, "test", project, repositories)?;
    let out_dir = repositories.lowering.out_dir(&declaration.common.id);
    let report = parts::output(&out_dir, path(REPORT), OutputKind::OptionalFile);
    let limits = limited::test_limits(declaration, repositories.lowering);
    let script = Script { project, declaration, text: shell_lines(&steps, project) };
    let action = script.action(Purpose::Test, vec![report], limits, None, repositories);
    Some(script.target(Kind::Test, action, repositories))
}

/// Reports an `out` that is no path below the package.
fn check_output(declaration: &Declaration, repositories: &mut Repositories) {
    let Some(out) = declaration.text("out") else { return };
    let plain = out.text.trim_end_matches('/');
    let wrong = match RelPath::new(plain) {
        Ok(path) if path.is_root() => format!("`{}` is the package itself", out.text),
        Ok(_) => return,
        Err(error) => error.to_string(),
    };
    let mistake = Mistake::new(codes::BAD_OUTPUT, format!("`out`: {wrong}")).at(out.at.clone(), "");
    repositories
        .lowering
        .mistake(mistake.hint("write the directory that the script makes, from the package: \"dist\""));
}

/// One step of a script: what npm calls it, and its line.
type Step = (String, String);

fn steps(
    declaration: &Declaration,
    default: &str,
    project: &Project,
    repositories: &mut Repositories,
) -> Option<Vec<Step>> {
    let written = declaration.text("script");
    let name = written.map_or(default, |written| &written.text);
    let steps = project.manifest.steps(name);
    if !steps.is_empty() {
        return Some(steps.into_iter().map(|(name, line)| (name.to_owned(), line.to_owned())).collect());
    }
    let at: &Location = written.map_or(&declaration.common.declared.at, |written| &written.at);
    let known: Vec<&str> = project.manifest.scripts.keys().map(String::as_str).collect();
    let message = format!("{} has no script `{name}`", project.file);
    let mistake = Mistake::new(codes::NODE_NO_SCRIPT, message).at(at.clone(), "");
    repositories.lowering.mistake(match (nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => mistake.hint(format!("write `script = \"{near}\"`; it has {}", quoted_list(&known))),
        (None, false) => mistake.hint(format!("it has {}", quoted_list(&known))),
        (None, true) => mistake.hint(format!("add `\"scripts\": {{ \"{name}\": \"…\" }}` to it")),
    });
    None
}

/// Returns the lines that run the steps as npm does: each in a shell of its own, arguments at the end of the script
/// itself.
fn shell_lines(steps: &[Step], project: &Project) -> String {
    let directory = parts::src().join(&project.dir);
    let mut text = parts::find_root(&directory);
    let commands = packages::command_directories(&project.dir, &project.lock);
    let commands = commands.iter().map(|dir| format!("{}:", parts::below_root(&parts::src().join(dir))));
    text += &format!("export PATH={}\"$PATH\" OUT=\"$PWD/$OUT\"\n", commands.collect::<String>());
    for (name, value) in [("name", &project.manifest.name), ("version", &project.manifest.version)] {
        text += &value
            .as_ref()
            .map_or(String::new(), |value| format!("export npm_package_{name}={}\n", parts::quoted(value)));
    }
    // The script itself is the one that another is named after.
    let is_main = |name: &str| {
        steps.iter().all(|(other, _)| [name, &format!("pre{name}"), &format!("post{name}")].contains(&&**other))
    };
    let main = steps.iter().position(|(name, _)| is_main(name)).unwrap_or_default();
    for (index, (name, line)) in steps.iter().enumerate() {
        let line = if index == main && !line.contains('\n') { format!("{line} \"$@\"") } else { line.clone() };
        let arguments = if index == main { " sh \"$@\"" } else { "" };
        text +=
            &format!("npm_lifecycle_event={} /bin/sh -c {}{arguments}\n", parts::quoted(name), parts::quoted(&line));
    }
    text
}

/// A script that is about to become an action.
struct Script<'s> {
    project: &'s Project,
    declaration: &'s Declaration,
    text: String,
}

impl Script<'_> {
    fn action(
        &self,
        purpose: Purpose,
        outputs: Vec<Output>,
        limits: Limits,
        made: Option<&RelPath>,
        repositories: &mut Repositories,
    ) -> Action {
        let needs = Need::grounded([self.project.need.clone()]);
        let work = Work::Command(self.command(purpose, repositories));
        let action = parts::action("", work, purpose, needs, VERSION);
        Action { inputs: self.inputs(made, repositories), outputs, limits, ..action }
    }

    fn command(&self, purpose: Purpose, repositories: &Repositories) -> Command {
        let id = &self.declaration.common.id;
        let directory = parts::src().join(&self.project.dir);
        let out = parts::src().join(&repositories.lowering.out_dir(id)).relative_to(&directory);
        let mut env: BTreeMap<Arc<str>, Arc<str>> = base_environment();
        env.insert(Arc::from("OUT"), Arc::from(out));
        if purpose == Purpose::Test {
            env.insert(Arc::from("TEST_TARGET"), Arc::from(id.label.to_string()));
            env.insert(Arc::from("TEST_TMPDIR"), Arc::from("/tmp"));
        }
        env.extend(self.declaration.declared_environment());
        let argv = ["/bin/sh", "-euc", &*self.text, "rg"].map(Arc::from).into();
        Command { argv, env, directory, network: Network::None }
    }

    fn inputs(&self, made: Option<&RelPath>, repositories: &mut Repositories) -> Vec<Input> {
        let lock = &self.project.lock;
        let reached = production::reached(&lock.layout, &self.project.place);
        let mut files = sources::files(lock, &reached, made, repositories);
        files.extend(self.declaration.sources("data").files.iter().cloned());
        let lowering = &mut *repositories.lowering;
        let generated = Generated::of(lowering, &lowering.resolve(self.declaration.labels("deps")));
        let mut inputs: BTreeSet<Input> = packages::inputs(lock, &self.project.allowed).into_iter().collect();
        inputs.extend(generated.inputs(&parts::src()));
        let data = lowering.resolve(&self.declaration.sources("data").labels);
        inputs.extend(parts::label_inputs(lowering, &data));
        inputs.extend(parts::files_input(lowering, files));
        inputs.into_iter().collect()
    }

    fn target(&self, kind: Kind, action: Action, repositories: &mut Repositories) -> Target {
        let mut sets = parts::file_sets(&action.inputs);
        sets.insert(repositories.lowering.file_set(vec![self.project.lock.file.clone()]));
        Target {
            deps: dependencies(self.declaration, &[&action], repositories),
            sources: sets.into_iter().collect(),
            actions: vec![action],
            ..self.declaration.common.target(kind)
        }
    }
}

/// Returns what a target names, and whose outputs its actions take.
pub(super) fn dependencies(
    declaration: &Declaration,
    actions: &[&Action],
    repositories: &Repositories,
) -> Vec<model::Dependency> {
    let labels = [declaration.labels("deps"), &declaration.sources("data").labels].concat();
    let own = &declaration.common.id;
    parts::dependencies(&repositories.lowering.resolve(&labels), parts::producers(actions.iter().copied(), own))
}
