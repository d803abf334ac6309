//! Other repositories: their targets are built as `@name//…`, from the commit that rg.lock pins.

use testkit::git::GitRepository;
use testkit::ssh::Sshd;
use testkit::workspace::{Run, Workspace};

use crate::environment;

/// A library of another repository: `//lib:up` and `//:all` of its own, and notes that nothing reads.
const LIB: &str = r#"
[command.up]
run = "tr a-z A-Z < words.txt > $OUT/up.txt; cat $(location //data:base) >> $OUT/up.txt; pwd >> $OUT/up.txt"
inputs = ["words.txt", "//data:base"]
outputs = ["up.txt"]
"#;
const DATA: &str = "[files.base]\nsrcs = [\"base.txt\"]\n[command.copy]\nrun = \"cp more.txt $OUT/\"\ninputs = [\"more.txt\"]\noutputs = [\"more.txt\"]\n";
const FILES: [(&str, &str); 8] = [
    (
        "workspace.toml",
        "[workspace]\nname = \"design\"\nignore = [\"*.bak\"]\n[toolchain.unknown]\nhost = [\"none\"]\n",
    ),
    ("lib/BUILD.toml", LIB),
    ("lib/words.txt", "words\n"),
    ("data/BUILD.toml", DATA),
    ("data/base.txt", "base\n"),
    ("data/more.txt", "more\n"),
    ("data/old.bak", "old\n"),
    ("README.md", "read me\n"),
];

/// A target of the workspace that reads one of the other repository.
const USER: &str = r#"
[command.a]
run = "cat $(location @ds//lib:up) > $OUT/o"
inputs = ["@ds//lib:up"]
outputs = ["o"]
"#;

/// Makes a workspace that uses a repository beside it as `ds`.
fn used() -> (Workspace, GitRepository) {
    let workspace = crate::workspace(&[("p/BUILD.toml", USER)]);
    let repository = GitRepository::new(workspace.beside("design"), &FILES);
    workspace.write("workspace.toml", settings("../design", "main"));
    (workspace, repository)
}

fn settings(git: &str, reference: &str) -> String {
    format!("[workspace]\nname = \"it\"\n[repos.ds]\ngit = \"{git}\"\nref = \"{reference}\"\n")
}

#[test]
fn a_target_of_another_repository_is_a_dependency_and_is_built_by_name_and_pattern() {
    let (workspace, repository) = used();
    workspace.build(&["//..."]).runs(2);
    assert_eq!(workspace.read("rg-out/p/a/o"), "WORDS\nbase\n/src/@ds/lib\n");
    assert!(!workspace.has("rg-out/@ds"), "only what is asked for is delivered");
    let lock = workspace.read("rg.lock");
    let commit = repository.git(&["rev-parse", "HEAD"]);
    assert!(lock.contains(&format!("[repos]\n\"../design main\" = \"{commit}\"\n")), "{lock}");
    workspace.build(&["@ds//..."]).runs(1);
    assert_eq!(workspace.read("rg-out/@ds/lib/up/up.txt"), "WORDS\nbase\n/src/@ds/lib\n");
    assert_eq!(workspace.read("rg-out/@ds/data/copy/more.txt"), "more\n");
    for pattern in ["@ds//lib:up", "@ds//lib:all", "@ds//lib/...", "@ds//lib/..."] {
        workspace.build(&[pattern]).runs(0);
    }
    assert_eq!(workspace.rg(&["query", "//..."]).ok().lines(), ["//p:a"]);
    let all = workspace.rg(&["query", "@ds//..."]).ok();
    assert_eq!(all.lines(), ["@ds//data:base", "@ds//data:copy", "@ds//lib:up"]);
    let deps = workspace.rg(&["query", "deps(//p:a)"]).ok();
    deps.says(&["@ds//lib:up", "@ds//data:base", "@ds/lib/words.txt"]);
    assert_eq!(
        workspace.rg(&["query", "rdeps(//..., @ds//data:base)"]).ok().lines(),
        ["@ds//data:base", "@ds//lib:up", "//p:a"]
    );
    workspace.rg(&["build", "tag:x"]).exits(2);
    assert_eq!(workspace.rg(&["query", "kind:command"]).ok().lines(), ["//p:a"]);
}

