//! Target patterns have the semantics of Bazel.

use model::{Analysis, RelPath};
use rules::Caller;
use testkit::MapTree;

use crate::{rendered, sound};

fn tree() -> MapTree {
    MapTree::new(&[
        ("BUILD.toml", "[files.root]\nsrcs = [\"README.md\"]\n"),
        ("README.md", ""),
        (
            "libs/text/BUILD.toml",
            "[command.upper]\nrun = \"true\"\ninputs = [\"in.txt\"]\n[command.text]\nrun = \"true\"\n",
        ),
        ("libs/text/in.txt", ""),
        ("libs/text/data/en/a.txt", ""),
        (
            "libs/text/sub/BUILD.toml",
            "[test.t]\nrun = \"true\"\ntags = [\"slow\"]\n[test.m]\nrun = \"true\"\ntags = [\"manual\", \"slow\"]\n",
        ),
        ("examples/shop/workspace.toml", ""),
    ])
}

fn selected(patterns: &[&str], here: &str, caller: Caller) -> String {
    let tree = tree();
    let analysis: Analysis = sound(&tree);
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    match rules::select(&patterns, &RelPath::new(here).unwrap(), &analysis, caller) {
        Ok(ids) => ids.iter().map(|id| id.label.to_string()).collect::<Vec<_>>().join(" "),
        Err(mistakes) => rendered(&mistakes, &tree),
    }
}

fn check(patterns: &[&str], here: &str, want: &str) {
    assert_eq!(selected(patterns, here, Caller::Build), want, "{patterns:?} in `{here}`");
}

#[test]
fn patterns_select_targets() {
    let text = "//libs/text:text //libs/text:upper";
    check(&["//libs/text:upper"], "", "//libs/text:upper");
    check(&["//libs/text"], "", "//libs/text:text");
    check(&["//libs/text/"], "", "//libs/text:text");
    check(&["//libs/text:all"], "", text);
    check(&["//libs/text:*"], "", text);
    check(&["//libs/..."], "", &format!("{text} //libs/text/sub:t"));
    check(&["//..."], "", &format!("//:root {text} //libs/text/sub:t"));
    check(&["libs/text:upper"], "", "//libs/text:upper");
    check(&["libs/text"], "", "//libs/text:text");
    check(&["text:upper"], "libs", "//libs/text:upper");
    check(&["text:all"], "libs", text);
    check(&[":upper"], "libs/text", "//libs/text:upper");
    check(&[":all"], "libs/text", text);
    check(&["..."], "libs/text/sub", "//libs/text/sub:t");
    check(&["sub/..."], "libs/text", "//libs/text/sub:t");
    check(&["..."], "", &format!("//:root {text} //libs/text/sub:t"));
    check(&["//libs/text/sub:m"], "", "//libs/text/sub:m");
    check(&["tag:slow"], "", "//libs/text/sub:t");
    check(&["tag:manual"], "", "//libs/text/sub:m");
    check(&["kind:command"], "", text);
    check(&["kind:image"], "", "");
    check(&["README.md"], "", "//:root");
    check(&["libs/text/in.txt"], "", "//libs/text:upper");
    check(&["./in.txt"], "libs/text", "//libs/text:upper");
    check(&["../../README.md"], "libs/text", "//:root");
}

#[test]
fn a_negative_pattern_subtracts_from_what_came_before() {
    check(&["//...", "-//libs/text/..."], "", "//:root");
    check(&["//...", "-:upper"], "libs/text", "//:root //libs/text:text //libs/text/sub:t");
    check(&["//libs/text:upper", "-//...", "//:root"], "", "//:root");
}

#[test]
fn patterns_that_only_subtract_do_so_from_everything_below_here() {
    check(&["-//libs/text/..."], "", "//:root");
    check(&["-:upper"], "libs/text", "//libs/text:text //libs/text/sub:t");
    check(&["-//libs/text:text", "-//libs/text/sub:t"], "libs", "//libs/text:upper");
    check(&[], "", "");
}

