//! What targets are lowered to.

use model::{Analysis, Input, Need, Network, Origin, Work};
use testkit::MapTree;

use crate::sound;

/// Returns the targets as text.
fn shown(analysis: &Analysis) -> String {
    let mut text = String::new();
    for target in &analysis.targets {
        text += &format!(
            "{} {} {:?} line {}\n",
            target.rule,
            target.id.label,
            target.kind,
            target.declared.as_ref().map_or(0, |declared| declared.line)
        );
        for (name, list) in [("visibility", &target.visibility), ("tags", &target.tags)] {
            if !list.is_empty() {
                text += &format!("  {name} {list:?}\n");
            }
        }
        for provided in &target.provides {
            text += &format!("  provides {} from {}\n", provided.name, origin(&provided.from, analysis));
        }
        for dep in &target.deps {
            text += &format!("  dep {}\n", dep.target.label);
        }
        for set in &target.sources {
            text += &format!("  sources {:?}\n", analysis.files(*set));
        }
        for action in &target.actions {
            let Work::Command(command) = &action.work else { panic!("commands only") };
            text += &format!("  {:?} in {}\n", action.purpose, command.directory);
            text += &format!("    argv {:?}\n", command.argv);
            let env: Vec<String> = command.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            text += &format!("    env {}\n", env.join(" "));
            for Input { at, from } in &action.inputs {
                text += &format!("    in {at} {}\n", origin(from, analysis));
            }
            for output in &action.outputs {
                text += &format!("    out {} at {} {:?}\n", output.name, output.at, output.kind);
            }
            for need in &action.needs {
                match need {
                    Need::Base => text += "    needs base\n",
                    Need::Image { toolchain, digest } => text += &format!("    needs {toolchain} {digest}\n"),
                    Need::GoCache => text += "    needs gocache\n",
                    Need::Host { toolchain, programs } => text += &format!("    needs {toolchain} {programs:?}\n"),
                }
            }
            if command.network == Network::Host {
                text += "    network\n";
            }
            text += &format!("    {:?}\n", action.limits);
        }
    }
    text
}

fn origin(origin: &Origin, analysis: &Analysis) -> String {
    match origin {
        Origin::File(file) => format!("file {file}"),
        Origin::Files(set) => format!("files {:?}", analysis.files(*set)),
        Origin::Text(text) => format!("text {text:?}"),
        Origin::Output(target, name) => format!("{} {name}", target.label),
    }
}

fn check(tree: MapTree, want: &str) {
    assert_eq!(shown(&sound(&tree)), want);
}

#[test]
fn a_command_becomes_one_action() {
    check(
        MapTree::new(&[
            ("apps/a/own.txt", ""),
            (
                "apps/a/BUILD.toml",
                "[package]\nvisibility = [\"//x/...\"]\n\n[command.a]\nrun = \"cat own.txt $(location //gen:one) $(date) > $OUT/a.txt\"\ninputs = [\"own.txt\", \"//gen:one\"]\noutputs = [\"a.txt\", \"img/\"]\nenv = { LC_ALL = \"C\" }\ntoolchain = \"go\"\nnetwork = true\ntimeout = 7\ntags = [\"web\", \"app\"]\n",
            ),
            ("gen/BUILD.toml", "[command.one]\nargv = [\"tool\", \"x y\"]\noutputs = [\"one.txt\"]\n"),
        ]),
        "command //apps/a:a Build line 4\n  visibility [\"//x/...\"]\n  tags [\"app\", \"web\"]\n  \
           provides a.txt from //apps/a:a a.txt\n  provides img from //apps/a:a img\n  dep //gen:one\n  sources [\"apps/a/own.txt\"]\n  \
           Build in src/apps/a\n    \
             argv [\"/bin/sh\", \"-euc\", \"export OUT=\\\"$PWD/$OUT\\\"; cat own.txt ../../rg-out/gen/one/one.txt $(date) > $OUT/a.txt\"]\n    \
             env HOME=/tmp/home LC_ALL=C OUT=../../rg-out/apps/a/a PATH=/toolchain/bin:/usr/local/bin:/usr/bin:/bin PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800 TMPDIR=/tmp TZ=UTC\n    \
             in src files [\"apps/a/own.txt\"]\n    in src/rg-out/gen/one/one.txt //gen:one one.txt\n    \
             out a.txt at src/rg-out/apps/a/a/a.txt File\n    out img at src/rg-out/apps/a/a/img Directory\n    \
             needs base\n    needs go [\"go\"]\n    network\n    Limits { timeout: Some(7s), grace: 0ns, retries: 0, exclusive: No, memory_bytes: None, cpus: 0 }\n\
         command //gen:one Build line 1\n  provides one.txt from //gen:one one.txt\n  Build in src/gen\n    \
             argv [\"/bin/sh\", \"-euc\", \"export OUT=\\\"$PWD/$OUT\\\"; exec \\\"$@\\\"\", \"rg\", \"tool\", \"x y\"]\n    \
             env HOME=/tmp/home LC_ALL=C.UTF-8 OUT=../rg-out/gen/one PATH=/toolchain/bin:/usr/local/bin:/usr/bin:/bin PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800 TMPDIR=/tmp TZ=UTC\n    \
             out one.txt at src/rg-out/gen/one/one.txt File\n    needs base\n    Limits { timeout: Some(600s), grace: 0ns, retries: 0, exclusive: No, memory_bytes: None, cpus: 0 }\n",
    );
}

