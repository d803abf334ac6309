//! Frontends, services and tests of Node as their users see them, with this machine's own Node and a registry on
//! loopback.

use serde_json::{Value, json};
use testkit::server::{Server, stall, whole};
use testkit::workspace::{Run, Workspace};

use crate::registry::{HTML, Registry, TOOLCHAINS, ask, integrity, tgz};
use crate::{environment, workspace};

const BUILD: &str = "[frontend.web]\n[node_test.unit]\n[node_service.api]\nentry = \"server.js\"\n";
const MAKE: &str =
    "const fs = require('fs'); fs.mkdirSync('dist'); fs.writeFileSync('dist/a', `${require('left')}`);\n";
const LEFT: &[(&str, &str)] =
    &[("package.json", "{\"name\":\"left\",\"version\":\"1.0.0\"}"), ("index.js", "module.exports = 1;\n")];
const DEVY: &[(&str, &str)] =
    &[("package.json", "{\"name\":\"devy\",\"version\":\"1.0.0\"}"), ("index.js", "module.exports = 2;\n")];

/// A workspace with one package, `web`, which needs `left`, and `devy` for its development.
struct Project {
    workspace: Workspace,
    path: String,
    registry: Registry,
    manifest: Value,
    lock: Value,
}

impl Project {
    /// Makes it; `None` where there is no Node.
    fn new() -> Option<Project> {
        let path = environment::path_with_node()?;
        let mut registry = Registry::default();
        let (left, devy) = (registry.tarball("left", "1.0.0", LEFT), registry.tarball("devy", "1.0.0", DEVY));
        let asks = json!({"name": "web", "version": "1.2.3", "dependencies": {"left": "1.0.0"}, "devDependencies": {"devy": "1.0.0"}});
        let mut manifest = asks.clone();
        manifest["scripts"] = json!({"build": "node build.js", "test": "node test.js"});
        let lock = json!({"name": "web", "lockfileVersion": 3, "requires": true, "packages": {
            "": asks,
            "node_modules/left": {"version": "1.0.0", "integrity": left},
            "node_modules/devy": {"version": "1.0.0", "dev": true, "integrity": devy},
        }});
        let files = [
            ("workspace.toml", TOOLCHAINS),
            ("web/BUILD.toml", BUILD),
            ("web/build.js", MAKE),
            ("web/test.js", "console.log('tested with', process.argv.slice(2).join('|'), process.env.MODE);\n"),
            ("web/server.js", "console.log('left is', require('left'), process.argv.slice(2).join('|'));\n"),
        ];
        let project = Project { workspace: workspace(&files), path, registry, manifest, lock };
        project.write();
        project.serve();
        Some(project)
    }

    /// Writes the manifest and the lock as they are now.
    fn write(&self) {
        self.workspace.write("web/package.json", self.manifest.to_string());
        self.workspace.write("web/package-lock.json", self.lock.to_string());
    }

    /// Lets packages come from a server with all that the registry has now.
    fn serve(&self) {
        ask(&self.workspace, &self.registry.serve().host);
    }

    fn rg(&self, words: &[&str]) -> Run {
        self.workspace.rg_with(words, &[("PATH", &self.path)])
    }

    /// Builds a target and expects an exit code.
    fn ends(&self, target: &str, code: i32, phrases: &[&str]) -> Run {
        self.rg(&["build", target]).exits(code).says(phrases)
    }
}

/// Builds everything of a project in which one thing is wrong, before anything runs.
fn check(change: impl FnOnce(&mut Project), phrases: &[&str]) {
    let Some(mut project) = Project::new() else { return };
    change(&mut project);
    project.write();
    let run = project.ends("//...", 2, phrases);
    assert!(!project.workspace.has("rg-out"), "something was built\n{run}");
}

#[test]
fn a_frontend_a_service_and_a_test_run_and_are_cached() {
    let Some(project) = Project::new() else { return };
    project.rg(&["test", "//..."]).ok();
    project.ends("//...", 0, &[]).runs(0);
    assert_eq!(project.workspace.read("rg-out/web/web/dist/a"), "1");
    assert!(!project.workspace.has("web/dist") && !project.workspace.has("web/node_modules"));
    assert_eq!(project.rg(&["run", "//web:api", "--", "a b", "c"]).ok().out, "left is 1 a b|c\n");
}

