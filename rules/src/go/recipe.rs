//! How the Go command is called: arguments, environment, places in the input root. It knows no targets.
//!
//! Go wants absolute paths for its caches and for go.work, and an executor may lay the input root anywhere. So a shell
//! line finds the root from the working directory and sets them; with `-trimpath` they reach no output. All other paths
//! are relative.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Command, Network, Platform, RelPath};

use super::Cgo;
use super::constraint::BuildContext;
use crate::lowering::base_environment;
use crate::parts;

/// The version of these recipes: a part of every key.
pub(crate) const VERSION: u32 = 1;

/// Where the workspace lies in an input root.
pub(crate) fn src() -> RelPath {
    place("src")
}

/// Where the module tree lies in an input root.
pub(crate) fn gomod() -> RelPath {
    place("gomod")
}

/// Where a compile cache lies in an input root.
pub(crate) fn gocache(name: &str) -> RelPath {
    place("gocache").join(&place(name))
}

fn place(name: &str) -> RelPath {
    RelPath::new(name).expect("a normal path")
}

/// What the Go command is to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// What these arguments say.
    Run(Vec<String>),
    /// To vet the package in the working directory, with these build tags. Arguments for tests are none of its own.
    Vet(Vec<String>),
    /// To collect what vetting a package asks of the packages that it imports. Without them they would be vetted anew
    /// with each package: eight seconds for `net/http`.
    Facts(Vec<String>),
    /// The same for the standard library.
    StandardFacts,
}

/// One call of the Go command.
pub(crate) struct Call<'c> {
    /// What it does.
    pub task: Task,
    /// Where it runs, from the workspace root.
    pub dir: &'c RelPath,
    /// What it builds for.
    pub context: &'c BuildContext,
    /// The directory of the go.work file; `None` without one.
    pub work: Option<&'c RelPath>,
    /// The compile caches that are read, by name.
    pub caches: &'c [&'c str],
    /// Where new cache entries go, in the input root; `None` drops them.
    pub keep: Option<&'c RelPath>,
}

impl Call<'_> {
    /// Returns the command.
    pub fn command(&self) -> Command {
        let directory = src().join(self.dir);
        let mut argv = vec!["/bin/sh".to_owned(), "-euc".to_owned(), self.script(&directory), "go".to_owned()];
        match &self.task {
            Task::Run(arguments) | Task::Facts(arguments) => argv.extend(arguments.iter().cloned()),
            Task::Vet(_) | Task::StandardFacts => {}
        }
        let argv = argv.iter().map(|word| Arc::from(&**word)).collect();
        Command { argv, env: environment(self.context), directory, network: Network::None }
    }

    fn script(&self, directory: &RelPath) -> String {
        let up = vec![".."; directory.segments().count()].join("/");
        let work =
            self.work.map_or("off".to_owned(), |dir| format!("\"$root/{}\"", src().join(dir).join(&place("go.work"))));
        let reads: String = self.caches.iter().map(|name| format!(" --read '$root/{}'", gocache(name))).collect();
        let write = self.keep.map_or("$TMPDIR/rg-gocache".to_owned(), |at| format!("$root/{at}"));
        format!(
            "root=$(cd {up} && pwd)\n\
             root=${{root%/}}\n\
             export GOWORK={work} GOMODCACHE=\"$root/{}\" GOCACHE=\"$TMPDIR/gocache\"\n\
             export GOCACHEPROG=\"rg-gocache{reads} --write '{write}'\"\n\
             {}",
            gomod(),
            self.task.lines()
        )
    }
}

impl Task {
    /// Returns the lines that call the Go command, once its environment is there.
    fn lines(&self) -> String {
        match self {
            Task::Run(_) => "exec go \"$@\"\n".to_owned(),
            Task::Vet(tags) => {
                let tags = tag_arg(tags).map_or(String::new(), |tags| format!(" {}", parts::quoted(&tags)));
                format!("exec go vet -trimpath -buildvcs=false{tags} .\n")
            }
            Task::Facts(_) => FACTS.to_owned(),
            Task::StandardFacts => format!("{STANDARD}{FACTS}"),
        }
    }
}

/// Vets a file that imports packages: of what it imports only facts are collected.
const FACTS: &str = "{ echo 'package facts'; printf 'import _ \"%s\"\\n' \"$@\"; } >\"$TMPDIR/facts.go\"\n\
                     exec go vet -trimpath -buildvcs=false \"$TMPDIR/facts.go\"\n";

/// Names the packages of the standard library that others may import.
const STANDARD: &str = "set -- $(go list std | grep -Ev '(^|/)(internal|vendor)(/|$)')\n";

/// Returns the environment of a build for a platform.
fn environment(context: &BuildContext) -> BTreeMap<Arc<str>, Arc<str>> {
    let cgo = match context.cgo {
        Cgo::Off => "0",
        Cgo::On => "1",
    };
    let level = match &*context.arch {
        "amd64" => Some(("GOAMD64", "v1")),
        "arm64" => Some(("GOARM64", "v8.0")),
        _ => None,
    };
    let mut env = base_environment();
    let fixed = [
        ("CGO_ENABLED", cgo),
        ("GOARCH", &*context.arch),
        // A directory index by name, time and size goes stale when times are constant: wrong outputs were seen.
        ("GODEBUG", "goindex=0"),
        ("GOENV", "off"),
        ("GOFLAGS", "-mod=readonly"),
        ("GOOS", &*context.os),
        ("GOPROXY", "off"),
        ("GOSUMDB", "off"),
        ("GOTELEMETRY", "off"),
        ("GOTOOLCHAIN", "local"),
    ];
    env.extend(fixed.into_iter().chain(level).map(|(name, value)| (Arc::from(name), Arc::from(value))));
    env
}

/// Returns the arguments that compile packages into the cache alone.
pub(crate) fn compile_args(packages: impl IntoIterator<Item = String>) -> Vec<String> {
    let fixed = ["build", "-trimpath", "-buildvcs=false"].map(str::to_owned);
    fixed.into_iter().chain(packages).collect()
}

/// Returns the arguments that link the program in the working directory.
pub(crate) fn program_args(tags: &[String], ldflags: &[&str], output: &str) -> Vec<String> {
    let mut args = compile_args([]);
    args.extend(tag_arg(tags));
    if !ldflags.is_empty() {
        args.push(format!("-ldflags={}", ldflags.join(" ")));
    }
    args.extend(["-o", output, "."].map(str::to_owned));
    args
}

/// Returns the arguments that link the tests of the package in the working directory.
pub(crate) fn test_args(tags: &[String], output: &str) -> Vec<String> {
    let mut args: Vec<String> = ["test", "-c", "-vet=off", "-trimpath", "-buildvcs=false"].map(str::to_owned).into();
    args.extend(tag_arg(tags));
    args.extend(["-o", output, "."].map(str::to_owned));
    args
}

fn tag_arg(tags: &[String]) -> Option<String> {
    (!tags.is_empty()).then(|| format!("-tags={}", tags.join(",")))
}

/// Returns what decides which files count.
pub(crate) fn context(platform: &Platform, cgo: Cgo, tags: impl Iterator<Item = String>) -> BuildContext {
    let mut tags: Vec<String> = tags.collect();
    tags.sort();
    tags.dedup();
    BuildContext { os: platform.os.to_string(), arch: platform.arch.to_string(), cgo, tags }
}