#[test]
fn what_is_known_needs_no_repository_and_no_git() {
    let (workspace, repository) = used();
    workspace.build(&["//...", "@ds//..."]).runs(3);
    std::fs::rename(repository.dir(), workspace.beside("gone")).unwrap();
    let alone = |words: &[&str]| -> Run { workspace.rg_with(words, &[("PATH", "/nowhere")]) };
    alone(&["build", "//...", "@ds//..."]).ok().runs(0);
    alone(&["build", "//...", "--locked", "--offline"]).ok().runs(0);
    workspace.rg(&["doctor"]).says(&["ok    git"]);
    alone(&["doctor"]).says(&["warn  git"]);
    // An action that is new reads the commit that is here, and so does one whose result is lost.
    workspace.write("p/BUILD.toml", USER.replace("cat $", "cat -n $"));
    alone(&["build", "//..."]).ok().runs(1);
    alone(&["build", "@ds//lib:up", "--rerun", "@ds//lib:up"]).ok();
    let other = workspace.elsewhere();
    other.rg(&["build", "--offline"]).exits(48).says(&["--offline", "ds"]);
    other.rg(&["build"]).exits(48).says(&["../design", "does not appear to be a git repository"]);
}

#[test]
fn a_branch_that_moves_changes_nothing_until_the_lock_does_and_then_only_what_reads_changed_files() {
    let (workspace, repository) = used();
    workspace.rg(&["build", "--locked"]).exits(5).says(&["it does not pin `../design main`", "rg lock"]);
    workspace.rg(&["lock", "--check"]).exits(5).says(&["../design main"]);
    workspace.rg(&["lock"]).ok().says(&["added ../design main", "rg.lock: 0 images, 1 repository, 1 changed"]);
    workspace.rg(&["lock", "--check"]).ok();
    workspace.build(&["//...", "@ds//..."]).runs(3);
    let lock = workspace.read("rg.lock");
    let commit = repository.commit(&[("data/more.txt", "other\n"), ("README.md", "other\n")]);
    workspace.build(&["//...", "@ds//..."]).runs(0);
    workspace.rg(&["lock"]).ok();
    assert_eq!(workspace.read("rg.lock"), lock);
    workspace.rg(&["lock", "--update", "@d"]).exits(2).says(&["@ds"]);
    workspace.rg(&["lock", "--update", "@ds"]).ok().says(&["updated ../design main"]);
    assert!(workspace.read("rg.lock").contains(&commit));
    workspace.build(&["//...", "@ds//..."]).runs(1);
    assert_eq!(workspace.read("rg-out/@ds/data/copy/more.txt"), "other\n");
    // The file that the dependency reads; `cat` of the same result ends the rebuild.
    repository.commit(&[("lib/words.txt", "WORDS\n")]);
    workspace.rg(&["lock", "--update"]).ok();
    workspace.build(&["//...", "@ds//..."]).runs(1);
    repository.commit(&[("lib/words.txt", "new\n")]);
    workspace.rg(&["lock", "--update", "../design main"]).ok();
    workspace.build(&["//...", "@ds//..."]).runs(2);
    assert!(workspace.read("rg-out/p/a/o").starts_with("NEW\n"));
    workspace.rg(&["lock", "--output", "json"]).ok().says(&["\"repos\":{\"../design main\":"]);
    // Another reference is another entry, and the old one goes.
    repository.git(&["tag", "--annotate", "--message=one", "v1", &commit]);
    workspace.write("workspace.toml", settings("../design", "v1"));
    workspace.rg(&["lock", "--check"]).exits(5).says(&["../design v1", "../design main"]);
    workspace.rg(&["lock"]).ok();
    let lock = workspace.read("rg.lock");
    assert!(lock.contains(&format!("\"../design v1\" = \"{commit}\"")) && !lock.contains("main"), "{lock}");
    workspace.build(&["//..."]);
    workspace.write("workspace.toml", settings("../design", &commit[..40]));
    workspace.build(&["//..."]).runs(0);
}

