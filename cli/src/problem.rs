//! Errors of a call that are not mistakes in definitions: what failed, why, and what to type instead.
//! Does not know where they are printed.

use crate::escape;
use crate::exit::Exit;

/// The look of the word `error`.
pub const ERROR: anstyle::Style = anstyle::AnsiColor::BrightRed.on_default().bold();
/// The look of the word `warning`.
pub const WARNING: anstyle::Style = anstyle::AnsiColor::BrightYellow.on_default().bold();
/// The look of the word `hint`.
pub const HINT: anstyle::Style = anstyle::AnsiColor::BrightCyan.on_default().bold();

/// Why a call ends without what was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What failed, on what: lower case, present tense, no full stop.
    pub message: String,
    /// Why, from the nearest cause to the first.
    pub causes: Vec<String>,
    /// What helps, as something that can be typed.
    pub hints: Vec<String>,
    /// How the call ends.
    pub exit: Exit,
}

impl Problem {
    /// Makes a problem.
    pub fn new(exit: Exit, message: impl Into<String>) -> Problem {
        Problem { message: message.into(), causes: Vec::new(), hints: Vec::new(), exit }
    }

    /// Makes a problem of a library's error, with all its causes.
    pub fn of(exit: Exit, error: &dyn std::error::Error) -> Problem {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        causes.fold(Problem::new(exit, error.to_string()), |problem, cause| problem.because(cause.to_string()))
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Problem {
        self.causes.push(cause.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hints.push(hint.into());
        self
    }

    /// Returns the problem as text with colours.
    pub fn render(&self) -> String {
        let mut text = format!("{ERROR}error{ERROR:#}: {}\n", escape::lines(&self.message));
        for cause in &self.causes {
            text.push_str(&format!("  because: {}\n", escape::lines(cause)));
        }
        text + &hints(&self.hints)
    }
}

/// Returns one line for each hint.
pub fn hints(hints: &[String]) -> String {
    hints.iter().map(|hint| format!("{HINT}hint{HINT:#}: {}\n", escape::lines(hint))).collect()
}

/// Returns a warning as a line of text with colours.
pub fn warning(text: &str) -> String {
    format!("{WARNING}warning{WARNING:#}: {}\n", escape::lines(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_failed_why_and_what_helps() {
        let problem = Problem::new(Exit::Definition, "no workspace.toml in \x07 or above")
            .because("the directory is empty")
            .hint("write a workspace.toml");
        let plain = anstream::adapter::strip_str(&problem.render()).to_string();
        assert_eq!(
            plain,
            "error: no workspace.toml in \\u{7} or above\n  because: the directory is empty\nhint: write a workspace.toml\n"
        );
    }
}
