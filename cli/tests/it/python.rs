//! Python services as their users see them: locks, packages and imports that are wrong, with this machine's own Python
//! and a registry on loopback.

use std::process::Command;

use testkit::server::{Server, stall, whole};
use testkit::workspace::{Run, Workspace};

use crate::registry::{HTML, Registry, TOOLCHAINS, ask, locked, sha256, tgz, wheel, zip};
use crate::{environment, faults, workspace};

/// A service of one file.
const SERVICE: &str = "[python_service.svc]\nentry = \"main.py\"\n";

/// A workspace with a search path that has Python, and perhaps a registry.
pub struct Project {
    pub workspace: Workspace,
    path: String,
}

impl Project {
    /// Makes it; `None` where there is no Python.
    pub fn new(files: &[(&str, &str)]) -> Option<Project> {
        let path = environment::path_with_python()?;
        let workspace = workspace(&[&[("workspace.toml", TOOLCHAINS)], files].concat());
        ask(&workspace, "127.0.0.1:1");
        Some(Project { workspace, path })
    }

    /// Lets it take packages from a server.
    pub fn from(self, server: &Server) -> Project {
        ask(&self.workspace, &server.host);
        self
    }

    pub fn rg(&self, words: &[&str]) -> Run {
        self.workspace.rg_with(words, &[("PATH", &self.path)])
    }

    /// Builds everything and expects an exit code.
    pub fn ends(&self, code: i32, phrases: &[&str]) -> Run {
        self.rg(&["build", "//..."]).exits(code).says(phrases)
    }
}

/// Makes a service with a lock, and packages from a registry.
fn service(code: &str, lock: &str, registry: &Registry) -> Option<Project> {
    let files = [("svc/BUILD.toml", SERVICE), ("svc/main.py", code), ("svc/requirements.txt", lock)];
    Some(Project::new(&files)?.from(&registry.serve()))
}

/// Builds a service without any registry: nothing may be asked for.
fn check(files: &[(&str, &str)], code: i32, phrases: &[&str]) {
    let base = [("svc/BUILD.toml", SERVICE), ("svc/main.py", "import alpha\n")];
    let Some(project) = Project::new(&[&base, files].concat()) else { return };
    let run = project.ends(code, phrases);
    assert!(!project.workspace.has("rg-out"), "something was built\n{run}");
}

const HASH: &str = "--hash=sha256:0000000000000000000000000000000000000000000000000000000000000000";
const MANIFEST: &str = "[project]\nname = \"svc\"\nversion = \"0\"\ndependencies = [\"alpha==1.0\"]\n";

fn uv_lock(version: u32, python: &str) -> String {
    format!(
        "version = {version}\nrequires-python = \"{python}\"\n\n[[package]]\nname = \"svc\"\nversion = \"0\"\n\
         source = {{ virtual = \".\" }}\ndependencies = [{{ name = \"alpha\" }}]\n\n[package.metadata]\n\
         requires-dist = [{{ name = \"alpha\", specifier = \"==1.0\" }}]\n\n[[package]]\nname = \"alpha\"\n\
         version = \"1.0\"\nsource = {{ registry = \"http://127.0.0.1:1/simple\" }}\n\
         wheels = [{{ url = \"http://127.0.0.1:1/alpha-1.0-cp27-cp27m-win32.whl\", hash = \"sha256:{}\" }}]\n",
        "0".repeat(64),
    )
}

#[test]
fn a_lock_that_is_missing_or_not_understood_or_without_hashes_is_refused_before_anything_runs() {
    check(&[], 2, &["RG0901", "svc/main.py:1:8", "`alpha` is imported", "requirements.txt with hashes"]);
    check(&[("svc/requirements.txt", "alpha==1.0\n")], 2, &["RG0902", "`alpha` has no sha256 hash"]);
    check(&[("svc/uv.lock", "<html>")], 2, &["RG0902", "svc/uv.lock:1:1"]);
    check(&[("svc/poetry.lock", "[metadata]\nlock-version = \"1.1\"\n")], 2, &["RG0902", "`poetry lock`", "1.1"]);
    check(&[("svc/uv.lock", &uv_lock(7, ">=3.0"))], 2, &["RG0902", "the version of this uv.lock is 7", "`uv lock`"]);
}

