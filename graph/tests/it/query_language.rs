//! The query language: what expressions find, and what is wrong with those that find nothing.

use crate::shop::{resolve, shop};
use graph::query::{Format, QueryError, evaluate, parse, print};

/// Returns the answer as labels joined by spaces, or the error with the text that it underlines.
fn answer(query: &str) -> String {
    let graph = shop();
    let found = parse(query).and_then(|expr| evaluate(&expr, &graph, &resolve(&graph)));
    match found {
        Ok(answer) => print(&answer, &graph, Format::Label).split_whitespace().collect::<Vec<_>>().join(" "),
        Err(error) => {
            let kind = match error {
                QueryError::Syntax { .. } => "syntax",
                QueryError::Evaluation { .. } => "evaluation",
            };
            format!("{kind} [{}] {error}", &query[error.span().clone()])
        }
    }
}

fn check(query: &str, want: &str) {
    assert_eq!(answer(query), want, "{query}");
}

/// Compares two queries.
fn same(left: &str, right: &str) {
    assert_eq!(answer(left), answer(right), "{left}\n{right}");
}

#[test]
fn words_are_labels_patterns_and_files() {
    check("//libs/log", "//libs/log:log");
    check("//libs/...", "//libs:check //libs/db:db //libs/log:log //libs/secret:secret");
    check("libs/log/log.go", "libs/log/log.go");
    check("'//libs/log'", "//libs/log:log");
    check("\"libs/log/log.go\"", "libs/log/log.go");
    check("README.md", "README.md");
}

#[test]
fn implicit_targets_appear_in_deps_but_not_in_wildcards() {
    check("//... ^ //:go_modules", "");
    check("deps(//libs/db) ^ //:go_modules", "//:go_modules");
}

#[test]
fn operators_bind_equally_and_to_the_left() {
    check("//libs/log + //libs/db - //libs/db", "//libs/log:log");
    check("//libs/log - //libs/log + //libs/db", "//libs/db:db");
    check("//libs/log + //libs/db ^ //libs/db", "//libs/db:db");
    check("//libs/log + (//libs/db ^ //libs/db)", "//libs/db:db //libs/log:log");
    same(
        "//libs/... except //libs/db intersect //... union //services/mail",
        "//libs/... - //libs/db ^ //... + //services/mail",
    );
}

#[test]
fn a_minus_inside_a_word_belongs_to_it_and_a_plus_does_not() {
    check("//libs/log+//libs/db", "//libs/db:db //libs/log:log");
    check("//libs/log-//libs/db", "evaluation [//libs/log-//libs/db] no target is called //libs/log-//libs/db");
    check("//libs/... -//libs/db - //libs:check", "//libs/log:log //libs/secret:secret");
}

#[test]
fn sets_and_variables() {
    check("set(//libs/log //libs/db)", "//libs/db:db //libs/log:log");
    check("set()", "");
    check("let x = //libs/... in $x except //libs/log", "//libs:check //libs/db:db //libs/secret:secret");
    check(
        "let x = //libs/db in let x = deps($x, 1) in $x - //:go_modules",
        "//libs/db:db //libs/log:log libs/db/db.go",
    );
    check("(let x = //libs/db in $x) + $x", "evaluation [$x] `$x` is not bound");
    check("let x=//libs/db in $x", "//libs/db:db");
}

#[test]
fn deps_reach_targets_and_their_source_files() {
    check(
        "deps(//services/mail)",
        "//libs/log:log //services/mail:mail libs/log/level.go libs/log/log.go services/mail/mail.go",
    );
    check("deps(//services/mail, 1)", "//libs/log:log //services/mail:mail services/mail/mail.go");
    check("deps(//services/mail, 0)", "//services/mail:mail");
    check("deps(//services/cart, 1) ^ //...", "//libs/db:db //libs/secret:secret //services/cart:cart");
    check("deps(libs/log/log.go)", "libs/log/log.go");
}

