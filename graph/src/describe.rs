//! The one description of an action. Whatever decides a rebuild is written here; the action key, the static key
//! and the Remote Execution API encoding only read it. Each reader takes the struct apart field by field, so a new
//! field does not compile until every reader has said what it does with it.
//!
//! | counts | does not count |
//! |---|---|
//! | argv, environment, working directory, output paths and kinds, network policy | the target's name, rule, tags, attributes, the text that declares it |
//! | inputs: paths, contents, executable bit, link targets | mtimes, owners, other mode bits |
//! | toolchains and base system: as declared (static key), as found (action key) | where they lie on this machine |
//! | timeout, rule version, domain (executor family) | retries, exclusiveness, job count, memory, processors |
//! | names of secrets | their values; cache mounts |
//!
//! A fetch is described by its lock entry alone: no toolchain, no input. Where a lock does not name the file, what has to
//! fit is a part of its entry.

use std::borrow::Cow;
use std::time::Duration;

use model::{Action, Assembly, Distribution, Input, Libc, Locked, Need, Network, Output, OutputKind, Work};

/// The version of this table: raised when the meaning of a description changes.
const VERSION: u32 = 2;

/// Where every fetch leaves what it brings, whatever the rule calls it.
pub const FETCHED: &str = "fetched";

/// Everything that counts in an action.
pub(crate) struct Description<'a> {
    pub argv: Vec<Cow<'a, str>>,
    /// Sorted by name.
    pub env: Vec<(&'a str, &'a str)>,
    /// The working directory inside the input root.
    pub directory: &'a str,
    /// Relative to the working directory, sorted.
    pub outputs: Vec<String>,
    pub timeout: Option<Duration>,
    /// Sorted by name.
    pub properties: Vec<(String, Property<'a>)>,
    pub salt: String,
    pub inputs: &'a [Input],
}

/// The value of a platform property.
pub(crate) enum Property<'a> {
    Text(Cow<'a, str>),
    /// Resolved on the machine: the declaration counts before, the fingerprint after.
    Pin(&'a Need),
}

/// Describes an action. Actions of different domains never share results.
pub(crate) fn describe<'a>(action: &'a Action, domain: &str) -> Description<'a> {
    let mut description = match &action.work {
        Work::Command(command) => Description {
            argv: command.argv.iter().map(|word| Cow::from(&**word)).collect(),
            env: command.env.iter().map(|(name, value)| (&**name, &**value)).collect(),
            directory: command.directory.as_str(),
            outputs: action.outputs.iter().map(|output| output.at.relative_to(&command.directory)).collect(),
            timeout: action.limits.end(),
            properties: properties(command.network, action),
            salt: salt(action, domain),
            inputs: &action.inputs,
        },
        Work::Fetch(locked) => {
            // Two locks may name one package: where each of them keeps it does not count.
            let outputs = action.outputs.iter().map(|_| FETCHED.to_owned()).collect();
            Description { outputs, ..internal(fetch_words(locked), action, &[]) }
        }
        Work::Tree(assembly) => internal(tree_words(*assembly), action, &action.inputs),
    };
    description.outputs.sort();
    description
}

/// Describes work that rg does itself: on every machine and in every domain the same.
fn internal<'a>(argv: Vec<Cow<'a, str>>, action: &Action, inputs: &'a [Input]) -> Description<'a> {
    Description {
        argv,
        env: Vec::new(),
        directory: "",
        outputs: action.outputs.iter().map(|output| output.at.to_string()).collect(),
        timeout: None,
        properties: Vec::new(),
        salt: salt(action, ""),
        inputs,
    }
}

fn tree_words(assembly: Assembly) -> Vec<Cow<'static, str>> {
    // The number is raised when an assembly makes another tree of the same inputs.
    let how = match assembly {
        Assembly::Merge => "merge/1",
        Assembly::Wheels => "wheels/1",
        Assembly::NpmTarballs => "npm-tarballs/1",
        Assembly::NodeModules => "node-modules/2",
    };
    ["rg", "tree", how].map(Cow::from).into()
}

