//! The executor `chroot-lite`: how it is chosen, what it says where it cannot be, and what its root directories, which
//! are no mounts, have to stand. What its actions see otherwise is in the list of all executors.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::process::Stdio;

use testkit::container;
use testkit::image::{Image, busybox};
use testkit::tar::{link, member, program, tar};
use testkit::workspace::{Run, Workspace, processes, tree, wait_until};

use crate::environment;

const SETTINGS: &str = "[workspace]\nname = \"it\"\n[toolchain.box]\nimage = \"oci-layout:image\"\n";

/// Makes a workspace of commands by name; `None`, with the reason, where it cannot be tried. `layer` lies over busybox.
fn scripts(layer: Vec<u8>, scripts: &[(&str, &str)]) -> Option<Workspace> {
    if !environment::is_root("the executor chroot-lite") || !environment::has("busybox") || !environment::has("runc") {
        return None;
    }
    let workspace = crate::workspace(&[("workspace.toml", SETTINGS), ("in.txt", "in\n")]);
    let command = |(name, run): &(&str, &str)| {
        let run = serde_json::json!(run);
        format!("[command.{name}]\nrun = {run}\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\ntoolchain = \"box\"\n")
    };
    workspace.write("BUILD.toml", scripts.iter().map(command).collect::<String>());
    Image::of(&[busybox()?, layer]).write(&workspace.path("image"));
    workspace.rg(&["lock"]).ok();
    Some(workspace)
}

/// Calls rg in a container with Docker's default privileges but for some.
fn contained(workspace: &Workspace, words: &[&str], lacking: &[&str]) -> Run {
    let mut command = container::around(&workspace.command(words), &workspace.beside(""), lacking);
    Run::of(words, command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn auto_takes_it_where_namespaces_are_refused_and_strict_forbids_that() {
    let Some(workspace) = scripts(tar(&[]), &[("a", "cat in.txt > $OUT/o"), ("b", "echo b > $OUT/o")]) else { return };
    contained(&workspace, &["build", "--executor", "native", "//:a"], &[])
        .exits(36)
        .says(&["native sandbox is refused"]);
    contained(&workspace, &["build", "--strict", "native", "//:a"], &[]).exits(36).says(&["native sandbox is refused"]);
    let below = ["build", "--strict", "native", "--executor", "chroot-lite", "//:a"];
    contained(&workspace, &below, &[]).exits(36).says(&["`chroot-lite` is below the rung"]);
    contained(&workspace, &["build", "--strict", "chroot-lite", "//:a"], &[]).ok().runs(1);
    contained(&workspace, &["build"], &[]).ok().runs(1);
    workspace.write("workspace.toml", format!("{SETTINGS}[execution]\nstrict = \"native\"\n"));
    contained(&workspace, &["build", "--rerun", "//:a"], &[]).exits(36);
    // What is known needs nobody to run it.
    contained(&workspace, &["build"], &[]).ok().runs(0);
    contained(&workspace, &["doctor"], &[]).says(&["warn  executor native", "ok    executor chroot-lite"]);
}

#[test]
fn what_is_lacking_is_named_with_the_line_that_gives_it() {
    let Some(workspace) = scripts(tar(&[]), &[("a", "cat in.txt > $OUT/o")]) else { return };
    for name in ["MKNOD", "SYS_CHROOT", "KILL"] {
        let lacking = format!("CAP_{name}");
        let run = contained(&workspace, &["build"], &[&lacking]).exits(36);
        run.says(&["the native sandbox is refused", &lacking]);
        let words = ["build", "--executor", "chroot-lite"];
        contained(&workspace, &words, &[&lacking]).exits(36).says(&[&lacking, &format!("docker run --cap-add {name}")]);
    }
    workspace.write("BUILD.toml", "[command.a]\nrun = \"true > $OUT/o\"\noutputs = [\"o\"]\n");
    contained(&workspace, &["build"], &[]).exits(36).says(&["chroot-lite", "without an image", "[toolchain.base]"]);
}

#[test]
fn nothing_is_left_of_a_killed_rg() {
    let number = format!("7{}", std::process::id());
    let run = format!("setsid sleep {number} & sleep {number}");
    let Some(workspace) = scripts(tar(&[]), &[("a", &run)]) else { return };
    let mut child = workspace.start(&["build", "--executor", "chroot-lite"]);
    let sleepers = || processes(&format!("sleep\0{number}"));
    wait_until("the action sleeps", || sleepers().len() >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("nothing sleeps any more", || sleepers().is_empty());
}

#[test]
fn links_that_an_image_or_an_action_puts_in_the_way_lead_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("shm")).unwrap();
    fs::write(outside.path().join("kept"), "kept").unwrap();
    let away = outside.path().to_str().unwrap();
    let image = tar(&[
        link("dev", b'2', away),
        member("var/tmp/", b'5', b""),
        member(".wh.tmp", b'0', b""),
        link("scratch", b'2', "/var/tmp"),
    ]);
    let escape = format!("cd /; rm -rf /src/rg-out; ln -s {away} /src/rg-out");
    let Some(workspace) =
        scripts(image, &[("a", &escape), ("b", "echo x > /dev/null; echo y > /tmp/y; cp /tmp/y $OUT/o")])
    else {
        return;
    };
    // Outside of a container, where the links would lead somewhere.
    workspace.rg(&["build", "--executor", "chroot-lite", "//:a"]).exits(1).says(&["was not made"]);
    workspace.rg(&["build", "--executor", "chroot-lite", "//:b"]).ok();
    assert_eq!(workspace.read("rg-out/b/o"), "y\n");
    let left = tree(outside.path(), &[]);
    assert_eq!(left.into_keys().collect::<Vec<_>>(), ["kept", "shm"]);
}

#[test]
fn a_store_that_belongs_to_the_user_inside_is_not_harmed() {
    let image = tar(&[member("etc/marker", b'0', b"marked\n")]);
    let harm = "(chmod 777 /etc/marker; echo x > /etc/marker) 2> /dev/null || true; echo x > $OUT/o";
    let Some(workspace) = scripts(image, &[("a", harm), ("b", "cat /etc/marker > $OUT/o")]) else { return };
    workspace.build(&["//:b"]);
    for path in tree(&workspace.cache(), &[]).into_keys() {
        lchown(workspace.cache().join(path), Some(1000), Some(1000)).unwrap();
    }
    workspace.rg(&["build", "--executor", "chroot-lite", "//:a"]).ok().runs(1);
    for place in workspace.stored("marked\n") {
        assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o644, "{}", place.display());
    }
    workspace.rg(&["cache", "verify"]).ok();
    workspace.rg(&["build", "--executor", "chroot-lite", "--rerun", "//:b", "//:b"]).ok();
    assert_eq!(workspace.read("rg-out/b/o"), "marked\n");
}

