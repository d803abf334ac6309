//! Definitions, names and files that are wrong: each ends with its exit code and names what is wrong, and nothing is
//! lost or half-written.

use std::fs;

use testkit::workspace::{Run, Workspace, raw_name};

use crate::workspace;

/// A target that is right, beside which the wrong ones stand.
const GOOD: (&str, &str) = ("good/BUILD.toml", "[command.good]\nrun = \"echo 1 > $OUT/o\"\noutputs = [\"o\"]\n");

/// Builds everything of a workspace in which one definition is wrong; nothing is written.
fn check(definition: &str, code: i32, phrases: &[&str]) {
    let workspace = workspace(&[GOOD, ("p/BUILD.toml", definition), ("p/in.txt", "x\n")]);
    refused(&workspace, code, phrases);
}

fn refused(workspace: &Workspace, code: i32, phrases: &[&str]) -> Run {
    let run = workspace.rg(&["build", "//..."]).exits(code).says(phrases);
    assert!(!workspace.has("rg-out"), "something was built\n{run}");
    assert!(run.out.is_empty(), "{run}");
    let json = workspace.rg(&["build", "//...", "--output", "json"]).exits(code).json();
    assert_eq!((json["success"].as_bool(), json["exit_code"].as_i64()), (Some(false), Some(code.into())), "{json}");
    run
}

fn command(more: &str) -> String {
    format!("[command.x]\nrun = \"echo 1 > $OUT/o\"\n{more}\n")
}

#[test]
fn broken_toml_names_file_and_line() {
    check("[command.x\n", 2, &["p/BUILD.toml:1", "RG0100"]);
    check("[command.x]\nrun = \"a\noutputs = [\"o\"]\n", 2, &["p/BUILD.toml:2"]);
    check("\u{0}", 2, &["p/BUILD.toml:1"]);
    check(&"[".repeat(10_000), 2, &["p/BUILD.toml:1"]);
    check(&format!("a = {}", "[".repeat(100_000)), 2, &["p/BUILD.toml:1"]);
}

#[test]
fn an_unknown_rule_suggests_the_nearest() {
    check("[comand.x]\nrun = \"true\"\n", 2, &["p/BUILD.toml:1", "comand", "command"]);
    check("[command]\nrun = \"true\"\n", 2, &["p/BUILD.toml"]);
    check("x = 1\n", 2, &["p/BUILD.toml:1"]);
}

#[test]
fn an_unknown_or_mistyped_attribute_suggests_the_nearest() {
    check(&command("outputs = [\"o\"]\ninput = [\"in.txt\"]"), 2, &["p/BUILD.toml:4", "`input`", "inputs"]);
    check(&command("outputs = \"o\""), 2, &["p/BUILD.toml:3"]);
    check(&command("outputs = [\"o\"]\ntimeout = -1"), 2, &["p/BUILD.toml:4", "timeout"]);
    check(&command("outputs = [\"o\"]\ntimeout = 99999999999999999999999999"), 2, &["p/BUILD.toml:4"]);
    check("[command.x]\noutputs = [\"o\"]\n", 2, &["run", "argv"]);
}

#[test]
fn a_duplicate_target_names_both_places() {
    let twice = "[command.a]\nrun = \"true\"\noutputs = [\"o\"]\n[test.a]\nrun = \"true\"\n";
    check(twice, 2, &["1 | [command.a]", "p/BUILD.toml:4", "//p:a"]);
    check("[command.a]\nrun = \"true\"\n[command.a]\nrun = \"true\"\n", 2, &["p/BUILD.toml:3"]);
}

#[test]
fn a_missing_file_and_an_empty_glob_are_named() {
    check(&command("inputs = [\"im.txt\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3", "im.txt", "RG0202"]);
    check(&command("inputs = [\"*.md\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3", "*.md", "RG0203"]);
    check(&command("inputs = [\"[\"]\noutputs = [\"o\"]"), 2, &["RG0204"]);
    check(&command("inputs = [\".\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3"]);
    check(&command("inputs = [\"\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3"]);
}

