//! `python_service`: an application tree. The packages of the workspace that the import closure touches are taken whole,
//! with their data and without their tests: what they import by name at run time is then there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{
    Action, Assembly, EntryKind, Input, Kind, Limits, Mistake, Need, Origin, Output, OutputKind, Provided, Purpose,
    RelPath, Target, Text, Work, codes,
};

use super::closure::Walker;
use super::recipe::{EXEC, Start, VERSION};
use super::world::{Surroundings, World, importable};
use super::{launcher, service_outputs, wheels};
use crate::declaration::Declaration;
use crate::generated::Generated;
use crate::near::nearest;
use crate::parts::{self, path};
use crate::written::Written;

/// The directory of the code, which is imported from.
pub(super) const CODE: &str = "code";
/// The directory of third-party packages.
pub(super) const DEPS: &str = "deps";

/// Where the application lies in the input root of the action that proves that it can be imported.
const APP: &str = "app";

/// What a service is started with.
enum Entry {
    /// A module, for `python3 -m`.
    Module(Arc<str>),
    /// A file, from the workspace root.
    File(RelPath),
}

/// Lowers a `python_service`.
pub(super) fn lower(declaration: &Declaration, world: &mut World) -> Option<Target> {
    parts::check_name(declaration, &[CODE, DEPS], world.lowering);
    let around = world.surroundings(declaration)?;
    let walker = Walker::new(world.scans, &around.roots, &around.generated_paths);
    let (entry, starts) = entry(declaration, &around, &walker, world)?;
    let closure = walker.closure(&starts);
    world.check_external(&closure, declaration, around.packages.as_ref());
    let files = code_files(&closure.files, declaration, &around, world);
    let data = Generated::of(world.lowering, &world.lowering.resolve(&declaration.sources("data").labels));
    let service = Service { declaration, around: &around, entry, data, out: out(declaration, world) };
    let tree = service.tree(&files);
    let prove = service.prove();
    let mut target = declaration.common.target(Kind::Build);
    let labels = [declaration.labels("deps"), &declaration.sources("data").labels].concat();
    let producers = parts::producers([&tree, &prove], &declaration.common.id);
    target.deps = parts::dependencies(&world.lowering.resolve(&labels), producers);
    let mut sets = BTreeSet::from([world.lowering.file_set(files)]);
    sets.extend(around.packages.iter().map(|packages| world.lowering.file_set(packages.files.clone())));
    target.sources = sets.into_iter().collect();
    target.provides = service.provides();
    target.actions = vec![tree, prove];
    Some(target)
}

fn out(declaration: &Declaration, world: &World) -> RelPath {
    parts::src().join(&world.lowering.out_dir(&declaration.common.id))
}

/// Finds what is started, and the files with which that begins.
fn entry(
    declaration: &Declaration,
    around: &Surroundings,
    walker: &Walker,
    world: &mut World,
) -> Option<(Entry, Vec<RelPath>)> {
    let written = declaration.text("entry")?;
    if written.text.ends_with(".py") {
        let file = declaration.common.package().resolve_inside(&written.text).ok();
        let is_file = |file: &RelPath| world.lowering.entry(file) == Some(EntryKind::File);
        if let Some(file) = file.filter(|file| is_file(file) || around.generated_paths.contains(file)) {
            return Some((Entry::File(file.clone()), vec![file]));
        }
        no_entry(written, format!("`{}` does not exist", written.text), None, world);
        return None;
    }
    if let Some(starts) = walker.module(&written.text) {
        return Some((Entry::Module(written.text.clone()), starts));
    }
    let roots: Vec<String> = around.roots.iter().map(|root| format!("`{}`", parts::shown(root))).collect();
    let message = format!("there is no module `{}` in {}", written.text, roots.join(", "));
    no_entry(written, message, near(&written.text, around, walker, world), world);
    None
}

fn no_entry(written: &Written, message: String, near: Option<String>, world: &mut World) {
    let mistake = Mistake::new(codes::PYTHON_NO_MODULE, message).at(written.at.clone(), "");
    world.lowering.mistake(match near {
        Some(near) => mistake.hint(format!("write \"{near}\"")),
        None => mistake
            .hint("write a module, as \"shop.main\", or a .py file of the package; `roots` says where modules begin"),
    });
}

