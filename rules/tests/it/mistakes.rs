//! Every mistake is reported, with its place and what to type instead.

use testkit::MapTree;

use crate::{analyze, rendered};

fn check(tree: MapTree, want: &str) {
    let analyzed = analyze(&tree);
    assert_eq!(rendered(&analyzed.mistakes, &tree), want);
    assert!(analyzed.remember.is_none(), "an analysis with mistakes is not remembered");
}

fn check_build(text: &str, want: &str) {
    check(MapTree::new(&[("c/BUILD.toml", text), ("c/in.txt", ""), ("c/sub/x.txt", "")]), want);
}

#[test]
fn all_mistakes_of_all_files_are_reported_at_once() {
    check(
        MapTree::new(&[
            ("x/BUILD.toml", "[command.x]\nrunn = \"true\"\noutputs = [\"o\"]\n"),
            (
                "y/BUILD.toml",
                "[comand.y]\nrun = \"true\"\n\n[command.z]\nrun = \"cat $(location //libs/txet:upper)\"\ninputs = [\"//libs/txet:upper\", \":y\"]\n",
            ),
            ("libs/text/BUILD.toml", "[command.upper]\nrun = \"true\"\n"),
            ("broken/BUILD.toml", "[command.x\n"),
            ("uses/BUILD.toml", "[files.f]\nsrcs = [\"//broken:x\", \"//libs/text:uper\"]\n"),
        ]),
        "broken/BUILD.toml:1: [] RG0100 invalid TOML: unclosed table, expected `]`\n\
         uses/BUILD.toml:2: [\"//libs/text:uper\"] RG0302 there is no target `//libs/text:uper`\n  \
           hint: write \"//libs/text:upper\"\n\
         x/BUILD.toml:2: [runn] RG0102 rule `command` has no attribute `runn`\n  \
           hint: write `run`\n\
         y/BUILD.toml:1: [[comand.y]] RG0101 there is no rule `comand`\n  \
           hint: write `command`\n\
         y/BUILD.toml:6: [\"//libs/txet:upper\"] RG0303 there is no package `//libs/txet`\n  \
           hint: write \"//libs/text:upper\"\n",
    );
}

#[test]
fn a_target_declared_twice_names_both_places() {
    check_build(
        "[command.a]\nrun=\"true\"\n[test.a]\nrun=\"true\"\n",
        "c/BUILD.toml:3: [[test.a]] RG0107 //c:a is declared twice\n  c/BUILD.toml:1: [[command.a]] first declared here\n",
    );
    check_build(
        "[command.a]\nrun=\"true\"\n[command.a]\nrun=\"true\"\n",
        "c/BUILD.toml:3: [[command.a]] RG0107 //c:a is declared twice\n  c/BUILD.toml:1: [[command.a]] first declared here\n",
    );
    // A table that is no target is not told as one.
    check_build("[package]\n[package]\n", "c/BUILD.toml:2: [package] RG0100 invalid TOML: duplicate key `package`\n");
    check_build(
        "[command.a]\nrun=\"true\"\n[command.a.env]\n[command.a.env]\n",
        "c/BUILD.toml:4: [env] RG0100 invalid TOML: duplicate key `env`\n",
    );
}