#[test]
fn a_cycle_is_shown_and_a_target_that_depends_on_itself_too() {
    let two = "[command.a]\nrun = \"true\"\ninputs = [\":b\"]\noutputs = [\"o\"]\n\
               [command.b]\nrun = \"true\"\ninputs = [\":a\"]\noutputs = [\"o\"]\n";
    check(two, 2, &["cycle", "//p:a -> //p:b -> //p:a", "p/BUILD.toml:3", "7 | inputs"]);
    check(&command("inputs = [\":x\"]\noutputs = [\"o\"]"), 2, &["cycle", "//p:x -> //p:x"]);
    check("[alias.a]\nactual = \":b\"\n[alias.b]\nactual = \":a\"\n", 2, &["cycle", "//p:a"]);
    check("[files.a]\nsrcs = [\":a\"]\n", 2, &["cycle", "//p:a"]);
    check("[suite.a]\ntests = [\":b\"]\n[suite.b]\ntests = [\":a\"]\n", 2, &["cycle", "//p:a"]);
}

#[test]
fn a_label_that_leads_nowhere_or_outside_is_named() {
    check(&command("inputs = [\"//good:god\"]\noutputs = [\"o\"]"), 2, &["//good:god", "//good:good"]);
    check(&command("inputs = [\"//god:good\"]\noutputs = [\"o\"]"), 2, &["//god", "//good"]);
    check(&command("inputs = [\"//../x:y\"]\noutputs = [\"o\"]"), 2, &["//../x:y", "p/BUILD.toml:3"]);
    check(&command("inputs = [\"//:../y\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3"]);
    check(&command("inputs = [\"@other//x:y\"]\noutputs = [\"o\"]"), 2, &["@other", "p/BUILD.toml:3"]);
    check(&command("inputs = [\"//p:x:y\"]\noutputs = [\"o\"]"), 2, &["p/BUILD.toml:3"]);
}

#[test]
fn a_path_that_leaves_the_package_is_refused() {
    check(&command("inputs = [\"../good/BUILD.toml\"]\noutputs = [\"o\"]"), 2, &["../good/BUILD.toml", "RG0201"]);
    check(&command("inputs = [\"/etc/passwd\"]\noutputs = [\"o\"]"), 2, &["/etc/passwd", "RG0201"]);
    check(&command("inputs = [\"a/../../x\"]\noutputs = [\"o\"]"), 2, &["RG0201"]);
    check(&command("inputs = [\"../**\"]\noutputs = [\"o\"]"), 2, &["../**"]);
    check(&command("outputs = [\"../o\"]"), 2, &["../o"]);
    check(&command("outputs = [\"/tmp/o\"]"), 2, &["/tmp/o"]);
    check(&command("outputs = [\"a/../../o\"]"), 2, &["p/BUILD.toml:3"]);
    check(&command("outputs = [\"\"]"), 2, &["p/BUILD.toml:3"]);
    check(&command("outputs = [\".\"]"), 2, &["p/BUILD.toml:3"]);
    check("[command.\"../x\"]\nrun = \"true\"\noutputs = [\"o\"]\n", 2, &["p/BUILD.toml:1"]);
}

#[test]
fn a_file_of_another_package_names_that_package() {
    let files = [
        GOOD,
        ("p/BUILD.toml", &*command("inputs = [\"q/f\"]\noutputs = [\"o\"]")),
        ("p/q/BUILD.toml", ""),
        ("p/q/f", ""),
    ];
    refused(&workspace(&files), 2, &["//p/q", "RG0209"]);
}

#[test]
fn what_makes_nothing_is_no_input_of_anything() {
    let check_it = |label: &str, phrases: &[&str]| {
        let definition = format!(
            "[command.check]\nrun = \"exit 9\"\n[test.t]\nrun = \"exit 9\"\n[alias.z]\nactual = \":t\"\n[suite.s]\ntests = [\":t\"]\n{}",
            command(&format!("inputs = [\"{label}\"]\noutputs = [\"o\"]"))
        );
        check(&definition, 2, phrases);
    };
    check_it(":check", &["RG0309", "`//p:check` makes nothing", "give //p:check an output"]);
    check_it(":t", &["RG0309", "tests are run by `rg test`"]);
    check_it(":z", &["RG0309"]);
    check("[command.check]\nrun = \"exit 9\"\n[files.f]\nsrcs = [\":check\"]\n", 2, &["RG0309"]);
}

