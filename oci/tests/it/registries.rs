//! Images of a real registry, with every way to be let in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use testkit::registry::{Access, LOGIN, Registry};
use testkit::tar::{member, tar};

use crate::fixtures::{INDEX, MANIFEST, Made, image, index};
use crate::tokens::Tokens;
use crate::world::World;

/// A registry with an image, and who may ask it.
struct Pushed {
    registry: Registry,
    made: Made,
    storage: tempfile::TempDir,
}

/// Starts a registry that has `team/app:1`, and says of it what it needs.
fn pushed() -> Option<Pushed> {
    let storage = tempfile::tempdir().unwrap();
    let registry = Registry::start(storage.path(), &Access::Open)?;
    let made = image("linux", "amd64", &[tar(&[member("a", b'0', b"one")]), tar(&[])]);
    let (manifest, blobs) = made.blobs.split_last().unwrap();
    blobs.iter().for_each(|blob| registry.push_blob("team/app", blob));
    registry.push_manifest("team/app", "1", MANIFEST, manifest);
    Some(Pushed { registry, made, storage })
}

impl Pushed {
    /// Starts another registry of the same images.
    fn with_access(&self, access: &Access) -> Registry {
        Registry::start(self.storage.path(), access).unwrap()
    }
}

/// Reads the whole image; returns the bytes of its layers, or what is told.
fn whole(world: &World, host: &str) -> Result<Vec<Vec<u8>>, String> {
    let source = format!("{host}/team/app:1");
    let images = world.images();
    let image = world.image_of(&images, &source, "linux/amd64").map_err(|error| error.replace(host, "HOST"))?;
    world.layers_of(&images, &source, &image).map_err(|error| error.replace(host, "HOST"))
}

/// Base64 of `user:secret`.
const ENCODED: &str = "dXNlcjpzZWNyZXQ=";

#[test]
fn an_image_comes_from_an_open_registry() {
    let Some(pushed) = pushed() else { return };
    let (world, host) = (World::new(), &pushed.registry.host);
    let source = format!("{host}/team/app:1");
    assert_eq!(world.resolve(&source), Ok(pushed.made.digest));
    assert_eq!(whole(&world, host).unwrap(), pushed.made.blobs[1..3]);
    let by_digest = format!("{host}/team/app@{}", pushed.made.digest);
    assert_eq!(world.image(&by_digest, "linux/amd64").unwrap().manifest, pushed.made.digest);
    let error = world.image(&source, "linux/arm64").unwrap_err();
    assert_eq!(error, format!("{source}: it is for linux/amd64, and not for linux/arm64"));
}

#[test]
fn the_image_of_the_platform_is_taken_from_a_list() {
    let Some(pushed) = pushed() else { return };
    let other = image("linux", "arm64", &[]);
    let (registry, repository) = (&pushed.registry, "team/app");
    other.blobs[..1].iter().for_each(|blob| registry.push_blob(repository, blob));
    registry.push_manifest(repository, "arm", MANIFEST, other.blobs.last().unwrap());
    let both = index(&[&pushed.made, &other]);
    registry.push_manifest(repository, "both", INDEX, both.blobs.last().unwrap());
    let source = format!("{}/team/app:both", registry.host);
    let world = World::new();
    assert_eq!(world.resolve(&source), Ok(both.digest));
    assert_eq!(world.image(&source, "linux/arm64").unwrap().manifest, other.digest);
    let error = world.image(&source, "linux/s390x").unwrap_err();
    assert_eq!(error, format!("{source}: it is not there for linux/s390x: there is linux/amd64, linux/arm64"));
}

#[test]
fn what_a_registry_does_not_have_is_told() {
    let Some(pushed) = pushed() else { return };
    let host = &pushed.registry.host;
    for image in ["team/app:2", "team/none:1"] {
        let source = format!("{host}/{image}");
        assert_eq!(World::new().resolve(&source).unwrap_err(), format!("{source}: {host} does not have this image"));
    }
}

