//! Images in a directory in the layout of OCI.

use oci::Digest;
use serde_json::json;
use testkit::tar::{member, tar};

use crate::fixtures::{CONFIG, GZIP, MANIFEST, Made, described, gzip, image, index, of_manifest};
use crate::world::World;

fn made(text: &str) -> Made {
    image("linux", "amd64", &[tar(&[member("a", b'0', text.as_bytes())]), tar(&[])])
}

#[test]
fn an_image_is_read_with_its_config_and_layers() {
    let (world, made) = (World::new(), made("one"));
    world.layout("base", &[("v1", &made)]);
    let image = world.image("oci-layout:base:v1", "linux/amd64").unwrap();
    assert_eq!(image.manifest, made.digest);
    assert_eq!((image.config.os.as_str(), image.config.architecture.as_str()), ("linux", "amd64"));
    assert_eq!(image.config.config.env, ["PATH=/bin"]);
    assert_eq!((image.config.config.cmd.concat(), image.config.config.entrypoint.len()), ("sh".to_owned(), 0));
    assert_eq!((image.config.config.user.as_str(), image.config.config.working_dir.as_str()), ("7", "/srv"));
    assert_eq!((image.layers.len(), image.layers[1].diff_id), (2, Digest::of(&tar(&[]))));
    assert_eq!(Digest::of(&image.raw_manifest), made.digest);
    assert_eq!(Digest::of(&image.raw_config), Digest::of(&made.blobs[0]));
    assert_eq!(world.layers("oci-layout:base", &image).unwrap(), made.blobs[1..3]);
}

#[test]
fn an_image_is_picked_by_its_tag() {
    let (world, one, two) = (World::new(), made("one"), made("two"));
    world.layout("base", &[("v1", &one), ("v2", &two)]);
    world.layout("latest", &[("latest", &one), ("v2", &two)]);
    world.layout("only", &[("", &two)]);
    assert_eq!(world.resolve("oci-layout:base:v1"), Ok(one.digest));
    assert_eq!(world.resolve("oci-layout:base:v2"), Ok(two.digest));
    assert_eq!(world.resolve("oci-layout:latest"), Ok(one.digest));
    assert_eq!(world.resolve("oci-layout:only"), Ok(two.digest));
    let check = |source: &str, why: &str| assert_eq!(world.resolve(source).unwrap_err(), format!("{source}: {why}"));
    check("oci-layout:base:v3", "`ROOT/base` has no image `v3`: there is `v1`, `v2`");
    check("oci-layout:only:v3", "`ROOT/only` has no image `v3`: there is none with a name");
    check("oci-layout:base", "`ROOT/base` has several images: write one of them behind a colon: `v1`, `v2`");
}

