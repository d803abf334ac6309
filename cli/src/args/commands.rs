//! The commands and their own words and flags, as they are typed.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::flags::RunFlags;
use super::help;

/// A command as it was typed.
#[derive(Subcommand, Debug)]
pub enum Typed {
    /// Build targets
    #[command(after_help = help::BUILD)]
    Build(BuildWords),
    /// Build and run tests; a test that passed is not run again until something it sees changes
    #[command(after_help = help::TEST)]
    Test(TestWords),
    /// Build a target, then run its program in the current directory
    #[command(after_help = help::RUN)]
    Run(RunWords),
    /// Open a shell in the container of a target's action, with all that the action sees
    #[command(after_help = help::SHELL)]
    Shell(ShellWords),
    /// Ask about the graph of targets, in Bazel's query language
    #[command(after_help = help::QUERY)]
    Query(QueryWords),
    /// Print what the actions of a target printed, when they ran last or failed last
    #[command(after_help = help::LOG)]
    Log(LogWords),
    /// Pin the images and repositories that workspace.toml names in rg.lock; what is pinned stays as it is
    #[command(after_help = help::LOCK)]
    Lock(LockWords),
    /// Look after the local cache
    #[command(after_help = help::CACHE)]
    Cache(CacheWords),
    /// Say what this machine can do for rg, and how to repair what it cannot
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// List the rules, or the attributes of one
    #[command(after_help = help::RULES)]
    Rules(RulesWords),
    /// Explain the code of a mistake
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainWords),
    /// Remove rg-out, where outputs are put; the cache keeps them
    #[command(after_help = help::CLEAN)]
    Clean,
    /// Print the script that completes words of rg in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The words of `rg build`.
#[derive(Args, Debug)]
pub struct BuildWords {
    /// What to build, as in //services/... or :cart; -PATTERN subtracts [default: all below the current directory]
    #[arg(value_name = "PATTERN")]
    pub patterns: Vec<String>,
    /// What is written beside the outputs.
    #[command(flatten)]
    pub run: RunFlags,
}

/// The words of `rg test`.
#[derive(Args, Debug)]
pub struct TestWords {
    /// What to test, as in //services/... or :unit; -PATTERN subtracts [default: all below the current directory]
    #[arg(value_name = "PATTERN")]
    pub patterns: Vec<String>,
    /// Run every test N times, whatever is known, and report each run
    #[arg(long, value_name = "N", env = "RG_RUNS", hide_env = true)]
    pub runs: Option<NonZeroU32>,
    /// Write the verdicts to FILE as JUnit XML
    #[arg(long, value_name = "FILE", env = "RG_JUNIT", hide_env = true)]
    pub junit: Option<PathBuf>,
    /// What is written beside the outputs.
    #[command(flatten)]
    pub run: RunFlags,
    /// Given to the test programs; results with arguments are not cached
    #[arg(last = true, value_name = "ARG")]
    pub arguments: Vec<OsString>,
}

/// The words of `rg run`.
#[derive(Args, Debug)]
pub struct RunWords {
    /// The target whose program is run
    pub target: String,
    /// What is written beside the outputs.
    #[command(flatten)]
    pub run: RunFlags,
    /// Given to the program
    #[arg(last = true, value_name = "ARG")]
    pub arguments: Vec<OsString>,
}

/// The words of `rg shell`.
#[derive(Args, Debug)]
pub struct ShellWords {
    /// The target whose last action's container is entered
    pub target: String,
    /// What is written beside the outputs.
    #[command(flatten)]
    pub run: RunFlags,
    /// What runs there in place of a shell
    #[arg(last = true, value_name = "ARG")]
    pub arguments: Vec<OsString>,
}

/// The words of `rg query`.
#[derive(Args, Debug)]
pub struct QueryWords {
    /// The query, as in 'deps(//services/cart)'
    #[arg(value_name = "EXPR", required = true)]
    pub expression: Vec<String>,
}

/// The words of `rg log`.
#[derive(Args, Debug)]
pub struct LogWords {
    /// The target
    pub target: String,
}

/// The words of `rg lock`.
#[derive(Args, Debug)]
pub struct LockWords {
    /// Ask again what these are: images, written as in workspace.toml, and repositories, as @name [default: all]
    #[arg(long, value_name = "REFERENCE", num_args = 0.., conflicts_with = "check")]
    pub update: Option<Vec<String>>,
    /// Change nothing; exit with 5 if something is missing or too much
    #[arg(long)]
    pub check: bool,
}

/// The words of `rg cache`.
#[derive(Args, Debug)]
pub struct CacheWords {
    /// What to do.
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Subcommand, Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheCommand {
    /// Say what the cache holds and how large it is
    Stats,
    /// Remove what was used longest ago, until the cache has its size again
    Gc,
    /// Read everything again and remove what is damaged
    Verify,
    /// Print where the cache is
    Path,
}

/// The words of `rg rules`.
#[derive(Args, Debug)]
pub struct RulesWords {
    /// The rule to show
    pub rule: Option<String>,
}

/// The words of `rg explain`.
#[derive(Args, Debug)]
pub struct ExplainWords {
    /// The code of a mistake, as RG0102, an exit code, or `exit` for all exit codes
    pub code: String,
}
