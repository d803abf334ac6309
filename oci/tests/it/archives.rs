//! Images as `docker save` writes them, from a file and from the Docker of this machine.

use std::io::Write;

use oci::Digest;
use serde_json::{Value, json};
use testkit::tar::{link, member, tar};

use crate::fixtures::gzip;
use crate::world::World;

fn layer(text: &str) -> Vec<u8> {
    tar(&[member("a", b'0', text.as_bytes())])
}

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["sh"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    config.to_string().into_bytes()
}

/// An archive as `docker save` of old wrote it: two images, of which the second has the first one's layer.
fn old(names: [&str; 2]) -> Vec<u8> {
    let (base, top) = (layer("base"), layer("top"));
    let configs = [config(&[&base]), config(&[&base, &top])];
    let list = json!([
        { "Config": "one.json", "RepoTags": [names[0]], "Layers": ["1/layer.tar"] },
        { "Config": "two.json", "RepoTags": [names[1]], "Layers": ["2/layer.tar", "3/layer.tar"] },
    ]);
    tar(&[
        member("1/", b'5', b""),
        member("1/VERSION", b'0', b"1.0"),
        member("1/layer.tar", b'0', &base),
        link("2/layer.tar", b'2', "../1/layer.tar"),
        member("3/layer.tar", b'0', &top),
        member("one.json", b'0', &configs[0]),
        member("two.json", b'0', &configs[1]),
        member("manifest.json", b'0', list.to_string().as_bytes()),
    ])
}

/// An archive in the layout of OCI, with the list for Docker beside it.
fn hybrid(config: &[u8], layers: &[Vec<u8>], tags: &Value) -> Vec<u8> {
    let path = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let names: Vec<String> = layers.iter().map(|layer| path(layer)).collect();
    let list = json!([{ "Config": path(config), "RepoTags": tags, "Layers": names }]);
    let mut members = vec![member("oci-layout", b'0', br#"{"imageLayoutVersion":"1.0.0"}"#)];
    members.extend(layers.iter().map(|layer| member(&path(layer), b'0', layer)));
    members.push(member(&path(config), b'0', config));
    members.push(member("manifest.json", b'0', list.to_string().as_bytes()));
    tar(&members)
}

#[test]
fn an_image_of_an_archive_has_a_digest_that_stays() {
    let world = World::new();
    world.write("old.tar", &old(["team/app:1", "team/app:2"]));
    let source = "docker-archive:old.tar:team/app:2";
    let image = world.image(source, "linux/amd64").unwrap();
    assert_eq!(world.layers(source, &image).unwrap(), [layer("base"), layer("top")]);
    assert_eq!(image.layers[0].digest, image.layers[0].diff_id);
    let described = |layer: Vec<u8>| {
        let media_type = "application/vnd.oci.image.layer.v1.tar";
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, Digest::of(&layer), layer.len())
    };
    let layers = [layer("base"), layer("top")].map(described);
    let want = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{}]}}"#,
        Digest::of(&image.raw_config),
        image.raw_config.len(),
        layers.join(","),
    );
    assert_eq!(String::from_utf8(image.raw_manifest).unwrap(), want);
    // The same image in another archive is the same.
    let (base, top) = (layer("base"), layer("top"));
    world.write("new.tar", &hybrid(&config(&[&base, &top]), &[base, top], &json!(["other:latest"])));
    assert_eq!(world.resolve("docker-archive:new.tar"), Ok(image.manifest));
    assert_eq!(world.resolve("docker-archive:new.tar:docker.io/library/other"), Ok(image.manifest));
}