#[test]
fn go_is_told_where_it_is_since_it_cannot_look() {
    let go = program("opt/go/bin/go", b"#!/bin/sh\necho $GOROOT\n");
    let image = tar(&[go, link("bin/go", b'2', "../opt/go/bin/go")]);
    let Some(workspace) = scripts(image, &[("a", "go > $OUT/o")]) else { return };
    workspace.rg(&["build", "--executor", "chroot-lite"]).ok();
    assert_eq!(workspace.read("rg-out/a/o"), "/opt/go\n");
}

#[test]
fn an_action_does_not_end_another() {
    let first = "until test -e in.txt; do :; done; kill -9 -1 || true; echo a > $OUT/o";
    let Some(workspace) = scripts(tar(&[]), &[("a", first), ("b", "sleep 1; echo b > $OUT/o")]) else { return };
    contained(&workspace, &["build", "-j2", "--executor", "chroot-lite"], &[]).ok().runs(2);
}

#[test]
fn a_shell_opens_in_it() {
    let Some(workspace) = scripts(tar(&[]), &[("a", "cat in.txt > $OUT/o")]) else { return };
    let words = ["shell", "--executor", "chroot-lite", "//:a", "--", "sh", "-c", "cat in.txt; id -u; ls /home; exit 7"];
    let run = contained(&workspace, &words, &[]);
    assert_eq!((run.code, run.out.as_str()), (7, "in\n1000\n"), "{run}");
}

#[test]
fn after_a_failure_a_shell_goes_on_in_the_very_directory() {
    let run = "echo half > $OUT/o; echo note > note; echo x > /tmp/x; rm in.txt; exit 3";
    let Some(workspace) = scripts(tar(&[]), &[("a", run)]) else { return };
    let look = |script: &str| {
        let words = ["shell", "--executor", "chroot-lite", "//:a", "--", "sh", "-c", script];
        contained(&workspace, &words, &[])
    };
    look("cat in.txt; test ! -e note").prints("in\n");
    contained(&workspace, &["build", "--executor", "chroot-lite"], &[]).exits(1);
    look("cat $OUT/o note /tmp/x; ls; id -u").prints("half\nnote\nx\nnote\nrg-out\n1000\n");
    look("echo more >> note; echo more >> $OUT/o").ok();
    look("cat note $OUT/o").prints("note\nmore\nhalf\nmore\n").says(&["the sandbox in which it failed"]);
    contained(&workspace, &["build", "--executor", "chroot-lite"], &[]).exits(1);
    look("cat note").prints("note\n");
}

#[test]
fn sockets_are_refused_with_an_error_that_programs_know() {
    let Some(workspace) = scripts(tar(&[]), &[("a", "wget -q -O - http://127.0.0.1:1/ || true; echo > $OUT/o")]) else {
        return;
    };
    let words = ["build", "-v", "--executor", "chroot-lite"];
    contained(&workspace, &words, &[]).ok().says(&["Address family not supported"]);
}