#[test]
fn names_of_files_that_rg_keeps_are_no_targets() {
    let lock = "[command.\".lock\"]\nrun = \"echo > $OUT/o\"\noutputs = [\"o\"]\n";
    let workspace = workspace(&[GOOD, ("BUILD.toml", lock)]);
    refused(&workspace, 2, &["BUILD.toml:1", "rg keeps a file of its own at rg-out/.lock"]);
}

#[test]
fn a_group_in_a_circle_is_told_once_and_doctor_says_where_to_look() {
    let circle = "[alias.a]\nactual = \":b\"\n[alias.b]\nactual = \":a\"\n";
    let workspace = workspace(&[GOOD, ("p/BUILD.toml", circle)]);
    let run = refused(&workspace, 2, &["RG0304"]);
    assert!(!run.err.contains("RG0801"), "{run}");
    workspace.write("workspace.toml", "[workspace]\nnamee = \"x\"\n");
    workspace.rg(&["doctor"]).exits(36).says(&["has mistakes", "rg build"]);
}

#[test]
fn lines_of_windows_are_lines() {
    let build = "[command.a]\r\nrun = \"\"\"\r\necho a > $OUT/o\r\n\"\"\"\r\noutputs = [\"o\"]\r\n";
    workspace(&[("p/BUILD.toml", build)]).rg(&["build"]).ok();
}

#[test]
fn of_a_target_with_mistakes_nobody_misses_what_it_would_have_made() {
    let definition = "[go_binary.z]\nmain = \"./none\"\n[command.use]\nrun = \"cp $(location :z) $OUT/x\"\ninputs = [\":z\"]\noutputs = [\"x\"]\n";
    let workspace = workspace(&[GOOD, ("p/BUILD.toml", definition), ("go.mod", "module m\n\ngo 1.22\n")]);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.go]\nhost = [\"go\"]\n");
    let run = refused(&workspace, 2, &["RG0703"]);
    assert!(!run.err.contains("RG0804"), "{run}");
}

#[test]
fn mistakes_of_settings_hide_none_of_definitions() {
    let workspace = workspace(&[GOOD, ("p/BUILD.toml", &command("output = [\"o\"]"))]);
    workspace.write("workspace.toml", "[workspace]\nnamee = \"x\"\n");
    refused(&workspace, 2, &["`namee`", "`output`"]);
    workspace.write("workspace.toml", b"[workspace]\nname = \"\xff\"\n");
    refused(&workspace, 2, &["RG0109", "workspace.toml", "in line 2", "save it as UTF-8"]);
}

#[test]
fn an_output_that_was_not_made_is_named_and_nothing_of_the_target_is_delivered() {
    let text = "[command.m]\nrun = \"echo 1 > $OUT/made.bin\"\noutputs = [\"made.bin\", \"missing.bin\"]\n";
    let workspace = workspace(&[GOOD, ("p/BUILD.toml", text)]);
    workspace.rg(&["build", "-k", "//..."]).exits(1).says(&["//p:m", "missing.bin", "hint:"]);
    assert!(!workspace.has("rg-out/p") && workspace.has("rg-out/good/good/o"));
}

#[test]
fn two_outputs_at_one_place_are_refused_and_both_are_named() {
    check(&command("outputs = [\"o\", \"o\"]"), 2, &["p/BUILD.toml:3", "o"]);
    check(&command("outputs = [\"o\", \"o/\"]"), 2, &["p/BUILD.toml:3"]);
    check(&command("outputs = [\"d/\", \"d/o\"]"), 2, &["p/BUILD.toml:3", "d/o"]);
    let files = [
        ("BUILD.toml", "[command.p]\nrun = \"true\"\noutputs = [\"x/\"]\n"),
        ("p/BUILD.toml", "[command.x]\nrun = \"true\"\noutputs = [\"o\"]\n"),
    ];
    refused(&workspace(&files), 2, &["//:p", "//p:x"]);
}

