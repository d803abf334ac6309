//! No text makes analysis panic.

use proptest::prelude::*;
use rules::SettingsTexts;
use testkit::MapTree;

use crate::analyze;

/// Pieces of definitions, so that random texts get past the first syntax error.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "[command.a]\n",
        "[test.a]\n",
        "[files.b]\n",
        "[alias.c]\n",
        "[suite.d]\n",
        "[package]\n",
        "[go_binary.e]\n",
        "[go_test.f]\n",
        "run = ",
        "argv = ",
        "inputs = ",
        "outputs = ",
        "srcs = ",
        "actual = ",
        "tests = ",
        "visibility = ",
        "env = ",
        "main = ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\n",
        ",",
        "=",
        ".",
        ":a",
        "//p:a",
        "**",
        "!",
        "../",
        "$(location :a)",
        "$(locations ",
        "é",
        "\0",
        "0x",
        "1e9",
        "true",
        "\"x\"",
        "[\":b\", \"x\"]",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let tree = MapTree::default().with("BUILD.toml", &bytes).with("x", "");
        analyze(&tree);
        let text = String::from_utf8_lossy(&bytes);
        rules::settings(SettingsTexts { main: &text, local: Some(&text), profile: Some("x") });
    }

    #[test]
    fn random_definitions_never_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        let tree = MapTree::default().with("BUILD.toml", &text).with("p/BUILD.toml", &text).with("x", "");
        analyze(&tree);
        rules::settings(SettingsTexts { main: &text, local: None, profile: Some("a") });
    }

    #[test]
    fn random_patterns_never_panic(pattern in "[-./:@a-c*é ]{0,12}") {
        let tree = MapTree::new(&[("a/BUILD.toml", "[files.a]\nsrcs = [\"b\"]\n"), ("a/b", "")]);
        let here = model::RelPath::new("a").unwrap();
        let _ = rules::select(&[pattern], &here, &analyze(&tree).analysis, rules::Caller::Query);
    }
}
