//! The implicit target `python_wheels`: fetches each locked distribution, builds what has no wheel, unpacks and compiles
//! each, and lays all into one directory. One changed entry of the lock fetches, unpacks and compiles one.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Action, Assembly, Distribution, Input, Locked, Need, Origin, Output, OutputKind, Purpose, RelPath, SeenAt, Target,
    TargetId, Work,
};

use super::lock::{LockedDistribution, Source};
use super::packages::Packages;
use super::recipe::{EXEC, Start, VERSION};
use crate::lowering::Lowering;
use crate::parts::{self, path};

/// The output that holds all packages, as an interpreter imports them.
pub(super) const SITE: &str = "site-packages";

/// Where all packages lie in the input root of what uses them.
pub(super) fn deps() -> RelPath {
    path("deps")
}

/// What builds source distributions, unless the lock has it: pure wheels of the two that nearly all of them ask for.
const BACKENDS: [(&str, &str, &str); 2] = [
    ("setuptools", "80.9.0", "062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922"),
    ("wheel", "0.45.1", "708e7481cc80179af0e556bbf0cc00b8444c7321e2700b8d8580231d13017248"),
];

/// Compiles every module of a tree, and keeps only what was compiled. What cannot be compiled is left to whoever imports
/// it. Unchecked hashes, because times differ from machine to machine.
const COMPILE: &str = "\
import os, py_compile, sys
top, out = sys.argv[1:]
for base, directories, files in os.walk(top):
    directories.sort()
    for name in sorted(files):
        if name.endswith('.py'):
            inside = os.path.relpath(os.path.join(base, name), top)
            parent, tag = os.path.dirname(inside), sys.implementation.cache_tag
            compiled = os.path.join(out, parent, '__pycache__', name[:-2] + tag + '.pyc')
            try:
                py_compile.compile(os.path.join(base, name), compiled, '/deps/' + inside, doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            except (py_compile.PyCompileError, ValueError):
                pass
os.makedirs(out, exist_ok=True)
";

/// Builds a wheel of a source distribution, with the pip that comes with Python and the packages of the lock. Many a
/// setup.py imports what lies beside it.
const BUILD: &str = "\
pip=$(python3 -c 'import ensurepip, glob, os
directory = getattr(ensurepip, \"_WHEEL_PKG_DIR\", None) or os.path.join(os.path.dirname(ensurepip.__file__), \"_bundled\")
print(glob.glob(os.path.join(directory, \"pip-*.whl\"))[0])')
export PYTHONPATH=\"$pip:$PYTHONPATH\"
unset PYTHONSAFEPATH
exec python3 -m pip --disable-pip-version-check wheel --quiet --no-index --no-deps --no-build-isolation \\
    --no-cache-dir --wheel-dir \"$1\" \"$root\"/sdist/*
";

/// Returns the target that brings the packages of a lock.
pub(super) fn target(packages: &Packages, lowering: &mut Lowering) -> Target {
    let out = lowering.out_dir(&packages.target);
    let bringing = Bringing { packages, out: &out };
    // What is built sees all wheels, so these come first.
    let (built, wheels): (Vec<_>, Vec<_>) = packages.distributions.iter().partition(|it| is_source(it));
    let mut actions: Vec<Action> = wheels.into_iter().flat_map(|wheel| bringing.bring_wheel(wheel)).collect();
    if !built.is_empty() {
        actions.extend(bringing.missing_backends().flat_map(|backend| bringing.bring_wheel(&backend)));
    }
    actions.extend(built.into_iter().flat_map(|source| bringing.bring_source(source)));
    actions.push(bringing.lay_out());
    let sources = vec![lowering.file_set(packages.files.clone())];
    Target { actions, sources, ..parts::bare(packages.target.clone(), "python_wheels") }
}

/// Returns the input that shows all packages to an action.
pub(super) fn input(packages: &Packages) -> Input {
    Input { at: deps(), from: Origin::Output(packages.target.clone(), path(SITE)) }
}

fn is_source(distribution: &LockedDistribution) -> bool {
    match &distribution.source {
        Source::File { distribution, .. } | Source::Any { distribution, .. } => *distribution == Distribution::Source,
    }
}

struct Bringing<'b> {
    packages: &'b Packages,
    out: &'b RelPath,
}

impl Bringing<'_> {
    fn bring_wheel(&self, distribution: &LockedDistribution) -> Vec<Action> {
        let fetch = self.fetch(distribution);
        let unpack = self.unpack(distribution, &fetch.outputs[0]);
        let compile = self.compile(distribution, &unpack.outputs[0]);
        vec![fetch, unpack, compile]
    }

    fn bring_source(&self, distribution: &LockedDistribution) -> Vec<Action> {
        let fetch = self.fetch(distribution);
        let build = self.build(distribution, &fetch.outputs[0]);
        let unpack = self.unpack(distribution, &build.outputs[0]);
        let compile = self.compile(distribution, &unpack.outputs[0]);
        vec![fetch, build, unpack, compile]
    }

    fn fetch(&self, distribution: &LockedDistribution) -> Action {
        let LockedDistribution { name, version, source, .. } = distribution;
        let (name, version) = (Arc::from(&**name), Arc::from(&**version));
        let locked = match source {
            Source::File { file, sha256, url, distribution: _ } => Locked::PythonFile {
                name,
                version,
                file: Arc::from(&**file),
                sha256: Arc::from(&**sha256),
                seen_at: SeenAt(url.as_deref().map(Arc::from)),
            },
            Source::Any { sha256, distribution } => Locked::PythonAny {
                name,
                version,
                sha256: sha256.iter().map(|hash| Arc::from(&**hash)).collect(),
                distribution: *distribution,
                environment: self.packages.environment.clone(),
                platform: self.packages.target.platform.clone(),
            },
        };
        let action =
            parts::action(&title("fetch", distribution), Work::Fetch(locked), Purpose::Fetch, self.needs(), VERSION);
        Action { outputs: vec![self.output("fetched", distribution)], ..action }
    }

    fn build(&self, distribution: &LockedDistribution, fetched: &Output) -> Action {
        let output = self.output("built", distribution);
        let dir = self.packages.dir();
        let start = Start {
            dir: &dir,
            imports: &[path("bd")],
            lines: BUILD,
            args: vec![output.at.relative_to(&parts::src().join(&dir))],
        };
        let wheels = self.packages.distributions.iter().filter(|other| !is_source(other)).cloned();
        let backends = wheels.chain(self.missing_backends());
        let input = |backend: LockedDistribution| self.input(&path("bd"), name_of("unpacked", &backend));
        let mut inputs: BTreeSet<Input> = backends.map(input).collect();
        inputs.insert(self.input(&path("sdist"), fetched.name.clone()));
        let work = Work::Command(start.command());
        let action = parts::action(&title("build", distribution), work, Purpose::Build, self.needs(), VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs: vec![output], ..action }
    }

    fn unpack(&self, distribution: &LockedDistribution, wheel: &Output) -> Action {
        let work = Work::Tree(Assembly::Wheels);
        let action = parts::action(&title("unpack", distribution), work, Purpose::Internal, Vec::new(), VERSION);
        let inputs = vec![self.input(&path("wheel"), wheel.name.clone())];
        Action { inputs, outputs: vec![self.output("unpacked", distribution)], ..action }
    }

    fn compile(&self, distribution: &LockedDistribution, unpacked: &Output) -> Action {
        let output = self.output("compiled", distribution);
        let dir = RelPath::root();
        let to = output.at.relative_to(&parts::src());
        let args = ["-c", COMPILE, "../whl", &to].map(str::to_owned).into();
        let start = Start { dir: &dir, imports: &[], lines: EXEC, args };
        let work = Work::Command(start.command());
        let action = parts::action(&title("compile", distribution), work, Purpose::Build, self.needs(), VERSION);
        let inputs = vec![self.input(&path("whl"), unpacked.name.clone())];
        Action { inputs, outputs: vec![output], ..action }
    }

    /// Lays all packages into one directory. Two that own one path with different contents cannot be.
    fn lay_out(&self) -> Action {
        let output = parts::output(self.out, path(SITE), OutputKind::Directory);
        let parts_of = |distribution: &LockedDistribution| {
            ["unpacked", "compiled"].map(|kind| self.input(&output.at, name_of(kind, distribution)))
        };
        let inputs: BTreeSet<Input> = self.packages.distributions.iter().flat_map(parts_of).collect();
        let work = Work::Tree(Assembly::Merge);
        let action = parts::action("lay out", work, Purpose::Internal, Vec::new(), VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs: vec![output], ..action }
    }

    /// Returns what builds source distributions and is not in the lock.
    fn missing_backends(&self) -> impl Iterator<Item = LockedDistribution> {
        let locked = |name: &str| self.packages.distributions.iter().any(|other| other.name == name);
        BACKENDS.iter().filter(move |(name, ..)| !locked(name)).map(|(name, version, sha256)| LockedDistribution {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            source: Source::File {
                file: format!("{name}-{version}-py3-none-any.whl"),
                sha256: (*sha256).to_owned(),
                url: None,
                distribution: Distribution::Wheel,
            },
            span: 0..0,
        })
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![Need::Base, self.packages.need.clone()];
        needs.sort();
        needs
    }

    fn output(&self, kind: &str, distribution: &LockedDistribution) -> Output {
        parts::output(self.out, name_of(kind, distribution), OutputKind::Directory)
    }

    fn input(&self, at: &RelPath, output: RelPath) -> Input {
        Input { at: at.clone(), from: Origin::Output(self.id().clone(), output) }
    }

    fn id(&self) -> &TargetId {
        &self.packages.target
    }
}

/// Names and versions of a lock are checked where it is read.
fn name_of(kind: &str, distribution: &LockedDistribution) -> RelPath {
    path(&format!("{kind}/{}-{}", distribution.name, distribution.version))
}

fn title(verb: &str, distribution: &LockedDistribution) -> String {
    format!("{verb} {} {}", distribution.name, distribution.version)
}