#[test]
fn a_pattern_may_begin_with_the_directory_it_is_typed_in() {
    check(&["./libs/text:upper"], "", "//libs/text:upper");
    check(&["./text"], "libs", "//libs/text:text");
    check(&["./..."], "libs/text/sub", "//libs/text/sub:t");
    check(&["./:upper"], "libs/text", "//libs/text:upper");
    check(&["./...", "-./sub/..."], "libs/text", "//libs/text:text //libs/text:upper");
}

#[test]
fn queries_see_manual_targets() {
    assert_eq!(selected(&["//libs/text/sub:all"], "", Caller::Query), "//libs/text/sub:m //libs/text/sub:t");
}

#[test]
fn a_directory_inside_a_package_leads_to_that_package() {
    let want = "RG0601 `//libs/text/data/en/...` matches no package: `libs/text/data/en` is a part of the package \
                `//libs/text`\n  hint: `rg build //libs/text/...`; a BUILD.toml makes a directory a package of its own\n";
    check(&["..."], "libs/text/data/en", want);
    check(&["//libs/text/data/en/..."], "libs/text/data/en", want);
    let root = "RG0601 `//docs/...` matches no package: `docs` is a part of the package `//`\n  \
                hint: `rg build //...`; a BUILD.toml makes a directory a package of its own\n";
    check(&["..."], "docs", root);
}

#[test]
fn what_stands_for_nothing_is_an_error_with_the_nearest_name() {
    check(
        &["//libs/text:uper"],
        "",
        "RG0302 there is no target `//libs/text:uper`\n  hint: write \"//libs/text:upper\"\n",
    );
    check(&["//libs/txt:upper"], "", "RG0303 there is no package `//libs/txt`\n  hint: write \"//libs/text:upper\"\n");
    check(
        &["//libs/text/sub"],
        "",
        "RG0302 there is no target `//libs/text/sub:sub`\n  hint: `rg query //libs/text/sub:all` lists the targets of the package, or write `//libs/text/sub:all` for all targets of the package\n",
    );
    check(
        &["//nothing/..."],
        "",
        "RG0601 `//nothing/...` matches no package of this workspace\n  hint: `examples/shop` is a workspace of its own: rg --workspace examples/shop build //nothing/...\n",
    );
    check(
        &["//examples/..."],
        "",
        "RG0601 `//examples/...` matches no package of this workspace\n  hint: `examples/shop` is a workspace of its own: rg --workspace examples/shop build //...\n",
    );
    check(
        &["//examples/shop/services/cart", "examples/shop/services/cart"],
        "",
        "RG0303 there is no package `//examples/shop/services/cart`\n  hint: `examples/shop` is a workspace of its own: rg --workspace examples/shop build //services/cart\n\
         RG0605 `examples/shop/services/cart` is neither a target nor a file that a target owns\n  hint: `examples/shop` is a workspace of its own: rg --workspace examples/shop build //services/cart\n",
    );
    check(&["tag:slwo"], "", "RG0602 no target has the tag `slwo`\n  hint: write `tag:slow`\n");
    check(&["kind:comand"], "", "RG0603 there is no rule `comand`\n  hint: write `kind:command`\n");
    check(
        &["//a b", "@x//a"],
        "",
        "RG0604 `a b` is not a package: segments of letters, digits, `.`, `_` and `-`, joined by `/`\n  hint: `//a b` is no pattern: write `//package:target`, `//package/...`, `@name//...` or `tag:NAME`\n\
         RG0507 workspace.toml declares no repository `x`\n  hint: add `[repos.x]` with `git = \"…\"` and `ref = \"…\"` to workspace.toml\n",
    );
    check(
        &["REDME.md"],
        "",
        "RG0605 `REDME.md` is neither a target nor a file that a target owns\n  hint: write `README.md`\n",
    );
    check(
        &["../../.."],
        "libs",
        "RG0605 `../../..` is neither a target nor a file that a target owns\n  hint: `rg query //...` lists all targets\n",
    );
}