#[test]
fn a_test_has_its_own_environment_and_optional_outputs() {
    check(
        MapTree::new(&[
            (
                "BUILD.toml",
                "[test.t]\nargv = [\"./run\", \"$(locations :all)\", \"--all=$(locations :all)\"]\ninputs = [\":all\"]\noutputs = [\"report.xml\", \"shots/\"]\nretries = 2\nexclusive = true\n[files.all]\nsrcs = [\"*.txt\", \"!b*\", \":made\", \":again\"]\n[alias.again]\nactual = \":made\"\n[command.made]\nrun = \"true\"\noutputs = [\"m\"]\n",
            ),
            ("-a.txt", ""),
            ("b.txt", ""),
            ("run", ""),
        ]),
        "alias //:again Group line 9\n  provides m from //:made m\n  dep //:made\n\
         files //:all Group line 7\n  provides -a.txt from file -a.txt\n  provides m from //:made m\n  dep //:again\n  dep //:made\n  sources [\"-a.txt\"]\n\
         command //:made Build line 11\n  provides m from //:made m\n  Build in src\n    \
             argv [\"/bin/sh\", \"-euc\", \"export OUT=\\\"$PWD/$OUT\\\"; true\"]\n    \
             env HOME=/tmp/home LC_ALL=C.UTF-8 OUT=rg-out/made PATH=/toolchain/bin:/usr/local/bin:/usr/bin:/bin PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800 TMPDIR=/tmp TZ=UTC\n    \
             out m at src/rg-out/made/m File\n    needs base\n    Limits { timeout: Some(600s), grace: 0ns, retries: 0, exclusive: No, memory_bytes: None, cpus: 0 }\n\
         test //:t Test line 1\n  provides report.xml from //:t report.xml\n  provides shots from //:t shots\n  dep //:all\n  Test in src\n    \
             argv [\"/bin/sh\", \"-euc\", \"export OUT=\\\"$PWD/$OUT\\\"; exec \\\"$@\\\"\", \"rg\", \"./run\", \"./-a.txt\", \"rg-out/made/m\", \"--all=./-a.txt rg-out/made/m\"]\n    \
             env HOME=/tmp/home LC_ALL=C.UTF-8 OUT=rg-out/t PATH=/toolchain/bin:/usr/local/bin:/usr/bin:/bin PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800 TEST_TARGET=//:t TEST_TMPDIR=/tmp TMPDIR=/tmp TZ=UTC\n    \
             in src files [\"-a.txt\"]\n    in src/rg-out/made/m //:made m\n    \
             out report.xml at src/rg-out/t/report.xml OptionalFile\n    out shots at src/rg-out/t/shots OptionalDirectory\n    \
             needs base\n    Limits { timeout: Some(300s), grace: 0ns, retries: 2, exclusive: Yes, memory_bytes: None, cpus: 0 }\n",
    );
}

