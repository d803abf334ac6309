//! The image of an engine that is the root directory of containers: the very tree that other executors use, as one
//! layer, brought into the engine once and found there by its own name.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use bollard::body_try_stream;
use bollard::query_parameters::CreateImageOptions;
use cache::Cache;
use futures_util::TryStreamExt;

use super::client::Session;
use super::tarball::{self, Owned, Pieces};
use crate::images::ImageRoot;
use crate::sandbox::How;
use crate::{Cancel, Failure};

/// The name of all images that are made here; the tag is the digest of the tree.
const REPOSITORY: &str = "rg/root";
/// What is made of a tree. It is raised when another image is made of the same tree.
const FORM: &str = "1";

/// Returns what the engine calls the image, which is brought into it if it is not there.
pub(super) fn ensure(session: &Session, image: &ImageRoot, cache: &Cache, cancel: &Cancel) -> Result<String, Failure> {
    let mut images = session.images.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = Arc::clone(images.entry(image.tree).or_default());
    drop(images);
    slot.get_or_init(|| find_or_load(session, image, cache, cancel)).clone()
}

fn find_or_load(session: &Session, image: &ImageRoot, cache: &Cache, cancel: &Cancel) -> Result<String, Failure> {
    let tag = format!("{FORM}-{}", &image.tree.hex()[..32]);
    let name = format!("{REPOSITORY}:{tag}");
    match find(session, &name)? {
        Some(id) => Ok(id),
        None => {
            load(session, image, &name, cache, cancel)?;
            let gone = || Failure::Sandbox(format!("{} does not keep the image {name}", session.found));
            find(session, &name)?.ok_or_else(gone)
        }
    }
}

fn find(session: &Session, name: &str) -> Result<Option<String>, Failure> {
    match session.wait(session.docker.inspect_image(name)) {
        Ok(found) => Ok(found.id),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(session.broken("say which images it has", &error)),
    }
}

fn load(session: &Session, image: &ImageRoot, name: &str, cache: &Cache, cancel: &Cancel) -> Result<(), Failure> {
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        // Podman heeds no tag of its own.
        repo: Some(name.to_owned()),
        changes: vec!["LABEL rg=1".to_owned()],
        ..CreateImageOptions::default()
    };
    let (body, pieces) = tarball::streamed();
    let stop = || cancel.is_cancelled().then_some(How::Cancelled);
    let (sent, answered) = std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().spawn_scoped(scope, move || write(image, cache, pieces));
        let answered = session.attend(
            async {
                let mut answers =
                    Box::pin(session.docker.create_image(Some(options), Some(body_try_stream(body)), None));
                while answers.try_next().await?.is_some() {}
                Ok(())
            },
            &stop,
        );
        (writer.map(std::thread::ScopedJoinHandle::join), answered)
    });
    let sent = sent.map_err(|error| Failure::Thread(error.to_string()))?;
    let answered = answered.map_err(|_| Failure::Cancelled)?;
    // What could not be read is the reason for what the engine says.
    if let Ok(Err(error)) = sent
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let fix = Some("`rg cache verify` removes what is damaged; then try again".to_owned());
        return Err(Failure::Image { image: image.name.clone(), why: error.to_string(), fix });
    }
    answered.map_err(|error| session.broken("take the image", &error))
}

/// Writes the archive of a root directory, with the places where every container has something of its own.
fn write(image: &ImageRoot, cache: &Cache, pieces: Pieces) -> std::io::Result<()> {
    let mode = |at: &Path| if at == Path::new("tmp") || at == Path::new("var/tmp") { 0o1777 } else { 0o755 };
    let has = |name: &str| cache.directory(&image.tree).is_ok_and(|root| root.entry(name).is_some());
    let (tmp, src) = (!has("tmp"), !has("src"));
    pieces.fill(|to| {
        tarball::add_stored(to, &image.tree, Path::new(""), cache, &mode)?;
        if tmp {
            tarball::add_directory(to, Path::new("tmp"), 0o1777, Owned::ByRoot)?;
        }
        // A volume takes its owner from the place where it is mounted.
        if src {
            tarball::add_directory(to, Path::new("src"), 0o755, Owned::ByAction)?;
        }
        Ok(())
    })
}