#[test]
fn a_source_that_cannot_be_one_says_why() {
    let inputs = |list: &str| format!("[command.a]\nrun = \"true\"\ninputs = [{list}]\n");
    for (list, want) in [
        (
            "\"../README.md\"",
            "RG0201 `../README.md` leaves its directory with `..`\n  hint: name a target of the other package: \"//package:target\"\n",
        ),
        (
            "\"/etc/passwd\"",
            "RG0201 `/etc/passwd` is absolute; paths are relative\n  hint: paths are relative to the package\n",
        ),
        (
            "\"./in.txt\"",
            "RG0201 `./in.txt` is not a normal path: it has an empty segment or `.`\n  hint: write \"in.txt\"\n",
        ),
        ("\"sub\"", "RG0205 `c/sub` is a directory\n  hint: write \"sub/**\"\n"),
        ("\"nope.txt\"", "RG0202 `c/nope.txt` does not exist\n  hint: paths are relative to the package, `c`\n"),
        ("\"im.txt\"", "RG0202 `c/im.txt` does not exist\n  hint: write \"in.txt\"\n"),
        ("\"*.nope\"", "RG0203 `*.nope` matches nothing\n  hint: globs are relative to the package, `c`\n"),
        ("\"a**\"", "RG0204 `a**` has `**` that is not a whole segment\n"),
        (
            "\"pkg/x.txt\"",
            "RG0209 `c/pkg/x.txt` belongs to the package `//c/pkg`\n  hint: name a target of that package that provides it: \"//c/pkg:…\"\n",
        ),
        (
            "\"pkg/**\"",
            "RG0203 `pkg/**` matches nothing\n  hint: `c/pkg` is a package of its own: name a target of it, as in \"//c/pkg:…\"\n",
        ),
        (
            "\"dist/**\"",
            "RG0203 `dist/**` matches nothing\n  hint: `c/dist` is ignored by .gitignore:1: dist: change that rule\n",
        ),
        (
            "\"nested/x.txt\"",
            "RG0210 `c/nested/x.txt` belongs to the workspace `c/nested`, which has its own workspace.toml\n",
        ),
        (
            "\"secret.log\"",
            "RG0206 `c/secret.log` is ignored by .gitignore:3: *.log\n  hint: an ignored file is not a part of the workspace: change that rule\n",
        ),
        (
            "\"out.txt\"",
            "RG0207 `c/out.txt` is a symbolic link to `../../x`, which leaves the workspace\n  hint: copy the file, or link to a file of the workspace\n",
        ),
        (
            "\"abs.txt\"",
            "RG0207 `c/abs.txt` is a symbolic link to `/etc/passwd`, which is absolute\n  hint: copy the file, or link to a file of the workspace\n",
        ),
        (
            "\"so*\"",
            "RG0208 `c/socket` cannot be an input\n  hint: sockets, devices and names that are not UTF-8 cannot: remove it, or subtract it with \"!…\"\n",
        ),
        (
            "\"x y:z\", \"//a b:c\"",
            "RG0202 `c/x y:z` does not exist\n  hint: paths are relative to the package, `c`\nRG0301 `a b` is not a package: segments of letters, digits, `.`, `_` and `-`, joined by `/`\n",
        ),
        (
            "\"@other//a\"",
            "RG0507 workspace.toml declares no repository `other`\n  hint: add `[repos.other]` with `git = \"…\"` and `ref = \"…\"` to workspace.toml\n",
        ),
    ] {
        let tree = MapTree::new(&[
            ("c/BUILD.toml", &inputs(list)),
            ("c/in.txt", ""),
            ("c/sub/x.txt", ""),
            ("c/pkg/BUILD.toml", ""),
            ("c/pkg/x.txt", ""),
        ])
        .with("c/nested/workspace.toml", "")
        .with("c/nested/x.txt", "")
        .with_ignored("c/secret.log", ".gitignore:3: *.log")
        .with_ignored("c/dist", ".gitignore:1: dist")
        .with_symlink("c/out.txt", "../../x")
        .with_symlink("c/abs.txt", "/etc/passwd")
        .with_unusable("c/socket");
        let analyzed = analyze(&tree);
        let got = rendered(&analyzed.mistakes, &tree);
        let places: Vec<&str> = got.lines().filter_map(|line| line.strip_prefix("c/BUILD.toml:3: [")).collect();
        assert!(!places.is_empty(), "{list}: {got}");
        let without_place =
            |line: &str| line.split_once("] RG").map_or(line.to_owned(), |(_, rest)| format!("RG{rest}"));
        let got: String = got.lines().map(|line| without_place(line) + "\n").collect();
        assert_eq!(got, want, "{list}");
    }
}