#[test]
fn a_lock_that_is_not_understood_or_of_an_unknown_version_is_refused() {
    check(|it| it.lock["lockfileVersion"] = json!(9), &["RG0922", "has version 9", "npm install --package-lock-only"]);
    check(|it| it.lock["lockfileVersion"] = json!(1), &["RG0922", "has version 1"]);
    let Some(project) = Project::new() else { return };
    project.workspace.write("web/package-lock.json", "<html>");
    project.ends("//...", 2, &["RG0922", "web/package-lock.json:1:1"]);
    project.workspace.remove("web/package-lock.json");
    project.ends("//...", 2, &["RG0921", "no lock of npm packages in `web`", "npm install"]);
    project.workspace.write("web/yarn.lock", "# yarn lockfile v7\n");
    project.ends("//...", 2, &["RG0922", "web/yarn.lock has version 7"]);
    project.workspace.write("web/pnpm-lock.yaml", "lockfileVersion: '99.0'\n");
    project.ends("//...", 2, &["RG0922", "web/pnpm-lock.yaml has version `99.0`"]);
}

#[test]
fn a_lock_that_does_not_match_its_package_json_names_what_differs() {
    let change = |it: &mut Project| it.manifest["dependencies"] = json!({"left": "2.0.0", "right": "1.0.0"});
    check(change, &["RG0923", "asks for `left` 2.0.0", "was made for 1.0.0", "asks for `right` 1.0.0", "npm install"]);
}

#[test]
fn a_package_json_that_is_missing_broken_or_without_the_script_is_named() {
    check(
        |it| it.manifest["scripts"] = json!({"biuld": "x", "test": "y"}),
        &["RG0925", "has no script `build`", "write `script = \"biuld\"`"],
    );
    check(|it| it.manifest["scripts"] = json!({}), &["has no script `test`", "add `\"scripts\": { \"test\": \"…\" }`"]);
    let Some(project) = Project::new() else { return };
    project.workspace.write("web/package.json", "{,");
    project.ends("//...", 2, &["RG0924", "web/package.json:1:2"]);
    project.workspace.remove("web/package.json");
    project.ends("//...", 2, &["RG0924", "has no package.json beside it"]);
}

#[test]
fn a_workspace_package_that_is_not_there_is_named() {
    let link = |it: &mut Project| {
        it.lock["packages"]["node_modules/ui"] = json!({"resolved": "ui", "link": true});
        it.lock["packages"]["ui"] = json!({"name": "ui", "version": "1.0.0"});
    };
    check(link, &["RG0926", "has a package in ui, and web/ui/package.json is missing"]);
    check(|it| it.manifest["dependencies"]["ui"] = json!("workspace:*"), &["RG0923", "asks for `ui` workspace:*"]);
}

#[test]
fn a_wrong_integrity_is_exit_48_and_names_the_entry() {
    let Some(mut project) = Project::new() else { return };
    project.lock["packages"]["node_modules/left"]["integrity"] = json!(integrity(b"other"));
    project.write();
    project.ends("//web:api", 48, &["fetch left@1.0.0 failed", "is not what the lock says", &integrity(b"other")]);
}

#[test]
fn a_tarball_with_hostile_paths_is_refused_whole() {
    for (name, why) in
        [("package/../../evil", "leaves its directory"), ("/etc/evil", "is absolute"), ("package/a\\..\\b", "a")]
    {
        let Some(mut project) = Project::new() else { return };
        let bytes =
            tgz(&[("package/package.json", "{\"name\":\"left\"}"), ("package/good.js", "good one\n"), (name, "x")]);
        let integrity = project.registry.raw_tarball("left", "1.0.0", &bytes);
        project.lock["packages"]["node_modules/left"]["integrity"] = json!(integrity);
        project.write();
        project.serve();
        let phrases = ["left@1.0.0 cannot be unpacked", why, "nothing of it was kept"];
        project.ends("//web:api", 48, &phrases);
        let run = project.ends("//web:api", 48, &phrases).runs(0);
        assert!(!project.workspace.has("rg-out/web"), "{run}");
        project.rg(&["cache", "verify"]).ok();
    }
}