#[test]
fn a_repository_that_does_not_come_is_named_with_what_git_says() {
    let (workspace, repository) = used();
    let fails = |git: &str, reference: &str, code: i32, phrases: &[&str]| {
        workspace.write("workspace.toml", settings(git, reference));
        workspace.rg(&["build"]).exits(code).says(phrases);
    };
    fails("../nothing", "main", 48, &["cannot pin `../nothing main`", "does not appear to be a git repository"]);
    fails("../design", "mian", 48, &["no branch, tag or commit `mian`", "write `ref = \"main\"`"]);
    fails("../design", &"ab".repeat(20), 48, &["cannot pin", "abababab"]);
    fails("ext::sh -c true", "main", 48, &["'ext' not allowed"]);
    fails("--upload-pack=x", "main", 2, &["RG0501", "--upload-pack=x"]);
    fails("../design", "a b", 2, &["RG0501", "`a b`"]);
    fails("../design", "-x", 2, &["RG0501"]);
    workspace.write("workspace.toml", settings("../design", "main"));
    let run = workspace.rg_with(&["build"], &[("PATH", "/nowhere")]);
    run.exits(36).says(&["`git`", "install git"]);
    // A commit of rg.lock that the remote has no longer.
    let lost = repository.commit(&[("lib/words.txt", "lost\n")]);
    workspace.rg(&["lock"]).ok();
    assert!(workspace.read("rg.lock").contains(&lost));
    repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repository.git(&["reflog", "expire", "--expire=now", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);
    std::fs::remove_dir_all(workspace.cache()).unwrap();
    let run = workspace.rg(&["build"]).exits(48);
    run.says(&["cannot bring the repository `ds`", &lost, "rg lock --update @ds"]);
    workspace.rg(&["lock", "--update", "@ds"]).ok();
    workspace.build(&[]).runs(2);
}

#[test]
fn mistakes_about_other_repositories_are_told_where_they_are() {
    let (workspace, repository) = used();
    let says = |user: &str, code: i32, phrases: &[&str]| {
        workspace.write("p/BUILD.toml", USER.replace("@ds//lib:up", user));
        workspace.rg(&["build"]).exits(code).says(phrases);
    };
    says("@sd//lib:up", 2, &["RG0507", "no repository `sd`", "@ds//lib:up"]);
    says("@ds//lib:upp", 2, &["RG0302", "`@ds//lib:upp`", "\"@ds//lib:up\""]);
    says("@ds//libs:up", 2, &["no package `@ds//libs`", "@ds//lib:up"]);
    says("@ds/lib:up", 2, &["names no repository"]);
    workspace.rg(&["build", "@other//..."]).exits(2);
    workspace.write("p/BUILD.toml", USER);
    workspace.rg(&["build", "@other//..."]).exits(2).says(&["no repository `other`"]);
    workspace.rg(&["build", "@ds//nothing/..."]).exits(2).says(&["@ds//nothing/..."]);
    // What is wrong inside is shown with its line.
    repository.commit(&[("bad/BUILD.toml", "[command.x]\nrun = \"true\"\ninputs = [\"none.txt\"]\n")]);
    workspace.rg(&["lock", "--update"]).ok();
    workspace.rg(&["build"]).exits(2).says(&["@ds/bad/BUILD.toml:3", "inputs = [\"none.txt\"]", "does not exist"]);
    repository
        .commit(&[("bad/BUILD.toml", ""), ("lib/BUILD.toml", &format!("[package]\nvisibility = [\"//...\"]\n{LIB}"))]);
    workspace.rg(&["lock", "--update"]).ok();
    workspace.rg(&["build"]).exits(10).says(&["@ds//lib:up is not visible to //p:a", "@ds//...", "leave it out there"]);
    // A directory of the workspace with the name of the repository, and one that no label can hold.
    workspace.write("@ds/x", "x");
    workspace.rg(&["build"]).exits(2).says(&["RG0508", "`@ds`"]);
    workspace.remove("@ds");
    workspace.write("@odd/BUILD.toml", "");
    workspace.rg(&["build"]).exits(2).says(&["@odd"]);
    workspace.remove("@odd");
    repository.commit(&[("workspace.toml", "[workspace]\nname = \"design\"\nignore = 3\n")]);
    workspace.rg(&["lock", "--update"]).ok();
    workspace.rg(&["build"]).exits(2).says(&["@ds/workspace.toml:3", "ignore = 3", "not a list of strings"]);
    repository.git(&["rm", "--quiet", "workspace.toml"]);
    repository.commit(&[]);
    workspace.rg(&["lock", "--update"]).ok();
    workspace.rg(&["build"]).exits(2).says(&["RG0508", "no workspace.toml"]);
}

#[test]
fn a_repository_shows_what_was_committed_and_nothing_beyond_itself() {
    let (workspace, repository) = used();
    let take = |sources: &str, target: &str| {
        let text = format!("[command.x]\nrun = \"ls -l > $OUT/o\"\ninputs = [{sources}]\noutputs = [\"o\"]\n");
        repository.commit(&[("x/BUILD.toml", &text)]);
        workspace.rg(&["lock", "--update"]).ok();
        workspace.rg(&["build", target])
    };
    let path = |path: &str| repository.dir().join(path);
    std::fs::create_dir_all(path("x/inner")).unwrap();
    std::os::unix::fs::symlink("run.sh", path("x/link")).unwrap();
    repository.commit(&[("x/run.sh", "echo\n"), ("x/old.bak", ""), ("x/inner/workspace.toml", ""), ("x/inner/f", "")]);
    repository.git(&["update-index", "--chmod=+x", "x/run.sh"]);
    repository.git(&["commit", "--quiet", "--message=executable"]);
    repository.git(&["checkout", "--", "x/run.sh"]);
    take("\"**\"", "@ds//x").ok();
    let listed = workspace.read("rg-out/@ds/x/x/o");
    assert!(listed.contains("-rwxr-xr-x") && listed.contains("link -> run.sh"), "{listed}");
    assert!(!listed.contains("old.bak") && !listed.contains("inner"), "{listed}");
    take("\"old.bak\"", "@ds//x").exits(2).says(&["[workspace] ignore"]);
    take("\"inner/f\"", "@ds//x").exits(2).says(&["workspace"]);
    // A submodule says so only to whom it matters.
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},x/module")]);
    repository.git(&["commit", "--quiet", "--message=module"]);
    std::fs::create_dir_all(path("x/module")).unwrap();
    take("\"**\"", "@ds//x").ok();
    take("\"module/f\"", "@ds//x").exits(2).says(&["`x/module` is a submodule"]);
    std::os::unix::fs::symlink("../../p/BUILD.toml", path("x/out")).unwrap();
    take("\"out\"", "@ds//x").exits(2).says(&["leaves the workspace"]);
}