#[test]
fn attributes_have_types() {
    check_build(
        "[test.a]\nrun = 3\nretries = -1\ntimeout = 0x10000000000\nexclusive = \"yes\"\nenv = [\"a\"]\ninputs = \"in.txt\"\noutputs = [1]\nshards = 3\n[test.b]\nargv = []\nenv = { OUT = \"x\", N = 3 }\ntimeout = 0\n[alias.c]\n[image.d]\nentry = \"x\"\n",
        "c/BUILD.toml:2: [3] RG0103 `run` is a number, not a string\n\
         c/BUILD.toml:3: [-1] RG0105 `retries` is -1, which is out of range\n\
         c/BUILD.toml:4: [0x10000000000] RG0105 `timeout` is 0x10000000000, which is out of range\n\
         c/BUILD.toml:5: [\"yes\"] RG0103 `exclusive` is a string, not true or false\n\
         c/BUILD.toml:6: [[\"a\"]] RG0103 `env` is a list, not a table of strings\n\
         c/BUILD.toml:7: [\"in.txt\"] RG0103 `inputs` is a string, not a list of paths, globs and labels\n\
         c/BUILD.toml:8: [1] RG0103 an item of `outputs` is a number, not a string\n\
         c/BUILD.toml:9: [shards] RG0106 `shards` of rule `test` is not supported by this version\n\
         c/BUILD.toml:10: [[test.b]] RG0105 //c:b has neither `run` nor `argv`\n  \
           hint: give exactly one: `run = \"a shell line\"` or `argv = [\"program\", \"argument\"]`\n\
         c/BUILD.toml:12: [OUT] RG0105 `OUT` is the output directory and cannot be set\n  hint: use another name\n\
         c/BUILD.toml:12: [3] RG0103 `env.N` is a number, not a string\n\
         c/BUILD.toml:13: [0] RG0105 `timeout` is 0, so nothing could finish\n\
         c/BUILD.toml:14: [[alias.c]] RG0104 //c:c has no `actual`\n  hint: add `actual = …`: a label\n\
         c/BUILD.toml:15: [[image.d]] RG0106 rule `image` is not supported by this version\n",
    );
}

#[test]
fn tables_that_are_no_targets_are_reported() {
    check_build(
        "command = 3\nfoo = {}\n[test]\nrun = \"true\"\n[package]\nvisiblity = []\n",
        "c/BUILD.toml:1: [command] RG0103 `command` is a number, not a table\n  hint: write `[command.NAME]`\n\
         c/BUILD.toml:2: [foo] RG0101 there is no rule `foo`\n  hint: `rg rules` lists the rules\n\
         c/BUILD.toml:4: [run] RG0103 `test.run` is a string, not a target\n  hint: targets have names: write `[test.NAME]`\n\
         c/BUILD.toml:6: [visiblity] RG0102 [package] has no key `visiblity`\n  hint: it has `visibility`\n",
    );
}

#[test]
fn a_table_of_the_workspace_and_a_key_of_no_target_say_where_they_belong() {
    let rules: Vec<&str> = rules::catalogue().iter().map(|rule| rule.name).collect();
    check_build(
        "x = 1\n[workspace]\nname = \"a\"\n[toolchain.go]\nhost = [\"go\"]\n",
        &format!(
            "c/BUILD.toml:1: [x] RG0103 `x` belongs to no target\n  \
               hint: a target is a table `[RULE.NAME]`; rules are {}\n\
             c/BUILD.toml:2: [workspace] RG0101 `[workspace]` belongs in workspace.toml\n  \
               hint: move the table to the workspace.toml at the root of the workspace\n\
             c/BUILD.toml:4: [toolchain] RG0101 `[toolchain]` belongs in workspace.toml\n  \
               hint: move the table to the workspace.toml at the root of the workspace\n",
            rules.join(", ")
        ),
    );
}

#[test]
fn outputs_stay_in_their_directory_and_apart() {
    check_build(
        "[command.a]\nrun = \"true\"\noutputs = [\"../o\", \"/o\", \"a/\", \"a/b\", \"c\", \"c\", \"\"]\n",
        "c/BUILD.toml:3: [\"../o\"] RG0401 `../o` leaves its directory with `..`\n  hint: outputs are relative to $OUT, as \"out.txt\" or \"img/\"\n\
         c/BUILD.toml:3: [\"/o\"] RG0401 `/o` is absolute; paths are relative\n  hint: outputs are relative to $OUT, as \"out.txt\" or \"img/\"\n\
         c/BUILD.toml:3: [\"a/b\"] RG0402 the outputs `a/b` and `a` lie inside one another\n  c/BUILD.toml:3: [\"a/\"] the other one\n\
         c/BUILD.toml:3: [\"c\"] RG0402 the output `c` is declared twice\n  c/BUILD.toml:3: [\"c\"] the other one\n\
         c/BUILD.toml:3: [\"\"] RG0401 an output has no name\n  hint: outputs are relative to $OUT, as \"out.txt\" or \"img/\"\n",
    );
}