#[test]
fn a_registry_that_is_down_slow_or_answers_html_is_named_and_not_waited_for() {
    let Some(project) = Project::new() else { return };
    ask(&project.workspace, "127.0.0.1:1");
    project.ends("//web:api", 48, &["cannot fetch left 1.0.0", "cannot be reached", "npm config get registry"]);
    let page = b"<!doctype html><p>Please log in";
    ask(&project.workspace, &Server::start(move |_, stream| whole(stream, "200 OK", HTML, page)).host);
    project.ends("//web:api", 48, &["left-1.0.0.tgz answers HTML: a login page or a proxy?"]);
    ask(&project.workspace, &Server::start(|_, stream| stall(stream)).host);
    project.ends("//web:api", 48, &["left-1.0.0.tgz stalls"]);
    ask(&project.workspace, &Registry::default().serve().host);
    project.ends("//web:api", 48, &["has no left 1.0.0"]);
}

#[test]
fn an_import_that_nothing_provides_says_the_near_ones_and_how_to_get_it() {
    let Some(mut project) = Project::new() else { return };
    project.workspace.write("web/build.js", "require('lefft');\n");
    project.ends("//web:web", 1, &["nothing provides `lefft` (near: `left`)", "`npm install lefft` adds it"]);
    project.workspace.write("web/build.js", "import('lefft');\n");
    project.ends("//web:web", 1, &["Cannot find package 'lefft'", "nothing provides `lefft`"]);
    project.workspace.write("web/build.js", "require('left/inner');\n");
    project.ends("//web:web", 1, &["web/package.json has `left`", "no `left/inner`"]);
    let deep = project.registry.tarball("deep", "1.0.0", LEFT);
    project.lock["packages"]["node_modules/left/node_modules/deep"] = json!({"version": "1.0.0", "integrity": deep});
    project.lock["packages"]["node_modules/left"]["dependencies"] = json!({"deep": "1.0.0"});
    project.write();
    project.serve();
    project.workspace.write("web/build.js", "require('deep');\n");
    project.ends("//web:web", 1, &["has `deep` for other packages", "web/package.json does not ask for it"]);
}

#[test]
fn what_only_development_needs_is_not_in_a_service_and_its_failure_says_so() {
    let Some(project) = Project::new() else { return };
    project.workspace.write("web/server.js", "require('devy');\n");
    let start =
        "[test.start]\nrun = \"node ../rg-out/web/api/code/server.js\"\ninputs = [\":api\"]\ntoolchain = \"node\"\n";
    project.workspace.write("web/BUILD.toml", format!("{BUILD}{start}"));
    let run = project.rg(&["test", "//web:start"]).exits(3);
    run.says(&[
        "Cannot find module 'devy'",
        "among the `devDependencies` of web/package.json",
        "move it to `dependencies`",
    ]);
}

#[test]
fn a_file_that_is_imported_and_not_declared_is_told_with_the_line_that_declares_it() {
    let Some(project) = Project::new() else { return };
    project.workspace.write("libs/x.js", "module.exports = 7;\n");
    project.workspace.write("libs/BUILD.toml", "[files.all]\nsrcs = [\"*.js\"]\n");
    project.workspace.write("web/build.js", format!("require('../libs/x');\n{MAKE}"));
    let phrases = ["`libs/x.js` is in the workspace (//libs:all holds it)", "add data = [\"//libs:all\"]"];
    project.ends("//web:web", 1, &phrases);
    project.workspace.write("web/BUILD.toml", "[frontend.web]\ndata = [\"//libs:all\"]\n");
    project.ends("//web:web", 0, &[]);
}

