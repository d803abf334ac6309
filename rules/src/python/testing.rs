//! `python_test`: one action for each test file, which sees the files that it imports, what pytest loads on the way to
//! it, and declared data.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use model::{
    Action, EntryKind, Input, Kind, Mistake, Need, Origin, Output, OutputKind, Provided, Purpose, RelPath, Target,
    Work, codes,
};

use super::closure::Walker;
use super::packages::{Packages, read};
use super::recipe::{Start, VERSION};
use super::wheels;
use super::world::{Surroundings, World};
use crate::declaration::Declaration;
use crate::parts::{self, path};
use crate::rule::limited;

/// The files in which pytest looks for its settings, and the words that say that they are there.
const SETTINGS: [(&str, &str); 7] = [
    ("pytest.toml", ""),
    (".pytest.toml", ""),
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("tox.ini", "[pytest]"),
    ("setup.cfg", "[tool:pytest]"),
];

/// The ending of a report of lines.
const LCOV: &str = "lcov";

/// The exit code of pytest that found no test to run.
const NOTHING_RUN: u8 = 5;

/// Lowers a `python_test`.
pub(super) fn lower(declaration: &Declaration, world: &mut World) -> Option<Target> {
    let around = world.surroundings(declaration)?;
    let packages = tester(declaration, &around, world)?;
    let files = declaration.sources("tests").files.clone();
    let settings = settings(declaration.common.package(), world);
    let shared = shared_inputs(declaration, &around, &packages, settings.as_ref(), world);
    let tests = Tests { declaration, around: &around, settings, shared };
    let limits = limited::test_limits(declaration, world.lowering);
    let mut actions = Vec::new();
    for file in &files {
        let action = tests.run(file, world);
        actions.push(Action { limits: limits.clone(), ..action });
    }
    let mut target = declaration.common.target(Kind::Test);
    let labels =
        [declaration.labels("deps"), &declaration.sources("data").labels, &declaration.sources("tests").labels];
    let producers = parts::producers(&actions, &declaration.common.id);
    target.deps = parts::dependencies(&world.lowering.resolve(&labels.concat()), producers);
    let mut sets = parts::file_sets(actions.iter().flat_map(|action| &action.inputs));
    sets.insert(world.lowering.file_set(packages.files.clone()));
    target.sources = sets.into_iter().collect();
    target.actions = actions;
    let provided = |name: RelPath| Provided { from: Origin::Output(declaration.common.id.clone(), name.clone()), name };
    target.provides = coverage_reports(declaration).into_iter().map(provided).collect();
    Some(target)
}

/// Returns the outputs that say which lines each test file has run, sorted: none unless they are asked for.
pub(crate) fn coverage_reports(declaration: &Declaration) -> Vec<RelPath> {
    if !declaration.is_true("coverage") {
        return Vec::new();
    }
    let files = declaration.sources("tests").files.iter();
    let mut reports: Vec<RelPath> = files.map(|file| Reports::name(&inside(file, declaration), LCOV)).collect();
    reports.sort();
    reports
}

/// Returns the path of a test file from the package.
fn inside(file: &RelPath, declaration: &Declaration) -> RelPath {
    file.strip_prefix(declaration.common.package()).unwrap_or_else(|| file.clone())
}

/// Returns the packages, which have to hold pytest, and coverage if lines are to be counted.
fn tester(declaration: &Declaration, around: &Surroundings, world: &mut World) -> Option<Rc<Packages>> {
    let label = &declaration.common.id.label;
    let at = &declaration.common.declared.at;
    let Some(packages) = &around.packages else {
        let message = format!("{label} has no lock: tests are run by the pytest of a lock");
        let mistake = Mistake::new(codes::PYTHON_NO_LOCK, message).at(at.clone(), "");
        world.lowering.mistake(
            mistake.hint("write a requirements.txt with hashes, a uv.lock or a poetry.lock at or above the package"),
        );
        return None;
    };
    let mut wanted = vec!["pytest"];
    wanted.extend(declaration.is_true("coverage").then_some("coverage"));
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !packages.has(name)).collect();
    for name in &missing {
        let message = format!("{label} needs `{name}`, which {} lacks", packages.lock);
        let mistake = Mistake::new(codes::PYTHON_NO_PACKAGE, message).at(at.clone(), "");
        world.lowering.mistake(mistake.hint(format!("add `{name}` to what is locked, and lock again")));
    }
    missing.is_empty().then(|| packages.clone())
}

/// Returns the settings of pytest: the nearest at or above the package, as pytest looks for them.
fn settings(package: &RelPath, world: &World) -> Option<RelPath> {
    let upwards = std::iter::successors(Some(package.clone()), RelPath::parent);
    let files = upwards.flat_map(|dir| SETTINGS.map(|(name, words)| (dir.join(&path(name)), words)));
    let says = |file: &RelPath, words: &str| read(world.lowering, file).is_some_and(|text| text.contains(words));
    files.into_iter().find(|(file, words)| says(file, words)).map(|(file, _)| file)
}

/// Returns what all test files of a target see.
fn shared_inputs(
    declaration: &Declaration,
    around: &Surroundings,
    packages: &Packages,
    settings: Option<&RelPath>,
    world: &mut World,
) -> BTreeSet<Input> {
    let data = declaration.sources("data");
    let files = data.files.iter().chain(settings).cloned().collect();
    let labels = world.lowering.resolve(&data.labels);
    let mut inputs: BTreeSet<Input> = parts::label_inputs(world.lowering, &labels).into_iter().collect();
    inputs.extend(parts::files_input(world.lowering, files));
    inputs.extend(around.generated.inputs(&parts::src()));
    inputs.insert(wheels::input(packages));
    inputs
}

