//! Holds the closure of imports against Python's own finders, and against what a run of Python loads, on trees that
//! are made at random.

use std::collections::{BTreeMap, BTreeSet};

use model::RelPath;
use serde::{Deserialize, Serialize};
use testkit::MapTree;

use super::python;
use crate::python::closure::{Closure, Scans, Walker};
use crate::reads::Recorder;

/// For each tree and each start: the files that Python's finders give for all imports, the top-level names that they
/// do not find, and the files that are loaded when the start is imported.
const SCRIPT: &str = r#"
import ast, importlib, json, os, sys
from importlib.machinery import PathFinder
from importlib.util import resolve_name
def find(name, path):
    spec = PathFinder.find_spec(name, path)
    if spec is None:
        return None
    if spec.origin is None:
        return None, list(spec.submodule_search_locations._path)
    return spec.origin, list(spec.submodule_search_locations or [])
def chain(dotted, roots):
    files, path, found = [], roots, None
    for name in dotted.split("."):
        found = find(name, path)
        if found is None:
            return files, None
        if found[0]:
            files.append(found[0])
        path = found[1]
    return files, found
def closure(start, roots):
    files, outside, seen, queue = set(), set(), set(), [start]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        loaded, found = chain(name, roots)
        files.update(loaded)
        parent = name.rpartition(".")[0]
        if parent:
            queue.append(parent)
        if not found or not found[0]:
            continue
        package = name if found[0].endswith("__init__.py") else parent
        for node in ast.walk(ast.parse(open(found[0]).read())):
            if isinstance(node, ast.Import):
                queue += [alias.name for alias in node.names]
                lacks = [alias.name for alias in node.names if chain(alias.name, roots) == ([], None)]
                outside.update(name.split(".")[0] for name in lacks)
            elif isinstance(node, ast.ImportFrom):
                try:
                    module = resolve_name("." * node.level + (node.module or ""), package)
                except ImportError:
                    continue
                queue.append(module)
                loaded, inner = chain(module, roots)
                if not inner and not loaded and not node.level:
                    outside.add(module.split(".")[0])
                for alias in node.names:
                    if inner and alias.name != "*":
                        if find(alias.name, inner[1]):
                            queue.append(f"{module}.{alias.name}")
                        elif not loaded and not node.level:
                            outside.add(module.split(".")[0])
    return files, outside
def loaded(start, roots, top):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        sys.path[:0] = roots
        try:
            importlib.import_module(start)
        except ImportError:
            pass
        files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
        os.write(write, json.dumps([file for file in files if file.startswith(top + "/")]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text)
for corpus in json.load(sys.stdin):
    top = corpus["top"]
    roots = [os.path.join(top, root) for root in corpus["roots"]]
    importlib.invalidate_caches()
    for start in corpus["starts"]:
        files, outside = closure(start, roots)
        cut = lambda paths: sorted(os.path.relpath(path, top) for path in paths)
        print(json.dumps([cut(files), sorted(outside), cut(loaded(start, roots, top))]))
"#;

#[derive(Serialize)]
struct Corpus {
    top: String,
    roots: Vec<&'static str>,
    starts: Vec<String>,
    #[serde(skip)]
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Seen(BTreeSet<String>, BTreeSet<String>, BTreeSet<String>);

/// A sequence of numbers that looks random and is the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn dotted(&mut self) -> String {
        let names: Vec<&str> = (0..=self.roll(3)).map(|_| self.pick(&["aa", "bb", "cc", "dd"])).collect();
        names.join(".")
    }

    /// A statement of a module that is so many packages deep: relative imports stay below the root, as they must.
    fn statement(&mut self, depth: usize) -> String {
        let (module, name) = (self.dotted(), self.pick(&["aa", "bb", "cc", "x", "*"]));
        let dots = ".".repeat(1 + self.roll(depth.max(1)));
        let import = match self.roll(6) {
            3 | 4 if depth == 0 => format!("import {module}"),
            0 | 1 => format!("import {module}"),
            2 => format!("from {module} import {name}"),
            3 => format!("from {dots}{module} import {name}"),
            4 => format!("from {dots} import {name}"),
            _ => format!("import {module} as y, {}", self.dotted()),
        };
        match self.roll(3) {
            _ if name == "*" => format!("try:\n    {import}\nexcept ImportError: pass\n"),
            0 => format!("def f():\n    {import}\n"),
            _ => {
                format!("try: {import}\nexcept ImportError:\n    {import}\n").replace("\n    from", "\n    pass # from")
            }
        }
    }

    fn corpus(&mut self) -> Corpus {
        let roots = vec!["r0", "r1", "r2"];
        let mut files = BTreeMap::new();
        for _ in 0..8 + self.roll(16) {
            let dir = format!("{}/{}", self.pick(&roots), self.dotted().replace('.', "/"));
            let path = if self.roll(3) == 0 { format!("{dir}/__init__.py") } else { format!("{dir}.py") };
            let depth = path.split('/').count() - 2;
            files.insert(path, (0..=self.roll(5)).map(|_| self.statement(depth)).collect());
        }
        let module = |path: &String| path[3..].trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
        let starts = files.keys().step_by(3).map(module).collect();
        Corpus { top: String::new(), roots, starts, files }
    }
}

