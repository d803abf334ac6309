//! Lowers `go_test`: for each package with test files one action that links its tests, and one that runs them.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Action, Command, FileSetId, Input, Kind, Limits, Need, Network, Origin, Output, OutputKind, Purpose, RelPath,
    Target, TargetId, Work,
};

use super::closure::{Closure, Code, Goal, Walk};
use super::constraint::BuildContext;
use super::generated::Generated;
use super::modules::Root;
use super::recipe::{self, Call};
use super::shared::{Shared, Variant};
use super::{implicit, inputs, patterns, program};
use crate::go_attributes::GoTest;
use crate::lowering::base_environment;

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

/// One package with test files.
struct Tested {
    dir: RelPath,
    root: Rc<Root>,
    closure: Closure,
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
        let listing = code.listing(&dir)?;
        if !listing.package(&self.context).has_tests() {
            return None;
        }
        let root = inputs::root(code, &dir, &self.test.common.declared.at)?;
        let walk = Walk { context: &self.context, generated: &self.generated, root: &root };
        let closure = code.closure(&walk, &dir, Goal::Tests, &program::used(&self.test.imports));
        Some(Tested { dir, root, closure })
    }

    /// Notes what the tests share with others.
    pub fn share(&self, shared: &mut Shared) {
        for tested in &self.packages {
            shared.note(&tested.root, &self.variant, &self.need, Goal::Tests, &tested.closure.third_party);
        }
    }

    /// Returns the target.
    pub fn lower(&self, code: &mut Code, shared: &Shared) -> Target {
        let mut target = self.test.common.target(Kind::Test);
        let (mut sources, mut implicit_deps) = (BTreeSet::new(), BTreeSet::new());
        let data = self.data(code);
        for tested in &self.packages {
            let compiled = self.compile(code, shared, tested);
            implicit_deps.extend(compiled.targets);
            sources.extend(compiled.sets);
            let testdata = testdata(code, &tested.dir);
            sources.extend(testdata);
            let run = self.run(&tested.dir, &compiled.output, testdata, &data);
            target.actions.extend([compiled.action, run]);
            sources.insert(code.lowering.file_set(tested.root.files.clone()));
        }
        sources.extend(data.iter().filter_map(|input| match input.from {
            Origin::Files(set) => Some(set),
            Origin::File(_) | Origin::Text(_) | Origin::Output(..) => None,
        }));
        let labels = [&*self.test.deps, &*self.test.data_labels].concat();
        target.deps = inputs::dependencies(&labels, implicit_deps);
        target.sources = sources.into_iter().collect();
        target
    }

    /// Links the tests of a package. testdata is no input: only the run reads it.
    fn compile(&self, code: &mut Code, shared: &Shared, tested: &Tested) -> Compiled {
        let mounts = shared.mounts(&tested.root, &self.variant, &tested.closure.third_party);
        let output = self.output(code, &tested.dir);
        let mut sets = inputs::package_sets(code, &tested.closure);
        sets.extend(test_files(code, tested));
        let call = Call {
            args: recipe::test_args(&self.context.tags, &output.at.relative_to(&recipe::src().join(&tested.dir))),
            dir: &tested.dir,
            context: &self.context,
            work: tested.root.work.as_ref().map(|_| &tested.root.dir),
            caches: &mounts.caches,
            keep: None,
        };
        let mut files = implicit::with_texts(mounts.inputs, &tested.root);
        files.extend(sets.iter().map(|set| Input { at: recipe::src(), from: Origin::Files(*set) }));
        files.extend(self.generated.inputs(&recipe::src()));
        let action = implicit::build(&format!("compile {}", self.written(&tested.dir)), call.command(), &self.need);
        let action = Action { inputs: files, outputs: vec![output.clone()], ..action };
        Compiled { action, output, sets, targets: mounts.targets }
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
        let mut action = implicit::action(&name, Work::Command(command), Purpose::Test, vec![Need::Base]);
        let from = Origin::Output(self.test.common.id.clone(), program.name.clone());
        action.inputs.push(Input { at: program.at.clone(), from });
        action.inputs.extend(testdata.map(|set| Input { at: recipe::src(), from: Origin::Files(set) }));
        action.inputs.extend(data.iter().cloned());
        action.limits = Limits { grace: GRACE, ..self.test.limits.clone() };
        action
    }

    fn data(&self, code: &mut Code) -> Vec<Input> {
        let mut data = inputs::label_inputs(code.lowering, &self.test.data_labels);
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
        implicit::output(&out, name, OutputKind::File)
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

/// The action that links tests, and what it is made of.
struct Compiled {
    action: Action,
    output: Output,
    sets: Vec<FileSetId>,
    targets: BTreeSet<TargetId>,
}

fn test_files(code: &mut Code, tested: &Tested) -> Option<FileSetId> {
    let mut files = code.listing(&tested.dir)?.test_files();
    files.extend(tested.closure.test_embeds.iter().cloned());
    Some(code.lowering.file_set(files))
}

/// All files below the directory `testdata` of a package.
fn testdata(code: &mut Code, dir: &RelPath) -> Option<FileSetId> {
    let files = inputs::files_below(code.lowering, &dir.child("testdata").ok()?);
    (!files.is_empty()).then(|| code.lowering.file_set(files))
}
