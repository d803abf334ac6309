//! A real source distribution of Python, from where the user's pip has it: built, installed, imported.

use testkit::workspace::{Run, Workspace};

use crate::environment;

/// A package of which there is no wheel, whose setup.py imports what lies beside it.
const DOCOPT: &str = "docopt==0.6.2 --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n";
const MAIN: &str =
    "'Usage: main.py NAME'\nimport docopt\n\nif __name__ == '__main__':\n    print(docopt.docopt(__doc__))\n";

/// Makes a workspace with one service.
fn workspace() -> Workspace {
    let workspace = crate::workspace(&[("svc/BUILD.toml", "[python_service.svc]\nentry = \"main.py\"\n")]);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.python]\nhost = [\"python3\"]\n");
    workspace.write("svc/main.py", MAIN);
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
    let workspace = workspace();
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
    run.says(&["docopt-0.6.2.tar.gz", "add `--no-binary docopt` to the requirements"]);
}