#[test]
fn two_inputs_at_one_place_fail_and_the_place_is_named() {
    let text = "[command.a]\nrun = \"mkdir $OUT/d; echo 1 > $OUT/d/o\"\noutputs = [\"d/\"]\n\
                [files.f]\nsrcs = [\":a\", \"in.txt\"]\n\
                [command.b]\nrun = \"cat in.txt > $OUT/o\"\ninputs = [\":f\", \"in.txt\", \":a\"]\noutputs = [\"o\"]\n";
    // The same file by two ways is one file.
    workspace(&[("p/BUILD.toml", text), ("p/in.txt", "x")]).build(&[]).runs(2);
}

#[test]
fn a_program_that_a_toolchain_lacks_is_named_with_a_fix() {
    let workspace = workspace(&[("p/BUILD.toml", &command("toolchain = \"odd\"\noutputs = [\"o\"]")), GOOD]);
    workspace.rg(&["build", "//..."]).exits(2).says(&["odd", "[toolchain.odd]"]);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.odd]\nhost = [\"no-such-program\"]\n");
    workspace.rg(&["build", "//..."]).exits(36).says(&["no-such-program", "hint:"]);
    // Who does not need it can build.
    workspace.rg(&["build", "//good"]).ok();
    workspace.rg(&["query", "//..."]).ok();
}

#[test]
fn a_program_that_is_not_there_fails_its_action() {
    let workspace =
        workspace(&[("p/BUILD.toml", "[command.x]\nargv = [\"no-such-program\", \"-v\"]\noutputs = [\"o\"]\n")]);
    workspace.rg(&["build", "//..."]).exits(1).says(&["//p:x", "no-such-program"]);
}

#[test]
fn names_that_are_not_utf8_are_refused_where_they_would_be_inputs_and_nowhere_else() {
    let workspace =
        workspace(&[GOOD, ("p/BUILD.toml", &command("inputs = [\"*.txt\"]\noutputs = [\"o\"]")), ("p/a.txt", "")]);
    fs::write(workspace.path("good").join(raw_name(b"caf\xe9.md")), "").unwrap();
    fs::create_dir(workspace.path("").join(raw_name(b"dir\xff"))).unwrap();
    workspace.build(&[]);
    fs::write(workspace.path("p").join(raw_name(b"caf\xe9.txt")), "").unwrap();
    workspace.rg(&["build", "//..."]).exits(2).says(&["p/BUILD.toml:3", "caf", "UTF-8"]);
}

#[test]
fn an_output_that_is_no_file_and_no_directory_is_refused_by_name() {
    for made in ["mkfifo $OUT/o", "mkdir $OUT/o; mkfifo $OUT/o/pipe"] {
        for shape in ["o", "o/"] {
            let text = format!("[command.x]\nrun = \"{made}\"\noutputs = [\"{shape}\"]\n");
            workspace(&[("p/BUILD.toml", &text)]).rg(&["build", "//..."]).exits(1).says(&["//p:x", "`o`"]);
        }
    }
    let raw = "[command.x]\nrun = \"mkdir $OUT/o; touch $OUT/o/$(printf 'a\\\\377')\"\noutputs = [\"o/\"]\n";
    workspace(&[("p/BUILD.toml", raw)]).rg(&["build", "//..."]).exits(1).says(&["UTF-8"]);
}

#[test]
fn links_out_of_the_workspace_are_refused_and_loops_of_directories_are_no_trap() {
    let workspace =
        workspace(&[GOOD, ("p/BUILD.toml", &command("inputs = [\"out\"]\noutputs = [\"o\"]")), ("p/in.txt", "")]);
    for target in ["/etc/passwd", "../../outside", "a/../../../x"] {
        workspace.link("p/out", target);
        refused(&workspace, 2, &["p/BUILD.toml:3", "out", "RG0207"]);
    }
    workspace.link("p/out", "in.txt");
    workspace.link("p/dir/loop", "..");
    workspace.link("p/dir/self", "self");
    workspace.write("p/BUILD.toml", command("inputs = [\"**\"]\noutputs = [\"o\"]"));
    workspace.build(&[]).runs(2);
    // A definition is not followed through a link.
    workspace.link("q/BUILD.toml", "../p/BUILD.toml");
    workspace.rg(&["build", "//..."]).exits(2).says(&["q/BUILD.toml"]);
}

