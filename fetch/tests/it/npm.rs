//! Where npm's packages are found.

use crate::world::{World, npm};
use model::{Locked, RelPath};
use testkit::server::Server;

#[test]
fn a_package_lies_where_registries_keep_it() {
    let server = Server::of(&[("/npm/@s/six/-/six-1.0.0.tgz", b"six"), ("/npm/six/-/six-1.0.0.tgz", b"plain")]);
    let check = |npmrc: &str, name: &str, bytes: &[u8]| {
        let world = World::with_npmrc(&npmrc.replace("HOST", &server.host));
        assert_eq!(world.bring(&npm(name, None, bytes)), Ok(("package.tgz".to_owned(), bytes.to_vec())), "{npmrc}");
    };
    check("registry=http://HOST/npm/", "six", b"plain");
    check("registry=http://HOST/npm", "@s/six", b"six");
    check("registry=http://127.0.0.1:1/\n@s:registry=http://HOST/npm/", "@s/six", b"six");
}

#[test]
fn a_registry_that_keeps_it_elsewhere_is_asked_where() {
    let files = Server::of(&[("/six-1.0.0.tgz", b"six")]);
    let told = format!(r#"{{"versions":{{"1.0.0":{{"dist":{{"tarball":"http://{}/six-1.0.0.tgz"}}}}}}}}"#, files.host);
    let server = Server::of(&[("/@s%2fsix", told.as_bytes())]);
    let world = World::with_npmrc(&format!("registry=http://{0}/\n//{0}/:_authToken=secret", server.host));
    assert!(world.bring(&npm("@s/six", None, b"six")).is_ok());
    assert_eq!(server.paths(), ["/@s/six/-/six-1.0.0.tgz", "/@s%2fsix"]);
    assert_eq!(files.requests()[0].header("authorization"), "");
}

#[test]
fn the_address_of_the_lock_is_a_hint() {
    let seen = Server::of(&[("/x/six.tgz", b"six")]);
    let mirror = Server::of(&[("/six/-/six-1.0.0.tgz", b"six")]);
    let empty = Server::of(&[]);
    let seen_at = format!("http://{}/x/six.tgz", seen.host);
    let check = |registry: &str, asked: &Server, want: &[&str]| {
        let before = asked.paths().len();
        let world = World::with_npmrc(&format!("registry=http://{registry}/"));
        assert!(world.bring(&npm("six", Some(&seen_at), b"six")).is_ok());
        assert_eq!(asked.paths()[before..], *want);
    };
    check(&seen.host, &seen, &["/x/six.tgz"]);
    check(&mirror.host, &mirror, &["/six/-/six-1.0.0.tgz"]);
    check(&empty.host, &empty, &["/six/-/six-1.0.0.tgz", "/six"]);
    assert!(World::new().bring(&npm("six", Some(&seen_at), b"six")).is_ok());
}

#[test]
fn a_token_for_https_is_not_told_over_http() {
    // It does not speak TLS, so that the registry fails; the lock knows it by http.
    let server = Server::of(&[("/x/six.tgz", b"six")]);
    let world = World::with_npmrc(&format!("registry=https://{0}/\n//{0}/:_authToken=secret", server.host));
    let seen_at = format!("http://{}/x/six.tgz", server.host);
    let _ = world.bring(&npm("six", Some(&seen_at), b"six"));
    assert!(server.requests().iter().all(|request| request.header("authorization").is_empty()));
}

#[test]
fn an_npmrc_beside_a_lock_says_where_its_packages_come_from() {
    let root = Server::of(&[("/six/-/six-1.0.0.tgz", b"six")]);
    let nested = Server::of(&[("/six/-/six-1.0.0.tgz", b"six")]);
    let world = World::with_npmrc(&format!("registry=http://{}/", root.host));
    std::fs::create_dir_all(world.directory.path().join("web/plain")).unwrap();
    std::fs::write(world.directory.path().join("web/.npmrc"), format!("registry=http://{}/", nested.host)).unwrap();
    let check = |dirs: &[&str], asked: &Server| {
        let before = asked.paths().len();
        let mut locked = npm("six", None, b"six");
        if let Locked::NpmPackage { locked_in, .. } = &mut locked {
            locked_in.extend(dirs.iter().map(|dir| RelPath::new(dir).unwrap()));
        }
        assert!(world.bring(&locked).is_ok());
        assert_eq!(asked.paths().len(), before + 1, "{dirs:?}");
    };
    check(&["web"], &nested);
    check(&["web/plain"], &root);
    check(&["web", "web/plain"], &nested);
    check(&["", "web"], &root);
}

#[test]
fn what_is_nowhere_is_told() {
    let server = Server::of(&[]);
    let world = World::with_npmrc(&format!("registry=http://{}/npm/", server.host));
    let error = world.bring(&npm("six", None, b"six")).unwrap_err();
    assert_eq!(error, format!("http://{}/npm/ has no six 1.0.0", server.host));
    let error = World::new().bring(&npm("six", None, b"six")).unwrap_err();
    assert_eq!(error, "npm names no registry, and the lock names no address");
}
