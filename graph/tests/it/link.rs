//! What linking refuses, and the order that it gives to steps.

use std::sync::Arc;

use model::{Exit, Input, Mistake, Origin};
use testkit::analysis::{TargetBuilder, analysis, command, id, implicit, path};

use crate::shop::linked;

fn mistakes(targets: impl IntoIterator<Item = TargetBuilder>) -> Vec<Mistake> {
    graph::link(Arc::new(analysis(targets))).1
}

/// Compares the mistakes with lines of code, message and the words at each place.
fn check(targets: impl IntoIterator<Item = TargetBuilder>, want: &str) {
    let shown = mistakes(targets).into_iter().map(|mistake| {
        let places = mistake.at.iter().chain(&mistake.also);
        let places = places.map(|(at, words)| format!("\n  {}: {words}", at.file));
        format!("{} {}{}\n", mistake.code, mistake.message, places.collect::<String>())
    });
    assert_eq!(shown.collect::<String>(), want);
}

#[test]
fn a_cycle_is_shown_with_every_edge() {
    check(
        [
            command("//a").deps(&["//b"]),
            command("//b").deps(&["//c", "//leaf"]),
            command("//c").deps(&["//a"]),
            command("//leaf"),
        ],
        "RG0801 dependency cycle: //a:a -> //b:b -> //c:c -> //a:a\n  a/BUILD.toml: //a:a depends on //b:b\n  \
         b/BUILD.toml: //b:b depends on //c:c\n  c/BUILD.toml: //c:c depends on //a:a\n",
    );
}

#[test]
fn two_cycles_are_two_mistakes() {
    let targets = [
        command("//a").deps(&["//b"]),
        command("//b").deps(&["//a"]),
        command("//c").deps(&["//c"]),
        command("//d").deps(&["//a", "//c"]),
    ];
    let messages: Vec<String> = mistakes(targets).into_iter().map(|mistake| mistake.message).collect();
    assert_eq!(messages, ["dependency cycle: //a:a -> //b:b -> //a:a", "dependency cycle: //c:c -> //c:c"]);
}

#[test]
fn a_shorter_cycle_inside_a_longer_one_is_shown() {
    let targets = [command("//a").deps(&["//b", "//c"]), command("//b").deps(&["//c"]), command("//c").deps(&["//a"])];
    assert_eq!(mistakes(targets)[0].message, "dependency cycle: //a:a -> //c:c -> //a:a");
}

#[test]
fn an_edge_that_visibility_forbids_breaks_a_policy() {
    let targets = [
        command("//libs/db").visible_to(&["//services/..."]).line(3),
        command("//services/cart").deps(&["//libs/db"]),
        command("//tools").deps(&["//libs/db"]),
    ];
    assert_eq!(mistakes(targets.clone())[0].exit, Exit::Policy);
    check(
        targets,
        "RG0802 //libs/db:db is not visible to //tools:tools\n  tools/BUILD.toml: named here\n  \
         libs/db/BUILD.toml: visible to: //services/...\n",
    );
}

#[test]
fn a_package_sees_its_own_targets() {
    check([command("//a").visible_to(&["//b:all"]), command("//a:x").deps(&["//a"])], "");
}

#[test]
fn packages_that_begin_alike_are_not_beneath() {
    check(
        [command("//libs").visible_to(&["//app/..."]), command("//apple").deps(&["//libs"])],
        "RG0802 //libs:libs is not visible to //apple:apple\n  apple/BUILD.toml: named here\n  \
         libs/BUILD.toml: visible to: //app/...\n",
    );
}

#[test]
fn output_directories_do_not_lie_inside_one_another() {
    check(
        [command("//:a"), command("//a:b"), command("//a:c/d"), command("//a-x"), command("//a:b-c")],
        "RG0803 the outputs of //a:b, in rg-out/a/b, would lie inside those of //:a\n  \
         a/BUILD.toml: its directory lies inside the other's\n  BUILD.toml: the outer directory\n\
         RG0803 the outputs of //a:b-c, in rg-out/a/b-c, would lie inside those of //:a\n  \
         a/BUILD.toml: its directory lies inside the other's\n  BUILD.toml: the outer directory\n\
         RG0803 the outputs of //a:c/d, in rg-out/a/c/d, would lie inside those of //:a\n  \
         a/BUILD.toml: its directory lies inside the other's\n  BUILD.toml: the outer directory\n",
    );
    check([command("//:a").outputs(&[]), command("//a:b")], "");
    check([implicit("//:a", "go_modules"), command("//a:b")], "");
}

#[test]
fn an_input_that_nothing_makes_is_a_bug_of_its_rule() {
    let takes = |action: &mut model::Action| {
        action.inputs.push(Input { at: path("src/x"), from: Origin::Output(id("//b"), path("o")) });
    };
    let taker = || command("//a").adjust(takes);
    check([taker().deps(&["//b"]), command("//b")], "");
    let unmade = "RG0804 //a:a takes o of //b:b, which nothing makes before it\n  a/BUILD.toml: declared here\n";
    check([taker().deps(&["//b"]), command("//b").outputs(&["other"])], unmade);
    check([taker(), command("//b")], unmade);
}

#[test]
fn steps_come_after_what_they_depend_on() {
    let graph = linked(analysis([command("//a").deps(&["//z", "//m"]), command("//m").deps(&["//z"]), command("//z")]));
    let titles: Vec<String> = graph.steps().map(|step| graph.title(step)).collect();
    assert_eq!(titles, ["//z:z", "//m:m", "//a:a"]);
    assert!(graph.steps().all(|step| graph.deps(step).iter().all(|dep| *dep < step)));
}