#[test]
fn scripts_run_as_npm_runs_them() {
    let Some(mut project) = Project::new() else { return };
    project.manifest["scripts"] = json!({
        "prebuild": "echo pre > pre.txt",
        "build": "rm -rf build && mkdir -p build/web && cp pre.txt build/web && echo $MODE $npm_package_version $npm_lifecycle_event > build/web/a",
        "postbuild": "echo post > build/web/post",
        "test": "node test.js",
        "posttest": "echo after the test",
    });
    project.write();
    project.workspace.write("web/build/web/stale", "of another build");
    let build =
        "[frontend.web]\nout = \"build/web\"\nenv = { MODE = \"m\" }\n[node_test.unit]\nenv = { MODE = \"t\" }\n";
    project.workspace.write("web/BUILD.toml", build);
    project.ends("//web:web", 0, &[]);
    let made: Vec<String> =
        project.workspace.delivered().into_keys().filter(|path| path.starts_with("web/web/build/web/")).collect();
    assert_eq!(made, ["a", "post", "pre.txt"].map(|name| format!("web/web/build/web/{name}")));
    assert_eq!(project.workspace.read("rg-out/web/web/build/web/a"), "m 1.2.3 build\n");
    let run = project.rg(&["test", "//web:unit", "-v", "--", "--grep", "a b"]).ok();
    run.says(&["tested with --grep|a b t", "after the test"]);
}

#[test]
fn a_script_that_makes_nothing_is_told_what_it_has_to_make() {
    let Some(project) = Project::new() else { return };
    project.workspace.write("web/build.js", "");
    let run = project.ends(
        "//web:web",
        1,
        &["`dist` was not made", "has to make the directory `dist`", "`out` of //web:web"],
    );
    assert!(!run.err.contains("$OUT"), "{run}");
    project.workspace.write("web/build.js", "console.error('it-broke-here'); process.exit(3);\n");
    project.ends("//web:web", 1, &["exit code 3", "it-broke-here"]);
}

#[test]
fn each_package_of_a_repository_runs_its_own_version_of_a_program() {
    let Some(mut project) = Project::new() else { return };
    let mut tool = |version: &str| {
        let manifest = format!("{{\"name\":\"tool\",\"version\":\"{version}\",\"bin\":\"cli.js\"}}");
        let script = format!("#!/usr/bin/env node\nconsole.log('tool {version}')\n");
        project.registry.tarball("tool", version, &[("package.json", &manifest), ("cli.js", &script)])
    };
    let (one, two) = (tool("1.0.0"), tool("2.0.0"));
    let member = |name: &str, version: &str| json!({"name": name, "version": "1.0.0", "dependencies": {"tool": version}, "scripts": {"test": "tool"}});
    let root = json!({"name": "root", "workspaces": ["apps/*"]});
    project.workspace.write("package.json", root.to_string());
    for (name, version) in [("a", "1.0.0"), ("b", "2.0.0")] {
        project.workspace.write(&format!("apps/{name}/package.json"), member(name, version).to_string());
        project.workspace.write(&format!("apps/{name}/BUILD.toml"), "[node_test.unit]\n");
    }
    let lock = json!({"name": "root", "lockfileVersion": 3, "requires": true, "packages": {
        "": root, "apps/a": member("a", "1.0.0"), "apps/b": member("b", "2.0.0"),
        "node_modules/a": {"resolved": "apps/a", "link": true},
        "node_modules/b": {"resolved": "apps/b", "link": true},
        "node_modules/tool": {"version": "1.0.0", "integrity": one, "bin": {"tool": "cli.js"}},
        "apps/b/node_modules/tool": {"version": "2.0.0", "integrity": two, "bin": {"tool": "cli.js"}},
    }});
    project.workspace.write("package-lock.json", lock.to_string());
    project.serve();
    for (name, version) in [("a", "1.0.0"), ("b", "2.0.0")] {
        let words = ["test", "-v", &format!("//apps/{name}:unit")];
        project.rg(&words).ok().says(&[&format!("tool {version}")]);
    }
}