#[test]
fn labels_of_other_repositories_are_those_of_the_workspace_in_every_file() {
    let (workspace, repository) = used();
    let third = GitRepository::new(
        workspace.beside("third"),
        &[
            ("workspace.toml", "[workspace]\nname = \"third\"\n[repos.ds]\ngit = \"../elsewhere\"\n"),
            (
                "BUILD.toml",
                "[command.t]\nrun = \"cat $(location @ds//data:base) > $OUT/t\"\ninputs = [\"@ds//data:base\"]\noutputs = [\"t\"]\n",
            ),
        ],
    );
    let both = format!("{}[repos.third]\ngit = \"{}\"\n", settings("../design", "main"), third.dir().display());
    workspace.write("workspace.toml", &both);
    workspace.build(&["@third//:t"]).runs(1);
    assert_eq!(workspace.read("rg-out/@third/t/t"), "base\n");
    workspace.write("workspace.toml", both.replace("repos.ds", "repos.design"));
    workspace.rg(&["build", "@third//:t"]).exits(2).says(&["@third/BUILD.toml", "no repository `ds`"]);
    drop(repository);
}

#[test]
fn what_workspace_toml_says_of_a_repository_is_checked_and_a_profile_may_change_it() {
    let (workspace, repository) = used();
    let plain = settings("../design", "main");
    let refuses = |from: &str, to: &str, phrases: &[&str]| {
        workspace.write("workspace.toml", plain.replace(from, to));
        workspace.rg(&["build"]).exits(2).says(phrases);
    };
    refuses("repos.ds", "repos.linux-arm64", &["`linux-arm64` is the name of a platform"]);
    refuses("repos.ds", "repos.\"d s\"", &["`d s` is not the name of a repository"]);
    refuses("git =", "gti =", &["unknown key `gti`", "write `git`", "nothing of where it comes from"]);
    refuses("ref = \"main\"", "ref = 1", &["not a string"]);
    refuses("../design", "https://user:canary@host/design", &["has a password in it", "credential helper"]);
    repository.git(&["switch", "--quiet", "--create", "next"]);
    repository.commit(&[("lib/words.txt", "next\n")]);
    repository.git(&["switch", "--quiet", "main"]);
    workspace.write("workspace.toml", format!("{plain}[profile.next]\nrepos.ds.ref = \"next\"\n"));
    workspace.rg(&["lock"]).ok().says(&["rg.lock: 0 images, 2 repositories, 2 changed"]);
    workspace.build(&["--locked"]);
    assert!(workspace.read("rg-out/p/a/o").starts_with("WORDS\n"));
    workspace.build(&["--locked", "--profile", "next"]);
    assert!(workspace.read("rg-out/p/a/o").starts_with("NEXT\n"));
}

