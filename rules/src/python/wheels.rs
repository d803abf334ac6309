//! The implicit targets of locked distributions. `//:python_distributions` fetches, unpacks and compiles each wheel once,
//! whichever locks name it; the `python_wheels` of a lock builds what has no wheel, and lays all into one directory. One
//! changed entry of a lock fetches, unpacks and compiles one distribution.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use model::{
    Action, Assembly, Distribution, Input, Limits, Locked, Need, Origin, Output, OutputKind, Purpose, RelPath, SeenAt,
    Target, TargetId, Work,
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
static BACKENDS: LazyLock<[LockedDistribution; 2]> = LazyLock::new(|| {
    [
        ("setuptools", "80.9.0", "062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922"),
        ("wheel", "0.45.1", "708e7481cc80179af0e556bbf0cc00b8444c7321e2700b8d8580231d13017248"),
    ]
    .map(|(name, version, sha256)| LockedDistribution {
        name: name.to_owned(),
        version: version.to_owned(),
        source: Source::File {
            file: format!("{name}-{version}-py3-none-any.whl"),
            sha256: sha256.to_owned(),
            url: None,
            distribution: Distribution::Wheel,
        },
        span: 0..0,
    })
});

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

/// Builds a wheel of a source distribution, with the pip that comes with Python and the packages of the lock. It is
/// unpacked first, because pip would do it in a directory with a random name, which compilers write down. A `setup.py` may
/// import what lies beside it.
const BUILD: &str = "\
pip=$(python3 -c 'import ensurepip, glob, os
directory = getattr(ensurepip, \"_WHEEL_PKG_DIR\", None) or os.path.join(os.path.dirname(ensurepip.__file__), \"_bundled\")
print(glob.glob(os.path.join(directory, \"pip-*.whl\"))[0])')
export PYTHONPATH=\"$pip:$PYTHONPATH\"
python3 -c 'import shutil, sys; shutil.unpack_archive(*sys.argv[1:])' \"$root\"/sdist/* \"$TMPDIR/sdist\"
unset PYTHONSAFEPATH
exec python3 -m pip --disable-pip-version-check wheel --quiet --no-index --no-deps --no-build-isolation \\
    --no-cache-dir --wheel-dir \"$1\" \"$TMPDIR\"/sdist/*/
";

/// Returns the targets that bring the packages of all locks: one for each lock, and one for the wheels that they share.
pub(super) fn targets(used: &[Rc<Packages>], lowering: &mut Lowering) -> Vec<Target> {
    let Some(first) = used.first() else { return Vec::new() };
    let id = parts::implicit(&RelPath::root(), "python_distributions", lowering.platform()).expect("a plain label");
    let shared = Bringing { id: &id, out: &lowering.out_dir(&id), packages: first, shared: &id };
    let wheels: BTreeMap<String, &LockedDistribution> =
        used.iter().flat_map(|packages| wheels_of(packages)).map(|wheel| (plain_name(wheel), wheel)).collect();
    let actions = wheels.into_values().flat_map(|wheel| shared.bring_wheel(wheel)).collect();
    let mut targets = vec![Target { actions, ..parts::bare(id.clone(), "python_distributions") }];
    for packages in used {
        let (id, out) = (&packages.target, lowering.out_dir(&packages.target));
        let bringing = Bringing { id, out: &out, packages, ..shared };
        let sources = packages.distributions.iter().filter(|distribution| is_source(distribution));
        let mut actions: Vec<Action> = sources.flat_map(|distribution| bringing.bring_source(distribution)).collect();
        actions.push(bringing.lay_out());
        let deps = parts::dependencies(&[], parts::producers(&actions, id));
        let sources = vec![lowering.file_set(packages.files.clone())];
        targets.push(Target { actions, sources, deps, ..parts::bare(id.clone(), "python_wheels") });
    }
    targets
}

/// Returns the wheels that a lock needs: its own, and those that build what has none.
fn wheels_of(packages: &Packages) -> impl Iterator<Item = &LockedDistribution> {
    packages.distributions.iter().filter(|distribution| !is_source(distribution)).chain(backends(packages))
}

/// Returns what builds source distributions and is not in the lock; nothing if nothing is to be built.
fn backends(packages: &Packages) -> Vec<&'static LockedDistribution> {
    if !packages.distributions.iter().any(is_source) {
        return Vec::new();
    }
    BACKENDS.iter().filter(|backend| !packages.has(&backend.name)).collect()
}

/// Returns the name of a distribution among the outputs. Two locks may have different files of one version, so the hash
/// of what is fetched is a part of it; where a lock has seen it is not.
fn plain_name(distribution: &LockedDistribution) -> String {
    let hashes = match &distribution.source {
        Source::File { file, sha256, url: _, distribution: _ } => format!("{file} {sha256}"),
        Source::Any { sha256, distribution } => format!("{distribution:?} {}", sha256.join(" ")),
    };
    let hash = blake3::hash(hashes.as_bytes()).to_hex();
    format!("{}-{}-{}", distribution.name, distribution.version, &hash[..8])
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

/// The target that is made, and what it takes from the one that all share.
#[derive(Clone, Copy)]
struct Bringing<'b> {
    id: &'b TargetId,
    out: &'b RelPath,
    packages: &'b Packages,
    /// The target of the wheels.
    shared: &'b TargetId,
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
                platform: self.id.platform.clone(),
            },
        };
        let title = title("fetch", distribution);
        let action = parts::action(&title, Work::Fetch(locked), Purpose::Fetch, self.needs(), VERSION);
        Action { outputs: vec![self.output("fetched", distribution)], ..action }
    }

    fn build(&self, distribution: &LockedDistribution, fetched: &Output) -> Action {
        let output = self.output("built", distribution);
        let dir = self.packages.dir();
        let args = vec![output.at.relative_to(&parts::src().join(&dir))];
        let start = Start { dir: &dir, imports: &[path("bd")], lines: BUILD, args };
        let wheels = self.packages.distributions.iter().filter(|other| !is_source(other));
        let all = wheels.chain(backends(self.packages));
        let parts = all.flat_map(|wheel| ["unpacked", "compiled"].map(|kind| self.part(kind, wheel, &path("bd"))));
        let mut inputs: BTreeSet<Input> = parts.collect();
        inputs.insert(self.input(&path("sdist"), fetched.name.clone()));
        let work = Work::Command(start.command());
        let action = parts::action(&title("build", distribution), work, Purpose::Build, self.needs(), VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs: vec![output], limits: limits(), ..action }
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
        Action { inputs, outputs: vec![output], limits: limits(), ..action }
    }

    /// Lays all packages into one directory. Two that own one path with different contents cannot be.
    fn lay_out(&self) -> Action {
        let output = parts::output(self.out, path(SITE), OutputKind::Directory);
        let parts_of = |distribution: &LockedDistribution| {
            ["unpacked", "compiled"].map(|kind| self.part(kind, distribution, &output.at))
        };
        let inputs: BTreeSet<Input> = self.packages.distributions.iter().flat_map(parts_of).collect();
        let work = Work::Tree(Assembly::Merge);
        let action = parts::action("lay out", work, Purpose::Internal, Vec::new(), VERSION);
        Action { inputs: inputs.into_iter().collect(), outputs: vec![output], ..action }
    }

    fn needs(&self) -> Vec<Need> {
        Need::grounded([self.packages.need.clone()])
    }

    fn output(&self, kind: &str, distribution: &LockedDistribution) -> Output {
        parts::output(self.out, name_of(kind, distribution), OutputKind::Directory)
    }

    fn input(&self, at: &RelPath, output: RelPath) -> Input {
        Input { at: at.clone(), from: Origin::Output(self.id.clone(), output) }
    }

    /// Returns a part of a distribution, wherever it is made.
    fn part(&self, kind: &str, distribution: &LockedDistribution, at: &RelPath) -> Input {
        let id = if is_source(distribution) { self.id } else { self.shared };
        Input { at: at.clone(), from: Origin::Output(id.clone(), name_of(kind, distribution)) }
    }
}

/// Names and versions of a lock are checked where it is read.
fn name_of(kind: &str, distribution: &LockedDistribution) -> RelPath {
    path(&format!("{kind}/{}", plain_name(distribution)))
}

/// What does not end in this time never does.
fn limits() -> Limits {
    Limits { timeout: Some(Duration::from_secs(600)), ..Limits::default() }
}

fn title(verb: &str, distribution: &LockedDistribution) -> String {
    format!("{verb} {} {}", distribution.name, distribution.version)
}
