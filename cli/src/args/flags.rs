//! The flags that several commands share, as they are typed. Each has an environment variable `RG_<NAME>`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use model::Platform;

use crate::console::ColourChoice;

/// The flags that every command shares.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Shared flags")]
pub struct SharedFlags {
    /// Run at most N actions at once [default: the number of processors]
    #[arg(short, long, value_name = "N", global = true, env = "RG_JOBS", hide_env = true)]
    pub jobs: Option<NonZeroUsize>,
    /// After a failure, go on with everything that does not depend on it
    #[arg(short, long, global = true, env = "RG_KEEP_GOING", hide_env = true, value_parser = FalseyValueParser::new())]
    pub keep_going: bool,
    /// Say what would run; run and write nothing
    #[arg(long, global = true, env = "RG_DRY_RUN", hide_env = true, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Lay [profile.NAME] of workspace.toml over its other settings
    #[arg(long, value_name = "NAME", global = true, env = "RG_PROFILE", hide_env = true)]
    pub profile: Option<String>,
    /// Run actions in this kind of container [default: auto, the strongest that this machine can do]
    #[arg(long, value_name = "NAME", global = true, env = "RG_EXECUTOR", hide_env = true, hide_possible_values = true)]
    pub executor: Option<Rung>,
    /// Never run an action in a weaker container than this one
    #[arg(long, value_name = "RUNG", global = true, env = "RG_STRICT", hide_env = true, hide_possible_values = true)]
    pub strict: Option<Rung>,
    /// Build for this platform, as in linux/arm64 [default: the workspace's]
    #[arg(long, value_name = "OS/ARCH", global = true, env = "RG_PLATFORM", hide_env = true)]
    pub platform: Option<Platform>,
    /// The form of the answer on stdout: text, json or jsonl; `rg query` knows more
    #[arg(long, value_name = "FORM", global = true, env = "RG_OUTPUT", hide_env = true, hide_possible_values = true)]
    pub output: Option<Output>,
    /// Colours: auto, always or never; NO_COLOR and CLICOLOR_FORCE are obeyed
    #[arg(long, value_name = "WHEN", global = true, env = "RG_COLOR", hide_env = true, hide_possible_values = true)]
    pub color: Option<ColourChoice>,
    /// Say more: cached actions too, and what successful actions printed
    #[arg(short, long, global = true, env = "RG_VERBOSE", hide_env = true, value_parser = FalseyValueParser::new(), overrides_with = "quiet")]
    pub verbose: bool,
    /// Say nothing but failures and the last line
    #[arg(short, long, global = true, env = "RG_QUIET", hide_env = true, value_parser = FalseyValueParser::new(), overrides_with = "verbose")]
    pub quiet: bool,
    /// The workspace's directory [default: the nearest one upwards that has a workspace.toml]
    #[arg(long, value_name = "DIR", global = true, env = "RG_WORKSPACE", hide_env = true)]
    pub workspace: Option<PathBuf>,
    /// Fail if rg.lock would change
    #[arg(long, global = true, env = "RG_LOCKED", hide_env = true, value_parser = FalseyValueParser::new())]
    pub locked: bool,
    /// Fetch nothing from the network
    #[arg(long, global = true, env = "RG_OFFLINE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub offline: bool,
    /// Take no earlier result: everything runs
    #[arg(long, global = true, env = "RG_NO_CACHE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub no_cache: bool,
    /// Ask no remote cache
    #[arg(long, global = true, env = "RG_NO_REMOTE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub no_remote: bool,
    /// Run the actions of this target even if their results are known; may be given several times
    #[arg(long, value_name = "TARGET", global = true, env = "RG_RERUN", hide_env = true, value_delimiter = ',')]
    pub rerun: Vec<String>,
}

/// The flags of commands that run actions.
#[derive(Args, Debug, Clone, Default)]
pub struct RunFlags {
    /// Write what happens to FILE, one JSON object a line
    #[arg(long, value_name = "FILE", env = "RG_EVENTS", hide_env = true)]
    pub events: Option<PathBuf>,
}

/// A kind of container for actions, from the strongest to none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Rung {
    /// The strongest that this machine can do.
    Auto,
    /// Another machine, by the Remote Execution API.
    Remote,
    /// A container of Docker or Podman.
    Engine,
    /// rg's own sandbox of Linux namespaces.
    Native,
    /// A changed root directory and a private network.
    ChrootLite,
    /// No container: the action sees this machine.
    Host,
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// JSON, one object a line.
    Jsonl,
    /// `rg query`: labels.
    Label,
    /// `rg query`: kinds and labels.
    #[value(name = "label_kind")]
    LabelKind,
    /// `rg query`: where targets are declared.
    Location,
    /// `rg query`: packages.
    Package,
    /// `rg query`: labels with the length of the shortest path from the roots.
    Minrank,
    /// `rg query`: labels with the length of the longest path from the roots.
    Maxrank,
    /// `rg query`: a graph for Graphviz.
    Graph,
    /// `rg query`: a graph for Mermaid.
    Mermaid,
    /// `rg query`: an indented tree.
    Tree,
}