/// What our walker gives for each start; nothing for a module that is not there.
fn closures(corpus: &Corpus) -> Vec<Option<Closure>> {
    let files: Vec<(&str, &str)> = corpus.files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let tree = MapTree::new(&files);
    let recorder = Recorder::new(&tree);
    let (scans, generated) = (Scans::new(&recorder), BTreeSet::new());
    let roots: Vec<RelPath> = corpus.roots.iter().map(|root| RelPath::new(root).unwrap()).collect();
    let walker = Walker::new(&scans, &roots, &generated);
    corpus.starts.iter().map(|start| Some(walker.closure(&walker.module(start)?))).collect()
}

#[test]
fn the_closure_is_what_the_finders_of_python_give_and_holds_what_is_loaded() {
    let mut dice = Dice(7);
    let dir = tempfile::tempdir().unwrap();
    let mut corpora: Vec<Corpus> = (0..40).map(|_| dice.corpus()).collect();
    for (number, corpus) in corpora.iter_mut().enumerate() {
        let top = dir.path().canonicalize().unwrap().join(number.to_string());
        for (path, text) in &corpus.files {
            std::fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            std::fs::write(top.join(path), text).unwrap();
        }
        corpus.top = top.to_str().unwrap().to_owned();
    }
    let Some(printed) = python(SCRIPT, &serde_json::to_string(&corpora).unwrap()) else { return };
    let mut seen = printed.lines().map(|line| serde_json::from_str::<Seen>(line).unwrap());
    let (mut compared, mut files) = (0, 0);
    for corpus in &corpora {
        for (start, closure) in corpus.starts.iter().zip(closures(corpus)) {
            let Seen(want, outside, loaded) = seen.next().unwrap();
            let Some(closure) = closure else { continue };
            let text = |paths: &BTreeSet<RelPath>| paths.iter().map(RelPath::to_string).collect::<BTreeSet<_>>();
            let got = text(&closure.files);
            assert_eq!(got, want, "{start} of {:#?}", corpus.files);
            assert_eq!(
                closure.external.into_keys().collect::<BTreeSet<_>>(),
                outside,
                "{start} of {:#?}",
                corpus.files
            );
            assert!(loaded.is_subset(&got), "{start} of {:#?} loads {loaded:?}, not only {got:?}", corpus.files);
            (compared, files) = (compared + 1, files + got.len());
        }
    }
    assert!(compared > 100 && files > 250, "{compared} closures of {files} files");
}

/// Compares the closure of a file, in the words of a user.
fn check(files: &[(&str, &str)], roots: &[&str], generated: &[&str], start: &str, want: &str) {
    let tree = MapTree::new(files).with_symlink("linked.py", "lib/target.py");
    let recorder = Recorder::new(&tree);
    let scans = Scans::new(&recorder);
    let path = |text: &&str| RelPath::new(text).unwrap();
    let roots: Vec<RelPath> = roots.iter().map(path).collect();
    let generated = generated.iter().map(path).collect();
    let walker = Walker::new(&scans, &roots, &generated);
    let closure = walker.closure(&walker.test(&path(&start), &path(&"svc")));
    let list = |paths: &BTreeSet<RelPath>| paths.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" ");
    let names = |names: &BTreeMap<String, model::Location>| {
        let places = names.iter().map(|(name, at)| format!("{name}@{}:{}", at.file, at.start));
        places.collect::<Vec<_>>().join(" ")
    };
    let parts = [
        ("files", list(&closure.files)),
        ("generated", list(&closure.generated)),
        ("packages", list(&closure.packages)),
        ("external", names(&closure.external)),
        ("missing", names(&closure.missing)),
    ];
    let got: Vec<String> =
        parts.iter().filter(|(_, it)| !it.is_empty()).map(|(is, it)| format!("{is}: {it}")).collect();
    assert_eq!(got.join("\n"), want);
}

#[test]
fn the_closure_of_a_test_has_conftests_generated_files_links_and_what_a_star_stands_for() {
    let files = [
        ("svc/conftest.py", "import pytest"),
        ("svc/tests/conftest.py", ""),
        (
            "svc/tests/unit/test_a.py",
            "import a.b, google.cloud\nfrom google.own import x\nimport linked\nfrom . import helper",
        ),
        ("svc/tests/unit/helper.py", ""),
        ("svc/a/__init__.py", "import a.gone, os"),
        ("svc/a/b.py", "from .c import *\nfrom a.gen import x_pb2\nimport fast"),
        ("svc/a/c/__init__.py", "__all__ = ['d']"),
        ("svc/a/c/d.py", "import os.path"),
        ("svc/a/c/e.py", ""),
        ("google/own/x.py", ""),
        ("lib/target.py", "import a"),
    ];
    check(
        &files,
        &["svc", ""],
        &["svc/a/gen/x_pb2.py", "svc/a/gen/x_pb2.pyi", "fast.abi3.so"],
        "svc/tests/unit/test_a.py",
        "files: google/own/x.py lib/target.py linked.py svc/a/__init__.py svc/a/b.py svc/a/c/__init__.py svc/a/c/d.py svc/conftest.py svc/tests/conftest.py svc/tests/unit/helper.py svc/tests/unit/test_a.py\n\
         generated: fast.abi3.so svc/a/gen/x_pb2.py\n\
         packages: fast.abi3.so google linked.py svc/a svc/conftest.py svc/tests\n\
         external: google@svc/tests/unit/test_a.py:12 os@svc/a/__init__.py:15 pytest@svc/conftest.py:7\n\
         missing: a.gone@svc/a/__init__.py:7",
    );
}
