//! What the tests of queries share: a small shop, and a resolver of patterns that knows its few forms.

use std::sync::Arc;

use graph::Graph;
use graph::query::{Node, QueryError};
use model::{Analysis, Kind};
use testkit::analysis::{analysis, command, implicit, path, suite, test};

/// Links an analysis without mistakes.
pub fn linked(analysis: Analysis) -> Graph {
    let (graph, mistakes) = graph::link(Arc::new(analysis));
    assert_eq!(mistakes, [], "the fixture has no mistakes");
    graph
}

/// A shop: `cart -> db -> log`, `mail -> log`, a test, a suite, an implicit target, and a closed library.
pub fn shop() -> Graph {
    linked(analysis([
        command("//libs/log").sources(&["libs/log/log.go", "libs/log/level.go"]),
        command("//libs/db").sources(&["libs/db/db.go"]).deps(&["//libs/log", "//:go_modules"]),
        command("//libs/secret").sources(&["libs/secret/key.txt"]).visible_to(&["//services/cart:all"]).line(9),
        command("//services/cart")
            .rule("go_binary")
            .sources(&["services/cart/main.go", "services/cart/cart.go"])
            .deps(&["//libs/db", "//libs/secret"])
            .tags(&["web"])
            .attribute("main", "\"./cmd/cart\"")
            .attribute("deps", "[\"//libs/db\", \":image\", \"cart.go\"]")
            .attribute("cgo", "false"),
        command("//services/cart:image")
            .rule("image")
            .deps(&["//services/cart"])
            .outputs(&["image", "meta/json"])
            .line(7),
        test("//services/cart:unit").sources(&["services/cart/cart.go"]).deps(&["//services/cart"]),
        command("//services/mail").sources(&["services/mail/mail.go"]).deps(&["//libs/log"]),
        suite("//:all_tests").deps(&["//services/cart:unit", "//:inner"]),
        suite("//:inner").deps(&["//libs:check"]),
        test("//libs:check"),
        implicit("//:go_modules", "go_modules"),
    ]))
}

/// Resolves `//...`, `//a/...`, `//a:all`, labels, and paths that end like a file.
pub fn resolve(graph: &Graph) -> impl Fn(&str) -> Result<Vec<Node>, QueryError> {
    |word: &str| {
        if word.contains('.') && !word.ends_with("...") {
            return Ok(vec![Node::File(path(word))]);
        }
        let wildcard = word.ends_with("...") || word.ends_with(":all");
        let named: Vec<Node> = (0..)
            .zip(&graph.analysis().targets)
            .filter(|(_, target)| !wildcard || target.kind != Kind::Implicit)
            .filter(|(_, target)| names(word, &target.id.label))
            .map(|(index, _)| Node::Target(index))
            .collect();
        match named.is_empty() {
            true => Err(QueryError::unresolved(format!("no target is called {word}"), None)),
            false => Ok(named),
        }
    }
}

fn names(word: &str, label: &model::Label) -> bool {
    if let Some(top) = word.strip_suffix("...") {
        return label.package.starts_with(&path(top.trim_matches('/')));
    }
    if let Some(package) = word.strip_suffix(":all") {
        return format!("//{}", label.package) == package;
    }
    label.to_string() == word || (format!("//{}", label.package) == word && label.package.name() == label.target())
}