#[test]
fn an_ignored_source_names_the_line_that_ignores_it() {
    let files = [
        GOOD,
        ("p/BUILD.toml", &*command("inputs = [\"in.txt\"]\noutputs = [\"o\"]")),
        ("p/in.txt", ""),
        ("p/.gitignore", "\n*.txt\n"),
    ];
    refused(&workspace(&files), 2, &["p/.gitignore:2", "*.txt", "in.txt"]);
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let files = [
        ("a/BUILD.toml", "[command.x]\nrunn = \"true\"\noutputs = [\"o\"]\n"),
        (
            "b/BUILD.toml",
            "[comand.y]\nrun = \"true\"\n[command.z]\nrun = \"true\"\ninputs = [\"nope\", \"//c:d\"]\noutputs = [\"../o\"]\n",
        ),
        ("c/BUILD.toml", "[command.d\n"),
        ("d/BUILD.toml", "[test.t]\nrun = 3\n"),
    ];
    let run = refused(&workspace(&files), 2, &["a/BUILD.toml:2", "b/BUILD.toml:1", "b/BUILD.toml:5", "c/BUILD.toml:1"]);
    run.says(&["b/BUILD.toml:6", "d/BUILD.toml:2", "nope"]);
}

#[test]
fn a_workspace_file_that_is_wrong_is_named_with_its_line() {
    for (text, phrases) in [
        ("[workspace\n", ["workspace.toml:1", "RG0100"]),
        ("[workspace]\nnam = \"x\"\n", ["workspace.toml:2", "name"]),
        ("[workspace]\nname = \"x\"\n[cash]\nmax_size = \"1GB\"\n", ["workspace.toml:3", "cache"]),
        ("[workspace]\nname = \"x\"\n[cache]\nmax_size = \"lots\"\n", ["workspace.toml:4", "max_size"]),
        ("[workspace]\nname = \"x\"\n[execution]\nexecutor = \"nativ\"\n", ["workspace.toml:4", "native"]),
    ] {
        let workspace = workspace(&[GOOD, ("workspace.toml", text)]);
        workspace.rg(&["build", "//..."]).exits(2).says(&phrases);
    }
}

#[test]
fn patterns_that_name_nothing_suggest_the_nearest() {
    let workspace =
        workspace(&[GOOD, ("inner/workspace.toml", "[workspace]\nname = \"inner\"\n"), ("inner/p/BUILD.toml", "")]);
    workspace.rg(&["build", "//good:god"]).exits(2).says(&["//good:good"]);
    workspace.rg(&["build", "//god"]).exits(2).says(&["//good"]);
    workspace.rg(&["build", "//nothing/..."]).exits(2).says(&["//nothing"]);
    workspace.rg(&["build", "//inner/..."]).exits(2).says(&["--workspace inner"]);
    workspace.rg(&["build", "//../x"]).exits(2);
    workspace.rg(&["build", "\u{1b}[31m"]).exits(2);
    workspace.write("m/BUILD.toml", "[command.m]\nrun = \"true\"\ntags = [\"manual\"]\n");
    for words in [&["build", "//m/..."][..], &["build", "-k", "//m/..."], &["build", "-k", "kind:go_test"]] {
        workspace.rg(words).exits(2).says(&["stands for no target", "manual"]);
    }
    workspace.rg(&["build", "//good", "-//good"]).ok();
    workspace.rg(&["test", "//good"]).exits(4).says(&["test"]);
    workspace.rg(&["build", "//...", "--profile", "nope"]).exits(2).says(&["nope"]);
    workspace.rg(&["--workspace", "good", "build"]).exits(2).says(&["workspace.toml", "good"]);
    workspace.rg(&["build", "//...", "--jobs", "0"]).exits(2);
}

#[test]
fn a_target_that_may_not_be_seen_is_exit_ten() {
    let files = [
        ("a/BUILD.toml", "[package]\nvisibility = [\"//c/...\"]\n[command.a]\nrun = \"true\"\noutputs = [\"o\"]\n"),
        ("p/BUILD.toml", &*command("inputs = [\"//a\"]\noutputs = [\"o\"]")),
    ];
    let workspace = workspace(&files);
    refused(&workspace, 10, &["//a:a", "//p:x", "p/BUILD.toml:3"]);
    // A bad definition wins.
    workspace.write("q/BUILD.toml", "[command.x\n");
    refused(&workspace, 2, &["//a:a", "q/BUILD.toml:1"]);
}