#[test]
fn outputs_are_no_globs() {
    check_build(
        "[command.a]\nrun = \"true\"\noutputs = [\"*.o\", \"a[1]/\"]\n",
        "c/BUILD.toml:3: [\"*.o\"] RG0401 the output `*.o` is a glob, and outputs are named one by one\n  hint: name each file, or a directory that holds them, as \"img/\"\n\
         c/BUILD.toml:3: [\"a[1]/\"] RG0401 the output `a[1]/` is a glob, and outputs are named one by one\n  hint: name each file, or a directory that holds them, as \"img/\"\n",
    );
}

#[test]
fn a_command_has_something_to_run() {
    let hint = "hint: write what runs: `run = \"a shell line\"` or `argv = [\"program\", \"argument\"]`";
    check_build(
        "[command.a]\nrun = \" \"\n[command.b]\nargv = [\"\"]\n[command.c]\nargv = []\n",
        &format!(
            "c/BUILD.toml:2: [\" \"] RG0105 `run` is empty\n  {hint}\n\
             c/BUILD.toml:4: [\"\"] RG0105 `argv` begins with an empty program\n  {hint}\n\
             c/BUILD.toml:5: [[command.c]] RG0105 //c:c has neither `run` nor `argv`\n  \
             hint: give exactly one: `run = \"a shell line\"` or `argv = [\"program\", \"argument\"]`\n"
        ),
    );
}

#[test]
fn names_of_environment_variables_are_usable() {
    let hint = "hint: write a name without spaces and `=`, as `LANG`";
    check_build(
        "[test.a]\nrun = \"true\"\nenv = { \"\" = \"x\", \"A B\" = \"x\", \"A=B\" = \"x\" }\n",
        &format!(
            "c/BUILD.toml:3: [\"\"] RG0105 `` is not the name of an environment variable\n  {hint}\n\
             c/BUILD.toml:3: [\"A B\"] RG0105 `A B` is not the name of an environment variable\n  {hint}\n\
             c/BUILD.toml:3: [\"A=B\"] RG0105 `A=B` is not the name of an environment variable\n  {hint}\n"
        ),
    );
}

#[test]
fn groups_that_contain_themselves_show_the_whole_cycle() {
    check_build(
        "[alias.a]\nactual = \":b\"\n[files.b]\nsrcs = [\"in.txt\", \":s\"]\n[suite.s]\ntests = [\":a\"]\n",
        "c/BUILD.toml:2: [\":b\"] RG0304 cycle: //c:a -> //c:b -> //c:s -> //c:a\n  \
           c/BUILD.toml:4: [\":s\"] leads to //c:s\n  \
           c/BUILD.toml:6: [\":a\"] leads to //c:a\n\
         c/BUILD.toml:4: [\":s\"] RG0309 `//c:s` makes nothing that could be taken, so nothing would wait for it\n  hint: tests are run by `rg test`: take the label out\n\
         c/BUILD.toml:6: [\":a\"] RG0307 //c:a is not a test\n  hint: a suite names tests and suites\n",
    );
}