#[test]
fn rdeps_of_a_file_are_the_targets_that_hold_it_and_who_depends_on_them() {
    check(
        "rdeps(//..., libs/log/log.go) ^ //...",
        "//:all_tests //libs/db:db //libs/log:log //services/cart:cart //services/cart:image //services/cart:unit //services/mail:mail",
    );
    check("rdeps(//..., libs/log/log.go, 1)", "//libs/log:log libs/log/log.go");
    check("rdeps(//services/mail, libs/log/log.go)", "//libs/log:log //services/mail:mail libs/log/log.go");
    check("rdeps(//..., libs/log/log.go) - //services/... - //libs/...", "//:all_tests libs/log/log.go");
    check("rdeps(//libs/secret, //libs/log)", "");
    check("rdeps(//..., README.md)", "");
}

#[test]
fn allrdeps_know_no_border() {
    check("allrdeps(//libs/secret, 1)", "//libs/secret:secret //services/cart:cart");
    same("allrdeps(//libs/log)", "rdeps(//... + //:go_modules, //libs/log)");
}

#[test]
fn somepath_keeps_the_order_of_the_path() {
    check(
        "somepath(//services/cart:unit, //libs/log)",
        "//services/cart:unit //services/cart:cart //libs/db:db //libs/log:log",
    );
    check("somepath(//services/mail, libs/log/log.go)", "//services/mail:mail //libs/log:log libs/log/log.go");
    check("let t = //libs/log in somepath(//services/mail, $t)", "//services/mail:mail //libs/log:log");
    check("somepath(//libs/log, //services/mail)", "");
    check("somepath(//libs/..., //libs/db)", "//libs/db:db");
    check("somepath(//services/mail, //libs/log) + //libs/db", "//libs/db:db //libs/log:log //services/mail:mail");
}

#[test]
fn allpaths_hold_every_node_between() {
    check(
        "allpaths(//services/..., //libs/log)",
        "//libs/db:db //libs/log:log //services/cart:cart //services/cart:image //services/cart:unit //services/mail:mail",
    );
    check("allpaths(//libs/log, //services/mail)", "");
}

#[test]
fn filters_match_anywhere_in_the_text() {
    check("kind(binary, //...)", "//services/cart:cart");
    check("kind('^test rule$', //...)", "//libs:check //services/cart:unit");
    check("kind('source file', deps(//libs/db, 1))", "libs/db/db.go");
    check("filter('db$', //...)", "//libs/db:db");
    check("filter('\\.go$', deps(//libs/db))", "libs/db/db.go libs/log/level.go libs/log/log.go");
    check("attr(tags, web, //...)", "//services/cart:cart");
    check("attr(tags, '^\\[\\]$', //libs/...)", "//libs:check //libs/db:db //libs/log:log //libs/secret:secret");
    check("attr(cgo, false, //...)", "//services/cart:cart");
    check("attr(name, '^unit$', //...)", "//services/cart:unit");
    check("attr(visibility, 'services/cart', //...)", "//libs/secret:secret");
    check("attr(nothing, '', //...)", "");
}

#[test]
fn labels_name_what_an_attribute_names() {
    check("labels(deps, //services/cart)", "//libs/db:db services/cart/cart.go");
    check("labels(deps, //services/mail)", "");
}

#[test]
fn suites_stand_for_their_tests() {
    check("tests(//:all_tests)", "//libs:check //services/cart:unit");
    check("tests(//services/...)", "//services/cart:unit");
}

#[test]
fn siblings_and_build_files_belong_to_the_package() {
    check(
        "siblings(//services/cart:unit)",
        "//services/cart:cart //services/cart:image //services/cart:unit services/cart/cart.go services/cart/main.go",
    );
    check("siblings(services/mail/mail.go)", "//services/mail:mail services/mail/mail.go");
    check(
        "buildfiles(//services/... + libs/log/log.go)",
        "libs/log/BUILD.toml services/cart/BUILD.toml services/mail/BUILD.toml",
    );
}

