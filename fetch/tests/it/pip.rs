//! Which files of Python distributions are taken, and from where.

use std::sync::Arc;

use model::{Distribution, Libc, Locked, Platform, PythonEnvironment};

use crate::world::{World, bring, python, sha256};
use testkit::server::{Server, whole};

const WHEEL: &str = "six-1.0-py3-none-any.whl";
const NATIVE: &str = "six-1.0-cp311-cp311-manylinux_2_17_x86_64.whl";
const OTHER: &str = "six-1.0-cp39-cp39-win_amd64.whl";
const SOURCE: &str = "six-1.0.tar.gz";

/// An index in HTML that has some files; each holds its own name.
fn index(files: &'static [&str]) -> Server {
    Server::start(move |request, stream| {
        let link = |file: &&str| format!("<a href='/f/{file}#sha256={}'>{file}</a>", sha256(file.as_bytes()));
        match request.path.strip_prefix("/f/") {
            Some(file) => whole(stream, "200 OK", "", file.as_bytes()),
            None if request.path == "/simple/six/" => {
                let page: String = files.iter().map(link).collect();
                whole(stream, "200 OK", "content-type: text/html\r\n", page.as_bytes());
            }
            None => whole(stream, "404 Not Found", "", b""),
        }
    })
}

fn any(distribution: Distribution, hashes_of: &[&str]) -> Locked {
    let mut sha256: Vec<Arc<str>> = hashes_of.iter().map(|file| sha256(file.as_bytes()).into()).collect();
    sha256.sort();
    Locked::PythonAny {
        name: "six".into(),
        version: "1.0".into(),
        sha256,
        distribution,
        environment: PythonEnvironment { version: "3.11.7".into(), libc: Libc::Glibc(2, 36) },
        platform: Platform::default(),
    }
}

#[test]
fn of_the_locked_files_the_best_is_taken() {
    let server = index(&[OTHER, WHEEL, NATIVE, SOURCE]);
    let check = |distribution: Distribution, locked: &[&str], want: &str| {
        let world = World::with_index(&format!("http://{}/simple", server.host));
        let brought = world.bring(&any(distribution, locked));
        assert_eq!(brought, Ok((want.to_owned(), want.as_bytes().to_vec())));
    };
    check(Distribution::Wheel, &[OTHER, WHEEL, NATIVE, SOURCE], NATIVE);
    check(Distribution::Wheel, &[WHEEL, SOURCE], WHEEL);
    check(Distribution::Source, &[WHEEL, SOURCE], SOURCE);
}

#[test]
fn what_does_not_fit_is_told_with_what_there_is() {
    let server = index(&[OTHER, WHEEL, SOURCE]);
    let check = |distribution: Distribution, locked: &[&str], want: &str| {
        let world = World::with_index(&format!("http://{}/simple", server.host));
        let error = world.bring(&any(distribution, locked)).unwrap_err();
        assert_eq!(error, want.replace("HOST", &server.host));
    };
    let source = "the lock allows only its source distribution (six-1.0.tar.gz), and nothing said to build it: \
                  add `--no-binary six` to the requirements";
    check(Distribution::Wheel, &[SOURCE], source);
    let wheel = format!("no wheel of the lock fits python 3.11.7 on linux/amd64; there is {OTHER}, {SOURCE}");
    check(Distribution::Wheel, &[OTHER, SOURCE], &wheel);
    check(Distribution::Source, &[WHEEL], &format!("the lock allows no source distribution; there is {WHEEL}"));
    let hashes = [OTHER, WHEEL, SOURCE].map(|file| sha256(file.as_bytes()));
    let wrong = format!("its hash is {}, and the lock has {}", hashes.join(" or "), sha256(b"x"));
    check(Distribution::Wheel, &["x"], &wrong);
}

