//! Registries that redirect, break off, lie, refuse, or are not there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use oci::Digest;
use serde_json::json;
use testkit::server::{Request, Server, part, whole};
use testkit::tar::{member, tar};

use crate::fixtures::{MANIFEST, Made, image, of_manifest};
use crate::world::World;

/// An image with one layer that takes several reads.
fn made() -> Made {
    let body: Vec<u8> = (0..100_000_u32).flat_map(|it| it.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    image("linux", "amd64", &[tar(&[member("a", b'0', &body)])])
}

/// What a registry does differently.
type Fault = dyn Fn(&Request, &mut TcpStream) -> Answered + Send + Sync;

/// Whether a request was answered.
#[derive(PartialEq, Eq)]
enum Answered {
    Yes,
    No,
}

/// Starts a registry of one image, `team/app:1`, with a fault.
fn registry(made: Made, fault: Box<Fault>) -> Server {
    Server::start(move |request, stream| {
        if fault(request, stream) == Answered::Yes {
            return;
        }
        let named = |bytes: &&Vec<u8>| request.path.ends_with(&Digest::of(bytes).to_string());
        let found = match request.path.as_str() {
            "/v2/team/app/manifests/1" => made.blobs.last(),
            _ => made.blobs.iter().find(named),
        };
        let headers = match request.path.contains("/manifests/") {
            true => format!("content-type: {MANIFEST}\r\n"),
            false => String::new(),
        };
        match found {
            Some(bytes) => whole(stream, "200 OK", &headers, bytes),
            None => whole(stream, "404 Not Found", "content-type: application/json\r\n", b"{}"),
        }
    })
}

/// Reads the whole image of a registry, and compares what comes, or what is told.
#[track_caller]
fn check(server: &Server, want: Result<&[Vec<u8>], &str>) {
    check_for(&World::new(), server, want);
}

#[track_caller]
fn check_for(world: &World, server: &Server, want: Result<&[Vec<u8>], &str>) {
    let (images, source) = (world.images(), format!("{}/team/app:1", server.host));
    let came = world.image_of(&images, &source, "linux/amd64");
    let came = came.and_then(|image| world.layers_of(&images, &source, &image));
    let told = |why: &str| format!("{source}: {}", why.replace("HOST", &server.host));
    let (came, want) = (came.map(|layers| layers.concat()), want.map(<[Vec<u8>]>::concat).map_err(told));
    assert!(came == want, "{:?}, not {:?}", came.map(|it| it.len()), want.map(|it| it.len()));
}

fn is_layer(request: &Request, made: &Made) -> bool {
    request.path.ends_with(&Digest::of(&made.blobs[1]).to_string())
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let (image, layer) = (made(), made().blobs[1].clone());
    let other = Server::of(&[("/there", &layer)]);
    let location = format!("location: http://{}/there\r\n", other.host);
    let server = registry(
        made(),
        Box::new(move |request, stream| {
            match request.header("authorization") {
                "Basic dTpw" if is_layer(request, &image) => whole(stream, "307 Temporary Redirect", &location, b""),
                "Basic dTpw" => return Answered::No,
                _ => whole(stream, "401 Unauthorized", "www-authenticate: Basic realm=\"r\"\r\n", b""),
            }
            Answered::Yes
        }),
    );
    let mut world = World::new();
    let config = json!({ "auths": { server.host.as_str(): { "auth": "dTpw" } } }).to_string();
    world.user.environment.insert("DOCKER_AUTH_CONFIG".to_owned(), config);
    check_for(&world, &server, Ok(&made().blobs[1..2]));
    assert_eq!(other.requests()[0].header("authorization"), "");
    let with: Vec<bool> = server.requests().iter().map(|it| !it.header("authorization").is_empty()).collect();
    assert_eq!(with, [false, true, true, true], "once it is known what a registry wants, it is told at once");
}

#[test]
fn a_layer_that_breaks_off_is_gone_on_with() {
    let image = made();
    let server = registry(
        made(),
        Box::new(move |request, stream| {
            if !is_layer(request, &image) {
                return Answered::No;
            }
            let layer = &image.blobs[1];
            match request.header("range").strip_prefix("bytes=").and_then(|it| it.strip_suffix('-')) {
                None => part(stream, "200 OK", "etag: \"v\"\r\n", layer, 150_000),
                Some(start) => {
                    let start: usize = start.parse().unwrap();
                    let range = format!("content-range: bytes {start}-{}/{}\r\n", layer.len() - 1, layer.len());
                    whole(stream, "206 Partial Content", &range, &layer[start..]);
                }
            }
            Answered::Yes
        }),
    );
    check(&server, Ok(&made().blobs[1..2]));
    assert_eq!(server.requests().last().unwrap().header("range"), "bytes=150000-");
}

/// Starts a registry that answers for the layer, or for all but that, with something else.
fn lying(about: &'static str, status: &'static str, headers: &'static str, body: &'static [u8]) -> Server {
    let image = made();
    registry(
        made(),
        Box::new(move |request, stream| {
            let is_concerned = match about {
                "layer" => is_layer(request, &image),
                part => request.path.contains(part),
            };
            if !is_concerned {
                return Answered::No;
            }
            whole(stream, status, headers, body);
            Answered::Yes
        }),
    )
}

#[test]
fn a_layer_with_another_digest_is_refused() {
    let (got, wanted) = (Digest::of(b"other"), Digest::of(&made().blobs[1]));
    let server = lying("layer", "200 OK", "", b"other");
    check(&server, Err(&format!("its layer has the digest {got}, and it should be {wanted}")));
    let server = lying("layer", "404 Not Found", "", b"");
    check(&server, Err(&format!("HOST has no blob {wanted}")));
}

#[test]
fn a_layer_that_is_larger_than_its_manifest_says_is_not_taken() {
    let size = made().blobs[1].len();
    let image = made();
    let server = registry(
        made(),
        Box::new(move |request, stream| {
            if !is_layer(request, &image) {
                return Answered::No;
            }
            whole(stream, "200 OK", "", &[&image.blobs[1][..], b"more"].concat());
            Answered::Yes
        }),
    );
    let url = format!("http://HOST/v2/team/app/blobs/{}", Digest::of(&made().blobs[1]));
    check(&server, Err(&format!("{url} sends more than {size} bytes")));
}

#[test]
fn a_manifest_or_config_with_another_digest_is_refused() {
    let config = Digest::of(&made().blobs[0]);
    let other = Digest::of(b"{}");
    let server = lying(Box::leak(config.hex().into_boxed_str()), "200 OK", "", b"{}");
    check(&server, Err(&format!("its config has the digest {other}, and it should be {config}")));
    let server = lying("/manifests/sha256", "200 OK", "", b"{}");
    let (world, digest) = (World::new(), made().digest);
    let source = format!("{}/team/app", server.host);
    let error = world.pinned(&source, &digest, "linux/amd64").unwrap_err();
    let why = format!("its manifest has the digest {other}, and it should be {digest}");
    assert_eq!(error, format!("{source}:latest: {why}"));
}

#[test]
fn a_page_for_people_is_named() {
    let html = "http://HOST/v2/team/app/manifests/1 answers HTML: a login page or a proxy?";
    check(&lying("/manifests/", "200 OK", "content-type: text/html\r\n", b"<html>log in"), Err(html));
    check(&lying("/manifests/", "200 OK", "", b"<!doctype html><title>log in"), Err(html));
    let digest = Digest::of(&made().blobs[1]);
    let html = format!("http://HOST/v2/team/app/blobs/{digest} answers HTML: a login page or a proxy?");
    check(&lying("layer", "200 OK", "", b"<!doctype html><title>log in"), Err(&html));
}

#[test]
fn a_manifest_of_an_unknown_kind_is_named() {
    let kind = "content-type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n";
    let body = br#"{"schemaVersion":1,"name":"team/app"}"#;
    let old = "its manifest has the schema version 1, and only 2 is known: push it again with a newer client";
    check(&lying("/manifests/", "200 OK", kind, body), Err(old));
    let kind = "content-type: application/vnd.example.thing+json\r\n";
    let body = br#"{"schemaVersion":2}"#;
    let why = "it has a manifest of the kind `application/vnd.example.thing+json`, which is not known: images of OCI, and of Docker's schema 2, are";
    check(&lying("/manifests/", "200 OK", kind, body), Err(why));
}

#[test]
fn a_registry_that_refuses_or_has_trouble_is_told_of() {
    let trouble = "http://HOST/v2/team/app/manifests/1 answers 503: it has trouble";
    check(&lying("/v2/", "503 Service Unavailable", "", b""), Err(trouble));
    let forbidden = "http://HOST/v2/team/app/manifests/1 answers 403: it forbids this, or wants other credentials";
    check(&lying("/v2/", "403 Forbidden", "", b""), Err(forbidden));
    let negotiate = "www-authenticate: Negotiate\r\n";
    let unknown = "HOST wants credentials of a kind that is not known: `Negotiate`";
    check(&lying("/v2/", "401 Unauthorized", negotiate, b""), Err(unknown));
    let elsewhere = "www-authenticate: Bearer realm=\"http://tokens.example/t\"\r\n";
    let plain = "HOST sends for its tokens to http://tokens.example/t, which is asked without encryption";
    check(&lying("/v2/", "401 Unauthorized", elsewhere, b""), Err(plain));
    let slow = Server::start(|_, stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le")));
    let world = World::new();
    let error = world.resolve(&format!("{}/team/app", slow.host)).unwrap_err();
    assert!(error.contains("/v2/team/app/manifests/latest cannot be reached: "), "{error}");
}

#[test]
fn a_server_that_gives_no_token_is_told_of() {
    let tokens = Server::of(&[("/empty?scope=repository:team/app:pull", b"{}")]);
    let wants = |path: &str| {
        let header = format!("www-authenticate: Bearer realm=\"http://{}/{path}\"\r\n", tokens.host);
        lying("/v2/", "401 Unauthorized", Box::leak(header.into_boxed_str()), b"")
    };
    let realm = format!("http://{}", tokens.host);
    let without = format!("HOST sends for its tokens to {realm}/empty, which answers without one");
    check(&wants("empty"), Err(&without));
    check(&wants("gone"), Err(&format!("{realm}/gone answers 404: it does not have this")));
}

#[test]
fn a_registry_that_is_down_is_told_of() {
    let world = World::new();
    let error = world.resolve("127.0.0.1:1/team/app").unwrap_err();
    let url = "http://127.0.0.1:1/v2/team/app/manifests/latest";
    assert_eq!(
        error,
        format!("127.0.0.1:1/team/app:latest: {url} cannot be reached: Connection refused (os error 111)")
    );
}

#[test]
fn only_hosts_that_are_named_are_asked_without_encryption() {
    let mut world = World::new();
    let first = Arc::new(Mutex::new(Vec::new()));
    let seen = first.clone();
    // A proxy that lets through, and looks at how the server behind it is spoken to.
    let proxy = Server::start(move |_, stream| {
        let mut byte = [0];
        let read = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").and_then(|()| stream.read_exact(&mut byte));
        seen.lock().unwrap().push(read.map(|()| byte[0]).unwrap());
    });
    for scheme in ["http_proxy", "https_proxy"] {
        world.user.environment.insert(scheme.to_owned(), format!("http://{}", proxy.host));
    }
    let ask = |hosts: &[&str]| {
        let images = world.images().with_plain_http(hosts.iter().map(|&host| host.to_owned()).collect());
        let source = "registry.example:5000/team/app".parse().unwrap();
        images.resolve(&source, world.root.path()).unwrap_err();
        *first.lock().unwrap().last().unwrap()
    };
    const HELLO_OF_TLS: u8 = 0x16;
    assert_eq!(ask(&[]), HELLO_OF_TLS);
    assert_eq!(ask(&["registry.example"]), HELLO_OF_TLS);
    assert_eq!(ask(&["registry.example:5000"]), b'G');
}

#[test]
fn a_cancelled_run_asks_nothing() {
    let server = registry(made(), Box::new(|_, _| Answered::No));
    let world = World::new();
    let images = world.images_cancelled_by(Arc::new(|| true));
    let source = format!("{}/team/app:1", server.host);
    let error = images.resolve(&source.parse().unwrap(), world.root.path()).unwrap_err();
    assert!(matches!(error.problem, oci::Problem::Cancelled));
    assert_eq!(server.paths().len(), 0);
}

#[test]
fn a_manifest_that_names_itself_ends() {
    let inner = json!({ "schemaVersion": 2, "manifests": [] });
    let mut listed = of_manifest(&inner, Vec::new());
    for _ in 0..5 {
        listed.descriptor["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
        let outer = json!({ "schemaVersion": 2, "manifests": [listed.descriptor] });
        listed = of_manifest(&outer, listed.blobs);
    }
    let world = World::new();
    listed.descriptor["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
    world.layout("deep", &[("", &listed)]);
    let error = world.image("oci-layout:deep", "linux/amd64").unwrap_err();
    let why = "its manifest is a list of lists of lists: readers would see different images";
    assert_eq!(error, format!("oci-layout:deep: {why}"));
}
