//! Python tests as their users see them. The pytest of these tests is a small one, which a lock gives as it gives the
//! real one: it knows the options that rg and its users pass.

use std::fs;

use crate::python::Project;
use crate::registry::Registry;

/// Runs the functions `test_…` of one file, with the modules that lie beside it as conftest.py.
const PYTEST: &str = r#"
import argparse, glob, importlib.util, os, sys, traceback
from xml.sax.saxutils import escape, quoteattr
parser = argparse.ArgumentParser()
for option in ('-p', '-c', '--rootdir', '--basetemp', '--junitxml', '-k', '--marker'):
    parser.add_argument(option)
parser.add_argument('-q', action='store_true')
parser.add_argument('file')
options = parser.parse_args()
def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
for conftest in glob.glob(os.path.join(os.path.dirname(options.file), 'conftest.py')):
    load(conftest)
print('marker is', options.marker)
module = load(options.file)
names = [name for name in vars(module) if name.startswith('test_') and (options.k or '') in name]
cases, failed = '', 0
for name in names:
    try:
        getattr(module, name)()
        cases += f'<testcase classname="c" name="{name}" time="0.1"/>'
    except Exception as error:
        failed += 1
        traceback.print_exc(file=sys.stdout)
        cases += f'<testcase classname="c" name="{name}" time="0.1"><failure message={quoteattr(str(error))}>{escape(repr(error))}</failure></testcase>'
os.makedirs(os.path.dirname(options.junitxml), exist_ok=True)
with open(options.junitxml, 'w') as report:
    report.write(f'<testsuites><testsuite name="pytest" tests="{len(names)}" failures="{failed}">{cases}</testsuite></testsuites>')
sys.exit(1 if failed else 0 if names else 5)
"#;

/// Runs a module, and says that it counted.
const COVERAGE: &str = r#"
import runpy, sys
if sys.argv[1] == 'run':
    data = next(word.split('=', 1)[1] for word in sys.argv if word.startswith('--data-file='))
    open(data, 'w').write('counted')
    del sys.argv[:sys.argv.index('-m') + 1]
    runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
else:
    open(sys.argv[sys.argv.index('-o') + 1], 'w').write('TN:\nend_of_record\n')
"#;

const ONE: &str = "import helper\ndef test_one():\n    assert helper.H == 7\ndef test_two():\n    pass\n";

/// Makes a workspace with two test files, and a lock that has pytest and coverage.
fn tested(attributes: &str) -> Option<Project> {
    let mut registry = Registry::default();
    let lock = [
        registry.wheel("pytest", "8.0", &[("pytest/__init__.py", ""), ("pytest/__main__.py", PYTEST)]),
        registry.wheel("coverage", "7.0", &[("coverage/__init__.py", ""), ("coverage/__main__.py", COVERAGE)]),
    ]
    .concat();
    let build = format!("[python_test.unit]\ntests = [\"tests/test_*.py\"]\n{attributes}\n");
    let files = [
        ("svc/BUILD.toml", &*build),
        ("svc/src/helper.py", "H = 7\n"),
        ("svc/tests/conftest.py", "print('conftest of the directory')\n"),
        ("svc/tests/test_a.py", ONE),
        ("svc/tests/test_b.py", "def test_three():\n    pass\n"),
        ("requirements.txt", &lock),
    ];
    Some(Project::new(&files)?.from(&registry.serve()))
}

/// Runs the tests, and returns the JUnit XML that is written.
fn junit(project: &Project, code: i32) -> String {
    project.rg(&["test", "//svc:unit", "--junit", "../j.xml"]).exits(code);
    fs::read_to_string(project.workspace.beside("j.xml")).unwrap()
}

#[test]
fn each_test_function_is_a_testcase_passed_failed_and_from_the_cache() {
    let Some(project) = tested("") else { return };
    let names = ["name=\"test_one\"", "name=\"test_two\"", "name=\"test_three\""];
    let passed = junit(&project, 0);
    assert!(names.iter().all(|name| passed.contains(name)) && passed.contains("failures=\"0\""), "{passed}");
    assert_eq!(junit(&project, 0), passed, "from the cache");
    project.workspace.write("svc/tests/test_b.py", "def test_three():\n    assert 1 == 2, 'why-it-failed'\n");
    let failed = junit(&project, 3);
    assert!(names.iter().all(|name| failed.contains(name)) && failed.contains("failures=\"1\""), "{failed}");
    assert!(failed.contains("why-it-failed"), "{failed}");
    project.rg(&["test", "//svc:unit"]).exits(3).says(&["tests/test_b.py failed", "why-it-failed"]);
}

