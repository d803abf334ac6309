//! What is needed: the command line, the environment, the current directory and the terminal, resolved once.
//! Does not know how a command does its work.

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use exec::OnFailure;
use graph::Reuse;
use model::Platform;

use crate::args::{CacheCommand, LockWords, Output, RunFlags, Rung, SharedFlags, Typed, Words, unmark};
use crate::console::{ColourChoice, Console, colour};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::surroundings::{Environment, Stream, Surroundings};

/// A call of rg, with everything decided that can be decided before the workspace is read.
#[derive(Debug)]
pub struct Invocation {
    /// What is to be done.
    pub command: Command,
    /// How.
    pub options: Options,
}

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// `rg build`.
    Build(Request),
    /// `rg test`.
    Test(Request, TestOptions),
    /// `rg run`: the target, and the arguments of its program.
    Run(Request, Vec<OsString>),
    /// `rg shell`: the target, and the words of a command.
    Shell(Request, Vec<OsString>),
    /// `rg query`: the expression.
    Query(String),
    /// `rg log`: the target.
    Log(String),
    /// `rg lock`.
    Lock(LockTask),
    /// `rg cache`.
    Cache(CacheCommand),
    /// `rg doctor`.
    Doctor,
    /// `rg rules`: one rule, or all.
    Rules(Option<String>),
    /// `rg explain`: the code.
    Explain(String),
    /// `rg clean`.
    Clean,
    /// `rg completions`: the shell.
    Completions(clap_complete::Shell),
}

/// What targets are asked for, and what is written beside their outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The patterns in their order, relative ones as typed; negative ones begin with `-`. Never empty.
    pub patterns: Vec<String>,
    /// Where the event stream is written, absolute.
    pub events: Option<PathBuf>,
}

/// What `rg lock` does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LockTask {
    /// Pins what is not pinned.
    Complete,
    /// Pins these images and repositories anew, or all if none is named.
    Update(Vec<String>),
    /// Only compares.
    Check,
}

/// What only tests can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestOptions {
    /// How often every test runs; `None`: once, and only if its verdict is not known.
    pub runs: Option<NonZeroU32>,
    /// Where JUnit XML is written, absolute.
    pub junit: Option<PathBuf>,
    /// The arguments of the test programs.
    pub arguments: Vec<OsString>,
}

/// How it is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub place: Place,
    /// With which settings.
    pub settings: Settings,
    /// How actions run.
    pub execution: Execution,
    /// What earlier results are worth.
    pub known: Known,
    /// How it is shown.
    pub display: Display,
}

/// Where rg works.
#[derive(Clone, Debug)]
pub struct Place {
    /// The current directory, absolute.
    pub directory: PathBuf,
    /// The workspace that was asked for, absolute; `None`: the nearest one upwards.
    pub workspace: Option<PathBuf>,
    /// The cache directory, absolute; `None`: the environment names none.
    pub cache: Option<PathBuf>,
}

/// What overrides the settings of workspace.toml.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// The profile that is laid over it.
    pub profile: Option<String>,
    /// The executor.
    pub executor: Option<Rung>,
    /// The weakest executor that may be used.
    pub strict: Option<Rung>,
    /// What targets are built for.
    pub platform: Option<Platform>,
    /// Whether rg.lock may change.
    pub locking: Locking,
}

/// Whether rg.lock may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Locking {
    /// What is not pinned is pinned.
    #[default]
    Complete,
    /// It may not.
    Locked,
}

/// How actions run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Execution {
    /// How many at once.
    pub jobs: NonZeroUsize,
    /// What happens to the rest when one fails.
    pub on_failure: OnFailure,
    /// Whether they run at all.
    pub mode: Mode,
    /// Whether something may be fetched.
    pub network: Network,
}

/// Whether anything is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It is.
    Run,
    /// It is only said what would be done.
    DryRun,
}

/// Whether something may be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// It may.
    Online,
    /// Nothing is fetched.
    Offline,
}

/// What earlier results are worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Whether any is taken.
    pub reuse: Reuse,
    /// Labels, as typed, of targets that run in any case.
    pub rerun: Vec<String>,
}

/// How the call is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Display {
    /// The form of the answer.
    pub output: Output,
    /// How much is said.
    pub verbosity: Verbosity,
    /// How progress is shown.
    pub progress: ProgressStyle,
    /// The streams, with their colours.
    pub console: Console,
}

/// How much is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verbosity {
    /// Failures and the last line.
    Quiet,
    /// What ran, too.
    Normal,
    /// What was cached, and what successful actions printed, too.
    Verbose,
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgressStyle {
    /// A block at the bottom of the terminal that is drawn again and again.
    Live,
    /// A line for each action that has ended.
    Lines,
}