#[test]
fn a_password_comes_from_the_files_of_docker_and_podman() {
    let Some(pushed) = pushed() else { return };
    let registry = pushed.with_access(&Access::Password);
    let host = &registry.host;
    let check = |variable: &str, file: &str, text: String, want: Result<(), &str>| {
        let mut world = World::new();
        world.write("home/x", b"");
        world.user.home = Some(world.root.path().join("home"));
        world.write(file, text.as_bytes());
        let path = world.root.path().join(file);
        let value = match variable {
            "DOCKER_CONFIG" => path.parent().unwrap().to_str().unwrap().to_owned(),
            "DOCKER_AUTH_CONFIG" => text.clone(),
            _ => path.to_str().unwrap().to_owned(),
        };
        world.user.environment.insert(variable.to_owned(), value);
        let came = whole(&world, host).map(|layers| assert_eq!(layers, pushed.made.blobs[1..3]));
        let told = |why: &str| format!("HOST/team/app:1: {why}");
        assert_eq!(came, want.map_err(told), "{variable} {text}");
    };
    let good = json!({ "auths": { host.as_str(): { "auth": ENCODED } } }).to_string();
    check("DOCKER_CONFIG", "docker/config.json", good.clone(), Ok(()));
    check("DOCKER_AUTH_CONFIG", "unused", good.clone(), Ok(()));
    check("REGISTRY_AUTH_FILE", "auth.json", good.clone(), Ok(()));
    check("UNUSED", "home/.docker/config.json", good, Ok(()));
    let below = json!({ "auths": { format!("{host}/team"): { "username": "user", "password": "secret" } } });
    check("REGISTRY_AUTH_FILE", "auth.json", below.to_string(), Ok(()));
    let with_scheme = json!({ "auths": { format!("https://{host}/v1/"): { "auth": ENCODED } } });
    check("UNUSED", "home/.docker/config.json", with_scheme.to_string(), Ok(()));

    let none = "HOST does not have this image, or wants credentials: log in with `docker login HOST`";
    check("UNUSED", "home/.docker/config.json", "{}".to_owned(), Err(none));
    let other = json!({ "auths": { format!("{host}/other"): { "auth": ENCODED } } });
    check("UNUSED", "home/.docker/config.json", other.to_string(), Err(none));
    let wrong = json!({ "auths": { host.as_str(): { "auth": "dXNlcjpub25l" } } }).to_string();
    let refused = "HOST refuses the credentials of DOCKER_AUTH_CONFIG, or they are not for this image";
    check("DOCKER_AUTH_CONFIG", "unused", wrong, Err(refused));
    let broken = "{\"auths\": \"c2VjcmV0\"".to_owned();
    let unreadable = "the credentials in DOCKER_AUTH_CONFIG cannot be read: line 1, column 20";
    check("DOCKER_AUTH_CONFIG", "unused", broken, Err(unreadable));
    let token = json!({ "auths": { host.as_str(): { "identitytoken": "t" } } }).to_string();
    let unused = "the credentials for HOST in DOCKER_AUTH_CONFIG are an identity token, which rg does not use: log in with a name and an access token";
    check("DOCKER_AUTH_CONFIG", "unused", token, Err(unused));
}

#[test]
fn a_password_comes_from_a_program_that_keeps_it() {
    let Some(pushed) = pushed() else { return };
    let registry = pushed.with_access(&Access::Password);
    let host = &registry.host;
    let script = |answer: &str| format!("#!/bin/sh\nread server\n[ \"$server\" = {host} ] || exit 3\n{answer}\n");
    let (name, password) = LOGIN;
    let good = script(&format!("echo '{{\"Username\":\"{name}\",\"Secret\":\"{password}\"}}'"));
    let check = |config: serde_json::Value, program: &str, want: Result<(), &str>| {
        let mut world = World::new();
        let path = world.root.path().join("bin/docker-credential-kept");
        world.write("bin/docker-credential-kept", program.as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        world.user.environment.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", parent(&path)));
        world.user.environment.insert("DOCKER_AUTH_CONFIG".to_owned(), config.to_string());
        let told = |why: &str| format!("HOST/team/app:1: {why}");
        assert_eq!(whole(&world, host).map(drop), want.map_err(told), "{config} {program}");
    };
    check(json!({ "credsStore": "kept" }), &good, Ok(()));
    check(json!({ "credHelpers": { host.as_str(): "kept" }, "credsStore": "none" }), &good, Ok(()));
    let empty = script("echo 'credentials not found in native keychain'; exit 1");
    check(json!({ "credsStore": "kept", "auths": { host.as_str(): { "auth": ENCODED } } }), &empty, Ok(()));
    let none = "HOST does not have this image, or wants credentials: log in with `docker login HOST`";
    check(json!({ "credsStore": "kept" }), &empty, Err(none));
    let locked = "`docker-credential-kept` does not tell the credentials: the store is locked";
    check(json!({ "credsStore": "kept" }), &script("echo the store is locked; exit 1"), Err(locked));
    let text = "`docker-credential-kept` does not tell the credentials: it answers something else than JSON with a name and a secret";
    check(json!({ "credsStore": "kept" }), &script("echo hello"), Err(text));
    let missing = "`docker-credential-gone` does not tell the credentials: No such file or directory (os error 2)";
    check(json!({ "credsStore": "gone" }), &good, Err(missing));
    let evil = "`docker-credential-../kept` does not tell the credentials: that is no name of a program";
    check(json!({ "credsStore": "../kept" }), &good, Err(evil));
}

fn parent(path: &Path) -> &str {
    path.parent().unwrap().to_str().unwrap()
}

#[test]
fn a_token_comes_from_the_server_that_the_registry_names() {
    let Some(pushed) = pushed() else { return };
    let Some(tokens) = Tokens::start() else { return };
    let registry = pushed.with_access(&tokens.access());
    let mut world = World::new();
    let host = &registry.host;
    let none = "HOST/team/app:1: HOST does not have this image, or wants credentials: log in with `docker login HOST`";
    assert_eq!(whole(&world, host).unwrap_err(), none);
    assert_eq!(tokens.requests()[0], "/token?service=tests&scope=repository:team/app:pull ");
    let config = json!({ "auths": { host.as_str(): { "auth": ENCODED } } }).to_string();
    world.user.environment.insert("DOCKER_AUTH_CONFIG".to_owned(), config);
    assert_eq!(whole(&world, host).unwrap(), pushed.made.blobs[1..3]);
    let asked = format!("/token?service=tests&scope=repository:team/app:pull Basic {ENCODED}");
    assert_eq!(tokens.requests()[1..], [asked]);
}
