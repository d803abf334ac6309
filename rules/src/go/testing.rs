//! Lowers `go_test`: for each package with test files one action that links its tests, and one that runs them; if asked
//! for, one that vets each package.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Action, Command, FileSetId, Input, Kind, Limits, Need, Network, Origin, Output, OutputKind, Purpose, RelPath,
    Target, Work,
};

use super::closure::{Closure, Code, Goal, Walk};
use super::constraint::BuildContext;
use super::modules::Root;
use super::recipe::{self, Call, Task};
use super::shared::{Mounts, Shared, Variant};
use super::{implicit, inputs, patterns, program};
use crate::generated::Generated;
use crate::go_attributes::{GoTest, Vet};
use crate::lowering::base_environment;
use crate::parts;

/// Go ends a test that takes too long by itself, and says where it hangs; rg ends it this much later.
const GRACE: Duration = Duration::from_secs(5);

/// A `go_test` whose packages are known.
pub(crate) struct Tests<'t> {
    test: &'t GoTest,
    variant: Variant,
    context: BuildContext,
    generated: Generated,
    packages: Vec<Tested>,
    need: Need,
}

/// One package that is tested, or only vetted.
struct Tested {
    dir: RelPath,
    root: Rc<Root>,
    closure: Closure,
    /// Of what it was made: the package alone if it has no tests.
    goal: Goal,
}