#[test]
fn a_lock_that_does_not_match_its_manifest_is_stale() {
    let stale = MANIFEST.replace("alpha==1.0\"", "alpha==1.1\", \"beta\"");
    let phrases = ["RG0903", "svc/pyproject.toml:4", "`beta` was asked for", "other versions of `alpha`", "`uv lock`"];
    check(&[("svc/uv.lock", &uv_lock(1, ">=3.0")), ("svc/pyproject.toml", &stale)], 2, &phrases);
    let lock = format!("alpha==1.0 {HASH}\n");
    let phrases = ["RG0903", "`beta` is not in svc/requirements.txt", "`alpha` 1.0, which does not fit"];
    check(&[("svc/requirements.txt", &lock), ("svc/pyproject.toml", &stale)], 2, &phrases);
}

#[test]
fn a_project_for_another_python_names_both_versions() {
    let phrases = ["RG0907", ">=9.9", "this one is 3.", "[toolchain.python]"];
    check(&[("svc/uv.lock", &uv_lock(1, ">=9.9"))], 2, &phrases);
    let manifest = MANIFEST.replace("version =", "requires-python = \">=9.9\"\nversion =");
    let lock = format!("alpha==1.0 {HASH}\n");
    check(&[("svc/requirements.txt", &lock), ("svc/pyproject.toml", &manifest)], 2, &phrases);
}

#[test]
fn where_no_wheel_fits_what_there_is_is_listed() {
    let phrases = ["RG0904", "no file of `alpha` 1.0 fits Python 3.", "alpha-1.0-cp27-cp27m-win32.whl"];
    check(&[("svc/uv.lock", &uv_lock(1, ">=3.0")), ("svc/pyproject.toml", MANIFEST)], 2, &phrases);
    let (mut registry, bytes) = (Registry::default(), wheel("alpha", "1.0", &[("alpha.py", "")]));
    registry.offer("alpha", "alpha-1.0-cp27-cp27m-win32.whl", &bytes);
    let Some(project) = service("import alpha\n", &locked("alpha", "1.0", &bytes), &registry) else { return };
    let run = project.ends(48, &["nothing of alpha 1.0 can be installed", "alpha-1.0-cp27-cp27m-win32.whl"]);
    assert!(run.err.contains("hint: lock it again") && !run.err.contains("pip config list"), "{run}");
}

#[test]
fn a_wrong_hash_is_exit_48_and_names_the_entry() {
    let mut registry = Registry::default();
    registry.wheel("alpha", "1.0", &[("alpha.py", "")]);
    let Some(project) = service("import alpha\n", &format!("alpha==1.0 {HASH}\n"), &registry) else { return };
    project.ends(48, &["fetch alpha 1.0", "is not what the lock says", "0000000000"]);
    // What a registry sends in the place of what it promises.
    let lock = registry.wheel("alpha", "1.0", &[("alpha.py", "")]);
    let other = wheel("alpha", "1.0", &[("alpha.py", "evil")]);
    registry.offer("alpha", "alpha-1.0-py3-none-any.whl", &other);
    project.workspace.write("svc/requirements.txt", lock.replace("==1.0", "==1.0.0"));
    let project = project.from(&registry.serve());
    project.ends(48, &["alpha 1.0.0 is not what the lock says", &sha256(&other)]);
}

#[test]
fn a_hash_of_another_version_and_what_the_registry_lacks_are_named() {
    let mut registry = Registry::default();
    let lock = registry.wheel("alpha", "1.0", &[("alpha.py", "")]);
    let Some(project) = service("import alpha\n", &lock.replace("==1.0", "==2.0"), &registry) else { return };
    project.ends(48, &["alpha 2.0", "the hash of alpha-1.0-py3-none-any.whl", "lock it again"]);
    project.workspace.write("svc/requirements.txt", format!("nope==1.0 {HASH}\n"));
    project.ends(48, &["has no file of nope 1.0", "pip config list"]);
}

#[test]
fn a_wheel_that_is_another_version_than_its_name_and_the_lock_say_is_refused() {
    let mut registry = Registry::default();
    let bytes = wheel("alpha", "1.0", &[("alpha.py", "")]);
    registry.offer("alpha", "alpha-1.1-py3-none-any.whl", &bytes);
    let Some(project) = service("import alpha\n", &locked("alpha", "1.1", &bytes), &registry) else { return };
    let phrases = ["nothing of alpha 1.1 can be installed", "alpha-1.1-py3-none-any.whl, which is alpha 1.0"];
    project.ends(48, &phrases);
    project.ends(48, &["hint: write the version that the hash is of in the lock, or lock it again"]);
}

