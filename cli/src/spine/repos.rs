//! Other repositories: pinned in rg.lock, brought if they are not here, opened as a part of the tree.
//! It does not know how git is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Location, Mistake, RelPath, codes};
use rules::{RepoSource, Settings};
use workspace::{Commit, Git, Repository, RepositoryError};

use super::open::{Opened, Refused, Texts};
use super::pins;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{Locking, Mode, Network, Verbosity};
use crate::problem::Problem;

/// Opens all repositories that workspace.toml names, and takes over what they say of themselves. One that rg.lock does
/// not pin is pinned.
pub fn open(opened: &mut Opened, session: &Session) -> Result<BTreeMap<Arc<str>, Commit>, Refused> {
    let (mut commits, mut mistakes, mut texts) = (BTreeMap::new(), Vec::new(), Texts::of(&opened.root));
    complete(opened, session)?;
    let names: Vec<(Arc<str>, RepoSource)> =
        opened.settings.repos.iter().map(|(name, repo)| (name.clone(), repo.source.clone())).collect();
    for (name, source) in names {
        let commit = brought(&name, &source, opened, session)?;
        let text = RelPath::new("workspace.toml").ok().and_then(|file| commit.text(&file));
        match text {
            Some(text) => {
                mistakes.extend(opened.settings.adopt(&name, &text));
                texts.keep(definition(&name), text);
            }
            None => mistakes.push(not_a_workspace(&name, &source)),
        }
        let ignore = opened.settings.repos.get(&name).map_or(&[][..], |repo| &repo.own.ignore);
        commits.insert(name, commit.ignoring(ignore));
    }
    if mistakes.is_empty() { Ok(commits) } else { Err(Refused::Mistakes(mistakes, texts)) }
}

/// Pins what rg.lock does not have yet, and writes it down. What it has never changes here.
fn complete(opened: &mut Opened, session: &Session) -> Result<(), Refused> {
    let sources = opened.settings.repos.values().map(|repo| repo.source.clone());
    let lacks = |source: &RepoSource| !opened.lock.repos.contains_key(&source.to_string());
    let missing: Vec<RepoSource> = sources.filter(lacks).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if session.options.settings.locking == Locking::Locked {
        return Err(pins::stale(missing.iter().map(|source| format!("it does not pin `{source}`"))).into());
    }
    for source in missing {
        let commit = resolve(&source, opened, session)?;
        opened.lock.repos.insert(source.to_string(), commit);
    }
    if session.options.execution.mode != Mode::DryRun {
        pins::save(&opened.root, &opened.lock)?;
    }
    Ok(())
}

/// Asks what a reference is now.
pub fn resolve(source: &RepoSource, opened: &Opened, session: &Session) -> Result<String, Problem> {
    if session.options.execution.network == Network::Offline {
        let problem = Problem::new(Exit::Fetch, format!("rg.lock does not pin `{source}`"));
        return Err(problem.because("--offline forbids to ask for it").hint("run `rg lock` with a network"));
    }
    tell(&format!("pinning {source}"), session);
    let repository = Repository::new(opened.cache.dir(), &opened.root, &source.git);
    let cancelled = || session.cancel.is_cancelled();
    let resolved = repository.resolve(&source.reference, &git(opened, session, &cancelled));
    resolved.map_err(|error| problem(error, &format!("cannot pin `{source}`"), source, &opened.settings))
}

/// Returns the commit that rg.lock pins a repository to.
fn brought(name: &str, source: &RepoSource, opened: &Opened, session: &Session) -> Result<Commit, Problem> {
    let pinned = opened.lock.repos.get(&source.to_string()).cloned().unwrap_or_default();
    let repository = Repository::new(opened.cache.dir(), &opened.root, &source.git);
    let cancelled = || session.cancel.is_cancelled();
    let online = session.options.execution.network == Network::Online;
    let git = online.then(|| git(opened, session, &cancelled));
    if online && !repository.is_here(&pinned) {
        tell(&format!("fetching @{name}"), session);
    }
    let message = format!("cannot bring the repository `{name}`");
    repository.open(&pinned, git.as_ref()).map_err(|error| problem(error, &message, source, &opened.settings))
}

fn git<'a>(opened: &'a Opened, session: &'a Session, cancelled: &'a dyn Fn() -> bool) -> Git<'a> {
    Git {
        environment: &session.surroundings.environment.0,
        directory: &opened.root,
        authorities: opened.settings.extra_ca.as_ref().map(|path| opened.root.join(path)),
        cancelled,
    }
}

fn tell(text: &str, session: &Session) {
    if session.options.display.verbosity > Verbosity::Quiet {
        session.options.display.console.tell(&format!("{text}\n"));
    }
}

/// Returns where the workspace.toml of a repository stands.
fn definition(name: &str) -> RelPath {
    RelPath::new(&format!("@{name}/workspace.toml")).expect("settings check the name")
}

fn not_a_workspace(name: &str, source: &RepoSource) -> Mistake {
    let message = format!("the repository `{name}` is no workspace of rg: it has no workspace.toml at its root");
    let hint = format!("add one to {}, and run `rg lock --update @{name}`", source.git);
    Mistake::new(codes::FOREIGN_WORKSPACE, message).hint(hint)
}

/// Returns the mistake that a directory of the workspace stands where the files of a repository appear.
pub fn in_the_way(dir: &RelPath) -> Mistake {
    let message = format!("the directory `{dir}` stands where the files of the repository `{dir}` appear");
    let at = Location::new(RelPath::new("workspace.toml").unwrap_or_else(|_| RelPath::root()), 0..0);
    let hint = "rename the directory, or give the repository another name";
    Mistake::new(codes::FOREIGN_WORKSPACE, message).at(at, "").hint(hint)
}

/// Returns a word as a shell takes it for itself alone.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:.@_-+=,%~".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Says why a repository is not there, and what helps.
fn problem(error: RepositoryError, message: &str, source: &RepoSource, settings: &Settings) -> Problem {
    let told = |exit| Problem::of(exit, &error);
    let name = settings.repos.iter().find(|(_, repo)| repo.source == *source).map(|(name, _)| &**name);
    let update = name.map_or_else(|| "rg lock --update".to_owned(), |name| format!("rg lock --update @{name}"));
    let fetch = || {
        let problem = Problem::new(Exit::Fetch, message);
        problem.because(error.to_string())
    };
    match &error {
        RepositoryError::NoGit(_) => told(Exit::Machine).hint("install git, as with `apt-get install git`"),
        RepositoryError::Unreachable { url, said } => {
            let told = said.iter().fold(fetch(), |problem, line| problem.because(line));
            let url = quoted(url);
            told.hint(format!("`git ls-remote {url}` asks as rg does; git's own settings, keys and proxies are used"))
        }
        RepositoryError::NoReference { has, .. } => {
            let near = rules::nearest(&source.reference, has.iter().map(String::as_str));
            fetch().hint(match near {
                Some(near) => format!("write `ref = \"{near}\"`"),
                None => "`ref` is a branch, a tag, or a commit in 40 hexadecimal digits".to_owned(),
            })
        }
        RepositoryError::Gone { .. } => {
            fetch().hint(format!("`{update}` pins `{}` anew; commit rg.lock", source.reference))
        }
        RepositoryError::NotHere { .. } => {
            fetch().because("--offline forbids to fetch it").hint("build once with a network")
        }
        RepositoryError::Store { .. } => told(Exit::Machine).hint("`rg cache stats` shows where the cache lies"),
        RepositoryError::Cancelled => told(Exit::Interrupted),
    }
}