#[test]
fn a_suite_depends_on_the_tests_that_its_patterns_stand_for() {
    let test = "[test.t]\nrun = \"true\"\n[test.m]\nrun = \"true\"\ntags = [\"manual\"]\n[command.c]\nrun = \"true\"\n";
    let tree = MapTree::new(&[
        ("a/BUILD.toml", test),
        ("a/b/BUILD.toml", test),
        (
            "BUILD.toml",
            "[suite.every]\ntests = [\"//...\", \"-//a:t\"]\n[suite.few]\ntests = [\":every\", \"//a:m\", \":other\"]\n[alias.other]\nactual = \"//a:t\"\n",
        ),
    ]);
    let analysis = sound(&tree);
    let deps = |name: &str| {
        let target = analysis.targets.iter().find(|target| target.id.label.to_string() == name).unwrap();
        target.deps.iter().map(|dep| dep.target.label.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(deps("//:every"), ["//a/b:t"]);
    assert_eq!(deps("//:few"), ["//:every", "//:other", "//a:m", "//a:t"]);
}

#[test]
fn globs_stay_in_their_package_and_match_no_definition() {
    let tree = MapTree::new(&[
        ("BUILD.toml", "[files.f]\nsrcs = [\"**\", \"pages/[id].tsx\"]\n"),
        ("a/x", ""),
        ("a/new\nline", ""),
        (".hidden", ""),
        ("pkg/BUILD.toml", ""),
        ("pkg/x", ""),
        ("nested/workspace.toml", ""),
        ("nested/x", ""),
        ("rg-out/x", ""),
        ("pages/[id].tsx", ""),
        ("pages/i.tsx", ""),
    ])
    .with_symlink("a/link", "x");
    let analysis = sound(&tree);
    let files: Vec<&str> = analysis.sets[0].files.iter().map(model::RelPath::as_str).collect();
    assert_eq!(files, [".hidden", "a/link", "a/new\nline", "a/x", "pages/[id].tsx", "pages/i.tsx"]);
}

#[test]
fn equal_file_sets_are_shared_and_attributes_are_kept_as_json() {
    let command = "run = \"true\"\ninputs = [\"in.txt\"]\n";
    let text = format!("[command.a]\n{command}[command.b]\n{command}visibility = []\ntimeout = 0x10\n");
    let analysis = sound(&MapTree::new(&[("c/BUILD.toml", &text), ("c/in.txt", "")]));
    assert_eq!(analysis.sets.len(), 1);
    let b = &analysis.targets[1];
    assert_eq!(&*b.visibility[0], "//c:all");
    let attributes: Vec<String> = b.attributes.iter().map(|(name, json)| format!("{name}={json}")).collect();
    assert_eq!(attributes, ["inputs=[\"in.txt\"]", "run=\"true\"", "timeout=16", "visibility=[]"]);
}

#[test]
fn a_path_is_quoted_for_the_shell_and_nowhere_else() {
    let analysis = sound(&MapTree::new(&[
        ("a b.txt", ""),
        (
            "BUILD.toml",
            "[files.f]\nsrcs = [\"a b.txt\"]\n\
             [command.s]\nrun = \"cat $(location :f)\"\nenv = { F = \"$(location :f)\" }\ninputs = [\":f\"]\n\
             [command.p]\nargv = [\"cat\", \"$(location :f)\"]\ninputs = [\":f\"]\n",
        ),
    ]));
    let text = shown(&analysis);
    assert!(text.contains("; cat 'a b.txt'\"]"), "{text}");
    assert!(text.contains("\"cat\", \"a b.txt\"]"), "{text}");
    assert!(text.contains("env F=a b.txt "), "{text}");
}

#[test]
fn nothing_is_wrong_with_an_entry_that_is_subtracted() {
    let tree = MapTree::new(&[("a.txt", ""), ("BUILD.toml", "[files.f]\nsrcs = [\"**\", \"!run/*\", \"!abs.txt\"]\n")])
        .with_symlink("abs.txt", "/etc/passwd")
        .with_unusable("run/socket");
    let text = shown(&sound(&tree));
    assert!(text.contains("sources [\"a.txt\"]"), "{text}");
}