#[test]
fn arguments_are_those_of_the_definition_and_of_the_call_and_may_select_nothing_of_a_file() {
    let Some(project) = tested("args = [\"--marker\", \"from-the-definition\"]") else { return };
    let run = project.rg(&["test", "//svc:unit", "-v"]).ok();
    let run = run.says(&["marker is from-the-definition", "conftest of the directory"]);
    assert_eq!(run.err.matches("marker is").count(), 2, "{run}");
    project.rg(&["test", "//svc:unit", "--", "-k", "two"]).ok().runs(2);
    project.rg(&["test", "//svc:unit"]).ok().runs(0);
    // Without arguments, a file without tests is a mistake.
    project.workspace.write("svc/tests/test_b.py", "");
    project.rg(&["test", "//svc:unit"]).exits(3).says(&["exit code 5"]);
}

#[test]
fn an_edit_runs_the_test_files_that_see_it() {
    let Some(project) = tested("") else { return };
    project.rg(&["test", "//svc:unit"]).ok();
    project.workspace.write("svc/src/helper.py", "H = 7  # edited\n");
    project.rg(&["test", "//svc:unit"]).ok().runs(1);
    project.workspace.write("svc/tests/conftest.py", "print('edited')\n");
    project.rg(&["test", "//svc:unit"]).ok().runs(2);
    project.workspace.write("svc/src/other.py", "");
    project.rg(&["test", "//svc:unit"]).ok().runs(0);
}

#[test]
fn coverage_leaves_a_report_for_each_test_file() {
    let Some(project) = tested("coverage = true") else { return };
    project.rg(&["test", "//svc:unit"]).ok();
    for file in ["test_a.py", "test_b.py"] {
        let report = project.workspace.read(&format!("rg-out/svc/unit/tests/{file}.lcov"));
        assert_eq!(report, "TN:\nend_of_record\n");
    }
    project.workspace.write("svc/tests/test_b.py", "def test_three():\n    assert False\n");
    project.rg(&["test", "//svc:unit"]).exits(3);
}

#[test]
fn what_a_test_imports_by_name_is_told_with_the_line_that_declares_it() {
    let Some(project) = tested("") else { return };
    let by_name = "import importlib\ndef test_three():\n    importlib.import_module('plug')\n";
    project.workspace.write("svc/tests/test_b.py", by_name);
    project.workspace.write("svc/plug.py", "");
    project
        .rg(&["test", "//svc:unit"])
        .exits(3)
        .says(&["`svc/plug.py` is in the workspace", "add data = [\"plug.py\"]"]);
    let build = "[python_test.unit]\ntests = [\"tests/test_*.py\"]\ndata = [\"plug.py\"]\n";
    project.workspace.write("svc/BUILD.toml", build);
    project.rg(&["test", "//svc:unit"]).ok();
    // A template is named by where it lies below some directory.
    let template =
        "class TemplateNotFound(Exception):\n    pass\ndef test_three():\n    raise TemplateNotFound('i.html')\n";
    project.workspace.write("svc/tests/test_b.py", template);
    project.workspace.write("svc/app/templates/i.html", "");
    project.rg(&["test", "//svc:unit"]).exits(3).says(&["add data = [", "\"app/templates/i.html\"]"]);
}

#[test]
fn a_lock_without_pytest_or_coverage_is_told_before_anything_runs() {
    let Some(project) = tested("coverage = true") else { return };
    let lock = project.workspace.read("requirements.txt");
    let without: String =
        lock.lines().filter(|line| !line.starts_with("coverage")).map(|line| format!("{line}\n")).collect();
    project.workspace.write("requirements.txt", without);
    project.rg(&["test"]).exits(2).says(&["RG0906", "needs `coverage`, which requirements.txt lacks"]);
    project.workspace.remove("requirements.txt");
    project.rg(&["test"]).exits(2).says(&["RG0901", "//svc:unit has no lock"]);
}
