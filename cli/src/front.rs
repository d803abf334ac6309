//! From the words of a call to its exit code: hands over, parses, resolves, runs, and tells what went wrong.
//! Does not know how a command does its work.

use std::process::ExitCode;
use std::time::Instant;

use exec::Cancel;
use model::Mistake;

use crate::args::{self, CacheCommand, Output, Parsed};
use crate::console::ColourChoice;
use crate::exit::Exit;
use crate::options::{self, Command, Invocation, LockTask, Mode, Options};
use crate::problem::Problem;
use crate::reporters::json;
use crate::surroundings::Surroundings;
use crate::twin::{self, Meant};
use crate::{commands, diagnose, signals, spine};

/// What every command may need beside its own words.
pub struct Session {
    /// What surrounds the call.
    pub surroundings: Surroundings,
    /// How the call is to be done.
    pub options: Options,
    /// Asks the run to end; signals set it.
    pub cancel: Cancel,
    /// When the call began.
    pub began: Instant,
}

/// Does what the process was started for.
pub fn start() -> ExitCode {
    let began = Instant::now();
    let exit = match Surroundings::read() {
        Ok(surroundings) => call(surroundings, began),
        Err(error) => {
            let problem =
                Problem::new(Exit::Machine, "the current directory cannot be read").because(error.to_string());
            eprint!("{}", anstream::adapter::strip_str(&problem.render()));
            problem.exit
        }
    };
    ExitCode::from(exit.code())
}

fn call(surroundings: Surroundings, began: Instant) -> Exit {
    let console = options::plain_console(ColourChoice::Auto, &surroundings);
    let fail = |problem: Problem| {
        console.tell(&problem.render());
        problem.exit
    };
    if twin::meant(&surroundings.program, &surroundings.arguments, args::definition) == Meant::Ripgrep {
        return fail(twin::hand_over(&surroundings));
    }
    let words = match args::parse(&surroundings.arguments) {
        Parsed::Words(words) => *words,
        Parsed::Text(text) => return console.answer(&text).map_or_else(fail, |()| Exit::Done),
        Parsed::Wrong(text) => {
            console.tell(&text);
            return Exit::Definition;
        }
    };
    match options::resolve(words, &surroundings) {
        Ok(Invocation { command, options }) => session(command, options, surroundings, began),
        Err(problem) => fail(problem),
    }
}

fn session(command: Command, options: Options, surroundings: Surroundings, began: Instant) -> Exit {
    let display = options.display;
    let answers_in_json = matches!(command, Command::Build(_) | Command::Test(..)) && display.output == Output::Json;
    let ended = cancel(&command).and_then(|cancel| run(command, &Session { surroundings, options, cancel, began }));
    match ended {
        Ok(exit) => exit,
        Err(problem) => {
            if answers_in_json {
                // Whoever cannot read the document reads the same on stderr.
                let _ = display.console.answer(&json::problem(&problem));
            }
            display.console.tell(&problem.render());
            problem.exit
        }
    }
}

/// Arranges that signals end a run in order. A command that runs nothing has nothing to end: the first signal ends it.
fn cancel(command: &Command) -> Result<Cancel, Problem> {
    match command {
        Command::Build(_) | Command::Test(..) | Command::Run(..) | Command::Shell(..) | Command::Lock(_) => {
            signals::cancel_on_signals()
                .map_err(|error| Problem::new(Exit::Machine, "signals cannot be received").because(error.to_string()))
        }
        Command::Query(_)
        | Command::Log(_)
        | Command::Cache(_)
        | Command::Doctor
        | Command::Rules(_)
        | Command::Explain(_)
        | Command::Clean
        | Command::Completions(_) => Ok(Cancel::default()),
    }
}

/// Does a command.
fn run(command: Command, session: &Session) -> Result<Exit, Problem> {
    if session.options.execution.mode == Mode::DryRun
        && let Some(words) = cannot_only_tell(&command)
    {
        let message = format!("`rg {words}` cannot say what it would do, and does nothing for --dry-run");
        return Err(Problem::new(Exit::Definition, message).hint("leave out --dry-run, or unset RG_DRY_RUN"));
    }
    match command {
        Command::Build(request) => spine::build(&request, session),
        Command::Test(request, test) => spine::test(&request, &test, session),
        Command::Run(request, arguments) => spine::run(&request, &arguments, session),
        Command::Shell(request, words) => spine::shell(&request, &words, session),
        Command::Query(expression) => spine::query(&expression, session),
        Command::Log(target) => spine::log(&target, session),
        Command::Lock(task) => spine::lock(&task, session),
        Command::Doctor => commands::doctor(session),
        Command::Cache(command) => commands::cache(command, session),
        Command::Rules(rule) => commands::rules(rule.as_deref(), session),
        Command::Explain(code) => commands::explain(&code, session),
        Command::Clean => commands::clean(session),
        Command::Completions(shell) => commands::completions(shell, session),
    }
}

/// Returns the words of a command that changes something, and would do so for a dry run, too.
fn cannot_only_tell(command: &Command) -> Option<&'static str> {
    match command {
        Command::Clean => Some("clean"),
        Command::Shell(..) => Some("shell"),
        Command::Lock(LockTask::Complete | LockTask::Update(_)) => Some("lock"),
        Command::Cache(CacheCommand::Gc) => Some("cache gc"),
        Command::Cache(CacheCommand::Verify) => Some("cache verify"),
        _ => None,
    }
}

impl Session {
    /// Refuses the call for its mistakes: all of them at once, on stderr, and in the answer if that is JSON.
    pub fn refuse(&self, mistakes: &[Mistake], read: diagnose::Read<'_>) -> Result<Exit, Problem> {
        let display = self.options.display;
        display.console.tell(&diagnose::render(mistakes, read));
        if display.output == Output::Json {
            display.console.answer(&json::mistakes(mistakes, read))?;
        }
        Ok(Exit::of_mistakes(mistakes))
    }
}