struct Tests<'t> {
    declaration: &'t Declaration,
    around: &'t Surroundings,
    settings: Option<RelPath>,
    shared: BTreeSet<Input>,
}

impl Tests<'_> {
    fn run(&self, file: &RelPath, world: &mut World) -> Action {
        let package = self.declaration.common.package();
        // pytest imports a test file from the directory above its outermost package.
        let mut roots = vec![base(file, world)];
        roots.extend(self.around.roots.iter().cloned());
        let walker = Walker::new(world.scans, &roots, &self.around.generated_paths);
        // pytest loads conftest.py files from where its settings lie.
        let settings = self.settings.as_ref().and_then(RelPath::parent);
        let top = settings.filter(|dir| package.starts_with(dir)).unwrap_or_else(|| package.clone());
        let closure = walker.closure(&walker.test(file, &top));
        world.check_external(&closure, self.declaration, self.around.packages.as_ref());
        let mut inputs = self.shared.clone();
        inputs.extend(parts::files_input(world.lowering, closure.files.into_iter().collect()));
        let name = inside(file, self.declaration);
        let reports = Reports::of(&name, &world.lowering.out_dir(&self.declaration.common.id));
        let work = Work::Command(self.command(&name, &reports));
        let needs = Need::grounded([self.around.need.clone()]);
        let action = parts::action(&format!("test {name}"), work, Purpose::Test, needs, VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs: self.outputs(reports), ..action }
    }

    fn outputs(&self, reports: Reports) -> Vec<Output> {
        let mut outputs = vec![reports.junit];
        outputs.extend(self.declaration.is_true("coverage").then_some(reports.coverage));
        outputs.sort();
        outputs
    }

    fn command(&self, file: &RelPath, reports: &Reports) -> model::Command {
        let package = self.declaration.common.package();
        let directory = parts::src().join(package);
        let settings = self.settings.as_ref().map_or("/dev/null".to_owned(), |file| file.relative_to(package));
        let junit = reports.junit.at.relative_to(&directory);
        let mut args: Vec<String> = ["-m", "pytest", "-p", "no:cacheprovider", "-c"].map(str::to_owned).into();
        args.extend([settings, "--rootdir=.".to_owned(), "--basetemp=/tmp/pytest".to_owned()]);
        args.extend([format!("--junitxml={junit}"), "-q".to_owned()]);
        args.extend(self.declaration.texts("args").iter().map(|argument| argument.text.to_string()));
        args.push(file.to_string());
        let imports: Vec<RelPath> =
            self.around.roots.iter().map(|root| parts::src().join(root)).chain([wheels::deps()]).collect();
        let run = match self.declaration.is_true("coverage") {
            true => counting(&reports.coverage.at.relative_to(&directory)),
            false => "python3 \"$@\" || code=$?\n".to_owned(),
        };
        let lines = format!("code=0\n{run}{}exit $code\n", forgiving(args.len()));
        let start = Start { dir: package, imports: &imports, lines: &lines, args };
        let mut command = start.command();
        let label = self.declaration.common.id.label.to_string();
        command.env.extend(
            [("TEST_TARGET", &*label), ("TEST_TMPDIR", "/tmp")]
                .map(|(name, value)| (Arc::from(name), Arc::from(value))),
        );
        command.env.extend(self.declaration.declared_environment());
        command
    }
}

/// What a run leaves.
struct Reports {
    junit: Output,
    coverage: Output,
}

impl Reports {
    fn of(file: &RelPath, out: &RelPath) -> Reports {
        let output = |ending: &str| parts::output(out, Reports::name(file, ending), OutputKind::OptionalFile);
        Reports { junit: output("junit.xml"), coverage: output(LCOV) }
    }

    fn name(file: &RelPath, ending: &str) -> RelPath {
        path(&format!("{file}.{ending}"))
    }
}

/// Returns the lines that count what is run, and keep the counts whatever the tests come to.
fn counting(report: &str) -> String {
    format!(
        "counts=\"$TMPDIR/coverage\"\nmkdir -p {parent}\n\
         python3 -m coverage run --rcfile=/dev/null --data-file=\"$counts\" --source=\"$root/src\" \"$@\" || code=$?\n\
         python3 -m coverage lcov --rcfile=/dev/null --data-file=\"$counts\" --quiet -o {report}\n",
        parent = parts::quoted(report.rsplit_once('/').map_or(".", |(parent, _)| parent)),
        report = parts::quoted(report),
    )
}

/// Returns the lines after a run that forgive pytest that it found nothing to run, where arguments were added to those
/// of the definition: `-k name` selects tests of some files, and every file is asked.
fn forgiving(arguments: usize) -> String {
    format!("if [ $code = {NOTHING_RUN} ] && [ $# -gt {arguments} ]; then\n    code=0\nfi\n")
}

/// Returns the directory above the outermost package that a test file is in.
fn base(file: &RelPath, world: &World) -> RelPath {
    let upwards = std::iter::successors(file.parent(), RelPath::parent);
    let is_package = |dir: &RelPath| world.lowering.entry(&dir.join(&path("__init__.py"))) == Some(EntryKind::File);
    upwards.into_iter().find(|dir| !is_package(dir)).unwrap_or_else(RelPath::root)
}