/// A backend that needs no network: it packs every module beside it, or fails with words of its own.
const BACKEND: &str = "\
import glob, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    if glob.glob('broken'):
        print('it-broke-here')
        raise SystemExit(3)
    import beside
    name = 'delta-1.0-py3-none-any.whl'
    info = 'delta-1.0.dist-info/'
    files = {name: open(name).read() for name in glob.glob('*.py')}
    files[info + 'METADATA'] = 'Metadata-Version: 2.1\\nName: delta\\nVersion: 1.0\\n'
    files[info + 'WHEEL'] = 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
    files[info + 'RECORD'] = ''.join(name + ',,\\n' for name in [*files, info + 'RECORD'])
    with zipfile.ZipFile(directory + '/' + name, 'w') as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
";

#[test]
fn a_source_distribution_is_built_if_the_lock_asks_for_it_and_its_log_is_shown_if_it_fails() {
    let project = "[build-system]\nrequires = []\nbuild-backend = \"zackend\"\nbackend-path = [\".\"]\n";
    let files = [
        ("delta-1.0/pyproject.toml", project),
        ("delta-1.0/zackend.py", "from zbackend import build_wheel"),
        ("delta-1.0/delta.py", "D = 4\n"),
        ("delta-1.0/beside.py", ""),
        ("delta-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: delta\nVersion: 1.0\n"),
    ];
    let (mut registry, source) = (Registry::default(), tgz(&files));
    registry.offer("delta", "delta-1.0.tar.gz", &source);
    // The names of what builds come after it.
    let tools = [
        registry.wheel("setuptools", "1.0", &[("setuptools.py", "")]),
        registry.wheel("wheel", "1.0", &[("wheel.py", "")]),
        registry.wheel("zbackend", "1.0", &[("zbackend.py", BACKEND)]),
    ]
    .concat();
    let lock = format!("{}{tools}", locked("delta", "1.0", &source));
    let Some(built) = service("import delta\nprint(delta.D)\n", &lock, &registry) else { return };
    built.ends(48, &["delta-1.0.tar.gz", "`--no-binary delta`"]);
    built.workspace.write("svc/requirements.txt", format!("--no-binary delta\n{lock}"));
    built.ends(0, &["build delta 1.0"]);
    assert_eq!(built.rg(&["run", "//svc"]).ok().out, "4\n");
    let broken = tgz(&[&files[..], &[("delta-1.0/broken", "")]].concat());
    registry.offer("delta", "delta-1.0.tar.gz", &broken);
    let lock = format!("--no-binary delta\n{}{tools}", locked("delta", "1.0", &broken));
    let Some(project) = service("import delta\n", &lock, &registry) else { return };
    project.ends(1, &["build delta 1.0 failed", "it-broke-here"]);
}

#[test]
fn two_distributions_that_own_one_file_are_both_named() {
    let mut registry = Registry::default();
    let lock = [
        registry.wheel("alpha", "1.0", &[("same.py", "S = 1\n"), ("shared.py", "x = 1\n")]),
        registry.wheel("beta", "2.0", &[("same.py", "S = 1\n"), ("shared.py", "x = 2\n")]),
    ];
    let Some(project) = service("import shared\n", &lock.concat(), &registry) else { return };
    let run = project.ends(1, &["`alpha 1.0` and `beta 2.0` both have `shared.py`", "take one out of the lock"]);
    assert_eq!(run.summary().failed, 1, "{run}");
}

#[test]
fn a_wheel_with_hostile_paths_is_refused_whole() {
    for (name, why) in [
        ("../../evil.txt", "leaves its directory"),
        ("/etc/evil", "is absolute"),
        ("alpha.py", "is there twice"),
        ("alpha.py/x", "alpha.py"),
        ("a\\..\\b", "a"),
    ] {
        let (mut registry, info) = (Registry::default(), "alpha-1.0.dist-info");
        let (meta, record) = (format!("{info}/WHEEL"), format!("{info}/RECORD"));
        let rows = format!("alpha.py,,\n{name},,\n{meta},,\n{record},,\n");
        let bytes = zip(&[("alpha.py", "A = 1\n"), (name, "x"), (&meta, "Wheel-Version: 1.0\n"), (&record, &rows)]);
        registry.offer("alpha", "alpha-1.0-py3-none-any.whl", &bytes);
        let Some(project) = service("import alpha\n", &locked("alpha", "1.0", &bytes), &registry) else { return };
        let run = project.ends(48, &["alpha-1.0-py3-none-any.whl cannot be unpacked", why, "nothing of it was kept"]);
        assert!(!project.workspace.has("rg-out/svc") && project.workspace.stored("A = 1\n").is_empty(), "{run}");
        project.rg(&["cache", "verify"]).ok();
    }
}