/// Resolves a command line.
pub fn resolve(words: Words, surroundings: &Surroundings) -> Result<Invocation, Problem> {
    let Words { shared, typed } = words;
    let display = display(&shared, &typed, surroundings)?;
    let options = Options {
        place: place(&shared, surroundings),
        execution: execution(&shared),
        known: Known {
            reuse: if shared.no_cache { Reuse::Nothing } else { Reuse::Known },
            rerun: shared.rerun.iter().map(|label| unmark(label)).collect(),
        },
        settings: Settings {
            profile: shared.profile,
            executor: shared.executor,
            strict: shared.strict,
            platform: shared.platform,
            locking: if shared.locked { Locking::Locked } else { Locking::Complete },
        },
        display,
    };
    Ok(Invocation { command: command(typed, &surroundings.directory), options })
}

/// Returns how colours and errors look before the command line is understood.
pub fn plain_console(choice: ColourChoice, surroundings: &Surroundings) -> Console {
    Console {
        stdout: colour(choice, &surroundings.environment, surroundings.stdout),
        stderr: colour(choice, &surroundings.environment, surroundings.stderr),
    }
}

fn command(typed: Typed, directory: &Path) -> Command {
    let request = |patterns: Vec<String>, run: RunFlags| request(patterns, run, directory);
    match typed {
        Typed::Build(build) => Command::Build(request(build.patterns, build.run)),
        Typed::Test(test) => {
            let junit = test.junit.map(|file| directory.join(file));
            let options = TestOptions { runs: test.runs, junit, arguments: test.arguments };
            Command::Test(request(test.patterns, test.run), options)
        }
        Typed::Run(run) => Command::Run(request(vec![run.target], run.run), run.arguments),
        Typed::Shell(shell) => Command::Shell(request(vec![shell.target], shell.run), shell.arguments),
        Typed::Query(query) => Command::Query(unmark(&query.expression.join(" "))),
        Typed::Log(log) => Command::Log(unmark(&log.target)),
        Typed::Lock(LockWords { check: true, .. }) => Command::Lock(LockTask::Check),
        Typed::Lock(LockWords { update: Some(named), .. }) => Command::Lock(LockTask::Update(named)),
        Typed::Lock(LockWords { update: None, .. }) => Command::Lock(LockTask::Complete),
        Typed::Cache(cache) => Command::Cache(cache.command),
        Typed::Doctor => Command::Doctor,
        Typed::Rules(rules) => Command::Rules(rules.rule),
        Typed::Explain(explain) => Command::Explain(explain.code),
        Typed::Clean => Command::Clean,
        Typed::Completions { shell } => Command::Completions(shell),
    }
}

fn request(patterns: Vec<String>, run: RunFlags, directory: &Path) -> Request {
    let mut patterns: Vec<String> = patterns.iter().map(|pattern| unmark(pattern)).collect();
    if patterns.is_empty() {
        patterns.push("...".to_owned());
    }
    Request { patterns, events: run.events.map(|file| directory.join(file)) }
}

fn place(shared: &SharedFlags, surroundings: &Surroundings) -> Place {
    Place {
        directory: surroundings.directory.clone(),
        workspace: shared.workspace.as_ref().map(|directory| surroundings.directory.join(directory)),
        cache: cache_directory(&surroundings.environment, &surroundings.directory),
    }
}

/// Returns where the cache is: RG_CACHE_DIR, else below XDG_CACHE_HOME, else below HOME.
fn cache_directory(environment: &Environment, directory: &Path) -> Option<PathBuf> {
    let own = environment.get("RG_CACHE_DIR").map(|path| directory.join(path));
    own.or_else(|| environment.directory("XDG_CACHE_HOME").map(|cache| cache.join("rg")))
        .or_else(|| environment.directory("HOME").map(|home| home.join(".cache/rg")))
}

fn execution(shared: &SharedFlags) -> Execution {
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Execution {
        jobs: shared.jobs.unwrap_or_else(processors),
        on_failure: if shared.keep_going { OnFailure::KeepGoing } else { OnFailure::Stop },
        mode: if shared.dry_run { Mode::DryRun } else { Mode::Run },
        network: if shared.offline { Network::Offline } else { Network::Online },
    }
}

fn display(shared: &SharedFlags, typed: &Typed, surroundings: &Surroundings) -> Result<Display, Problem> {
    let output = shared.output.unwrap_or(Output::Text);
    let fits = forms(typed);
    if !fits.contains(&output) {
        let form =
            |output: &Output| clap::ValueEnum::to_possible_value(output).map(|value| value.get_name().to_owned());
        let known: Vec<String> = fits.iter().filter_map(form).collect();
        let wrong = form(&output).unwrap_or_default();
        return Err(Problem::new(Exit::Definition, format!("this command has no output form `{wrong}`"))
            .hint(format!("--output is one of {}", known.join(", "))));
    }
    Ok(Display {
        output,
        verbosity: verbosity(shared),
        progress: match typed {
            // The terminal belongs to the shell.
            Typed::Shell(_) => ProgressStyle::Lines,
            _ => progress(&surroundings.environment, surroundings.stderr),
        },
        console: plain_console(shared.color.unwrap_or_default(), surroundings),
    })
}