/// Returns the nearest module: a misspelt last part, beside the modules that are there.
fn near(dotted: &str, around: &Surroundings, walker: &Walker, world: &World) -> Option<String> {
    let (parent, last) = dotted.rsplit_once('.').map_or((None, dotted), |(parent, last)| (Some(parent), last));
    let dirs: Vec<RelPath> = match parent {
        Some(parent) => walker.module(parent)?.iter().filter_map(RelPath::parent).collect(),
        None => around.roots.clone(),
    };
    let entries = dirs.iter().filter_map(|dir| world.lowering.list(dir));
    let names: Vec<String> = entries
        .flat_map(|entries| {
            entries.iter().map(|entry| entry.name.trim_end_matches(".py").to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let near = nearest(last, names.iter().map(String::as_str))?;
    Some(parent.map_or(near.to_owned(), |parent| format!("{parent}.{near}")))
}

/// Returns the files of the application: the packages that the closure touches, whole, and declared data.
fn code_files(
    closure: &BTreeSet<RelPath>,
    declaration: &Declaration,
    around: &Surroundings,
    world: &World,
) -> Vec<RelPath> {
    let mut files: BTreeSet<RelPath> = closure.clone();
    let whole: BTreeSet<RelPath> = closure.iter().filter_map(|file| package_of(file, around, world)).collect();
    for package in &whole {
        let below = parts::files_where(world.lowering, package, &|dir| !is_left_out(dir.name()));
        files.extend(below.into_iter().filter(|file| !is_test(file) && file.name() != crate::reads::BUILD_FILE));
    }
    files.extend(declaration.sources("data").files.iter().cloned());
    // What two roots have at one place is the first's, as for Python.
    let mut places: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    let rank = |file: &RelPath| around.roots.iter().position(|root| file.starts_with(root));
    for file in files {
        match places.entry(importable(&file, &around.roots)) {
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(file)),
            std::collections::btree_map::Entry::Occupied(mut place) => {
                if rank(&file) < rank(place.get()) {
                    place.insert(file);
                }
            }
        }
    }
    let mut files: Vec<RelPath> = places.into_values().collect();
    files.sort();
    files
}

/// Returns the outermost directory with an `__init__.py` that holds a file; none for a module that is in no package.
fn package_of(file: &RelPath, around: &Surroundings, world: &World) -> Option<RelPath> {
    let above: Vec<RelPath> = std::iter::successors(file.parent(), RelPath::parent).collect();
    let inside = |dir: &&RelPath| around.roots.iter().any(|root| dir.starts_with(root) && *dir != root);
    let is_package = |dir: &&RelPath| {
        let init = dir.join(&path("__init__.py"));
        around.generated_paths.contains(&init) || world.lowering.entry(&init) == Some(EntryKind::File)
    };
    above.iter().rev().filter(inside).find(is_package).cloned()
}

fn is_left_out(directory: &str) -> bool {
    ["tests", "test", "__pycache__"].contains(&directory)
}

fn is_test(file: &RelPath) -> bool {
    let name = file.name();
    name == "conftest.py" || (name.starts_with("test_") && name.ends_with(".py")) || name.ends_with("_test.py")
}

struct Service<'s> {
    declaration: &'s Declaration,
    around: &'s Surroundings,
    entry: Entry,
    /// What targets named as data provide: sources where they lie, outputs as if checked in.
    data: Generated,
    out: RelPath,
}

impl Service<'_> {
    /// Lays code, packages and the program that starts it beside each other.
    fn tree(&self, files: &[RelPath]) -> Action {
        let code = self.out.join(&path(CODE));
        let place = |path: &RelPath, from: Origin| Input { at: code.join(&importable(path, &self.around.roots)), from };
        let sources = files.iter().map(|file| place(file, Origin::File(file.clone())));
        let made = self.around.generated.places().iter().chain(self.data.places());
        let generated = made.map(|(path, from)| place(path, from.clone()));
        let mut inputs: BTreeSet<Input> = sources.chain(generated).collect();
        inputs.extend(self.packages_at(self.out.join(&path(DEPS))));
        let program = launcher(&self.declaration.common.id.label);
        let text = Text::Script(Arc::from(self.launch_text()));
        inputs.insert(Input { at: self.out.join(&program), from: Origin::Text(text) });
        let output = |name: RelPath, kind| Output { at: self.out.join(&name), name, kind };
        let mut outputs = vec![
            output(path(CODE), OutputKind::Directory),
            output(path(DEPS), OutputKind::OptionalDirectory),
            output(program, OutputKind::File),
        ];
        outputs.sort();
        let action = parts::action("tree", Work::Tree(Assembly::Merge), Purpose::Internal, Vec::new(), VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs, ..action }
    }

    fn packages_at(&self, at: RelPath) -> Option<Input> {
        let packages = self.around.packages.as_ref().filter(|packages| !packages.distributions.is_empty())?;
        Some(Input { at, ..wheels::input(packages) })
    }

    /// Imports the entry, with nothing but the application to import from.
    fn prove(&self) -> Action {
        let app = |name: &str| path(APP).join(&path(name));
        let code = Origin::Output(self.declaration.common.id.clone(), path(CODE));
        let mut inputs = vec![Input { at: app(CODE), from: code }];
        inputs.extend(self.packages_at(app(DEPS)));
        let dir = self.declaration.common.package();
        let imports = [app(CODE), app(DEPS)];
        let (how, what) = match &self.entry {
            Entry::Module(module) => (PROVE_MODULE, module.to_string()),
            Entry::File(file) => {
                let place = app(CODE).join(&importable(file, &self.around.roots));
                (PROVE_FILE, place.relative_to(&parts::src().join(dir)))
            }
        };
        let args = vec!["-c".to_owned(), how.to_owned(), what];
        let start = Start { dir, imports: &imports, lines: EXEC, args };
        let needs = Need::grounded([self.around.need.clone()]);
        let work = Work::Command(start.command());
        // An entry that serves as soon as it is imported would never end.
        let limits = Limits { timeout: Some(Duration::from_secs(120)), ..Limits::default() };
        Action { inputs, limits, ..parts::action("", work, Purpose::Build, needs, VERSION) }
    }

    fn provides(&self) -> Vec<Provided> {
        let id = &self.declaration.common.id;
        let provided = |name: RelPath| Provided { from: Origin::Output(id.clone(), name.clone()), name };
        let mut provides: Vec<Provided> = service_outputs(&id.label).into_iter().map(provided).collect();
        provides.sort();
        provides
    }

    /// Returns the program that starts the service from where it lies.
    fn launch_text(&self) -> String {
        let entry = match &self.entry {
            Entry::Module(module) => format!("-m {}", parts::quoted(module)),
            Entry::File(file) => {
                format!("\"$here\"/{CODE}/{}", parts::quoted(importable(file, &self.around.roots).as_str()))
            }
        };
        let arguments =
            self.declaration.texts("args").iter().map(|argument| format!(" {}", parts::quoted(&argument.text)));
        format!(
            "#!/bin/sh\n# Starts {}.\nhere=$(dirname \"$(readlink -f \"$0\")\")\n\
             export PYTHONPATH=\"$here/{CODE}:$here/{DEPS}\" PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1\n\
             exec python3 {entry}{} \"$@\"\n",
            self.declaration.common.id.label,
            arguments.collect::<String>(),
        )
    }
}

/// Imports a module as it is imported before it is run; of a package also finds what `-m` runs of it.
const PROVE_MODULE: &str = "\
import importlib, importlib.util, sys
module = importlib.import_module(sys.argv[1])
if hasattr(module, '__path__') and importlib.util.find_spec(sys.argv[1] + '.__main__') is None:
    sys.exit(f'{sys.argv[1]} is a package without a __main__.py, so it cannot be started')
";

/// Runs a file under another name than `__main__`.
const PROVE_FILE: &str = "import runpy, sys\nrunpy.run_path(sys.argv[1], run_name='__rg_proof__')\n";
