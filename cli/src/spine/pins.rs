//! rg.lock: what the images and repositories of a workspace are pinned to, completed before a build and looked after by `rg lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use exec::{Connection, Images, NamedImage};
use model::{ImageDigest, Lock, Platform};
use oci::Source;
use rules::{RepoSource, Settings, Toolchain};

use super::machine::engine_places;
use super::open::{Opened, Refused, Texts, open};
use super::repos;
use crate::args::Output;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{LockTask, Locking, Mode, Network, Verbosity};
use crate::problem::Problem;

/// Reads the lock of a workspace; an empty one if there is none.
pub fn read(root: &Path) -> Result<Lock, Refused> {
    let text = match std::fs::read_to_string(root.join(Lock::FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Lock::default()),
        Err(error) => {
            return Err(Problem::new(Exit::Definition, "cannot read rg.lock").because(error.to_string()).into());
        }
    };
    let (lock, mistakes) = rules::lock(&text);
    if mistakes.is_empty() { Ok(lock) } else { Err(Refused::Mistakes(mistakes, Texts::of(root))) }
}

/// Pins what the lock does not have yet, and writes it down. What it has never changes here.
pub fn complete(opened: &mut Opened, session: &Session) -> Result<(), Refused> {
    if opened.unpinned.is_empty() || session.options.execution.mode == Mode::DryRun {
        return Ok(());
    }
    if session.options.settings.locking == Locking::Locked {
        return Err(stale(opened.unpinned.iter().map(|image| format!("it does not pin `{image}`"))).into());
    }
    let pinning = Pinning::new(&opened.root, &opened.settings, session);
    let before = opened.lock.clone();
    let pinned = pinning.pin(&opened.unpinned.iter().collect(), &mut opened.lock);
    if opened.lock != before {
        save(&opened.root, &opened.lock)?;
    }
    pinned?;
    opened.unpinned.clear();
    opened.settings.pin(&opened.lock);
    Ok(())
}

/// Returns the images that the toolchains of a workspace are.
pub fn images(opened: &Opened, session: &Session) -> Result<Images, Problem> {
    let pinning = Pinning::new(&opened.root, &opened.settings, session);
    let mut named = BTreeMap::new();
    for toolchain in opened.settings.toolchains.values() {
        if let Toolchain::Image { image, pinned: Some(digest) } = toolchain {
            named.insert(*digest, NamedImage { name: image.clone(), source: pinning.source(image)? });
        }
    }
    let connection = match session.options.execution.network {
        Network::Online => Connection::Online,
        Network::Offline => Connection::Offline,
    };
    Ok(Images::new(named, pinning.client, opened.root.clone(), connection))
}

/// What is to be pinned.
#[derive(Default)]
struct Asked<'a> {
    images: BTreeSet<&'a String>,
    repos: BTreeSet<&'a RepoSource>,
}

/// Does what `rg lock` was asked for.
pub fn lock(task: &LockTask, session: &Session) -> Result<Exit, Refused> {
    let opened = open(session)?;
    let (images, repos) = (&opened.settings.images, &opened.settings.named_repos);
    let missing = Asked {
        images: images.iter().filter(|image| !opened.lock.images.contains_key(*image)).collect(),
        repos: repos.iter().filter(|source| !opened.lock.repos.contains_key(&source.to_string())).collect(),
    };
    let asked = match task {
        LockTask::Check => return check(&missing, &opened),
        LockTask::Complete if session.options.settings.locking == Locking::Locked => return check(&missing, &opened),
        LockTask::Complete => missing,
        LockTask::Update(_) if session.options.settings.locking == Locking::Locked => {
            let problem = Problem::new(Exit::Definition, "--update changes rg.lock, and --locked forbids that");
            return Err(problem.hint("leave out one of them; `rg lock --check` only compares").into());
        }
        LockTask::Update(named) if named.is_empty() => {
            Asked { images: images.iter().collect(), repos: repos.iter().collect() }
        }
        LockTask::Update(named) => {
            let mut asked = missing;
            named.iter().try_for_each(|name| ask(name, &opened.settings, &mut asked))?;
            asked
        }
    };
    let pinning = Pinning::new(&opened.root, &opened.settings, session);
    let mut lock = opened.lock.clone();
    let pinned = pinning.pin(&asked.images, &mut lock);
    let brought = asked.repos.into_iter().try_for_each(|source| -> Result<(), Problem> {
        lock.repos.insert(source.to_string(), repos::resolve(source, &opened, session)?);
        Ok(())
    });
    let refused = pinned.and(brought).err();
    if refused.is_none() {
        // Not before: what is written wrong for a moment keeps its pin.
        lock.images.retain(|image, _| images.contains(image));
        lock.repos.retain(|key, _| repos.iter().any(|source| source.to_string() == *key));
    }
    if lock != opened.lock || (lock != Lock::default() && !opened.root.join(Lock::FILE).exists()) {
        save(&opened.root, &lock)?;
    }
    if refused.is_none() || lock != opened.lock {
        tell(&opened.lock, &lock, session)?;
    }
    refused.map_or(Ok(Exit::Done), |problem| Err(problem.into()))
}

