//! Servers that drip, stall, break off, refuse, lie and send people elsewhere.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{World, npm};
use testkit::server::{Request, Server, part, stall, whole};

/// What all servers here are to send.
fn tarball() -> Vec<u8> {
    (0..100_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// Brings the package from a server, and compares what comes of it.
#[track_caller]
fn check(server: &Server, want: Result<(), &str>) {
    let world = World::with_npmrc(&format!("registry=http://{}/", server.host));
    let brought = world.bring(&npm("six", None, &tarball()));
    let want = want.map(|()| ("package.tgz".to_owned(), tarball()));
    let want = want.map_err(|text| text.replace("HOST", &format!("http://{}", server.host)));
    assert!(brought == want, "{:?}, not {:?}", brought.map(|_| ()), want.map(|_| ()));
}

/// Returns the rest of the file that a request asks for.
fn rest(request: &Request) -> Vec<u8> {
    let start = request.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    tarball().split_off(start.map_or(0, |start| start.parse().unwrap()))
}

#[test]
fn a_file_that_comes_slowly_comes() {
    let server = Server::start(|_, stream| {
        let body = tarball();
        part(stream, "200 OK", "", &body, 0);
        for piece in body.chunks(20_000) {
            stream.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
    });
    check(&server, Ok(()));
}

#[test]
fn a_file_that_breaks_off_is_gone_on_with() {
    let server = Server::start(|request, stream| match request.number {
        0 => part(stream, "200 OK", "etag: \"v1\"\r\n", &tarball(), 150_000),
        _ => {
            let rest = rest(request);
            let range = format!("content-range: bytes {}-399999/400000\r\n", 400_000 - rest.len());
            whole(stream, "206 Partial Content", &range, &rest);
        }
    });
    check(&server, Ok(()));
    let requests = server.requests();
    assert_eq!((requests[1].header("range"), requests[1].header("if-range")), ("bytes=150000-", "\"v1\""));
    assert_eq!(requests.len(), 2);
}

#[test]
fn a_server_that_cannot_go_on_begins_again() {
    let server = Server::start(|request, stream| match request.number {
        0 => part(stream, "200 OK", "", &tarball(), 150_000),
        1 => whole(stream, "416 Range Not Satisfiable", "", b""),
        _ => whole(stream, "200 OK", "", &tarball()),
    });
    check(&server, Ok(()));
}

#[test]
fn a_file_of_two_versions_is_brought_again_in_one_piece() {
    let server = Server::start(|request, stream| match request.number {
        0 => part(stream, "200 OK", "", &vec![7; 400_000], 150_000),
        1 => whole(stream, "206 Partial Content", "content-range: bytes 150000-399999/400000\r\n", &rest(request)),
        _ => whole(stream, "200 OK", "", &tarball()),
    });
    check(&server, Ok(()));
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let server = Server::start(|request, stream| match request.number {
        0 => whole(stream, "503 Service Unavailable", "retry-after: 3600\r\n", b""),
        1 => whole(stream, "429 Too Many Requests", "", b""),
        2 => drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le")),
        _ => whole(stream, "200 OK", "", &tarball()),
    });
    check(&server, Ok(()));
}

#[test]
fn a_server_that_stays_in_trouble_is_told_of() {
    let server = Server::start(|_, stream| whole(stream, "503 Service Unavailable", "", b""));
    check(&server, Err("HOST/six/-/six-1.0.0.tgz answers 503: it has trouble"));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_refusal_is_not_asked_again() {
    let server = Server::start(|_, stream| whole(stream, "401 Unauthorized", "", b""));
    check(&server, Err("HOST/six/-/six-1.0.0.tgz answers 401: it wants credentials"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_that_stalls_is_noticed() {
    let server = Server::start(|_, stream| {
        part(stream, "200 OK", "", &tarball(), 0);
        stall(stream);
    });
    check(&server, Err("HOST/six/-/six-1.0.0.tgz stalls: it sent next to nothing for 0.4 s"));
}

#[test]
fn a_server_that_breaks_off_each_time_is_told_of() {
    let server = Server::start(|_, stream| part(stream, "200 OK", "", &tarball(), 1_000));
    check(&server, Err("HOST/six/-/six-1.0.0.tgz ended too early: 1000 of 400000 bytes came"));
}

#[test]
fn a_login_page_is_named() {
    let page = b"<!DOCTYPE html><title>Log in</title>";
    let typed = Server::start(|_, stream| whole(stream, "200 OK", "content-type: text/html; charset=utf-8\r\n", page));
    check(&typed, Err("HOST/six/-/six-1.0.0.tgz answers HTML: a login page or a proxy?"));
    let untyped = Server::start(|_, stream| whole(stream, "200 OK", "", page));
    check(&untyped, Err("HOST/six/-/six-1.0.0.tgz answers HTML: a login page or a proxy?"));
}

#[test]
fn more_than_a_package_can_be_is_not_taken() {
    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n";
    let server = Server::start(move |_, stream| drop(stream.write_all(huge.as_bytes())));
    check(&server, Err("HOST/six/-/six-1.0.0.tgz sends more than 8000 MB"));
}

#[test]
fn wrong_bytes_are_told_with_both_hashes() {
    let server = Server::of(&[("/six/-/six-1.0.0.tgz", b"other")]);
    let world = World::with_npmrc(&format!("registry=http://{}/", server.host));
    let error = world.bring(&npm("six", None, b"right")).unwrap_err();
    let (got, wanted) = (npm("", None, b"other"), npm("", None, b"right"));
    let hash = |locked| match locked {
        model::Locked::NpmPackage { integrity, .. } => integrity,
        _ => unreachable!(),
    };
    assert_eq!(error, format!("its hash is {}, and the lock has {}", hash(got), hash(wanted)));
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = Server::start(|_, stream| whole(stream, "200 OK", "", &tarball()));
    let location = format!("location: http://{}/there?signature=secret\r\n", other.host);
    let server = Server::start(move |request, stream| match request.path.as_str() {
        "/here" => whole(stream, "302 Found", &location, b""),
        _ => whole(stream, "307 Temporary Redirect", "location: /here\r\n", b""),
    });
    let npmrc = format!("registry=http://{0}/\n//{0}/:_authToken=secret", server.host);
    World::with_npmrc(&npmrc).bring(&npm("six", None, &tarball())).unwrap();
    let told = |server: &Server| -> Vec<String> {
        server.requests().iter().map(|request| request.header("authorization").to_owned()).collect()
    };
    assert_eq!(told(&server), ["Bearer secret", "Bearer secret"]);
    assert_eq!(told(&other), [""]);
    assert_eq!(other.paths(), ["/there?signature=secret"]);
}

#[test]
fn no_error_shows_a_credential() {
    let server = Server::start(|request, stream| match request.number {
        0 => whole(stream, "302 Found", "location: /there?signature=secret\r\n", b""),
        _ => whole(stream, "403 Forbidden", "", b""),
    });
    let world = World::with_npmrc(&format!("registry=http://me:secret@{}/", server.host));
    let error = world.bring(&npm("six", None, b"")).unwrap_err();
    let want = format!("http://{}/there answers 403: it forbids this, or wants other credentials", server.host);
    assert_eq!(error, want);
    assert_eq!(server.requests()[1].header("authorization"), "Basic bWU6c2VjcmV0");
}

#[test]
fn a_redirect_without_end_is_told_of() {
    let server = Server::start(|_, stream| whole(stream, "302 Found", "location: /again\r\n", b""));
    check(&server, Err("HOST/six/-/six-1.0.0.tgz is redirected too often"));
}

#[test]
fn a_run_that_is_asked_to_end_waits_for_no_server() {
    let mut world = World::new();
    let cancelled = world.cancelled.clone();
    let server = Server::start(move |_, stream| {
        part(stream, "200 OK", "", &tarball(), 0);
        cancelled.store(true, Ordering::SeqCst);
        stall(stream);
    });
    world.patience.idle = Duration::from_secs(600);
    let began = Instant::now();
    let seen_at = format!("http://{}/six.tgz", server.host);
    assert_eq!(world.bring(&npm("six", Some(&seen_at), b"")), Err("cancelled".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_proxy_of_the_environment_is_used_but_not_for_hosts_that_are_asked_directly() {
    let proxy = Server::start(|_, stream| whole(stream, "502 Bad Gateway", "", b""));
    let server = Server::of(&[("/six.tgz", b"six")]);
    let check = |no_proxy: &str, want: Option<&[u8]>| {
        let mut world = World::new();
        world.user.environment.insert("http_proxy".to_owned(), format!("http://me:secret@{}", proxy.host));
        world.user.environment.insert("no_proxy".to_owned(), no_proxy.to_owned());
        let brought = world.bring(&npm("six", Some(&format!("http://{}/six.tgz", server.host)), b"six"));
        let bytes = brought.as_ref().ok().map(|(_, bytes)| bytes.as_slice());
        assert_eq!(bytes, want);
        assert!(!brought.err().unwrap_or_default().contains("secret"));
    };
    check("localhost", None);
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), "Basic bWU6c2VjcmV0");
    check("127.0.0.1", Some(b"six"));
}