/// Returns the forms in which a command can answer.
fn forms(typed: &Typed) -> &'static [Output] {
    use Output::{Graph, Json, Jsonl, Label, LabelKind, Location, Maxrank, Mermaid, Minrank, Package, Text, Tree};
    match typed {
        Typed::Build(_) | Typed::Test(_) => &[Text, Json, Jsonl],
        Typed::Query(_) => {
            &[Text, Label, LabelKind, Location, Package, Minrank, Maxrank, Graph, Mermaid, Tree, Json, Jsonl]
        }
        Typed::Cache(_) | Typed::Lock(_) | Typed::Doctor | Typed::Rules(_) | Typed::Explain(_) => &[Text, Json],
        // A program, a log and a script are what they are; a form in the environment must not forbid them.
        Typed::Run(_) | Typed::Shell(_) | Typed::Log(_) | Typed::Clean | Typed::Completions { .. } => {
            &[Text, Json, Jsonl]
        }
    }
}

fn verbosity(shared: &SharedFlags) -> Verbosity {
    match (shared.quiet, shared.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

/// Decides whether progress is drawn: only on a terminal that can move its cursor, and not in continuous integration.
fn progress(environment: &Environment, stderr: Stream) -> ProgressStyle {
    let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
    if stderr == Stream::Terminal && !dumb && !environment.says_yes("CI") {
        ProgressStyle::Live
    } else {
        ProgressStyle::Lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Parsed, parse};

    fn surroundings(variables: &[(&str, &str)], stderr: Stream) -> Surroundings {
        Surroundings {
            program: "rg".into(),
            arguments: Vec::new(),
            environment: Environment(variables.iter().map(|(name, value)| (name.into(), value.into())).collect()),
            directory: PathBuf::from("/w/a"),
            stdout: Stream::Other,
            stderr,
            unix_time_ms: 0,
        }
    }

    fn resolved(line: &str, surroundings: &Surroundings) -> Result<Invocation, Problem> {
        match parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>()) {
            Parsed::Words(words) => resolve(*words, surroundings),
            Parsed::Text(text) | Parsed::Wrong(text) => panic!("{line}: {text}"),
        }
    }

    fn check_cache(variables: &[(&str, &str)], want: Option<&str>) {
        let environment = surroundings(variables, Stream::Other).environment;
        assert_eq!(cache_directory(&environment, Path::new("/w/a")), want.map(PathBuf::from), "{variables:?}");
    }

    #[test]
    fn the_cache_is_where_the_environment_says() {
        check_cache(&[("RG_CACHE_DIR", "/c"), ("HOME", "/h")], Some("/c"));
        check_cache(&[("RG_CACHE_DIR", "c")], Some("/w/a/c"));
        check_cache(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/x/rg"));
        check_cache(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], Some("/h/.cache/rg"));
        check_cache(&[], None);
    }

    #[test]
    fn progress_is_drawn_only_where_somebody_looks() {
        let check = |variables: &[(&str, &str)], stderr, want| {
            let environment = surroundings(variables, stderr).environment;
            assert_eq!(progress(&environment, stderr), want, "{variables:?} {stderr:?}");
        };
        check(&[("TERM", "xterm")], Stream::Terminal, ProgressStyle::Live);
        check(&[("TERM", "xterm"), ("CI", "true")], Stream::Terminal, ProgressStyle::Lines);
        check(&[("TERM", "dumb")], Stream::Terminal, ProgressStyle::Lines);
        check(&[("TERM", "xterm")], Stream::Other, ProgressStyle::Lines);
    }

    #[test]
    fn no_pattern_means_everything_below_the_current_directory() {
        let call = resolved("build --events e.jsonl", &surroundings(&[], Stream::Other)).unwrap();
        let Command::Build(request) = call.command else { panic!() };
        assert_eq!(request, Request { patterns: vec!["...".into()], events: Some("/w/a/e.jsonl".into()) });
    }

    #[test]
    fn negative_patterns_arrive_with_their_dash() {
        let call = resolved("test //... -//x/... --runs 3", &surroundings(&[], Stream::Other)).unwrap();
        let Command::Test(request, options) = call.command else { panic!() };
        assert_eq!(request.patterns, ["//...", "-//x/..."]);
        assert_eq!(options.runs, NonZeroU32::new(3));
    }

    #[test]
    fn a_form_that_the_command_does_not_have_is_refused() {
        let here = surroundings(&[], Stream::Other);
        let problem = resolved("build --output tree", &here).unwrap_err();
        assert_eq!((problem.exit, problem.message.contains("`tree`")), (Exit::Definition, true));
        assert_eq!(resolved("query //... --output tree", &here).unwrap().options.display.output, Output::Tree);
    }
}
