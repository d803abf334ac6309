//! Go targets as their users see them, with this machine's own Go.

use testkit::workspace::{Run, Workspace};

use crate::{environment, workspace};

/// Calls rg with a search path that has Go.
fn rg(workspace: &Workspace, path: &str, words: &[&str]) -> Run {
    workspace.rg_with(words, &[("PATH", path)])
}

/// One workspace for both: what costs time is to compile the standard library into an empty cache.
#[test]
fn failed_and_hanging_go_tests_say_what_matters() {
    let Some(path) = environment::path_with_go() else { return };
    let bad = "package m\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) { t.Log(\"all is well\") }\n\n\
               func TestBad(t *testing.T) {\n\tt.Run(\"part\", func(t *testing.T) { t.Error(\"got 1\") })\n}\n";
    let hang = "package hang\n\nimport \"testing\"\n\nfunc TestHang(t *testing.T) { select {} }\n";
    let build = "[go_test.bad]\npackages = [\".\"]\n[go_test.hang]\npackages = [\"./hang\"]\ntimeout = 1\n";
    let files = [("m/BUILD.toml", build), ("m/m_test.go", bad), ("m/hang/hang_test.go", hang)];
    let workspace = workspace(&files);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.go]\nhost = [\"go\"]\n");
    workspace.write("m/go.mod", "module example.com/m\n\ngo 1.21\n");
    let run = rg(&workspace, &path, &["test", "//m:bad"]).exits(3);
    let run = run.says(&["--- FAIL: TestBad/part", "m_test.go:8: got 1"]);
    assert!(!run.err.contains("=== RUN") && !run.err.contains("all is well"), "{run}");
    assert!(rg(&workspace, &path, &["log", "//m:bad"]).ok().out.contains("all is well"), "the log is whole");
    let run = rg(&workspace, &path, &["test", "//m:hang", "--output", "json"]).exits(3);
    assert_eq!(run.json()["tests"][0]["status"], "timeout", "{run}");
    run.says(&["timed out after 1 s", "goroutine", "hang.TestHang"]);
}
