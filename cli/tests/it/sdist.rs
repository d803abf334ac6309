//! Source distributions of Python, as users see them: built, installed, imported.

use std::fs;
use std::process::Command;

use testkit::workspace::{Run, Workspace};

use crate::{environment, registry};

/// A package of which there is no wheel, whose setup.py imports what lies beside it.
const DOCOPT: &str = "docopt==0.6.2 --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n";
const MAIN: &str =
    "'Usage: main.py NAME'\nimport docopt\n\nif __name__ == '__main__':\n    print(docopt.docopt(__doc__))\n";

/// Makes a workspace with one service.
fn workspace(main: &str) -> Workspace {
    let workspace = crate::workspace(&[("svc/BUILD.toml", "[python_service.svc]\nentry = \"main.py\"\n")]);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.python]\nhost = [\"python3\"]\n");
    workspace.write("svc/main.py", main);
    workspace
}

/// Calls rg as the user of the tests would.
fn rg(workspace: &Workspace, words: &[&str]) -> Run {
    let environment = environment::of_pip();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    workspace.rg_with(words, &environment)
}

#[test]
fn a_source_distribution_is_built_and_imported_and_comes_out_alike_elsewhere() {
    if !environment::has("python3") {
        return;
    }
    let workspace = workspace(MAIN);
    workspace.write("svc/requirements.txt", format!("--no-binary docopt\n{DOCOPT}"));
    let build = ["build", "//svc", "--output", "json"];
    let first = rg(&workspace, &build);
    if first.code == 48 && !environment::is_ci() {
        println!("left out, because packages cannot be fetched: {first}");
        return;
    }
    let first = first.ok();
    assert_eq!(rg(&workspace, &["run", "//svc", "--", "bob"]).ok().out.trim(), "{'NAME': 'bob'}");
    let again = rg(&workspace.elsewhere(), &build).ok();
    assert_eq!(first.json()["targets"][0]["outputs"], again.json()["targets"][0]["outputs"]);

    workspace.write("svc/requirements.txt", DOCOPT);
    let run = rg(&workspace, &["build", "//svc"]).exits(48);
    run.says(&["allows only its source distribution", "hint: add the line `--no-binary docopt` to the requirements"]);
}

/// Makes a distribution that cannot be built, and what stands for the two packages that build others.
const MAKE: &str = r#"
import base64, hashlib, io, sys, tarfile, zipfile
room = sys.argv[1]
def tell(name, version, made):
    with open(f"{room}/{name}.html", "w") as page:
        page.write(f'<a href="/files/{made}">{made}</a>')
    with open(f"{room}/{made}", "rb") as file:
        print(f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read()).hexdigest()}")
def wheel(name, version, files):
    info = f"{name}-{version}.dist-info"
    files |= {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
              f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: it\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    hashed = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    record = [f"{path},sha256={hashed(text)},{len(text)}\n" for path, text in files.items()]
    made = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(f"{room}/{made}", "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
        file.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    tell(name, version, made)
wheel("wheel", "0.45", {"wheel/__init__.py": ""})
wheel("setuptools", "80.0", {"setuptools/__init__.py": "__version__ = '80.0'\n", "setuptools/build_meta.py": """
class Legacy:
    def get_requires_for_build_wheel(self, settings=None):
        exec(open("setup.py").read())
__legacy__ = Legacy()
"""})
with tarfile.open(f"{room}/broken-1.0.tar.gz", "w:gz") as file:
    text = b"raise RuntimeError('there is no libfoo')\n"
    entry = tarfile.TarInfo("broken-1.0/setup.py")
    entry.size = len(text)
    file.addfile(entry, io.BytesIO(text))
print("--no-binary broken")
tell("broken", "1.0", "broken-1.0.tar.gz")
"#;

#[test]
fn a_source_distribution_that_cannot_be_built_shows_its_log() {
    if !environment::has("python3") {
        return;
    }
    let workspace = workspace("import broken\n");
    let room = workspace.beside("registry");
    fs::create_dir(&room).unwrap();
    let made = Command::new("python3").args(["-c", MAKE]).arg(&room).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    workspace.write("svc/requirements.txt", made.stdout);
    let index = format!("http://127.0.0.1:{}/simple/", registry::start(&room));
    let run = workspace.rg_with(&["build", "//svc"], &[("PIP_INDEX_URL", &index)]).exits(1);
    run.says(&["//svc:python_wheels build broken 1.0 failed", "RuntimeError: there is no libfoo"]);
}
