//! `node_service`: an application tree. Code and packages lie apart, so that an image keeps them in layers of their own;
//! code lies below the directory that holds `node_modules`, so that Node finds packages upwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Action, Assembly, EntryKind, Input, Kind, Mistake, Origin, OutputKind, Provided, Purpose, RelPath, Target, Text,
    Work, codes,
};

use super::layout::{Placed, What};
use super::names::NODE_MODULES;
use super::repository::{Project, Repositories};
use super::{VERSION, launcher, packages, production, script, service_outputs, sources};
use crate::declaration::Declaration;
use crate::generated::Generated;
use crate::parts::{self, path};
use crate::written::Written;

/// The directory of the code, which has the paths of the repository from the lock's directory on.
pub(super) const CODE: &str = "code";

/// Lowers a `node_service`.
pub(super) fn lower(declaration: &Declaration, project: &Project, repositories: &mut Repositories) -> Option<Target> {
    let lowering = &mut *repositories.lowering;
    parts::check_name(declaration, &[CODE, NODE_MODULES], lowering);
    let entry = declaration.text("entry")?;
    let generated = Generated::of(lowering, &lowering.resolve(declaration.labels("deps")));
    let entry = entry_path(entry, project, &generated, repositories)?;
    let out = parts::src().join(&repositories.lowering.out_dir(&declaration.common.id));
    let place = Place { out: &out, project };
    let files = code_files(declaration, project, repositories);
    let mut inputs: BTreeSet<Input> = files.iter().filter_map(|file| place.file(file)).collect();
    let data = repositories.lowering.resolve(&declaration.sources("data").labels);
    let data = Generated::of(repositories.lowering, &data);
    let made = generated.places().iter().chain(data.places());
    inputs.extend(made.filter_map(|(path, from)| place.code(path, from.clone())));
    inputs.extend(production::production(&project.lock.layout, &project.place).into_iter().map(|it| place.package(it)));
    let starts = Text::Script(Arc::from(launch_text(declaration, &entry, project)));
    let program = launcher(&declaration.common.id.label);
    inputs.insert(Input { at: out.join(&program), from: Origin::Text(starts) });
    let action = parts::action("tree", Work::Tree(Assembly::Merge), Purpose::Internal, Vec::new(), VERSION);
    let output = |name: RelPath, kind| model::Output { at: out.join(&name), name, kind };
    let outputs = vec![
        output(path(CODE), OutputKind::Directory),
        output(path(NODE_MODULES), OutputKind::OptionalDirectory),
        output(program, OutputKind::File),
    ];
    let action = Action { inputs: inputs.into_iter().collect(), outputs: sorted(outputs), ..action };
    let provided = |name: RelPath| {
        let from = Origin::Output(declaration.common.id.clone(), name.clone());
        Provided { name, from }
    };
    let mut provides: Vec<Provided> = service_outputs(&declaration.common.id.label).into_iter().map(provided).collect();
    provides.sort();
    let lock = repositories.lowering.file_set(vec![project.lock.file.clone()]);
    let mut sets = BTreeSet::from([lock]);
    sets.insert(repositories.lowering.file_set(files));
    Some(Target {
        provides,
        deps: script::dependencies(declaration, &[&action], repositories),
        sources: sets.into_iter().collect(),
        actions: vec![action],
        ..declaration.common.target(Kind::Build)
    })
}

fn sorted(mut outputs: Vec<model::Output>) -> Vec<model::Output> {
    outputs.sort();
    outputs
}

fn code_files(declaration: &Declaration, project: &Project, repositories: &Repositories) -> Vec<RelPath> {
    let reached = production::reached_in_production(&project.lock.layout, &project.place);
    let packages = reached.iter().map(|dir| project.lock.dir.join(dir)).collect();
    let mut files = sources::of_application(sources::files(&project.lock, &reached, None, repositories), &packages);
    files.extend(declaration.sources("data").files.iter().cloned());
    files.sort();
    files.dedup();
    files
}

/// Returns the entry, from the workspace root; reports one that is not there.
fn entry_path(
    entry: &Written,
    project: &Project,
    generated: &Generated,
    repositories: &mut Repositories,
) -> Option<RelPath> {
    let found = project.dir.resolve(&entry.text).ok().filter(|file| file.starts_with(&project.dir));
    let there = |file: &RelPath| {
        let made = generated.places().iter().any(|(place, _)| file.starts_with(place));
        made || repositories.lowering.entry(file) == Some(EntryKind::File)
    };
    if let Some(file) = found.filter(there) {
        return Some(file);
    }
    let message = format!("`{}` is no file of `{}`", entry.text, parts::shown(&project.dir));
    let mistake = Mistake::new(codes::NODE_NO_ENTRY, message).at(entry.at.clone(), "");
    let hint = match &project.manifest.main {
        Some(main) => format!("write `entry = \"{main}\"`, as `main` of package.json says"),
        None => "write the file that is started, from the package; one that a script makes is an output of `deps`"
            .to_owned(),
    };
    repositories.lowering.mistake(mistake.hint(hint));
    None
}

/// Where things lie in an application.
struct Place<'p> {
    out: &'p RelPath,
    project: &'p Project,
}

impl Place<'_> {
    fn file(&self, file: &RelPath) -> Option<Input> {
        self.code(file, Origin::File(file.clone()))
    }

    /// What lies outside of the lock's directory cannot be found from inside, so it is left out.
    fn code(&self, path: &RelPath, from: Origin) -> Option<Input> {
        Some(Input { at: self.of(&path.strip_prefix(&self.project.lock.dir)?), from })
    }

    /// Returns the place of a path that is given from the lock's directory.
    fn of(&self, inside: &RelPath) -> RelPath {
        let is_package = inside.segments().next() == Some(NODE_MODULES);
        if is_package { self.out.join(inside) } else { self.out.join(&path(CODE)).join(inside) }
    }

    fn package(&self, placed: &Placed) -> Input {
        let at = self.of(&placed.at);
        let from = match (&placed.what, placed.target()) {
            (What::Link(_), Some(target)) => {
                let link = self.of(&target).relative_to(&at.parent().unwrap_or_else(RelPath::root));
                Origin::Text(Text::Link(Arc::from(link)))
            }
            _ => packages::origin(placed, &self.project.lock, &self.project.allowed),
        };
        Input { at, from }
    }
}

/// Returns the program that starts a service from where it lies.
fn launch_text(declaration: &Declaration, entry: &RelPath, project: &Project) -> String {
    let inside = entry.strip_prefix(&project.lock.dir).unwrap_or_else(|| entry.clone());
    let arguments: String =
        declaration.texts("args").iter().map(|argument| format!(" {}", parts::quoted(&argument.text))).collect();
    format!(
        "#!/bin/sh\n# Starts {}.\nhere=$(dirname \"$(readlink -f \"$0\")\")\nexec node \"$here\"/{CODE}/{}{arguments} \"$@\"\n",
        declaration.common.id.label,
        parts::quoted(inside.as_str()),
    )
}