#[test]
fn a_registry_that_is_down_slow_or_answers_html_is_named_and_not_waited_for() {
    let (mut registry, lock) = (Registry::default(), locked("alpha", "1.0", &wheel("alpha", "1.0", &[])));
    registry.wheel("beta", "1.0", &[("beta.py", "")]);
    let Some(project) = service("import alpha\n", &lock, &registry) else { return };
    ask(&project.workspace, "127.0.0.1:1");
    project.ends(48, &["cannot fetch alpha 1.0", "127.0.0.1:1/simple/alpha/ cannot be reached", "pip config list"]);
    let page = b"<!doctype html><a href='/login'>Please log in</a>";
    let project = project.from(&Server::start(move |_, stream| whole(stream, "200 OK", HTML, page)));
    project.ends(48, &["/simple/alpha/ answers HTML: a login page or a proxy?"]);
    let project = project.from(&Server::start(|_, stream| stall(stream)));
    project.ends(48, &["/simple/alpha/ stalls"]);
    let project = project.from(&Server::start(|_, stream| whole(stream, "503 Service Unavailable", "", b"")));
    project.ends(48, &["answers 503: it has trouble"]);
    let project = project.from(&Server::start(|_, stream| whole(stream, "401 Unauthorized", "", b"")));
    project.ends(48, &["answers 401: it wants credentials"]);
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_an_unpack_leaves_nothing_half_there() {
    if !environment::is_root("a small file system is mounted") {
        return;
    }
    let (mut registry, big) = (Registry::default(), "x = 1\n".repeat(200_000));
    let files: Vec<(String, String)> = (0..4).map(|it| (format!("big/m{it}.py"), format!("{big}n = {it}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let lock = registry.wheel("big", "1.0", &files);
    let Some(project) = service("import big.m3\n", &lock, &registry) else { return };
    let cache = project.workspace.cache();
    let small = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
    let Some(_mount) = faults::Mount::new(&small, &cache) else { return };
    let run = project.ends(36, &["unpack big 1.0 failed", "No space left", "rg cache path"]);
    assert!(!project.workspace.has("rg-out/svc"), "{run}");
    let more = Command::new("mount").args(["-o", "remount,size=256m"]).arg(&cache).status();
    if more.is_ok_and(|status| status.success()) {
        project.rg(&["cache", "verify"]).ok();
        project.ends(0, &[]);
    }
}

#[test]
fn an_import_that_nothing_provides_says_the_name_the_near_ones_and_how_to_declare_it() {
    let mut registry = Registry::default();
    let lock = registry.wheel("alpha", "1.0", &[("alpha.py", "")]);
    let Some(project) = service("import alpa\n", &lock, &registry) else { return };
    let phrases = ["nothing provides `alpa` (near: `alpha`)", "svc/requirements.txt", "`roots`", "`deps`", "//svc:svc"];
    project.ends(1, &phrases);
    project.workspace.write("svc/main.py", "import yaml\n");
    project.ends(1, &["it is of the distribution `pyyaml`"]);
    project.workspace.write("svc/main.py", "import alpha.inner\n");
    project.ends(1, &["No module named 'alpha.inner'", "lock another one"]);
}

#[test]
fn what_is_imported_by_name_at_run_time_is_told_with_the_line_that_declares_it() {
    let by_name = "import importlib\nimportlib.import_module('plugins.one')\n";
    let files = [
        ("svc/BUILD.toml", SERVICE),
        ("svc/main.py", by_name),
        ("svc/plugins/__init__.py", ""),
        ("svc/plugins/one.py", ""),
    ];
    let Some(project) = Project::new(&files) else { return };
    project.ends(1, &["`svc/plugins` is in the workspace", "add data = [\"plugins/**\"]"]);
    project.workspace.write("svc/BUILD.toml", format!("{SERVICE}data = [\"plugins/**\"]\n"));
    project.ends(0, &[]);
    // In a root of another package its target is named, and in no root, the root.
    project.workspace.write("svc/main.py", "import importlib\nimportlib.import_module('shared')\n");
    project.workspace.write("libs/shared.py", "");
    project.workspace.write("libs/BUILD.toml", "[files.all]\nsrcs = [\"*.py\"]\n");
    project.ends(1, &["no root of //svc:svc holds it: write roots = [\".\", \"//libs\"]"]);
    project.workspace.write("svc/BUILD.toml", format!("{SERVICE}roots = [\".\", \"//libs\"]\n"));
    project.ends(1, &["`libs/shared.py` is in the workspace (//libs:all holds it)", "add data = [\"//libs:all\"]"]);
    project
        .workspace
        .write("svc/BUILD.toml", format!("{SERVICE}roots = [\".\", \"//libs\"]\ndata = [\"//libs:all\"]\n"));
    project.ends(0, &[]);
}

#[test]
fn a_service_runs_whatever_its_layout_is() {
    let main = "import os, sys\nfrom . import part\nhere = os.path.dirname(__file__)\n\
                if __name__ == '__main__':\n    print(part.P, open(here + '/../templates/t.txt').read(), sys.argv[1:])\n";
    let build = "[python_service.src]\nentry = \"pkg.main\"\nargs = [\"--x\", \"a b\"]\ndata = [\"templates/**\"]\n\
                 [python_service.file]\nentry = \"tool.py\"\nlock = \"//requirements.txt\"\nroots = [\"../libs/c\"]\n";
    let files = [
        ("svc/BUILD.toml", build),
        ("svc/src/pkg/__init__.py", ""),
        ("svc/src/pkg/main.py", main),
        ("svc/src/pkg/part.py", "P = 7\n"),
        ("svc/templates/t.txt", "T"),
        ("svc/tool.py", "import cc\nprint(cc.C)\n"),
        ("libs/c/cc.py", "C = 'c'\n"),
        ("requirements.txt", ""),
    ];
    let Some(project) = Project::new(&files) else { return };
    assert_eq!(project.rg(&["run", "//svc:src", "--", "y"]).ok().out, "7 T ['--x', 'a b', 'y']\n");
    assert_eq!(project.rg(&["run", "//svc:file"]).ok().out, "c\n");
}

#[test]
fn a_package_that_cannot_be_started_is_told_when_it_is_built() {
    let files = [("svc/BUILD.toml", "[python_service.svc]\nentry = \"pkg\"\n"), ("svc/pkg/__init__.py", "")];
    let Some(project) = Project::new(&files) else { return };
    project.ends(1, &["pkg is a package without a __main__.py"]);
    project.workspace.write("svc/pkg/__main__.py", "print('started')\n");
    assert_eq!(project.rg(&["run", "//svc"]).ok().out, "started\n");
}

// Trap 16.
#[test]
fn a_readme_beside_python_rebuilds_nothing() {
    let files = [("svc/BUILD.toml", SERVICE), ("svc/main.py", ""), ("README.md", ""), ("svc/README.md", "")];
    let Some(project) = Project::new(&files) else { return };
    project.ends(0, &[]).runs(1);
    project.workspace.write("svc/README.md", "edited");
    project.workspace.write("README.md", "edited");
    project.ends(0, &[]).runs(0);
}

// Trap 7.
#[test]
fn an_edge_of_a_lock_that_changes_is_a_change_though_its_packages_are_the_same() {
    let mut registry = Registry::default();
    let hashes = ["alpha", "beta"].map(|name| {
        let module = format!("{name}.py");
        registry.wheel(name, "1.0", &[(&module, "")]).rsplit(':').next().unwrap().trim().to_owned()
    });
    let lock = |edge: &str| {
        let package = |name: &str, hash: &str, edge: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"1.0\"\nsource = {{ registry = \"http://x/simple\" }}\n{edge}\
                 wheels = [{{ url = \"http://x/{name}-1.0-py3-none-any.whl\", hash = \"sha256:{hash}\" }}]\n\n"
            )
        };
        let head = uv_lock(1, ">=3.0");
        let (head, _) = head.split_once("[[package]]\nname = \"alpha\"").unwrap();
        format!("{head}{}{}", package("alpha", &hashes[0], edge), package("beta", &hashes[1], ""))
    };
    let files = [
        ("svc/BUILD.toml", SERVICE),
        ("svc/main.py", "import alpha\n"),
        ("svc/pyproject.toml", MANIFEST),
        ("svc/uv.lock", &lock("")),
    ];
    let Some(project) = Project::new(&files) else { return };
    let project = project.from(&registry.serve());
    project.ends(0, &[]);
    assert!(!project.workspace.has("rg-out/svc/svc/deps/beta.py"));
    project.workspace.write("svc/uv.lock", lock("dependencies = [{ name = \"beta\" }]\n"));
    project.ends(0, &["fetch beta 1.0"]);
    assert!(project.workspace.has("rg-out/svc/svc/deps/beta.py"));
}