#[test]
fn two_builds_at_once_fetch_a_repository_once_and_both_succeed() {
    let (workspace, _repository) = used();
    let both: Vec<_> = (0..2).map(|_| workspace.start(&["build", "//...", "@ds//..."])).collect();
    let ended: Vec<Run> = both.into_iter().map(|it| Run::of(&["build"], it.wait_with_output().unwrap()).ok()).collect();
    let executed: u64 = ended.iter().map(|run| run.summary().executed).sum();
    assert_eq!(executed, 3);
    workspace.rg(&["lock", "--check"]).ok();
}

#[test]
fn a_repository_over_ssh_is_fetched_with_the_keys_of_the_user_and_without_a_question() {
    if !Sshd::is_installed() {
        assert!(!environment::is_ci(), "sshd is missing: apt-get install openssh-server openssh-client");
        println!("left out: no sshd on this machine");
        return;
    }
    let (workspace, repository) = used();
    let server = Sshd::start(workspace.beside("sshd"));
    let url = server.url(repository.dir());
    workspace.write("workspace.toml", settings(&url, "main"));
    let refused = workspace.rg_with(&["build"], &[("GIT_SSH_COMMAND", &server.client("other_key"))]);
    refused.exits(48).says(&["Permission denied", &url]);
    workspace.rg_with(&["build"], &[("GIT_SSH_COMMAND", &server.client("key"))]).ok().runs(2);
    // In git's own configuration, and for a commit that is pinned.
    std::fs::remove_dir_all(workspace.cache()).unwrap();
    std::fs::write(workspace.beside("gitconfig"), format!("[core]\nsshCommand = {}\n", server.client("key"))).unwrap();
    let config = workspace.beside("gitconfig");
    workspace.rg_with(&["build"], &[("GIT_CONFIG_GLOBAL", config.to_str().unwrap())]).ok().runs(2);
    drop(server);
    workspace.build(&[]).runs(0);
    std::fs::remove_dir_all(workspace.cache()).unwrap();
    workspace.rg(&["build"]).exits(48).says(&["Connection refused", &url]);
}

