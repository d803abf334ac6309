//! A user whose registries are servers of a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fetch::{FetchError, Patience, Programs, Registries, User};
use model::{Locked, SeenAt};
use ring::digest::{SHA256, SHA512, digest};

/// A user with a directory, which is also the workspace.
pub struct World {
    pub directory: tempfile::TempDir,
    pub user: User,
    pub patience: Patience,
    pub cancelled: Arc<AtomicBool>,
}

impl World {
    /// Makes a user who knows no registry.
    pub fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let user = User { root: directory.path().to_owned(), ..User::default() };
        let millis = Duration::from_millis;
        let patience = Patience {
            connect: millis(5_000),
            idle: millis(400),
            pauses: vec![millis(1); 3],
            longest_pause: millis(5),
        };
        World { directory, user, patience, cancelled: Arc::default() }
    }

    /// Makes a user with an `.npmrc`.
    pub fn with_npmrc(npmrc: &str) -> World {
        let world = World::new();
        fs::write(world.directory.path().join(".npmrc"), npmrc).unwrap();
        world
    }

    /// Makes a user whose pip has an index.
    pub fn with_index(index: &str) -> World {
        let mut world = World::new();
        let told = serde_json::json!({ "index_url": index });
        world.user.environment = BTreeMap::from([("PIP_TELLS".to_owned(), told.to_string())]);
        world
    }

    /// Returns the registries of the user.
    pub fn registries(&self) -> Registries {
        let cancelled = self.cancelled.clone();
        Registries::new(self.user.clone(), self.patience.clone(), Arc::new(move || cancelled.load(Ordering::SeqCst)))
    }

    /// Brings a package; returns its name and its content, or what is told of the error.
    pub fn bring(&self, locked: &Locked) -> Result<(String, Vec<u8>), String> {
        bring(&self.registries(), locked).map_err(|error| error.to_string())
    }
}

/// Brings a package from registries.
pub fn bring(registries: &Registries, locked: &Locked) -> Result<(String, Vec<u8>), FetchError> {
    let to = tempfile::tempdir().unwrap();
    let python = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fake_python.sh"));
    let programs = Programs { npm: None, python: Some(python) };
    let file = registries.bring(locked, programs, to.path(), &|_, _| {})?;
    Ok((file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(file).unwrap()))
}

/// Returns a package of npm with the hash of some bytes.
pub fn npm(name: &str, seen_at: Option<&str>, bytes: &[u8]) -> Locked {
    let integrity = format!("sha512-{}", BASE64_STANDARD.encode(digest(&SHA512, bytes)));
    Locked::NpmPackage {
        name: name.into(),
        version: "1.0.0".into(),
        integrity: integrity.into(),
        seen_at: seen(seen_at),
        locked_in: Vec::new(),
    }
}

/// Returns a file of a Python distribution with the hash of some bytes.
pub fn python(file: &str, seen_at: Option<&str>, bytes: &[u8]) -> Locked {
    let (name, version) = ("six".into(), "1.0".into());
    Locked::PythonFile { name, version, file: file.into(), sha256: sha256(bytes).into(), seen_at: seen(seen_at) }
}

fn seen(seen_at: Option<&str>) -> SeenAt {
    SeenAt(seen_at.map(Into::into))
}

/// Returns the hash of some bytes in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