#[test]
fn a_pnpm_lock_and_a_yarn_lock_work_as_that_of_npm_does() {
    let Some(project) = Project::new() else { return };
    let of =
        |name: &str| project.lock["packages"][format!("node_modules/{name}")]["integrity"].as_str().unwrap().to_owned();
    let asked = |name: &str| format!("      {name}:\n        specifier: 1.0.0\n        version: 1.0.0\n");
    let package = |name: &str| format!("  {name}@1.0.0:\n    resolution: {{integrity: {}}}\n", of(name));
    let pnpm = format!(
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n{}    devDependencies:\n{}packages:\n{}{}snapshots:\n  devy@1.0.0: {{}}\n  left@1.0.0: {{}}\n",
        asked("left"),
        asked("devy"),
        package("devy"),
        package("left"),
    );
    let entry = |name: &str| {
        format!(
            "{name}@1.0.0:\n  version \"1.0.0\"\n  resolved \"http://elsewhere/{name}-1.0.0.tgz#0\"\n  integrity {}\n\n",
            of(name)
        )
    };
    let yarn = format!("# yarn lockfile v1\n\n{}{}", entry("devy"), entry("left"));
    project.workspace.remove("web/package-lock.json");
    for (name, text) in [("pnpm-lock.yaml", pnpm), ("yarn.lock", yarn)] {
        project.workspace.write(&format!("web/{name}"), text);
        project.rg(&["test", "//..."]).ok();
        assert_eq!(project.workspace.read("rg-out/web/web/dist/a"), "1");
        assert_eq!(project.rg(&["run", "//web:api"]).ok().out, "left is 1 \n");
        project.workspace.remove(&format!("web/{name}"));
    }
}

// Trap 9.
#[test]
fn a_development_dependency_changes_no_service() {
    let Some(mut project) = Project::new() else { return };
    project.ends("//web:api", 0, &[]);
    let before = project.workspace.delivered();
    let devy = project.registry.tarball("devy", "2.0.0", DEVY);
    for asks in [&mut project.manifest, &mut project.lock["packages"][""]] {
        asks["devDependencies"]["devy"] = json!("2.0.0");
    }
    project.lock["packages"]["node_modules/devy"] = json!({"version": "2.0.0", "dev": true, "integrity": devy});
    project.write();
    project.serve();
    project.ends("//web:api", 0, &[]).runs(0);
    let mut after = project.workspace.delivered();
    // Its own package.json is a part of it, and says what development needs.
    let manifest = "web/api/code/package.json";
    assert_ne!(after.insert(manifest.to_owned(), before[manifest].clone()), Some(before[manifest].clone()));
    assert_eq!(after, before);
    project.ends("//web:web", 0, &["fetch devy@2.0.0"]);
}

// Trap 7.
#[test]
fn an_edge_of_a_lock_that_changes_is_a_change_though_its_packages_are_the_same() {
    let Some(mut project) = Project::new() else { return };
    project.ends("//web:api", 0, &[]);
    assert!(!project.workspace.has("rg-out/web/api/node_modules/devy"));
    project.lock["packages"]["node_modules/left"]["dependencies"] = json!({"devy": "1.0.0"});
    project.write();
    project.ends("//web:api", 0, &["fetch devy@1.0.0"]);
    assert!(project.workspace.has("rg-out/web/api/node_modules/devy/index.js"));
}

// Trap 16.
#[test]
fn a_readme_rebuilds_no_service() {
    let Some(project) = Project::new() else { return };
    project.workspace.write("web/README.md", "one");
    project.ends("//web:api", 0, &[]);
    assert!(!project.workspace.has("rg-out/web/api/code/README.md"));
    project.workspace.write("web/README.md", "two");
    project.workspace.write("README.md", "two");
    project.ends("//web:api", 0, &[]).runs(0);
}

// Trap 8.
#[test]
fn a_lock_of_npm_changes_no_target_of_another_language() {
    let (Some(mut project), Some(_)) = (Project::new(), environment::path_with_python()) else { return };
    project.workspace.write("svc/BUILD.toml", "[python_service.svc]\nentry = \"main.py\"\n");
    project.workspace.write("svc/main.py", "");
    project.ends("//...", 0, &[]);
    let devy = project.registry.tarball("devy", "2.0.0", DEVY);
    for asks in [&mut project.manifest, &mut project.lock["packages"][""]] {
        asks["devDependencies"]["devy"] = json!("2.0.0");
    }
    project.lock["packages"]["node_modules/devy"] = json!({"version": "2.0.0", "dev": true, "integrity": devy});
    project.write();
    project.ends("//svc", 0, &[]).runs(0);
}