#[test]
fn the_index_is_asked_once_for_a_project() {
    let server = index(&[WHEEL, SOURCE]);
    let world = World::with_index(&format!("http://{}/simple/", server.host));
    let registries = world.registries();
    bring(&registries, &any(Distribution::Wheel, &[WHEEL])).unwrap();
    bring(&registries, &any(Distribution::Source, &[SOURCE])).unwrap();
    let pages = server.paths().iter().filter(|path| path.starts_with("/simple")).count();
    assert_eq!(pages, 1);
    let accept = server.requests()[0].header("accept").to_owned();
    assert!(accept.starts_with("application/vnd.pypi.simple.v1+json, "), "{accept}");
}

#[test]
fn a_file_is_looked_up_in_the_index_unless_the_lock_has_seen_it_there() {
    let server = index(&[WHEEL]);
    let elsewhere = Server::of(&[("/six.whl", WHEEL.as_bytes())]);
    let check = |index: &str, seen_at: Option<String>, want: &[&str]| {
        let before = server.paths().len();
        let world = World::with_index(&format!("http://{index}/simple"));
        let brought = world.bring(&python(WHEEL, seen_at.as_deref(), WHEEL.as_bytes()));
        assert_eq!(brought, Ok((WHEEL.to_owned(), WHEEL.as_bytes().to_vec())));
        assert_eq!(server.paths()[before..], *want);
    };
    let file = format!("/f/{WHEEL}");
    let other = Some(format!("http://{}/six.whl", elsewhere.host));
    check(&server.host, Some(format!("http://{}{file}", server.host)), &[&file]);
    check(&server.host, other.clone(), &["/simple/six/", &file]);
    check(&server.host, None, &["/simple/six/", &file]);
    assert_eq!(elsewhere.paths().len(), 0);
    // The index does not have it: the lock knows better.
    check(&elsewhere.host, other, &[]);
}

#[test]
fn a_file_that_the_index_has_with_another_hash_is_refused() {
    let server = index(&[WHEEL]);
    let world = World::with_index(&format!("http://{}/simple", server.host));
    let error = world.bring(&python(WHEEL, Some("http://127.0.0.1:1/six.whl"), b"other")).unwrap_err();
    let want = format!("its hash is {}, and the lock has {}", sha256(WHEEL.as_bytes()), sha256(b"other"));
    assert_eq!(error, want);
}

#[test]
fn a_compressed_page_is_read() {
    let json = format!(r#"{{"files":[{{"filename":"{SOURCE}","url":"/f","hashes":{{}}}}]}}"#);
    let server = Server::start(move |request, stream| match request.path.as_str() {
        "/f" => whole(stream, "200 OK", "", SOURCE.as_bytes()),
        _ => {
            let mut encoder = flate2::read::GzEncoder::new(json.as_bytes(), flate2::Compression::default());
            let mut body = Vec::new();
            std::io::Read::read_to_end(&mut encoder, &mut body).unwrap();
            let headers = "content-type: application/vnd.pypi.simple.v1+json\r\ncontent-encoding: gzip\r\n";
            whole(stream, "200 OK", headers, &body);
        }
    });
    let world = World::with_index(&format!("http://{}/simple", server.host));
    assert!(world.bring(&any(Distribution::Source, &[SOURCE])).is_ok());
}

#[test]
fn the_credentials_of_the_index_are_told_to_its_host_alone() {
    let files = Server::of(&[("/six-1.0.tar.gz", SOURCE.as_bytes())]);
    let link = format!("<a href='http://{}/{SOURCE}#sha256={}'>", files.host, sha256(SOURCE.as_bytes()));
    let server =
        Server::start(move |_, stream| whole(stream, "200 OK", "content-type: text/html\r\n", link.as_bytes()));
    let world = World::with_index(&format!("http://me:p%40ss@{}/simple", server.host));
    assert!(world.bring(&any(Distribution::Source, &[SOURCE])).is_ok());
    assert_eq!(server.requests()[0].header("authorization"), "Basic bWU6cEBzcw==");
    assert_eq!(files.requests()[0].header("authorization"), "");
}