#[test]
fn programs_and_services_of_other_repositories_are_built_as_their_own_are() {
    let (workspace, repository) = used();
    workspace.write("workspace.toml", format!("{}[toolchain.go]\nhost = [\"go\"]\n", settings("../design", "main")));
    let Some(path) = environment::path_with_go() else { return };
    repository.commit(&[
        ("go.mod", "module example.org/design\n\ngo 1.21\n"),
        ("hello/BUILD.toml", "[go_binary.hello]\nmain = \".\"\n[go_test.unit]\n"),
        ("hello/main.go", "package main\n\nimport \"example.org/design/words\"\n\nfunc main() { print(words.Word) }\n"),
        ("hello/main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n"),
        ("words/words.go", "package words\n\nconst Word = \"w\"\n"),
    ]);
    // A module of the workspace itself is not the other repository's.
    workspace.write("go.mod", "module example.org/own\n\ngo 1.21\n");
    let rg = |words: &[&str]| workspace.rg_with(words, &[("PATH", &path)]);
    rg(&["test", "@ds//hello/..."]).ok();
    rg(&["build", "@ds//hello"]).ok();
    let run = std::process::Command::new(workspace.path("rg-out/@ds/hello/hello/hello")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stderr), "w");
    rg(&["query", "deps(@ds//hello)"]).ok().says(&["@ds/words/words.go"]);
}

#[test]
fn python_and_node_of_other_repositories_find_what_is_theirs() {
    let (Some(path), Some(_)) = (environment::path_with_python(), environment::path_with_node()) else { return };
    let (workspace, repository) = used();
    let toolchains = "[toolchain.python]\nhost = [\"python3\"]\n[toolchain.node]\nhost = [\"node\", \"npm\"]\n[python]\nroots = [\"mine\"]\n";
    workspace.write("workspace.toml", format!("{}{toolchains}", settings("../design", "main")));
    workspace.write("mine/common.py", "WORD = 'mine'\n");
    repository.commit(&[
        ("workspace.toml", "[workspace]\nname = \"design\"\n[python]\nroots = [\"libs\"]\n"),
        ("libs/common.py", "WORD = 'theirs'\n"),
        ("svc/BUILD.toml", "[python_service.svc]\nentry = \"app\"\n"),
        ("svc/app.py", "import common\nprint(common.WORD)\n"),
        ("web/BUILD.toml", "[frontend.web]\nscript = \"build\"\n"),
        ("web/package.json", "{\"name\": \"web\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"mkdir -p dist && cp page.html dist/\"}}\n"),
        ("web/package-lock.json", "{\"name\": \"web\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"requires\": true, \"packages\": {\"\": {\"name\": \"web\", \"version\": \"1.0.0\"}}}\n"),
        ("web/page.html", "<p>\n"),
    ]);
    let rg = |words: &[&str]| workspace.rg_with(words, &[("PATH", &path)]);
    rg(&["build", "@ds//svc", "@ds//web"]).ok();
    let files = workspace.delivered();
    assert!(files.keys().any(|file| file.starts_with("@ds/svc/svc/") && file.ends_with("common.py")), "{files:?}");
    assert!(files.keys().any(|file| file.starts_with("@ds/web/web/") && file.ends_with("page.html")), "{files:?}");
    let deps = rg(&["query", "deps(@ds//svc)"]).ok();
    assert!(deps.out.contains("@ds/libs/common.py") && !deps.out.contains("mine"), "{deps}");
}