/// Compares the lock with what definitions name.
fn check(missing: &Asked<'_>, opened: &Opened) -> Result<Exit, Refused> {
    let named: BTreeSet<String> = opened.settings.named_repos.iter().map(ToString::to_string).collect();
    let lacks = missing.images.iter().map(ToString::to_string).chain(missing.repos.iter().map(ToString::to_string));
    let lacks = lacks.map(|key| format!("it does not pin `{key}`"));
    let images = opened.lock.images.keys().filter(|image| !opened.settings.images.contains(*image));
    let has = images.chain(opened.lock.repos.keys().filter(|key| !named.contains(*key)));
    let has = has.map(|key| format!("it pins `{key}`, which nothing names"));
    let why: Vec<String> = lacks.chain(has).collect();
    if why.is_empty() { Ok(Exit::Done) } else { Err(stale(why.into_iter()).into()) }
}

/// Adds what a word names: an image, or a repository by its name, its place, or as rg.lock has it.
fn ask<'a>(word: &str, settings: &'a Settings, asked: &mut Asked<'a>) -> Result<(), Problem> {
    let image = settings.images.get(word);
    let by_name = word.strip_prefix('@').and_then(|name| settings.repos.get(name)).map(|repo| &repo.source);
    let written = |source: &&RepoSource| source.git == word || source.to_string() == word;
    let repos: Vec<&RepoSource> = settings.named_repos.iter().filter(written).chain(by_name).collect();
    if image.is_none() && repos.is_empty() {
        let problem = Problem::new(Exit::Definition, format!("no definition names the image or repository `{word}`"));
        let repos: Vec<String> = settings.repos.keys().map(|name| format!("@{name}")).collect();
        let known = settings.images.iter().chain(&repos).map(String::as_str);
        return Err(match rules::nearest(word, known) {
            Some(near) => problem.hint(format!("write it as workspace.toml does: `rg lock --update {near}`")),
            None => problem.hint("`rg lock --update` alone updates all; a repository is `@name`"),
        });
    }
    asked.images.extend(image);
    asked.repos.extend(repos);
    Ok(())
}

/// Says what has changed.
fn tell(before: &Lock, after: &Lock, session: &Session) -> Result<(), Problem> {
    let display = session.options.display;
    let (was, now) = (entries(before), entries(after));
    let added: Vec<&String> = now.keys().filter(|key| !was.contains_key(*key)).collect();
    let is_other = |key: &String, now: &String| was.get(key).is_some_and(|was| was != now);
    let updated: Vec<&String> = now.iter().filter(|(key, now)| is_other(key, now)).map(|(key, _)| key).collect();
    let removed: Vec<&String> = was.keys().filter(|key| !now.contains_key(*key)).collect();
    if display.output == Output::Json {
        let images: BTreeMap<&String, String> =
            after.images.iter().map(|(image, it)| (image, it.to_string())).collect();
        let changes = serde_json::json!({ "added": added, "updated": updated, "removed": removed });
        let document = serde_json::json!({
            "schema": "rg.lock/v1", "images": images, "repos": after.repos, "changes": changes,
        });
        return display.console.answer(&format!("{document}\n"));
    }
    if display.verbosity > Verbosity::Quiet {
        for (what, keys) in [("added", &added), ("updated", &updated), ("removed", &removed)] {
            keys.iter().for_each(|key| display.console.tell(&format!("{what} {key}\n")));
        }
    }
    let changed = added.len() + updated.len() + removed.len();
    let images = counted(after.images.len(), "image", "images");
    let repos = match after.repos.len() {
        0 => String::new(),
        count => format!("{}, ", counted(count, "repository", "repositories")),
    };
    display.console.tell(&format!("rg.lock: {images}, {repos}{changed} changed\n"));
    Ok(())
}