#[test]
fn what_is_no_layout_is_told() {
    let world = World::new();
    let check = |source: &str, why: &str| assert_eq!(world.resolve(source).unwrap_err(), format!("{source}: {why}"));
    check("oci-layout:none", "`ROOT/none` is no OCI layout: it has no file `oci-layout`");
    world.write("old/oci-layout", br#"{"imageLayoutVersion":"0.1"}"#);
    check("oci-layout:old", "`ROOT/old` is no OCI layout: it has the version `0.1`, and only 1.0.0 is known");
    world.write("half/oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    check("oci-layout:half", "`ROOT/half` is no OCI layout: it has no file `index.json`");
    world.write("half/index.json", b"[");
    check("oci-layout:half", "its manifest cannot be read: EOF while parsing a list at line 1 column 1");
}

#[test]
fn the_platform_decides_which_image_of_a_list_is_taken() {
    let world = World::new();
    let layers = [tar(&[member("a", b'0', b"x")])];
    let (amd, arm) = (image("linux", "amd64", &layers), image("linux", "arm64", &layers));
    let (mut v8, mut odd) = (image("linux", "arm64", &[]), image("unknown", "unknown", &[]));
    v8.descriptor["platform"]["variant"] = json!("v9");
    odd.descriptor["platform"]["os"] = json!("unknown");
    let all = index(&[&odd, &amd, &v8, &arm]);
    world.layout("base", &[("v1", &index(&[&all]))]);
    assert_eq!(world.image("oci-layout:base", "linux/amd64").unwrap().manifest, amd.digest);
    assert_eq!(world.image("oci-layout:base", "linux/arm64").unwrap().manifest, arm.digest);
    let error = world.image("oci-layout:base", "linux/s390x").unwrap_err();
    let why = "it is not there for linux/s390x: there is linux/amd64, linux/arm64, linux/arm64/v9";
    assert_eq!(error, format!("oci-layout:base: {why}"));
    world.layout("one", &[("", &arm)]);
    let error = world.image("oci-layout:one", "linux/amd64").unwrap_err();
    assert_eq!(error, "oci-layout:one: it is for linux/arm64, and not for linux/amd64");
}

#[test]
fn an_image_that_is_not_as_it_should_be_is_refused() {
    let world = World::new();
    let layer = gzip(&tar(&[]));
    let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = config.to_string().into_bytes();
    let good = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config), "layers": [],
    });
    let check = |change: &dyn Fn(&mut serde_json::Value), why: &str| {
        let mut manifest = good.clone();
        change(&mut manifest);
        let made = of_manifest(&manifest, vec![config.clone(), layer.clone()]);
        world.layout("base", &[("", &made)]);
        let answer = world.pinned("oci-layout:base", &made.digest, "linux/amd64").map(|_| "read".to_owned());
        assert_eq!(answer.unwrap_or_else(|error| error.replace("oci-layout:base: ", "")), why);
    };
    check(&|_| {}, "read");
    check(&|it| drop(it.as_object_mut().unwrap().remove("mediaType")), "read");
    check(
        &|it| it["schemaVersion"] = json!(1),
        "its manifest has the schema version 1, and only 2 is known: push it again with a newer client",
    );
    check(
        &|it| it["mediaType"] = json!("text/x"),
        "it has a manifest of the kind `text/x`, which is not known: images of OCI, and of Docker's schema 2, are",
    );
    check(
        &|it| it["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json"),
        "it has a config of the kind `application/vnd.oci.empty.v1+json`, which is not known: it is no image, but something else that registries hold",
    );
    check(
        &|it| it["layers"] = json!([described("application/vnd.x.layer", &layer)]),
        "it has a layer of the kind `application/vnd.x.layer`, which is not known: tar is, plain or compressed by gzip or zstd",
    );
    check(&|it| it["layers"] = json!([described(GZIP, &layer)]), "its manifest has 1 layers, and its config 0");
    check(
        &|it| it["manifests"] = json!([]),
        "its manifest is a list and an image at once, or neither: readers would see different images",
    );
    check(
        &|it| it["config"]["size"] = json!(9_000_000),
        "its config has more than the 8388608 bytes that are read at most",
    );
}

#[test]
fn bytes_that_are_not_those_of_their_digest_are_refused() {
    let (world, made) = (World::new(), made("one"));
    world.layout("base", &[("", &made)]);
    let image = world.image("oci-layout:base", "linux/amd64").unwrap();
    let blob = |digest: &Digest| format!("base/blobs/sha256/{}", digest.hex());
    let (layer, size) = (image.layers[0].digest, image.layers[0].size as usize);
    let wrong = vec![7; size];
    world.write(&blob(&layer), &wrong);
    let error = world.layers("oci-layout:base", &image).unwrap_err();
    let got = Digest::of(&wrong);
    assert_eq!(error, format!("oci-layout:base: its layer has the digest {got}, and it should be {layer}"));
    world.write(&blob(&layer), b"short");
    let error = world.layers("oci-layout:base", &image).unwrap_err();
    assert_eq!(
        error,
        format!("oci-layout:base: its layer {layer} has more or less than the {size} bytes that the manifest says")
    );
    world.write(&blob(&made.digest), b"{}");
    let error = world.pinned("oci-layout:base", &made.digest, "linux/amd64").unwrap_err();
    let (got, wanted) = (Digest::of(b"{}"), made.digest);
    assert_eq!(error, format!("oci-layout:base: its manifest has the digest {got}, and it should be {wanted}"));
    std::fs::remove_file(world.root.path().join(blob(&made.digest))).unwrap();
    let error = world.pinned("oci-layout:base", &made.digest, "linux/amd64").unwrap_err();
    assert_eq!(error, format!("oci-layout:base: `ROOT/base` has no blob {wanted}"));
}
