//! What users write for an image, and what is said of what is none.

use oci::Source;

/// Compares a name in full, or why it is none.
#[track_caller]
fn check(text: &str, want: &str) {
    let parsed: Result<Source, _> = text.parse();
    assert_eq!(parsed.map_or_else(|error| format!("error: {error}"), |source| source.to_string()), want, "{text}");
}

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn a_name_in_a_registry_is_completed() {
    check("busybox", "docker.io/library/busybox:latest");
    check("busybox:1.36", "docker.io/library/busybox:1.36");
    check("team/app", "docker.io/team/app:latest");
    check("docker.io/busybox", "docker.io/library/busybox:latest");
    check("index.docker.io/team/app", "docker.io/team/app:latest");
    check("registry.example/app", "registry.example/app:latest");
    check("registry.example:5000/a/b_c/d--e.f:V-1_2.3", "registry.example:5000/a/b_c/d--e.f:V-1_2.3");
    check("localhost/app", "localhost/app:latest");
    check("localhost:5000/app", "localhost:5000/app:latest");
    check("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest");
    check("[::1]:5000/app", "[::1]:5000/app:latest");
    check(&format!("app@sha256:{HEX}"), &format!("docker.io/library/app@sha256:{HEX}"));
    check(&format!("app:1@sha256:{HEX}"), &format!("docker.io/library/app:1@sha256:{HEX}"));
}

#[test]
fn a_place_on_this_machine_is_a_path_and_a_name() {
    check("oci-layout:images/base", "oci-layout:images/base");
    check("oci-layout:images/base:v1", "oci-layout:images/base:v1");
    check("docker-archive:base.tar", "docker-archive:base.tar");
    check("docker-archive:base.tar:registry.example:5000/a:1", "docker-archive:base.tar:registry.example:5000/a:1");
    check("docker-daemon:app:dev", "docker-daemon:app:dev");
}

#[test]
fn what_names_no_image_is_told_with_what_would() {
    check("", "error: an image has no name: write one as in `busybox:1.36` or `registry.example/team/app:1`");
    check("App", "error: `App` has upper-case letters: write a repository in lower case");
    let tag = "write up to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`";
    check("app:", &format!("error: `app:` has a bad tag, ``: {tag}"));
    check("app:-1", &format!("error: `app:-1` has a bad tag, `-1`: {tag}"));
    let part =
        "which is none of a repository: write lower-case letters and digits, with single `.`, `_` or `-` between them";
    check("a//b", &format!("error: `a//b` has a part ``, {part}"));
    check("/a", &format!("error: `/a` has a part ``, {part}"));
    check("a/../b", &format!("error: `a/../b` has a part `..`, {part}"));
    check("a b", &format!("error: `a b` has a part `a b`, {part}"));
    check("a\u{1b}", &format!("error: `a\\u{{1b}}` has a part `a\\u{{1b}}`, {part}"));
    check("a___b", &format!("error: `a___b` has a part `a___b`, {part}"));
    let host = "write `registry.example`, `localhost:5000` or `[::1]:5000`";
    check("-h.example/a", &format!("error: `-h.example/a` names an impossible host, `-h.example`: {host}"));
    check("h:99999/a", &format!("error: `h:99999/a` names an impossible host, `h:99999`: {host}"));
    check("h:x/a", &format!("error: `h:x/a` names an impossible host, `h:x`: {host}"));
    let digest = "write `sha256:` and 64 digits of 0 to 9 and a to f";
    check("a@sha256:12", &format!("error: `a@sha256:12` has a bad digest: `sha256:12` is no digest: {digest}"));
    check(
        "a@sha512:12",
        "error: `a@sha512:12` has a bad digest: `sha512:12` is a digest by another function than sha256",
    );
    let long = "a".repeat(250);
    check(&long, &format!("error: `{long}` is longer than the 255 letters that registries take"));
    check(
        "https://registry.example/a",
        "error: `https://registry.example/a` is a web address: name the image without `https://`, as in `registry.example/team/app:1`",
    );
    check("oci-layout:", "error: `oci-layout:` names no directory: write `oci-layout:PATH[:TAG]`");
    check("oci-layout:a:", "error: `oci-layout:` names no directory: write `oci-layout:PATH[:TAG]`");
    check("docker-archive:", "error: `docker-archive:` names no file: write `docker-archive:PATH[:NAME]`");
    check("docker-daemon:", "error: `docker-daemon:` names no image: write `docker-daemon:NAME`");
    let outside = "names a path outside of the workspace: write one that is relative to its root";
    check("oci-layout:../a", &format!("error: `oci-layout:../a` {outside}"));
    check("docker-archive:/a", &format!("error: `docker-archive:/a` {outside}"));
    check(
        "docker://busybox",
        "error: `docker://busybox` begins with `docker://`, which rg does not know: write the reference alone, as in `busybox:1.36`",
    );
    check("oci:a", "error: `oci:a` begins with `oci:`, which rg does not know: write `oci-layout:PATH`");
}
