//! rg.lock: what the images of a workspace are pinned to, completed before a build and looked after by `rg lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use exec::{Connection, Images, NamedImage};
use model::{ImageDigest, Lock};
use oci::Source;
use rules::{Settings, Toolchain};

use super::machine::engine_places;
use super::open::{Opened, Refused, open};
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
    if mistakes.is_empty() { Ok(lock) } else { Err(Refused::Mistakes(mistakes, root.to_owned())) }
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
    for image in std::mem::take(&mut opened.unpinned) {
        let digest = pinning.resolve(&image)?;
        opened.lock.images.insert(image, digest);
    }
    save(&opened.root, &opened.lock)?;
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

/// Does what `rg lock` was asked for.
pub fn lock(task: &LockTask, session: &Session) -> Result<Exit, Refused> {
    let opened = open(session)?;
    let wanted = &opened.settings.images;
    let missing: BTreeSet<&String> = wanted.iter().filter(|image| !opened.lock.images.contains_key(*image)).collect();
    let extra: Vec<&String> = opened.lock.images.keys().filter(|image| !wanted.contains(*image)).collect();
    let asked = match task {
        LockTask::Check => {
            let lacks = missing.iter().map(|image| format!("it does not pin `{image}`"));
            let has = extra.iter().map(|image| format!("it pins `{image}`, which nothing names"));
            let why: Vec<String> = lacks.chain(has).collect();
            return if why.is_empty() { Ok(Exit::Done) } else { Err(stale(why.into_iter()).into()) };
        }
        LockTask::Complete if session.options.settings.locking == Locking::Locked => {
            return lock(&LockTask::Check, session);
        }
        LockTask::Complete => missing,
        LockTask::Update(named) if named.is_empty() => wanted.iter().collect(),
        LockTask::Update(named) => {
            let named = named.iter().map(|name| known(name, wanted)).collect::<Result<BTreeSet<_>, _>>()?;
            named.into_iter().chain(missing).collect()
        }
    };
    let pinning = Pinning::new(&opened.root, &opened.settings, session);
    let mut lock = opened.lock.clone();
    lock.images.retain(|image, _| wanted.contains(image));
    for image in asked {
        lock.images.insert(image.clone(), pinning.resolve(image)?);
    }
    if lock != opened.lock || (!lock.images.is_empty() && !opened.root.join(Lock::FILE).exists()) {
        save(&opened.root, &lock)?;
    }
    tell(&opened.lock, &lock, session)?;
    Ok(Exit::Done)
}

/// Returns an image that a definition names.
fn known<'a>(name: &str, wanted: &'a BTreeSet<String>) -> Result<&'a String, Problem> {
    wanted.get(name).ok_or_else(|| {
        let problem = Problem::new(Exit::Definition, format!("no definition names the image `{name}`"));
        match rules::nearest(name, wanted.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("write it as workspace.toml does: `rg lock --update {near}`")),
            None => problem.hint("`rg lock --update` alone updates all"),
        }
    })
}

/// Says what has changed.
fn tell(before: &Lock, after: &Lock, session: &Session) -> Result<(), Problem> {
    let display = session.options.display;
    let was = |image: &String| before.images.get(image);
    let added: Vec<&String> = after.images.keys().filter(|image| was(image).is_none()).collect();
    let updated: Vec<&String> =
        after.images.iter().filter(|(image, now)| was(image).is_some_and(|was| was != *now)).map(|it| it.0).collect();
    let removed: Vec<&String> = before.images.keys().filter(|image| !after.images.contains_key(*image)).collect();
    if display.output == Output::Json {
        let images: BTreeMap<&String, String> =
            after.images.iter().map(|(image, it)| (image, it.to_string())).collect();
        let changes = serde_json::json!({ "added": added, "updated": updated, "removed": removed });
        let document = serde_json::json!({ "schema": "rg.lock/v1", "images": images, "changes": changes });
        return display.console.answer(&format!("{document}\n"));
    }
    if display.verbosity > Verbosity::Quiet {
        for (what, images) in [("added", &added), ("updated", &updated), ("removed", &removed)] {
            images.iter().for_each(|image| display.console.tell(&format!("{what} {image}\n")));
        }
    }
    let (images, changed) = (after.images.len(), added.len() + updated.len() + removed.len());
    let plural = if images == 1 { "" } else { "s" };
    display.console.tell(&format!("rg.lock: {images} image{plural}, {changed} changed\n"));
    Ok(())
}

fn stale(why: impl Iterator<Item = String>) -> Problem {
    let problem = Problem::new(Exit::Stale, "rg.lock is stale");
    why.fold(problem, Problem::because).hint("`rg lock` updates it; commit it")
}

fn save(root: &Path, lock: &Lock) -> Result<(), Problem> {
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

    /// Asks what an image is now.
    fn resolve(&self, image: &str) -> Result<ImageDigest, Problem> {
        let source = self.source(image)?;
        if self.session.options.execution.network == Network::Offline && matches!(source, Source::Registry(_)) {
            let problem = Problem::new(Exit::Fetch, format!("rg.lock does not pin `{image}`"));
            return Err(problem.because("--offline forbids to ask for it").hint("run `rg lock` with a network"));
        }
        if self.session.options.display.verbosity > Verbosity::Quiet {
            self.session.options.display.console.tell(&format!("pinning {image}\n"));
        }
        let resolved = self.client.resolve(&source, self.root);
        resolved.map_err(|error| {
            if self.session.cancel.is_cancelled() {
                return Problem::new(Exit::Interrupted, "interrupted");
            }
            Problem::new(Exit::Fetch, format!("cannot pin the image `{image}`")).because(error.to_string())
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