#[test]
fn compressed_layers_of_an_archive_stay_compressed() {
    let (world, base) = (World::new(), layer("base"));
    world.write("a.tar", &hybrid(&config(&[&base]), &[gzip(&base)], &Value::Null));
    let image = world.image("docker-archive:a.tar", "linux/amd64").unwrap();
    assert_eq!(image.layers[0].media_type.as_str(), "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(image.layers[0].diff_id, Digest::of(&base));
    assert_eq!(world.layers("docker-archive:a.tar", &image).unwrap(), [gzip(&base)]);
}

#[test]
fn an_archive_that_changed_is_told_of() {
    let world = World::new();
    world.write("a.tar", &old(["app:1", "app:2"]));
    let (one, two) = (world.resolve("docker-archive:a.tar:app:1"), world.resolve("docker-archive:a.tar:app:2"));
    let (one, two) = (one.unwrap(), two.unwrap());
    world.write("a.tar", &old(["app:2", "app:1"]));
    let error = world.pinned("docker-archive:a.tar:app:1", &one, "linux/amd64").unwrap_err();
    let why = format!("it is another image now: {two}, and {one} was asked for");
    assert_eq!(error, format!("docker-archive:a.tar:app:1: {why}"));
}

#[test]
fn what_is_no_archive_of_images_is_told() {
    let world = World::new();
    let check = |bytes: &[u8], name: &str, why: &str| {
        world.write("a.tar", bytes);
        let source = format!("docker-archive:a.tar{name}");
        assert_eq!(world.resolve(&source).unwrap_err(), format!("{source}: {why}"));
    };
    let two = old(["app:1", "app:2"]);
    check(&two, "", "`ROOT/a.tar` has several images: write one of them behind a colon: `app:1`, `app:2`");
    check(&two, ":app:3", "`ROOT/a.tar` has no image `app:3`: there is `app:1`, `app:2`");
    check(&two[..5_000], ":app:1", "`ROOT/a.tar` is no archive of `docker save`: it ends too early");
    check(
        &gzip(&two),
        "",
        "`ROOT/a.tar` is no archive of `docker save`: it is compressed: write what `gzip -d` makes of it",
    );
    check(&tar(&[]), "", "`ROOT/a.tar` is no archive of `docker save`: it has no `manifest.json`");
    check(b"", "", "`ROOT/a.tar` is no archive of `docker save`: it ends too early");
    let list = br#"[{"Config":"c.json","Layers":["l.tar"]}]"#;
    let without = tar(&[member("manifest.json", b'0', list), member("c.json", b'0', &config(&[b"x"]))]);
    check(&without, "", "`ROOT/a.tar` is no archive of `docker save`: it has no `l.tar`");
    let escaping = tar(&[
        member("manifest.json", b'0', list),
        member("c.json", b'0', &config(&[b"x"])),
        link("l.tar", b'2', "/etc/passwd"),
    ]);
    check(&escaping, "", "`ROOT/a.tar` is no archive of `docker save`: it has no `l.tar`");
    let twice = tar(&[member("manifest.json", b'0', b"[]"), member("./manifest.json", b'0', list)]);
    check(&twice, "", "`ROOT/a.tar` is no archive of `docker save`: `manifest.json` is there twice");
    let missing = "docker-archive:none.tar";
    let why = "cannot read `ROOT/none.tar`: No such file or directory (os error 2)";
    assert_eq!(world.resolve(missing).unwrap_err(), format!("{missing}: {why}"));
}

#[test]
fn a_layer_that_is_not_the_one_of_its_config_is_refused() {
    let (world, base) = (World::new(), layer("base"));
    world.write("a.tar", &hybrid(&config(&[&base]), &[layer("else")], &Value::Null));
    let image = world.image("docker-archive:a.tar", "linux/amd64").unwrap();
    let error = world.layers("docker-archive:a.tar", &image).unwrap_err();
    let (got, wanted) = (Digest::of(&layer("else")), Digest::of(&base));
    assert_eq!(error, format!("docker-archive:a.tar: its layer has the digest {got}, and it should be {wanted}"));
}

#[test]
fn docker_is_asked_for_what_it_has() {
    let (world, base) = (World::new(), layer("base"));
    let archive = hybrid(&config(&[&base]), std::slice::from_ref(&base), &json!(["app:dev"]));
    let save: oci::Save = Box::new(move |name, file| match name {
        "app:dev" => file.write_all(&archive).map_err(|error| error.to_string()),
        _ => Err(format!("no such image: {name}")),
    });
    let images = world.images().with_daemon(save);
    let image = world.image_of(&images, "docker-daemon:app:dev", "linux/amd64").unwrap();
    assert_eq!(world.layers_of(&images, "docker-daemon:app:dev", &image).unwrap(), [base]);
    let error = world.image_of(&images, "docker-daemon:gone", "linux/amd64").unwrap_err();
    assert_eq!(error, "docker-daemon:gone: docker does not give it: no such image: gone");
    let error = world.resolve("docker-daemon:app:dev").unwrap_err();
    assert_eq!(error, "docker-daemon:app:dev: the docker of this machine cannot be asked here");
}