/// Returns all entries of a lock, with what they are pinned to.
fn entries(lock: &Lock) -> BTreeMap<String, String> {
    let images = lock.images.iter().map(|(image, digest)| (image.clone(), digest.to_string()));
    images.chain(lock.repos.iter().map(|(key, commit)| (key.clone(), commit.clone()))).collect()
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Says why the lock is stale.
pub fn stale(why: impl Iterator<Item = String>) -> Problem {
    let problem = Problem::new(Exit::Stale, "rg.lock is stale");
    why.fold(problem, Problem::because).hint("`rg lock` updates it; commit it")
}

/// Writes the lock.
pub fn save(root: &Path, lock: &Lock) -> Result<(), Problem> {
    workspace::save_lock(root, lock).map_err(|error| {
        Problem::new(Exit::Machine, "cannot write rg.lock")
            .because(error.to_string())
            .hint("make the root of the workspace writable, or run `rg lock` where it is")
    })
}

/// Asks what images are.
struct Pinning<'a> {
    root: &'a Path,
    settings: &'a Settings,
    client: oci::Images,
    session: &'a Session,
}

impl<'a> Pinning<'a> {
    fn new(root: &'a Path, settings: &'a Settings, session: &'a Session) -> Pinning<'a> {
        let environment = &session.surroundings.environment;
        let user = fetch::User {
            environment: environment.texts(),
            home: environment.directory("HOME").map(Path::to_owned),
            extra_ca: settings.extra_ca.as_ref().map(|path| root.join(path)),
            root: root.to_owned(),
        };
        let cancel = session.cancel.clone();
        let client = oci::Images::new(user, fetch::Patience::default(), Arc::new(move || cancel.is_cancelled()));
        let client = client.with_daemon(daemon(session));
        Pinning { root, settings, client, session }
    }

    /// Returns where an image is taken from.
    fn source(&self, image: &str) -> Result<Source, Problem> {
        oci::source(image, &self.settings.image_overrides).map_err(|error| {
            Problem::new(Exit::Definition, format!("workspace.toml names an image that is none: {error}"))
                .hint("an image is written as `docker.io/library/golang:1.26`, or as `oci-layout:third_party/go`")
        })
    }

    /// Pins images. One that cannot be had keeps no other from being pinned: it is told, the last as the error.
    fn pin(&self, images: &BTreeSet<&String>, lock: &mut Lock) -> Result<(), Problem> {
        let mut refused = None;
        for image in images {
            match self.resolve(image) {
                Ok(digest) => drop(lock.images.insert((*image).clone(), digest)),
                Err(problem) if problem.exit == Exit::Interrupted => return Err(problem),
                Err(problem) => {
                    if let Some(earlier) = refused.replace(problem) {
                        self.session.options.display.console.tell(&earlier.render());
                    }
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Asks what an image is now.
    fn resolve(&self, image: &str) -> Result<ImageDigest, Problem> {
        let source = self.source(image)?;
        if self.session.options.execution.network == Network::Offline && matches!(source, Source::Registry(_)) {
            let problem = Problem::new(Exit::Fetch, format!("cannot ask what `{image}` is now"));
            return Err(problem.because("--offline forbids it").hint("run `rg lock` with a network"));
        }
        if self.session.options.display.verbosity > Verbosity::Quiet {
            self.session.options.display.console.tell(&format!("pinning {image}\n"));
        }
        // What is pinned is an image for this machine, whole but for its layers: a tag can lead to anything.
        let found = self.client.resolve(&source, self.root).and_then(|digest| {
            self.client.image(&source, self.root, &digest, &Platform::of_this_machine()).map(|_| digest)
        });
        found.map_err(|error| {
            let message = format!("cannot pin the image `{image}`");
            match &error.problem {
                _ if self.session.cancel.is_cancelled() => Problem::new(Exit::Interrupted, "interrupted"),
                oci::Problem::Write(error) => Problem::new(Exit::Machine, message).because(error.to_string()),
                problem => {
                    let named = NamedImage { name: image.to_owned(), source: source.clone() };
                    let told = Problem::new(Exit::Fetch, message).because(named.why(problem));
                    match problem {
                        // Nothing was pinned that could have moved since.
                        oci::Problem::NotFound { .. } => told.hint("look at the name in workspace.toml"),
                        problem => named.fix(problem).into_iter().fold(told, Problem::hint),
                    }
                }
            }
        })
    }
}

/// Returns how images are taken from the container engine of this machine.
fn daemon(session: &Session) -> oci::Save {
    let (places, cancel) = (engine_places(session), session.cancel.clone());
    Box::new(move |name, file| {
        let saved = exec::save_image(&places, name, file, &cancel);
        saved.map_err(|error| format!("{error} ({})", error.fix()))
    })
}
