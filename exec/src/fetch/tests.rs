//! Packages enter the store in the shape that later steps expect, and what goes wrong names the lock entry.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use cache::Cache;
use model::SeenAt;

use super::*;
use crate::machine::{Cancel, OnFailure, Storing, Trial};
use crate::tools::{Pins, Tools};
use crate::{Failure, Images, OnHost, Secrets};

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Starts a server that answers everything with `abc`.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer));
        }
    });
    format!("http://{address}/x")
}

fn user(root: &std::path::Path) -> fetch::User {
    fetch::User { environment: BTreeMap::new(), home: None, extra_ca: None, root: root.to_owned() }
}

/// Fetches without any client, and looks at what is in the store then.
fn fetch(locked: &Locked, connection: Connection, look: impl Fn(&Cache, &Content)) -> Result<(), Failure> {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::at(directory.path().join("cache"), u64::MAX);
    let fetcher = Fetcher::new(BTreeMap::new(), None, None, connection);
    let cancelled = std::sync::Arc::new(|| false);
    let client = oci::Images::new(user(directory.path()), fetch::Patience::default(), cancelled);
    let images = Images::new(BTreeMap::new(), client, directory.path().to_owned(), connection);
    let machine = Machine {
        cache: &cache,
        executor: &OnHost,
        fetcher: &fetcher,
        root: directory.path().to_owned(),
        pins: Pins::default(),
        tools: Tools::default(),
        images: &images,
        secrets: &Secrets::default(),
        jobs: 1,
        on_failure: OnFailure::Stop,
        trial: Trial::default(),
        visit: None,
        storing: Storing::Results,
        cancel: Cancel::default(),
    };
    match fetcher.fetch(locked, &machine, &[], &|_, _| {}) {
        Ok(content) => look(&cache, &content),
        Err(Stopped::Failed(failure)) => return Err(failure),
        Err(Stopped::Lost(at, _)) => panic!("{at} is lost"),
    }
    Ok(())
}

fn python(sha256: &str) -> Locked {
    Locked::PythonFile {
        name: "six".into(),
        version: "1.16.0".into(),
        file: "six-1.16.0-py3-none-any.whl".into(),
        sha256: sha256.into(),
        seen_at: SeenAt(Some(server().into())),
    }
}

#[test]
fn a_file_of_python_lies_in_a_directory_under_its_own_name() {
    fetch(&python(ABC), Connection::Online, |cache, content| {
        let Content::Directory(root) = content else { panic!("{content:?}") };
        let entries = cache.assemble(root).unwrap().read_dir().unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["six-1.16.0-py3-none-any.whl"]);
    })
    .unwrap();
}

#[test]
fn a_tarball_of_npm_is_a_file() {
    let locked = Locked::NpmPackage {
        name: "six".into(),
        version: "1.0.0".into(),
        integrity: "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=".into(),
        seen_at: SeenAt(Some(server().into())),
        locked_in: Vec::new(),
    };
    fetch(&locked, Connection::Online, |_, content| {
        assert_eq!(*content, Content::File { digest: model::Digest::of(b"abc"), executable: false });
    })
    .unwrap();
}

#[test]
fn what_goes_wrong_names_the_lock_entry() {
    let check = |locked: &Locked, connection: Connection, want: &str| {
        let failure = fetch(locked, connection, |_, _| {}).unwrap_err();
        assert_eq!(failure.to_string(), want);
    };
    let wrong = format!("six 1.16.0 is not what the lock says: its hash is {ABC}, and the lock has 00");
    check(&python("00"), Connection::Online, &wrong);
    let offline = "cannot fetch six 1.16.0: it is not in the cache, and --offline forbids the network";
    check(&python(ABC), Connection::Offline, offline);
}