/// Returns a lock entry in words. Where the lock has seen the package does not count: mirrors have it elsewhere.
fn fetch_words(locked: &Locked) -> Vec<Cow<'_, str>> {
    match locked {
        Locked::GoModule { path, version, sum, mod_sum } => {
            words(["rg", "fetch", "go-module", path, version, sum, mod_sum.as_deref().unwrap_or_default()])
        }
        Locked::PythonFile { name, version, file, sha256, seen_at: _ } => {
            words(["rg", "fetch", "python-file", name, version, file, sha256])
        }
        Locked::PythonAny { name, version, sha256, distribution, environment, platform } => {
            let distribution = match distribution {
                Distribution::Wheel => "wheel",
                Distribution::Source => "source",
            };
            let fits = Cow::from(format!("{} {} {platform}", environment.version, libc_words(environment.libc)));
            let fixed = words(["rg", "fetch", "python", name, version, distribution]);
            fixed.into_iter().chain([fits]).chain(sha256.iter().map(|sha256| Cow::from(&**sha256))).collect()
        }
        Locked::NpmPackage { name, version, integrity, seen_at: _, locked_in: _ } => {
            words(["rg", "fetch", "npm", name, version, integrity])
        }
    }
}

fn words<'a, const N: usize>(words: [&'a str; N]) -> Vec<Cow<'a, str>> {
    words.map(Cow::from).into()
}

fn libc_words(libc: Libc) -> String {
    match libc {
        Libc::Glibc(major, minor) => format!("glibc {major}.{minor}"),
        Libc::Musl(major, minor) => format!("musl {major}.{minor}"),
    }
}

fn salt(action: &Action, domain: &str) -> String {
    let domain = if domain.is_empty() { String::new() } else { format!(" domain={domain}") };
    format!("rg/{VERSION} rule={} outputs={}{domain}", action.rule_version, kinds(&action.outputs))
}

/// Returns a letter for each output, by path: the protocol names outputs without saying what they have to be, and a
/// result that lacks an optional file must not be taken by an action that requires it.
fn kinds(outputs: &[Output]) -> String {
    let mut outputs: Vec<&Output> = outputs.iter().collect();
    outputs.sort_by(|a, b| a.at.cmp(&b.at));
    let letter = |output: &&Output| match output.kind {
        OutputKind::File => 'f',
        OutputKind::Directory => 'd',
        OutputKind::OptionalFile => 'F',
        OutputKind::OptionalDirectory => 'D',
    };
    outputs.iter().map(letter).collect()
}

fn properties(network: Network, action: &Action) -> Vec<(String, Property<'_>)> {
    let network = match network {
        Network::None => "none",
        Network::Host => "host",
    };
    let mut properties = vec![
        ("OSFamily".to_owned(), Property::Text("Linux".into())),
        ("network".to_owned(), Property::Text(network.into())),
    ];
    if !action.grants.secrets.is_empty() {
        properties.push(("secrets".to_owned(), Property::Text(action.grants.secrets.join(",").into())));
    }
    properties.extend(action.needs.iter().map(|need| (need_name(need), Property::Pin(need))));
    properties.sort_by(|a, b| a.0.cmp(&b.0));
    properties
}

/// Returns the name of the property that a need becomes.
pub(crate) fn need_name(need: &Need) -> String {
    match need {
        Need::Base => "base".to_owned(),
        Need::GoCache => "rg-gocache".to_owned(),
        Need::Host { toolchain, .. } => format!("toolchain-{toolchain}"),
        // As build servers know it; which toolchain it is called in workspace.toml does not count.
        Need::Image { .. } => "container-image".to_owned(),
    }
}

/// Returns a need as it is declared.
pub(crate) fn need_text(need: &Need) -> String {
    match need {
        Need::Base | Need::GoCache => "host".to_owned(),
        Need::Host { programs, .. } => format!("host:{}", programs.join(",")),
        Need::Image { digest, .. } => digest.to_string(),
    }
}
