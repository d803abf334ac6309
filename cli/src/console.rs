//! Writing to the two streams: stdout carries only the answer, everything else goes to stderr.
//! Does not know what is written.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::surroundings::{Environment, Stream};

/// Whether a stream gets colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// What the user said about colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum ColourChoice {
    /// Colours on a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Colours everywhere.
    Always,
    /// No colours.
    Never,
}

/// The two streams of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Console {
    /// Whether the answer is coloured.
    pub stdout: Colour,
    /// Whether progress and errors are coloured.
    pub stderr: Colour,
}

impl Console {
    /// Writes an answer to stdout. A reader that has gone away is not an error.
    pub fn answer(self, text: &str) -> Result<(), Problem> {
        let mut stdout = anstream::AutoStream::new(std::io::stdout().lock(), choice(self.stdout));
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Problem::new(Exit::Machine, "cannot write the answer").because(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Writes to stderr in one piece. That nobody can read it is nothing that could be told to anybody.
    pub fn tell(self, text: &str) {
        let mut stderr = anstream::AutoStream::new(std::io::stderr().lock(), choice(self.stderr));
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

fn choice(colour: Colour) -> anstream::ColorChoice {
    match colour {
        Colour::On => anstream::ColorChoice::AlwaysAnsi,
        Colour::Off => anstream::ColorChoice::Never,
    }
}

/// Decides about the colours of a stream: the flag, then NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, CLICOLOR=0 and
/// TERM=dumb, then whether somebody looks.
pub fn colour(choice: ColourChoice, environment: &Environment, stream: Stream) -> Colour {
    let is = |name: &str, value: &str| environment.get(name) == Some(OsStr::new(value));
    match choice {
        ColourChoice::Always => Colour::On,
        ColourChoice::Never => Colour::Off,
        ColourChoice::Auto if environment.get("NO_COLOR").is_some() => Colour::Off,
        ColourChoice::Auto if environment.says_yes("CLICOLOR_FORCE") || environment.says_yes("FORCE_COLOR") => {
            Colour::On
        }
        ColourChoice::Auto if is("CLICOLOR", "0") || is("TERM", "dumb") => Colour::Off,
        ColourChoice::Auto if stream == Stream::Terminal => Colour::On,
        ColourChoice::Auto => Colour::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(choice: ColourChoice, variables: &[(&str, &str)], stream: Stream, want: Colour) {
        let environment = Environment(variables.iter().map(|(name, value)| (name.into(), value.into())).collect());
        assert_eq!(colour(choice, &environment, stream), want, "{choice:?} {variables:?} {stream:?}");
    }

    #[test]
    fn colours_follow_the_flag_then_the_environment_then_the_terminal() {
        use ColourChoice::{Always, Auto, Never};
        check(Auto, &[], Stream::Terminal, Colour::On);
        check(Auto, &[], Stream::Other, Colour::Off);
        check(Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Stream::Terminal, Colour::Off);
        check(Auto, &[("NO_COLOR", "")], Stream::Terminal, Colour::On);
        check(Auto, &[("CLICOLOR_FORCE", "1")], Stream::Other, Colour::On);
        check(Auto, &[("FORCE_COLOR", "0")], Stream::Other, Colour::Off);
        check(Auto, &[("TERM", "dumb")], Stream::Terminal, Colour::Off);
        check(Always, &[("NO_COLOR", "1")], Stream::Other, Colour::On);
        check(Never, &[("CLICOLOR_FORCE", "1")], Stream::Terminal, Colour::Off);
    }
}