impl<'t> Tests<'t> {
    /// Finds the packages and what they need; `None` after a mistake.
    pub fn find(code: &mut Code, test: &'t GoTest) -> Option<Tests<'t>> {
        let need = code.lowering.toolchain("go", &test.common.declared.at)?;
        let variant = Variant { platform: test.common.id.platform.clone(), cgo: test.cgo };
        let tags = test.build_tags.iter().map(|tag| tag.text.to_string());
        let context = recipe::context(&variant.platform, test.cgo, tags);
        let generated = Generated::of(code.lowering, &test.deps);
        let mut tests = Tests { test, variant, context, generated, packages: Vec::new(), need };
        for dir in patterns::directories(code, test.common.package(), &test.packages) {
            let tested = tests.tested(code, dir);
            tests.packages.extend(tested);
        }
        Some(tests)
    }

    fn tested(&self, code: &mut Code, dir: RelPath) -> Option<Tested> {
        let package = code.listing(&dir)?.package(&self.context);
        let goal = match (package.has_tests(), self.test.vet) {
            (true, _) => Goal::Tests,
            (false, Vet::Yes) if package.has_code() => Goal::Package,
            (false, Vet::Yes | Vet::No) => return None,
        };
        let root = inputs::root(code, &dir, &self.test.common.declared.at)?;
        let walk = Walk { context: &self.context, generated: &self.generated, root: &root };
        let closure = code.closure(&walk, &dir, goal, &program::used(&self.test.imports));
        Some(Tested { dir, root, closure, goal })
    }

    /// Notes what the tests share with others.
    pub fn share(&self, shared: &mut Shared) {
        for tested in &self.packages {
            let packages = &tested.closure.third_party;
            shared.note(&tested.root, &self.variant, &self.need, Goal::Tests, packages);
            if self.test.vet == Vet::Yes {
                shared.vet(&tested.root, &self.variant, packages);
            }
        }
    }

    /// Returns the target.
    pub fn lower(&self, code: &mut Code, shared: &Shared) -> Target {
        let mut target = self.test.common.target(Kind::Test);
        let mut sources = BTreeSet::new();
        let data = self.data(code);
        for tested in &self.packages {
            let sets = package_sets(code, tested);
            sources.extend(&sets);
            if tested.goal == Goal::Tests {
                let compiled = self.compile(code, shared, tested, &sets);
                let testdata = testdata(code, &tested.dir);
                sources.extend(testdata);
                let run = self.run(&tested.dir, &compiled.outputs[0], testdata, &data);
                target.actions.extend([compiled, run]);
            }
            if self.test.vet == Vet::Yes {
                target.actions.push(self.vet(shared, tested, &sets));
            }
            sources.insert(code.lowering.file_set(tested.root.files.clone()));
        }
        sources.extend(data.iter().filter_map(|input| match input.from {
            Origin::Files(set) => Some(set),
            Origin::File(_) | Origin::Text(_) | Origin::Output(..) => None,
        }));
        let labels = [&*self.test.deps, &*self.test.data_labels].concat();
        target.deps = parts::dependencies(&labels, parts::producers(&target.actions, &target.id));
        target.sources = sources.into_iter().collect();
        target
    }

    /// Links the tests of a package. testdata is no input: only the run reads it.
    fn compile(&self, code: &Code, shared: &Shared, tested: &Tested, sets: &[FileSetId]) -> Action {
        let output = self.output(code, &tested.dir);
        let to = output.at.relative_to(&recipe::src().join(&tested.dir));
        let task = Task::Run(recipe::test_args(&self.context.tags, &to));
        let mounts = shared.mounts(&tested.root, &self.variant, &tested.closure.third_party);
        let action = self.go("compile", task, tested, mounts, sets);
        Action { outputs: vec![output], ..action }
    }

    /// Vets a package with its tests, and passes if there is nothing to say.
    fn vet(&self, shared: &Shared, tested: &Tested, sets: &[FileSetId]) -> Action {
        let mounts = shared.vet_mounts(&tested.root, &self.variant, &tested.closure.third_party);
        let action = self.go("vet", Task::Vet(self.context.tags.clone()), tested, mounts, sets);
        let limits = Limits { timeout: self.test.limits.timeout, ..Limits::default() };
        Action { purpose: Purpose::Test, limits, ..action }
    }

    /// Calls the Go command in the directory of a package.
    fn go(&self, verb: &str, task: Task, tested: &Tested, mounts: Mounts, sets: &[FileSetId]) -> Action {
        let call = Call {
            task,
            dir: &tested.dir,
            context: &self.context,
            work: tested.root.work.as_ref().map(|_| &tested.root.dir),
            caches: &mounts.caches,
            keep: None,
        };
        let mut files = implicit::with_texts(mounts.inputs, &tested.root);
        files.extend(sets.iter().map(|set| Input { at: recipe::src(), from: Origin::Files(*set) }));
        files.extend(self.generated.inputs(&recipe::src()));
        let action = implicit::build(&format!("{verb} {}", self.written(&tested.dir)), call.command(), &self.need);
        Action { inputs: files, ..action }
    }

    /// Runs the tests of a package in its directory. The toolchain is no input: the program is all there is.
    fn run(&self, dir: &RelPath, program: &Output, testdata: Option<FileSetId>, data: &[Input]) -> Action {
        let directory = recipe::src().join(dir);
        let timeout = self.test.limits.timeout.unwrap_or_default().as_secs();
        let argv = [
            program.at.relative_to(&directory),
            "-test.v=test2json".to_owned(),
            "-test.paniconexit0".to_owned(),
            format!("-test.timeout={timeout}s"),
        ];
        let mut env = base_environment();
        env.insert(Arc::from("TEST_TARGET"), Arc::from(self.test.common.id.label.to_string()));
        env.insert(Arc::from("TEST_TMPDIR"), Arc::from("/tmp"));
        env.extend(self.test.env.clone());
        let argv = argv.iter().map(|word| Arc::from(&**word)).collect();
        let command = Command { argv, env, directory, network: Network::None };
        let name = format!("test {}", self.written(dir));
        let mut action = implicit::action(&name, Work::Command(command), Purpose::Test, vec![self.need.ground()]);
        let from = Origin::Output(self.test.common.id.clone(), program.name.clone());
        action.inputs.push(Input { at: program.at.clone(), from });
        action.inputs.extend(testdata.map(|set| Input { at: recipe::src(), from: Origin::Files(set) }));
        action.inputs.extend(data.iter().cloned());
        action.limits = Limits { grace: GRACE, ..self.test.limits.clone() };
        action
    }

    fn data(&self, code: &mut Code) -> Vec<Input> {
        let mut data = parts::label_inputs(code.lowering, &self.test.data_labels);
        if !self.test.data.is_empty() {
            let set = code.lowering.file_set(self.test.data.clone());
            data.push(Input { at: recipe::src(), from: Origin::Files(set) });
        }
        data
    }

    fn output(&self, code: &Code, dir: &RelPath) -> Output {
        let out = code.lowering.out_dir(&self.test.common.id);
        let name = dir.strip_prefix(self.test.common.package()).unwrap_or_else(|| dir.clone());
        let name = name.join(&RelPath::new("package.test").expect("a plain word"));
        parts::output(&out, name, OutputKind::File)
    }

    /// A package as a user writes it in `packages`.
    fn written(&self, dir: &RelPath) -> String {
        match dir.strip_prefix(self.test.common.package()) {
            Some(rest) if rest.is_root() => ".".to_owned(),
            Some(rest) => format!("./{rest}"),
            None => dir.relative_to(self.test.common.package()),
        }
    }
}

/// Returns the file sets of a package with its tests, and of those that it reaches.
fn package_sets(code: &mut Code, tested: &Tested) -> Vec<FileSetId> {
    let mut sets = inputs::package_sets(code, &tested.closure);
    if tested.goal == Goal::Tests {
        sets.extend(test_files(code, tested));
    }
    sets
}

fn test_files(code: &mut Code, tested: &Tested) -> Option<FileSetId> {
    let mut files = code.listing(&tested.dir)?.test_files();
    files.extend(tested.closure.test_embeds.iter().cloned());
    Some(code.lowering.file_set(files))
}

/// All files below the directory `testdata` of a package.
fn testdata(code: &mut Code, dir: &RelPath) -> Option<FileSetId> {
    let files = parts::files_below(code.lowering, &dir.child("testdata").ok()?);
    (!files.is_empty()).then(|| code.lowering.file_set(files))
}
