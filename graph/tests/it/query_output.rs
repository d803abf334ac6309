//! The forms in which an answer is printed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shop::{linked, resolve, shop};
use graph::query::{Format, Node, evaluate, parse, print};
use testkit::analysis::{analysis, command};

fn shown(query: &str, format: &str) -> String {
    let graph = shop();
    let answer = evaluate(&parse(query).unwrap(), &graph, &resolve(&graph)).unwrap();
    print(&answer, &graph, format.parse::<Format>().unwrap())
}

fn check(query: &str, format: &str, want: &str) {
    assert_eq!(shown(query, format), want, "{query} --output {format}");
}

#[test]
fn labels_are_one_a_line() {
    check("//libs/log + //libs/db", "label", "//libs/db:db\n//libs/log:log\n");
    check("set()", "label", "");
}

#[test]
fn kinds_stand_before_labels() {
    check(
        "deps(//services/cart, 1) + outputs(//libs/log) - //libs/...",
        "label_kind",
        "go_binary rule //services/cart:cart\ngenerated file rg-out/libs/log/log/o\n\
         source file services/cart/cart.go\nsource file services/cart/main.go\n",
    );
}

#[test]
fn locations_name_the_line_of_the_declaration() {
    check(
        "//services/cart:image + //:go_modules + libs/log/log.go",
        "location",
        "(implicit): go_modules rule //:go_modules\nservices/cart/BUILD.toml:7:1: image rule //services/cart:image\n\
         libs/log/log.go:1:1: source file libs/log/log.go\n",
    );
}

#[test]
fn packages_are_printed_once() {
    check("//services/... + libs/log/log.go", "package", "services/cart\nservices/mail\n");
}

#[test]
fn ranks_count_from_the_roots_of_the_answer() {
    let query = "//services/cart:unit + //services/cart + //libs/db + //libs/log + //services/mail";
    check(
        query,
        "minrank",
        "0 //services/cart:unit\n0 //services/mail:mail\n1 //libs/log:log\n1 //services/cart:cart\n2 //libs/db:db\n",
    );
    check(
        query,
        "maxrank",
        "0 //services/cart:unit\n0 //services/mail:mail\n1 //services/cart:cart\n2 //libs/db:db\n3 //libs/log:log\n",
    );
}

#[test]
fn graphs_hold_the_edges_among_the_answer() {
    let query = "somepath(//services/mail, libs/log/log.go)";
    check(
        query,
        "graph",
        "digraph rg {\n  node [shape=box];\n  \"//services/mail:mail\"\n  \"//services/mail:mail\" -> \"//libs/log:log\"\n  \
         \"//libs/log:log\"\n  \"//libs/log:log\" -> \"libs/log/log.go\"\n  \"libs/log/log.go\"\n}\n",
    );
    check(
        query,
        "mermaid",
        "flowchart TD\n  n0[\"//services/mail:mail\"]\n  n1[\"//libs/log:log\"]\n  n2[\"libs/log/log.go\"]\n  n0 --> n1\n  n1 --> n2\n",
    );
}

#[test]
fn trees_open_each_node_once() {
    check(
        "deps(//services/cart:unit) ^ //... - //libs/secret + //services/mail + deps(//libs/log, 1)",
        "tree",
        "//services/cart:unit\n└── //services/cart:cart\n    └── //libs/db:db\n        └── //libs/log:log\n            \
         ├── libs/log/level.go\n            └── libs/log/log.go\n//services/mail:mail\n└── //libs/log:log (*)\n",
    );
}

#[test]
fn json_is_one_versioned_document() {
    check(
        "//services/cart + services/cart/main.go",
        "json",
        "{\"schema\":\"rg.query/v1\",\"targets\":[{\"label\":\"//services/cart:cart\",\"rule\":\"go_binary\",\
         \"package\":\"services/cart\",\"deps\":[\"//libs/db:db\",\"//libs/secret:secret\"],\
         \"attributes\":{\"cgo\":false,\"deps\":[\"//libs/db\",\":image\",\"cart.go\"],\"main\":\"./cmd/cart\"}}],\
         \"files\":[\"services/cart/main.go\"]}\n",
    );
    check("set()", "json", "{\"schema\":\"rg.query/v1\",\"targets\":[]}\n");
}

#[test]
fn json_lines_are_one_object_a_node() {
    check(
        "//libs/log + libs/log/log.go",
        "jsonl",
        "{\"label\":\"//libs/log:log\",\"rule\":\"command\",\"package\":\"libs/log\",\"deps\":[],\"attributes\":{}}\n\
         {\"file\":\"libs/log/log.go\"}\n",
    );
}

#[test]
fn a_target_for_two_platforms_is_one_label() {
    let graph = linked(analysis([command("//a"), command("//a").platform("linux/arm64")]));
    let all = |_: &str| Ok(vec![Node::Target(0), Node::Target(1)]);
    let answer = evaluate(&parse("//...").unwrap(), &graph, &all).unwrap();
    assert_eq!(print(&answer, &graph, Format::Label), "//a:a\n");
    assert!(print(&answer, &graph, Format::Json).contains("\"platform\":\"linux/arm64\""));
}

#[test]
fn unknown_formats_are_refused() {
    assert!("yaml".parse::<Format>().is_err());
}

#[test]
fn ten_thousand_targets_are_answered_at_once() {
    let targets = (0..10_000).map(|number: usize| {
        let below = |step: usize| format!("//p{}:t", number.saturating_sub(step));
        let deps: Vec<String> = if number < 100 { Vec::new() } else { [1, 7, 83].map(below).to_vec() };
        let files: Vec<String> = (0..10).map(|file| format!("p{number}/f{file}")).collect();
        command(&format!("//p{number}:t"))
            .deps(&deps.iter().map(String::as_str).collect::<Vec<_>>())
            .sources(&files.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let (graph, mistakes) = graph::link(Arc::new(analysis(targets)));
    assert_eq!(mistakes, []);
    let all = |_: &str| Ok((0..10_000).map(Node::Target).collect());
    let before = Instant::now();
    let answer = evaluate(&parse("deps(//...)").unwrap(), &graph, &all).unwrap();
    let taken = before.elapsed();
    assert_eq!(answer.nodes.len(), 110_000);
    // A debug build on a busy machine: the bound only catches what is not linear.
    assert!(taken < Duration::from_secs(5), "took {taken:?}");
}
