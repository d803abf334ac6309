//! The command line: what can be typed. Says nothing about what it leads to; `options` resolves that.

mod commands;
mod flags;
mod help;
mod unknown;
mod words;

pub use commands::{
    BuildWords, CacheCommand, CacheWords, ExplainWords, LockWords, LogWords, QueryWords, RulesWords, RunWords,
    TestWords, Typed,
};
pub use flags::{Output, RunFlags, Rung, SharedFlags};
pub use words::{mark, unmark};

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

/// Builds, tests and runs what a monorepo holds, and remembers everything by its content.
#[derive(Parser, Debug)]
#[command(
    name = "rg",
    version = concat!("(relgraph) ", env!("CARGO_PKG_VERSION")),
    about = "Builds, tests and runs the targets of a monorepo; what was built once, anywhere, is not built again",
    after_help = help::TOP,
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Words {
    /// The flags that every command shares.
    #[command(flatten)]
    pub shared: SharedFlags,
    /// The command.
    #[command(subcommand)]
    pub typed: Typed,
}

/// What became of a command line.
pub enum Parsed {
    /// It is one that rg understands.
    Words(Box<Words>),
    /// It asks for a text (help, version), which is the answer.
    Text(String),
    /// It is wrong; the text says how.
    Wrong(String),
}

/// Parses the words after the program's name.
pub fn parse(arguments: &[OsString]) -> Parsed {
    let program = OsString::from("rg");
    let words = std::iter::once(program).chain(mark(arguments));
    let error = match Words::try_parse_from(words) {
        Ok(words) => return Parsed::Words(Box::new(words)),
        Err(error) => error,
    };
    if let Some(problem) = unknown::command(&error, arguments) {
        return Parsed::Wrong(problem.render());
    }
    let text = unmark(&error.render().ansi().to_string());
    if error.use_stderr() { Parsed::Wrong(text) } else { Parsed::Text(text) }
}

/// Returns the definition of the command line, for what reads it: the courtesy to ripgrep, completions.
pub fn definition() -> clap::Command {
    Words::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Words {
        match parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>()) {
            Parsed::Words(words) => *words,
            Parsed::Text(text) | Parsed::Wrong(text) => panic!("{line}: {text}"),
        }
    }

    fn wrong(line: &str) -> String {
        match parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>()) {
            Parsed::Words(words) => panic!("{words:?}"),
            Parsed::Text(text) | Parsed::Wrong(text) => anstream::adapter::strip_str(&text).to_string(),
        }
    }

    fn check_patterns(line: &str, want: &[&str]) {
        let patterns = match words(line).typed {
            Typed::Build(build) => build.patterns,
            Typed::Test(test) => test.patterns,
            other => panic!("{other:?}"),
        };
        assert_eq!(patterns.iter().map(|pattern| unmark(pattern)).collect::<Vec<_>>(), want, "{line}");
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn negative_patterns_are_patterns_anywhere() {
        check_patterns("build //... -//apps/...", &["//...", "-//apps/..."]);
        check_patterns("build -- //... -//apps/...", &["//...", "-//apps/..."]);
        check_patterns("build //... -:t -k -@r//x --dry-run :u", &["//...", "-:t", "-@r//x", ":u"]);
        check_patterns("test //... -//x", &["//...", "-//x"]);
        check_patterns("build", &[]);
    }

    #[test]
    fn flags_after_a_negative_pattern_are_flags() {
        let words = words("build //... -//x -j 3 --output json");
        assert_eq!((words.shared.jobs.map(usize::from), words.shared.output), (Some(3), Some(Output::Json)));
    }

    #[test]
    fn words_after_two_dashes_go_to_the_test_or_the_program() {
        let Typed::Test(test) = words("test //a -- -//x --fast").typed else { panic!() };
        assert_eq!((test.patterns, test.arguments), (vec!["//a".to_owned()], vec!["-//x".into(), "--fast".into()]));
        let Typed::Run(run) = words("run //a -- -v").typed else { panic!() };
        assert_eq!((run.target, run.arguments), ("//a".to_owned(), vec!["-v".into()]));
    }

    #[test]
    fn shared_flags_stand_before_or_after_the_command() {
        assert!(words("-k build //a").shared.keep_going);
        assert!(words("build //a -k").shared.keep_going);
        assert_eq!(words("test --rerun //a --rerun //b").shared.rerun, ["//a", "//b"]);
    }

    #[test]
    fn a_word_that_is_no_command_names_the_nearest_and_ripgrep() {
        let text = wrong("biuld //a");
        assert!(text.contains("`biuld` is no command") && text.contains("`rg build`"), "{text}");
        assert!(text.contains("rg -e biuld //a"), "{text}");
    }

    #[test]
    fn an_error_never_shows_the_mark_of_a_negative_pattern() {
        let text = wrong("explain RG0100 -//x");
        assert!(text.contains("-//x") && !text.contains('\u{1}'), "{text:?}");
    }

    #[test]
    fn every_command_shows_examples() {
        for command in definition().get_subcommands() {
            assert!(command.get_after_help().is_some(), "`rg {} --help` shows no example", command.get_name());
        }
    }
}