#[test]
fn some_takes_the_first_ones() {
    check("some(//libs/...)", "//libs:check");
    check("some(//libs/..., 2)", "//libs:check //libs/db:db");
    check(
        "some(//libs/... - //libs/...)",
        "evaluation [some(//libs/... - //libs/...)] `some` finds nothing to take: its argument is empty",
    );
}

#[test]
fn visible_asks_every_dependent() {
    check("visible(//services/cart:unit, //libs/...)", "//libs:check //libs/db:db //libs/log:log //libs/secret:secret");
    check("visible(//services/..., //libs/secret + //libs/log)", "//libs/log:log");
    check("visible(//libs/secret, //libs/secret)", "//libs/secret:secret");
    check("visible(//services/cart, libs/log/log.go + services/cart/cart.go)", "services/cart/cart.go");
}

#[test]
fn owners_inputs_and_outputs() {
    check("owner('services/cart/cart.go')", "//services/cart:cart //services/cart:unit");
    check("owner(README.md)", "");
    check("owner(//libs/log)", "evaluation [//libs/log] `//libs/log` is not a source file");
    check(
        "outputs(//services/cart:image + //libs/log)",
        "rg-out/libs/log/log/o rg-out/services/cart/image/image rg-out/services/cart/image/meta/json",
    );
    check("inputs(//services/mail)", "rg-out/libs/log/log/o services/mail/mail.go");
    check("inputs(//services/mail + services/mail/mail.go)", "rg-out/libs/log/log/o services/mail/mail.go");
}

#[test]
fn syntax_errors_point_to_the_place() {
    check("deps(", "syntax [] expected an expression, found the end of the query");
    check("", "syntax [] expected an expression, found the end of the query");
    check("//libs/log ^^ 3", "syntax [^] expected an expression, found `^`");
    check("//libs/log //libs/db", "syntax [//libs/db] expected an operator or the end of the query, found `//libs/db`");
    check("deps(//a", "syntax [] expected `)`, found the end of the query");
    check("deps(//a, many)", "syntax [many] expected a number, found `many`");
    check("deps(//a, 1, 2)", "syntax [,] expected `)`, found `,`");
    check("kind(x)", "syntax [)] expected `,`, found `)`");
    check("set(//a, //b)", "syntax [,] expected a word or `)`, found `,`");
    check("let x //a in $x", "syntax [//a] expected `=`, found `//a`");
    check("'//a", "syntax ['//a] the quote ' is not closed");
    check("//a %", "syntax [%] `%` cannot stand here in a word without quotes");
    check("*.go", "syntax [*] `*` cannot stand here in a word without quotes");
    check("dep(//a)", "syntax [dep] `dep` is not a function");
    check(&"(".repeat(5000), "syntax [(] the query is nested too deeply");
}

#[test]
fn hints_can_be_typed() {
    let hint = |query: &str| parse(query).unwrap_err().hint().unwrap();
    assert_eq!(hint("dep(//a)"), "did you mean `deps`?");
    assert_eq!(hint("kind(x)"), "write kind('regex', x)");
    assert_eq!(hint("deps((//a), x)"), "write deps(x[, depth])");
    assert!(hint("zzzzzz(//a)").contains("somepath"));
}

#[test]
fn evaluation_errors_point_to_the_word() {
    check("//... - //nope", "evaluation [//nope] no target is called //nope");
    check("kind('(', //...)", "evaluation ['('] `(` is not a regular expression: unclosed group");
    check(
        "affected('HEAD^') ^ //libs/...",
        "evaluation [affected('HEAD^')] `affected` is not supported by this version",
    );
}

#[test]
fn long_chains_of_operators_do_not_nest() {
    let query = vec!["//libs/log"; 3_000].join(" + ");
    check(&query, "//libs/log:log");
}