#[test]
fn locations_are_of_inputs_and_of_one_file() {
    check_build(
        "[command.a]\nrun = \"cat $(location :two) $(location :one) $(location a b) $(locations :none) $(location :gone)\"\ninputs = [\":two\", \":gone\"]\n\
         [command.two]\nrun = \"true\"\noutputs = [\"x\", \"y\"]\n[command.one]\nrun = \"true\"\noutputs = [\"x\"]\n",
        "c/BUILD.toml:2: [\"cat $(location :two) $(location :one) $(location a b) $(locations :none) $(location :gone)\"] RG0301 `a b` is not a label: labels are `//package:target` or `:target`\n\
         c/BUILD.toml:2: [\"cat $(location :two) $(location :one) $(location a b) $(locations :none) $(location :gone)\"] RG0305 //c:none is not an input, so its location is unknown\n  hint: add \"//c:none\" to `inputs`\n\
         c/BUILD.toml:2: [\"cat $(location :two) $(location :one) $(location a b) $(locations :none) $(location :gone)\"] RG0305 //c:one is not an input, so its location is unknown\n  hint: add \"//c:one\" to `inputs`\n\
         c/BUILD.toml:2: [\"cat $(location :two) $(location :one) $(location a b) $(locations :none) $(location :gone)\"] RG0306 $(location :two) stands for one file, and //c:two provides 2\n  hint: write `$(locations :two)`\n\
         c/BUILD.toml:3: [\":gone\"] RG0302 there is no target `//c:gone`\n  hint: write \"//c:one\"\n",
    );
}

#[test]
fn locations_without_an_end_or_a_label_are_reported() {
    check_build(
        "[command.a]\nrun = \"cat $(location :b\"\n[command.c]\nargv = [\"cat\", \"$(locations )\"]\n",
        "c/BUILD.toml:2: [\"cat $(location :b\"] RG0301 `$(location :b` has no closing parenthesis\n  \
           hint: write `$(location //package:target)` or `$(locations :target)`\n\
         c/BUILD.toml:4: [\"$(locations )\"] RG0301 `$(locations )` names no label\n  \
           hint: write `$(location //package:target)` or `$(locations :target)`\n",
    );
}

#[test]
fn toolchains_are_declared() {
    check_build(
        "[command.a]\nrun = \"true\"\ntoolchain = \"pyton\"\n[command.b]\nrun = \"true\"\ntoolchains = [\"go\", \"zig\"]\n",
        "c/BUILD.toml:3: [\"pyton\"] RG0504 workspace.toml declares no toolchain `pyton`\n  hint: write \"python\"; declared are `go` and `python`\n\
         c/BUILD.toml:6: [\"zig\"] RG0504 workspace.toml declares no toolchain `zig`\n  hint: add `[toolchain.zig]` with `host = [\"zig\"]` to workspace.toml\n",
    );
}

#[test]
fn visibility_names_packages() {
    check_build(
        "[package]\nvisibility = [\"//a\"]\n[files.f]\nsrcs = [\"in.txt\"]\nvisibility = [\"-//x/...\", \"x\"]\n",
        "c/BUILD.toml:2: [\"//a\"] RG0308 visibility names packages, and `//a:a` is a target\n  hint: write \"//a:all\"\n\
         c/BUILD.toml:5: [\"-//x/...\"] RG0308 visibility cannot subtract\n  hint: name the packages that may depend on it\n\
         c/BUILD.toml:5: [\"x\"] RG0301 `x` is not a label: labels are `//package:target` or `:target`\n",
    );
}

#[test]
fn definitions_that_cannot_be_read_are_reported() {
    let tree = MapTree::default()
        .with("latin/BUILD.toml", b"# \xff")
        .with_symlink("link/BUILD.toml", "../x")
        .with("a b/BUILD.toml", "");
    check(
        tree,
        "a b/BUILD.toml:1: [] RG0110 `a b` is not a package: segments of letters, digits, `.`, `_` and `-`, joined by `/`\n  \
           hint: rename the directory, or move the BUILD.toml to the directory above\n\
         latin/BUILD.toml:1: [] RG0109 `latin/BUILD.toml` is not UTF-8 text: byte 2, in line 1, is part of no character\n  hint: save it as UTF-8\n\
         link/BUILD.toml:1: [] RG0109 `link/BUILD.toml` is a symbolic link\n  hint: links are never followed: copy the file\n",
    );
}

#[test]
fn every_syntax_error_is_reported() {
    check_build(
        "a = = 1\nb = \"\\q\"\n[x\n",
        "c/BUILD.toml:1: [=] RG0100 invalid TOML: extra `=`, expected nothing\n\
         c/BUILD.toml:2: [] RG0100 invalid TOML: missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\\`, `\"`, `x`, `u`, `U`\n\
         c/BUILD.toml:3: [] RG0100 invalid TOML: unclosed table, expected `]`\n",
    );
}
